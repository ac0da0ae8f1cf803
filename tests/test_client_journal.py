"""How logs shows lines: colours, controls, lines that come in pieces, what was lost."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest
from scripted import ScriptedDaemon

from trio_supervisor.cli.supervisorctl import main
from trio_supervisor.protocol.messages import Channel, Done, End, GetLogs, LogPart

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio_supervisor.protocol.messages import Message


def part(name: str, time: float | None, data: bytes, lost: int = 0) -> LogPart:
    return LogPart(name, name, Channel.STDOUT, time, data, lost)


def shown(
    monkeypatch: pytest.MonkeyPatch,
    replies: Iterable[Message],
    *words: str,
    is_terminal: bool = False,
) -> str:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(out, "isatty", lambda: is_terminal, raising=False)
    monkeypatch.setattr(sys, "stdout", out)
    with ScriptedDaemon({GetLogs: [*replies, End()]}) as daemon:
        assert main(["-s", daemon.url, "logs", *words]) == 0
    out.flush()
    buffer = out.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(errors="surrogateescape")


@pytest.fixture(autouse=True)
def no_colours_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_lines_are_put_together_and_sorted_by_their_beginnings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replies = [
        part("a", None, b"old\nbe"),
        part("a", 3.0, b"gun\r\n"),
        part("a", 4.0, b"four\nno end"),
        part("web", 2.0, b"two\n"),
    ]

    assert shown(monkeypatch, replies) == (
        "a   | old\na   | begun\nweb | two\na   | four\na   | no end\n"
    )


def test_what_comes_is_shown_as_it_comes_and_losses_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replies = [
        part("a", 9.0, b"past\n"),
        Done(),
        part("b", 8.0, b"1\n", 70),
        part("a", 7.0, b"2\n"),
    ]

    assert shown(monkeypatch, replies, "-f") == "a | past\nb | 1\na | 2\n"
    assert "[lost 70 bytes" in capsys.readouterr().err


def test_a_terminal_gets_colours_but_no_controls(monkeypatch: pytest.MonkeyPatch) -> None:
    replies = [part("a", 1.0, b"\x1b[31mred\x1b[0m \x07\xff\n")]

    assert shown(monkeypatch, replies, is_terminal=True) == (
        "\x1b[36ma | \x1b[0m\x1b[31mred\x1b[0m \\x07\\xff\n"
    )
    assert shown(monkeypatch, replies, "--no-color", is_terminal=True).startswith("a | ")
    assert shown(monkeypatch, replies) == "a | \x1b[31mred\x1b[0m \x07\udcff\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown(monkeypatch, replies, is_terminal=True).startswith("a | ")
    assert shown(monkeypatch, replies, "--color").startswith("\x1b[36ma")
