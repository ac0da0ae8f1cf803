"""What becomes of output on its way into a log: ANSI sequences, prefixes, JSON."""

from __future__ import annotations

import json
import re
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from daemon_fakes import spec_of
from hypothesis import given
from hypothesis import strategies as st

from trio_supervisor.console.escapes import Stripped, only_colours
from trio_supervisor.daemon.formats import Formatted, as_json, prefixed
from trio_supervisor.daemon.logs import LogSettings, ProgramLogs

if TYPE_CHECKING:
    from pathlib import Path

ANSI = (
    b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07and \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\"
    b"\x1b(B\x1b7\x1b8\x1bM\x1b[?25l\x1b[2 q.\x1bP1$r\x1b\\"
)
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"


class Heard:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes | memoryview) -> None:
        """Keep it."""
        self.data += bytes(data)

    def finish_line(self) -> None:
        """Nothing is held back."""


def test_colours_alone_can_be_kept() -> None:
    heard = Heard()
    stripped = Stripped([heard], only_colours)

    for part in (b"\x1b[2J\x1b[1;3", b"1mred\x1b[0m\x1b[?25l\x1b]0;title\x07 text\x1b[10", b"C."):
        stripped.write(part)

    assert heard.data == b"\x1b[1;31mred\x1b[0m text."


@given(st.lists(st.integers(1, len(ANSI)), max_size=30))
def test_ansi_sequences_go_wherever_they_are_cut(cuts: list[int]) -> None:
    heard = Heard()
    stripped = Stripped([heard])
    places = sorted({0, *cuts, len(ANSI)})

    for begin, end in pairwise(places):
        stripped.write(memoryview(ANSI)[begin:end])

    assert heard.data == b"red and link."


def test_what_is_no_sequence_stays() -> None:
    heard = Heard()
    stripped = Stripped([heard])

    stripped.write(b"\x1b[" + b"1" * 1000)
    stripped.write(b"\n\x1b\x01end\n\x1b[3")
    stripped.finish_line()
    stripped.write(b"1m")

    assert heard.data == b"\x1b[" + b"1" * 1000 + b"\n\x1b\x01end\n1m"


def test_every_line_has_time_and_name_before_it() -> None:
    heard = Heard()
    formatted = Formatted(heard, prefixed("site:web"))

    formatted.write(b"one\ntwo\nthr")
    formatted.write(b"ee")
    formatted.finish_line()

    lines = heard.data.decode().splitlines()
    assert [re.sub(TIME, "TIME", line) for line in lines] == [
        "TIME site:web | one",
        "TIME site:web | two",
        "TIME site:web | three",
    ]


@given(st.lists(st.binary(), min_size=1))
def test_every_line_is_an_object_whatever_its_bytes(pieces: list[bytes]) -> None:
    heard = Heard()
    formatted = Formatted(heard, as_json("site", "web", "stderr"))

    for piece in pieces:
        formatted.write(piece)
    formatted.finish_line()

    found = [json.loads(line) for line in heard.data.split(b"\n")[:-1]]
    lines = b"".join(pieces).split(b"\n")
    expected = lines if lines[-1] else lines[:-1]
    assert [one.pop("text") for one in found] == [
        line.decode(errors="backslashreplace") for line in expected
    ]
    for one in found:
        assert datetime.fromisoformat(one.pop("time")).tzinfo is not None
        assert one == {"group": "site", "name": "web", "channel": "stderr"}


@pytest.mark.parametrize(
    ("log_format", "expected"),
    [
        ("raw", r"red\nlast"),
        ("prefixed", rf"{TIME} site:web \| red\n{TIME} site:web \| last\n"),
        (
            "json",
            (
                r'\{"time":"[^"]+","group":"site","name":"web","channel":"stdout","text":"red"\}\n'
                r'\{[^\n]*"last"\}\n'
            ),
        ),
    ],
)
def test_a_programs_log_has_its_format(tmp_path: Path, log_format: str, expected: str) -> None:
    path = tmp_path / "web.log"
    spec = spec_of("web", stdout_logfile=str(path), log_format=log_format, strip_ansi=True)
    console = Heard()
    settings = LogSettings(childlogdir=str(tmp_path), identifier="me", configuration="/me.toml")
    logs = ProgramLogs(spec, settings, (console, Heard()), group="site")

    for sink in logs.sinks[0]:
        sink.write(b"\x1b[31mred\x1b[0m\nlast")
    logs.finish_lines()
    logs.close()

    assert re.fullmatch(expected, path.read_text())
    assert console.data == b"\x1b[31mred\x1b[0m\nlast"


def test_a_terminal_is_kept_as_it_was_logged_in_lines_and_shown_in_colours(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    spec = spec_of("web", stdout_logfile=str(path), redirect_stderr=True, tty=True)
    settings = LogSettings(childlogdir=str(tmp_path), identifier="me", configuration="/me.toml")
    console = Heard()
    logs = ProgramLogs(spec, settings, (console, Heard()))

    for data in (b"\x1b[2J\x1b[31mred\x1b[0m\r", b"\n10 %\r20 %\r\n"):
        for sink in logs.sinks[0]:
            sink.write(data)
    logs.finish_lines()
    logs.close()

    assert logs.screen is not None
    shown = b"".join(logs.screen.tail(1000, 7))
    assert shown == b"\x1b[2J\x1b[31mred\x1b[0m\r\n10 %\r20 %\r\n"
    assert b"".join(logs.screen.tail(5, 1000)) == b"0 %\r\n"
    assert path.read_bytes() == b"\x1b[2J\x1b[31mred\x1b[0m\n10 %\r20 %\n"
    assert console.data == b"\x1b[31mred\x1b[0m\n10 %\r20 %\n"
