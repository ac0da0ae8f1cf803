"""A second `up` and `logs` on terminals of their own: the console of the first one."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from rig import open_rig, shell, until, up_at_once  # noqa: F401  # the fixture
from terminal import CTRL_C, Bench

from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rig import Rig
    from terminal import Terminal

FOREVER = "exec sleep 1000"
STILL_RUNNING = "still running; trio-supervisor down stops it\n"


@pytest.fixture(name="bench")
def open_bench(rig: Rig) -> Iterator[Bench]:
    environment = {**rig.environment, "TERM": "xterm"}
    environment.pop("FORCE_COLOR", None)
    with Bench(rig.directory, **environment) as bench:
        yield bench


def told_by(rig: Rig, name: str, *options: str) -> str:
    """Return the table of a program that writes what comes out of the pipe of its name."""
    os.mkfifo(rig.directory / f"{name}.pipe")
    return up_at_once(name, f"exec cat <> {name}.pipe", "\n".join(options))


def tell(rig: Rig, name: str, text: bytes) -> None:
    """Let such a program write something."""
    pipe: Path = rig.directory / f"{name}.pipe"
    pipe.write_bytes(text)


def join(bench: Bench, rig: Rig, *words: str) -> Terminal:
    """Join what runs, when it is told what that is."""
    terminal = bench.open(
        *rig.command("trio-supervisor", "up", "-c", str(rig.configuration)), *words
    )
    terminal.expect("Ctrl-C leaves it running\n")
    terminal.expect(" RUNNING")
    return terminal


def leave(terminal: Terminal) -> None:
    """Leave; it goes on."""
    terminal.type(CTRL_C)
    terminal.expect(STILL_RUNNING)
    assert terminal.wait() == 0


def start(rig: Rig, programs: str) -> None:
    rig.write(programs)
    rig.start()
    names = re.findall(r"\[program\.(\w+)\]", programs)
    rig.settle(ProcessState.RUNNING, *(name for name in names if name != "bad"))


def test_who_joins_is_told_what_runs(bench: Bench, rig: Rig) -> None:
    start(rig, up_at_once("web", FOREVER) + shell("bad", "exit 3", "startretries = 0"))
    rig.settle(ProcessState.FATAL, "bad")

    terminal = join(bench, rig)
    terminal.expect("\n")

    assert "\n2 processes: 1 RUNNING; FATAL: bad\n" in terminal.text
    leave(terminal)


def test_what_becomes_of_processes_is_told_after_what_they_wrote_last(
    bench: Bench, rig: Rig
) -> None:
    start(rig, up_at_once("web", "trap 'echo bye; exit 0' TERM; echo up; sleep 1000 & wait"))
    until(lambda: rig.text("web.log") == "up\n", "its first line")
    terminal = join(bench, rig)
    terminal.expect("\n")

    for _ in range(5):
        assert rig.ctl("stop", "web").returncode == 0
        ended = "web | bye\nweb | -- STOPPED: exit status 0\n"
        assert terminal.expect("status 0\n") == ended
        assert rig.ctl("start", "web").returncode == 0
        begun = terminal.expect("up\n")
        assert re.fullmatch(r"web \| -- RUNNING, pid \d+\nweb \| up\n", begun)
    leave(terminal)


def test_a_prompt_is_shown_and_left_open(bench: Bench, rig: Rig) -> None:
    start(rig, told_by(rig, "ask") + told_by(rig, "other"))
    terminal = join(bench, rig)
    terminal.expect("\n")

    tell(rig, "ask", b"name? ")
    terminal.expect("ask   | name? ")
    tell(rig, "ask", b"ada\nage? ")
    terminal.expect("ada\nask   | age? ")
    tell(rig, "other", b"one\n")

    terminal.expect("\nother | one\n")
    leave(terminal)


def test_a_progress_bar_goes_back_to_behind_the_name(bench: Bench, rig: Rig) -> None:
    start(rig, told_by(rig, "bar"))
    terminal = join(bench, rig, "--no-color")
    terminal.expect("\n")

    tell(rig, "bar", b"  0% []\r")
    terminal.expect("bar |   0% []")
    tell(rig, "bar", b" 10% [#]\r")
    terminal.expect("\rbar |  10% [#]")
    leave(terminal)


def test_a_program_cannot_do_more_to_the_terminal_than_colour_its_line(
    bench: Bench, rig: Rig
) -> None:
    start(rig, told_by(rig, "web"))
    terminal = join(bench, rig)

    tell(rig, "web", b"\x1b[31mred\x1b[2J\x1b]0;title\x07\x0e\nplain\n")
    terminal.expect("plain\n")
    leave(terminal)
    logs = bench.open(*rig.command("trio-supervisor", "logs", "-c", str(rig.configuration)))
    assert logs.wait() == 0

    for shown in (terminal.shown, logs.shown):
        assert b"\x1b[36mweb | \x1b[0m\x1b[31mred\x1b[0m\r\n\x1b[36mweb | \x1b[0mplain\r\n" in shown


def test_names_have_the_colours_and_the_width_that_the_first_up_gives_them(
    bench: Bench, rig: Rig
) -> None:
    rig.write(
        told_by(rig, "a")
        + told_by(rig, "zebra", "priority = 1")
        + up_at_once("of_another_width", FOREVER, "autostart = false")
    )
    up = ("trio-supervisor", "up", "-c", str(rig.configuration))
    first = bench.open(*rig.command(*up))
    first.expect("Ctrl-C stops everything\n")
    second = join(bench, rig)

    tell(rig, "a", b"hello\n")
    for terminal in (first, second):
        terminal.expect("| hello\n")
    tell(rig, "zebra", b"hello\n")
    for terminal in (first, second):
        terminal.expect("| hello\n")
    leave(second)
    one = bench.open(*rig.command("trio-supervisor", "logs", "-c", str(rig.configuration), "a"))
    assert one.wait() == 0
    first.type(CTRL_C)
    assert first.wait() == 0

    assert one.shown == b"\x1b[33ma | \x1b[0mhello\r\n"
    for terminal in (first, second):
        for label in (b"\x1b[33ma                | ", b"\x1b[36mzebra            | "):
            assert label + b"\x1b[0mhello\r\n" in terminal.shown


def test_times_of_a_joined_up_are_those_at_which_it_happened(bench: Bench, rig: Rig) -> None:
    start(rig, told_by(rig, "web"))
    terminal = join(bench, rig, "--timestamps")
    terminal.expect("\n")

    tell(rig, "web", b"hello\n")

    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} web \| hello\n", terminal.expect("hello\n"))
    leave(terminal)
