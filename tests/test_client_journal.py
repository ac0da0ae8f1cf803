"""How logs shows lines: colours, controls, lines that come in pieces, what was lost."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest
from scripted import Answer, ScriptedDaemon

from trio_supervisor.cli.supervisorctl import main
from trio_supervisor.client.render import summary
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import (
    Available,
    AvailableProcess,
    Channel,
    Done,
    End,
    GetAvailable,
    GetLogs,
    GetStatus,
    LogPart,
    ProcessStatus,
    Statuses,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio_supervisor.protocol.messages import Message

CONFIGURED = tuple(
    AvailableProcess(name, name, in_use=True, autostart=True, group_priority=rank, priority=1)
    for name, rank in (("a", 2), ("b", 3), ("web", 1))
)
"""Processes as the daemon lists them; their order is web, a, b."""


def row(name: str, state: ProcessState = ProcessState.RUNNING) -> ProcessStatus:
    return ProcessStatus(name, name, state)


def status(request: Message) -> Iterable[Message]:
    """Answer with the rows of what is asked for."""
    assert isinstance(request, GetStatus)
    return [Statuses(tuple(map(row, request.targets or ("a", "b", "web")))), End()]


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
    answers: dict[type[Message], Answer] = {
        GetLogs: [*replies, End()],
        GetAvailable: [Available(CONFIGURED), End()],
        GetStatus: status,
    }
    with ScriptedDaemon(answers) as daemon:
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

    assert shown(monkeypatch, replies, "-f", "a", "b") == "a | past\nb | 1\na | 2\n"
    assert "[lost 70 bytes" in capsys.readouterr().err


def test_colours_are_those_of_the_configuration_whoever_writes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replies = [part("b", 1.0, b"1\n"), part("web", 2.0, b"2\n"), part("a", 3.0, b"3\n")]

    assert shown(monkeypatch, replies, "--color") == (
        "\x1b[32mb   | \x1b[0m1\n\x1b[36mweb | \x1b[0m2\n\x1b[33ma   | \x1b[0m3\n"
    )
    assert shown(monkeypatch, replies[:1], "--color", "b") == "\x1b[32mb | \x1b[0m1\n"


def test_a_terminal_gets_the_colours_of_programs_and_nothing_that_moves_its_cursor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replies = [part("a", 1.0, b"\x1b[31mred\x1b[2J \x1b]0;title\x07\x0e\xc2\x9bA\xff\n")]

    assert shown(monkeypatch, replies, "a", is_terminal=True) == (
        "\x1b[33ma | \x1b[0m\x1b[31mred A\udcff\x1b[0m\n"
    )
    assert shown(monkeypatch, replies, "--no-color", "a", is_terminal=True).startswith("a | ")
    assert shown(monkeypatch, replies, "a").startswith("a | ")
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown(monkeypatch, replies, "a", is_terminal=True).startswith("a | ")
    assert shown(monkeypatch, replies, "a", "--color").startswith("\x1b[33ma")


def test_of_a_progress_bar_its_last_state_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    replies = [part("a", 1.0, b"  0%\r 50%\r100%\r\n"), part("a", 2.0, b"\rdone\n  0%\r 10%")]

    assert shown(monkeypatch, replies, "a") == "a | 100%\na | done\na |  10%\n"
    assert shown(monkeypatch, replies, "a", "--grep", "50") == ""


def test_with_grep_only_whole_lines_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    replies = [
        part("a", 1.0, b"web 1\nwe"),
        Done(),
        part("a", 2.0, b"b 2\nno\nwe"),
        part("a", 3.0, b"b 3"),
    ]

    told = shown(monkeypatch, replies, "-f", "--grep", "web", "a")

    assert told == "a | web 1\na | web 2\na | web 3\n"


def test_what_runs_is_told_in_a_line() -> None:
    states = ProcessState
    some = [row("a"), row("b"), row("c", states.FATAL), row("d", states.STOPPED)]
    many = [row(str(number), states.EXITED) for number in range(10)]

    assert summary(some) == "4 processes: 2 RUNNING; STOPPED: d; FATAL: c"
    assert summary(some[:1]) == "1 process: 1 RUNNING"
    assert summary(many) == "10 processes: 0 RUNNING; EXITED: 0, 1, 2, 3, 4, 5, 6, 7 and 2 more"
