"""The launcher's console: a board on a descriptor that may be slow, stuck or gone.

A slow terminal slows everybody's output down; one that is stuck (Ctrl-S, a pager that waits) loses
some, with a marker, and the log files have all of it.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from typing import TYPE_CHECKING

import trio

from trio_supervisor.console.board import Board
from trio_supervisor.console.style import Style, wants_colour
from trio_supervisor.daemon.stream import BACKLOG, LAST_WORDS, non_blocking
from trio_supervisor.daemon.terminal import window_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.console.labels import Labels
    from trio_supervisor.console.speaker import ConsoleSink
    from trio_supervisor.daemon.terminal import Window

PATIENCE = 0.1
"""Seconds without a byte taken after which a terminal counts as stuck."""
LONGEST_RELIEF = 1.0
"""Seconds that all output waits for a slow terminal at the most, once a round."""
LEAST_COLUMNS = 20
"""Of a program's terminal, however narrow the console is."""
LOST = "… %d bytes not shown: the terminal was too slow …"


class Console(Board):
    """Writes to one descriptor, which is a terminal or not, and never blocks on it.

    ``labels`` get their colours in their order, ``plain`` names have none. ``color`` and
    ``timestamps`` are what was asked for.
    """

    def __init__(
        self,
        descriptor: int,
        labels: Labels,
        environ: Mapping[str, str],
        *,
        plain: tuple[str, ...] = (),
        color: bool | None = None,
        timestamps: bool = False,
    ) -> None:
        style = Style(
            is_coloured=wants_colour(os.isatty(descriptor), environ, color),
            has_times=timestamps,
            width=max(map(len, (*labels.all, *plain)), default=0),
        )
        super().__init__(style, labels.all, plain=plain, clock=trio.current_time)
        self.labels = labels
        self._fd = non_blocking(descriptor)
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._lost = 0
        self._is_stuck = False
        self._full = trio.Event()
        self._progress = trio.Event()
        self._prompt = trio.Event()

    @property
    def window(self) -> Window | None:
        """The room for lines behind their names, if it is a terminal."""
        window = window_of(self._fd)
        if window is None:
            return None
        return window._replace(columns=max(LEAST_COLUMNS, window.columns - self._style.indent))

    def note_unfinished(self, sink: ConsoleSink) -> None:
        """Remember that a sink holds back a line, and let it be shown in time."""
        super().note_unfinished(sink)
        self._prompt.set()

    def write(self, data: bytes | memoryview) -> None:
        """Write as it is; what the terminal does not take now waits, or is lost."""
        self._write(bytes(data))

    def _write(self, data: bytes) -> bool:
        if self._is_stuck and self._size > BACKLOG:
            self._lost += len(data)
            return False
        if self._lost:
            marker = (LOST % self._lost).encode()
            marker = marker + b"\n" if self._is_at_start else b"\n" + marker
            data, self._lost = marker + data, 0
        self._is_at_start = data[-1:] == b"\n"
        self._waiting.append(data)
        self._size += len(data)
        self._write_what_goes()
        return True

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
            while (due := self.part_due) is not None:
                await trio.sleep_until(due)
                self.show_parts()
            self._prompt = trio.Event()

    async def relieve(self) -> None:
        """Let a slow terminal catch up; do not wait for one that is stuck."""
        with trio.move_on_after(LONGEST_RELIEF):
            while self._waiting and not self._is_stuck:
                with trio.move_on_after(PATIENCE) as patience:
                    await self._progress.wait()
                self._is_stuck = patience.cancelled_caught

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
