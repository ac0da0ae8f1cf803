"""The launcher's console: whole lines behind names, and a terminal that may be slow or gone."""

from __future__ import annotations

import os
import pty
import re
from typing import TYPE_CHECKING, Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from trio_supervisor.console.board import PROMPT_AFTER
from trio_supervisor.console.labels import Labels
from trio_supervisor.console.speaker import LONGEST_LINE
from trio_supervisor.daemon import console as module
from trio_supervisor.daemon.console import Console
from trio_supervisor.daemon.stream import BACKLOG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from trio.testing import MockClock

PLAIN: Mapping[str, str] = {}


class Terminal:
    """A pipe in the place of the terminal; what was shown is read from its other end."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)

    def read(self) -> bytes:
        """Return what has been shown since the last time."""
        found = b""
        try:
            while data := os.read(self.reading, 1024 * 1024):
                found += data
        except BlockingIOError:
            pass
        return found

    async def read_line(self) -> bytes:
        """Return what is shown up to the end of a line."""
        found = b""
        with trio.fail_after(5):
            while not found.endswith(b"\n"):
                await trio.lowlevel.wait_readable(self.reading)
                found += self.read()
        return found

    def close(self) -> None:
        """Hang up."""
        os.close(self.reading)
        os.close(self.writing)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


def console_on(
    descriptor: int, *names: str, environ: Mapping[str, str] = PLAIN, **options: Any
) -> Iterator[Console]:
    """Make a console, and close its descriptor at the end."""
    console = Console(descriptor, Labels((name, name) for name in names), environ, **options)
    yield console
    os.close(console._fd)


@pytest.fixture
def console(terminal: Terminal) -> Iterator[Console]:
    """Shows ``web`` and ``worker`` without colours."""
    yield from console_on(terminal.writing, "web", "worker")


async def test_every_line_is_behind_its_padded_name(console: Console, terminal: Terminal) -> None:
    console.sink("web").write(b"one\ntwo\n")
    console.sink("worker").write(memoryview(b"three\n"))

    assert terminal.read() == b"web    | one\nweb    | two\nworker | three\n"


async def test_a_partial_line_waits_for_its_end(console: Console, terminal: Terminal) -> None:
    web, worker = console.sink("web"), console.sink("worker")

    web.write(b"one\nhal")
    worker.write(b"whole\n")
    web.write(b"f\n")

    assert terminal.read() == b"web    | one\nworker | whole\nweb    | half\n"


async def test_lines_of_two_names_never_mix(console: Console, terminal: Terminal) -> None:
    sinks = {"web": console.sink("web"), "worker": console.sink("worker")}
    lines = {name: b"".join(b"%s %d\n" % (name.encode(), n) for n in range(300)) for name in sinks}

    for at in range(0, 6000, 7):  # chopped anywhere
        for name, sink in sinks.items():
            sink.write(lines[name][at : at + 7])

    shown = terminal.read().decode().splitlines()
    assert len(shown) == 600
    assert all(re.fullmatch(r"(web|worker) +\| \1 \d+", line) for line in shown)


async def test_a_very_long_line_is_not_held_back_for_ever(
    console: Console, terminal: Terminal
) -> None:
    console.sink("web").write(b"x" * (LONGEST_LINE + 1))

    assert terminal.read() == b"web    | " + b"x" * (LONGEST_LINE + 1) + b"\n"


@pytest.fixture
async def shown_console(console: Console, nursery: trio.Nursery) -> Console:
    """Run the console while a test waits on the virtual clock, which it must ask for itself."""
    nursery.start_soon(console.run)
    await wait_all_tasks_blocked()
    return console


async def test_a_prompt_is_shown_after_a_moment(
    shown_console: Console, terminal: Terminal, autojump_clock: MockClock
) -> None:
    shown_console.sink("web").write(b"password: ")

    await trio.sleep(PROMPT_AFTER / 2)
    assert terminal.read() == b""
    await trio.sleep(PROMPT_AFTER)
    assert terminal.read() == b"web    | password: "


async def test_what_follows_a_prompt_goes_on_behind_it(
    shown_console: Console, terminal: Terminal, autojump_clock: MockClock
) -> None:
    web = shown_console.sink("web")
    web.write(b"name: ")
    await trio.sleep(1)

    web.write(b"a")
    web.write(b"da\nhello ada\n")

    assert terminal.read() == b"web    | name: ada\nweb    | hello ada\n"


async def test_nothing_is_shown_inside_a_line_that_has_begun(
    shown_console: Console, terminal: Terminal, autojump_clock: MockClock
) -> None:
    web, worker = shown_console.sink("web"), shown_console.sink("worker")
    web.write(b"name: ")
    await trio.sleep(1)

    worker.write(b"one\n")
    web.write(b"ada\n")
    web.write(b"age: ")
    await trio.sleep(1)
    shown_console.say("web", "RUNNING, pid 7")
    web.write(b"\nnext\n")

    assert terminal.read().decode() == (
        "web    | name: \nworker | one\nweb    | ada\n"
        "web    | age: \nweb    | -- RUNNING, pid 7\nweb    | next\n"
    )


async def test_a_line_that_has_just_begun_is_not_cut_for_an_older_one(
    shown_console: Console, terminal: Terminal, autojump_clock: MockClock
) -> None:
    web, worker = shown_console.sink("web"), shown_console.sink("worker")
    web.write(b"prompt")
    await trio.sleep(PROMPT_AFTER * 0.9)
    worker.write(b"hal")
    await trio.sleep(PROMPT_AFTER * 0.2)
    worker.write(b"f\n")

    assert terminal.read() == b"web    | prompt\nworker | half\n"


async def test_a_carriage_return_goes_back_to_behind_the_name(
    shown_console: Console, terminal: Terminal, autojump_clock: MockClock
) -> None:
    web = shown_console.sink("web")
    web.write(b"done 10 %")
    await trio.sleep(1)
    web.write(b"\rdone 90 %\r\nas in DOS\r\n")

    assert terminal.read() == (b"web    | done 10 %\rweb    | done 90 %\r\nweb    | as in DOS\r\n")
    assert shown_console.last_line("web") == "as in DOS"


async def test_both_outputs_of_a_process_have_their_own_lines(
    console: Console, terminal: Terminal
) -> None:
    out, err = console.sink("web"), console.sink("web")
    out.write(b"o")
    err.write(b"e\n")
    out.write(b"ut\n")

    assert terminal.read() == b"web    | e\nweb    | out\n"


async def test_the_end_of_a_process_ends_its_line(
    shown_console: Console, terminal: Terminal, autojump_clock: MockClock
) -> None:
    web = shown_console.sink("web")
    web.write(b"name: ")
    await trio.sleep(1)

    web.finish_line()
    web.finish_line()
    web.write(b"again\n")

    assert terminal.read() == b"web    | name: \nweb    | again\n"


async def test_what_a_process_wrote_last_is_shown_before_what_became_of_it(
    console: Console, terminal: Terminal
) -> None:
    console.sink("web").write(b"half")

    console.say("web", "EXITED")

    assert terminal.read() == b"web    | half\nweb    | -- EXITED\n"


async def test_the_last_line_is_known_without_its_colours(console: Console) -> None:
    sink = console.sink("web")
    sink.write(b"x" * 5000 + b"\n\x1b[31mred\x1b[0m \x07alert\n  \n")

    assert console.last_line("web") == "red alert"
    assert console.last_line("worker") == ""


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"\x1b[31mred\n", b"web    | \x1b[31mred\x1b[0m\n"),
        (b"a \x1b[1;7mb\nc\n", b"web    | a \x1b[1;7mb\x1b[0m\nweb    | c\n"),
        (b"\x1b[32mok\x1b[0m done\n", b"web    | \x1b[32mok\x1b[0m done\n"),
        (b"\x1b[32mok\x1b[m\n", b"web    | \x1b[32mok\x1b[m\n"),
    ],
)
async def test_a_colour_ends_with_its_line(
    console: Console, terminal: Terminal, written: bytes, shown: bytes
) -> None:
    console.sink("web").write(written)

    assert terminal.read() == shown


async def test_at_the_end_unfinished_lines_are_shown(console: Console, terminal: Terminal) -> None:
    console.sink("web").write(b"half")

    console.close()

    assert terminal.read() == b"web    | half\n"


# ── colours ──


def shown(environ: Mapping[str, str], terminal: Terminal) -> bytes:
    """Show one line with an environment."""
    for console in console_on(terminal.writing, "web", environ=environ):
        console.sink("web").write(b"line\n")
    return terminal.read()


async def test_what_is_no_terminal_gets_no_colours(terminal: Terminal) -> None:
    assert shown({}, terminal) == b"web | line\n"


async def test_colours_can_be_forced(terminal: Terminal) -> None:
    assert shown({"FORCE_COLOR": "1"}, terminal) == b"\x1b[36mweb | \x1b[0mline\n"


async def test_no_color_wins(terminal: Terminal) -> None:
    assert shown({"NO_COLOR": "1", "FORCE_COLOR": "1"}, terminal) == b"web | line\n"


@pytest.mark.parametrize(("term", "coloured"), [("xterm", True), ("dumb", False)])
async def test_a_terminal_gets_colours_unless_it_is_dumb(term: str, coloured: bool) -> None:
    ours, theirs = pty.openpty()

    for console in console_on(theirs, "web", environ={"TERM": term}):
        console.sink("web").write(b"line\n")

    assert (b"\x1b[36m" in os.read(ours, 1000)) is coloured
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(("asked", "coloured"), [(True, True), (False, False)])
async def test_what_was_asked_for_wins(terminal: Terminal, asked: bool, coloured: bool) -> None:
    environ = {"NO_COLOR": "1"} if asked else {"FORCE_COLOR": "1"}
    for console in console_on(terminal.writing, "web", environ=environ, color=asked):
        console.sink("web").write(b"line\n")

    assert (b"\x1b[36m" in terminal.read()) is coloured


async def test_the_order_of_colours_is_that_of_honcho(terminal: Terminal) -> None:
    names = [f"p{number:02}" for number in range(13)]
    for console in console_on(terminal.writing, *names, environ={"FORCE_COLOR": "1"}):
        for name in reversed(names):
            console.sink(name).write(b"line\n")

    used = re.findall(r"\x1b\[([0-9;]+)mp", terminal.read().decode())
    ring = ["36", "33", "32", "35", "31", "34"]
    assert used[::-1] == [*ring, *(f"{colour};1" for colour in ring), "36"]


async def test_what_is_no_output_is_quiet(terminal: Terminal) -> None:
    environ = {"FORCE_COLOR": "1"}
    for console in console_on(terminal.writing, "a", environ=environ, plain=("daemon",)):
        console.say("a", "FATAL")
        console.sink("daemon").write(b"hello\n")

    assert terminal.read() == (b"\x1b[36ma      | \x1b[0m\x1b[2m-- FATAL\x1b[0m\ndaemon | hello\n")


async def test_lines_can_stand_behind_the_time(terminal: Terminal) -> None:
    for console in console_on(terminal.writing, "web", timestamps=True):
        console.sink("web").write(b"one\ntwo\n")
        console.say("web", "EXITED")

    moment = r"\d\d:\d\d:\d\d\.\d{3}"
    lines = [rf"{moment} web \| {text}\n" for text in ("one", "two", "-- EXITED")]
    assert re.fullmatch("".join(lines), terminal.read().decode())


async def test_names_that_come_later_get_colours_of_their_own(terminal: Terminal) -> None:
    for console in console_on(terminal.writing, "web", environ={"FORCE_COLOR": "1"}):
        console.sink("later").write(b"line\n")

    assert terminal.read() == b"\x1b[33mlater | \x1b[0mline\n"


# ── a terminal that does not take more ──


async def test_a_stuck_terminal_loses_some_with_a_marker(
    console: Console,
    terminal: Terminal,
    nursery: trio.Nursery,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    sink = console.sink("web")
    sink.write(b"x" * (3 * BACKLOG) + b"\n")
    await console.relieve()

    sink.write(b"lost\n")
    nursery.start_soon(console.run)
    before = await terminal.read_line()
    sink.write(b"after\n")

    after = terminal.read().decode()
    assert after == ("… 14 bytes not shown: the terminal was too slow …\nweb    | after\n")
    assert before == b"web    | " + b"x" * (3 * BACKLOG) + b"\n"
    nursery.cancel_scope.cancel()


async def test_what_waits_is_written_as_soon_as_it_can_be(
    console: Console, terminal: Terminal, nursery: trio.Nursery
) -> None:
    sent = b"x" * (BACKLOG + 500_000) + b"\n"
    nursery.start_soon(console.run)
    console.sink("web").write(sent)

    assert await terminal.read_line() == b"web    | " + sent
    nursery.cancel_scope.cancel()


async def test_all_output_waits_for_a_slow_terminal_and_nothing_is_lost(
    console: Console, terminal: Terminal, nursery: trio.Nursery
) -> None:
    nursery.start_soon(console.run)
    console.sink("web").write(b"x" * (2 * BACKLOG) + b"\n")

    async with trio.open_nursery() as others:
        others.start_soon(console.relieve)  # while `run` waits for the same descriptor
        assert len(await terminal.read_line()) == len("web    | ") + 2 * BACKLOG + 1

    nursery.cancel_scope.cancel()


async def test_output_is_held_back_for_a_moment_only(
    console: Console, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    console.sink("web").write(b"x" * (2 * BACKLOG) + b"\n")

    with trio.fail_after(5):
        await console.relieve()


async def test_at_the_end_a_stuck_terminal_is_left(
    console: Console, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LAST_WORDS", 0.01)
    console.sink("web").write(b"x" * (2 * BACKLOG) + b"\n")

    console.close()


async def test_a_terminal_that_is_gone_does_no_harm() -> None:
    reading, writing = os.pipe()
    for console in console_on(writing, "web"):
        os.close(reading)

        console.sink("web").write(b"line\n")
        console.close()
    os.close(writing)


async def test_a_regular_file_is_continued_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with path.open("wb") as file:
        file.write(b"before\n")
        file.flush()
        for console in console_on(file.fileno(), "web"):
            console.sink("web").write(b"line\n")

    assert path.read_bytes() == b"before\nweb | line\n"


async def test_others_use_of_the_descriptor_stays_blocking(
    console: Console, terminal: Terminal
) -> None:
    assert os.get_blocking(terminal.writing)
    assert not os.get_blocking(console._fd)
