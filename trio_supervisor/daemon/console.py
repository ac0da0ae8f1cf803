"""The launcher's console: every line of every process behind its name.

One `replace` and one write for a chunk. A slow terminal slows everybody's output down; one that is
stuck (Ctrl-S, a pager that waits) loses some, with a marker, and the log files have all of it.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.lines import Lines
from trio_supervisor.daemon.stream import BACKLOG, LAST_WORDS, non_blocking

if TYPE_CHECKING:
    from collections.abc import Mapping

COLOURS = ("36", "33", "32", "35", "31", "34", "36;1", "33;1", "32;1", "35;1", "31;1", "34;1")
"""The order of honcho."""
LONGEST_LINE = 64 * 1024
"""Bytes of an unfinished line that are held back for its end."""
PATIENCE = 0.1
"""Seconds without a byte taken after which a terminal counts as stuck."""
LONGEST_RELIEF = 1.0
"""Seconds that all output waits for a slow terminal at the most, once a round."""
PROMPT_AFTER = 0.2
"""Seconds after which an unfinished line (a prompt) is shown as it is."""


class Console:
    """Writes to one descriptor, which is a terminal or not, and never blocks on it."""

    def __init__(self, descriptor: int, names: tuple[str, ...], environ: Mapping[str, str]) -> None:
        self._fd = non_blocking(descriptor)
        self._width = max(map(len, names), default=0)
        self._colours = _wants_colour(descriptor, environ)
        self._number = {name: place for place, name in enumerate(names)}
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._lost = 0
        self._is_stuck = False
        self._full = trio.Event()
        self._progress = trio.Event()
        self._prompt = trio.Event()
        self._unfinished: set[ConsoleSink] = set()

    def sink(self, name: str) -> ConsoleSink:
        """Return where the lines of a name go; names unknown so far get the next colour."""
        place = self._number.setdefault(name, len(self._number))
        label = f"{name:<{self._width}} | "
        if self._colours:
            label = f"\x1b[{COLOURS[place % len(COLOURS)]}m{label}\x1b[0m"
        return ConsoleSink(self, label.encode())

    def note_unfinished(self, sink: ConsoleSink) -> None:
        """Remember that a sink holds back a line."""
        self._unfinished.add(sink)
        self._prompt.set()

    def write(self, data: bytes | memoryview) -> None:
        """Write whole lines; what the terminal does not take now waits, or is lost."""
        if self._is_stuck and self._size > BACKLOG:
            self._lost += len(data)
            return
        if self._lost:
            marker = f"… {self._lost} bytes not shown: the terminal was too slow …\n"
            data, self._lost = marker.encode() + bytes(data), 0
        self._waiting.append(bytes(data))
        self._size += len(data)
        self._write_what_goes()

    async def run(self) -> None:
        """Write what waited, and show prompts, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._show_prompts)
            while True:
                await self._full.wait()
                self._full = trio.Event()
                while self._waiting:
                    await trio.lowlevel.wait_writable(self._fd)  # nobody else may wait for it
                    self._write_what_goes()

    async def _show_prompts(self) -> None:
        while True:
            await self._prompt.wait()
            self._prompt = trio.Event()
            await trio.sleep(PROMPT_AFTER)
            self.finish_lines()

    async def relieve(self) -> None:
        """Let a slow terminal catch up; do not wait for one that is stuck."""
        with trio.move_on_after(LONGEST_RELIEF):
            while self._waiting and not self._is_stuck:
                with trio.move_on_after(PATIENCE) as patience:
                    await self._progress.wait()
                self._is_stuck = patience.cancelled_caught

    def finish_lines(self) -> None:
        """Show all lines that have no end yet."""
        for sink in self._unfinished:
            sink.finish_line()
        self._unfinished.clear()

    def close(self) -> None:
        """Write what still waits, as far as the terminal takes it in LAST_WORDS."""
        self.finish_lines()
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        deadline = time.monotonic() + LAST_WORDS
        while self._waiting and poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            self._write_what_goes()

    def _write_what_goes(self) -> None:
        before = len(self._waiting), self._size
        self._write_waiting()
        if before != (len(self._waiting), self._size):
            self._progress.set()
            self._progress = trio.Event()

    def _write_waiting(self) -> None:
        try:
            while self._waiting:
                written = os.write(self._fd, self._waiting[0])
                self._size -= written
                self._is_stuck = False
                rest = self._waiting[0][written:]
                self._waiting.popleft()
                if rest:
                    self._waiting.appendleft(rest)
        except BlockingIOError:
            self._full.set()
        except OSError:  # the terminal is gone, or the pipe's reader: the log files go on
            self._waiting.clear()
            self._size = 0


class ConsoleSink:
    """Lines of one name; both outputs of a process may share it."""

    def __init__(self, console: Console, label: bytes) -> None:
        self._console = console
        self._label = label
        self._separator = b"\n" + label
        self._lines = Lines(LONGEST_LINE)

    def write(self, data: bytes | memoryview) -> None:
        """Show the whole lines; hold back what comes after the last of them."""
        self._show(self._lines.take(data))
        if self._lines.has_rest:
            self._console.note_unfinished(self)

    def finish_line(self) -> None:
        """Show what is held back as a line."""
        self._show(self._lines.rest())

    def _show(self, lines: bytes) -> None:
        if lines:
            text = lines[:-1].replace(b"\n", self._separator)
            self._console.write(self._label + text + b"\n")


def _wants_colour(descriptor: int, environ: Mapping[str, str]) -> bool:
    """Follow https://no-color.org and what terminals say of themselves."""
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or (
        os.isatty(descriptor) and environ.get("TERM") != "dumb"
    )
