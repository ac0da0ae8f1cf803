"""The launcher's console: every line of every process behind its name.

One `replace` and one write for a chunk. A slow terminal slows everybody's output down; one that is
stuck (Ctrl-S, a pager that waits) loses some, with a marker, and the log files have all of it.
"""

from __future__ import annotations

import os
import re
import select
import time
from collections import deque
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.speaker import ConsoleSink, Speaker, Style, wants_colour
from trio_supervisor.daemon.stream import BACKLOG, LAST_WORDS, non_blocking
from trio_supervisor.daemon.terminal import window_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.daemon.terminal import Window

PATIENCE = 0.1
"""Seconds without a byte taken after which a terminal counts as stuck."""
LONGEST_RELIEF = 1.0
"""Seconds that all output waits for a slow terminal at the most, once a round."""
PROMPT_AFTER = 0.2
"""Seconds after which an unfinished line (a prompt) is shown as it is."""
_RETURN = re.compile(rb"\r(?![\r\n])")
_COLOUR_TO_THE_END = re.compile(rb"\x1b\[(?!0*m)[0-9;:]*m[^\n\x1b]*(?=\n|\Z)")
"""What is still coloured where a line, or what is shown of it now, ends."""
LEAST_COLUMNS = 20
"""Of a program's terminal, however narrow the console is."""
LOST = "… %d bytes not shown: the terminal was too slow …"


class Console:
    """Writes to one descriptor, which is a terminal or not, and never blocks on it.

    ``names`` get their colours in this order, ``plain`` ones have none. ``color`` and
    ``timestamps`` are what was asked for.
    """

    def __init__(
        self,
        descriptor: int,
        names: tuple[str, ...],
        environ: Mapping[str, str],
        *,
        plain: tuple[str, ...] = (),
        color: bool | None = None,
        timestamps: bool = False,
    ) -> None:
        self._fd = non_blocking(descriptor)
        self._style = Style(
            is_coloured=wants_colour(descriptor, environ, color),
            has_times=timestamps,
            width=max(map(len, (*names, *plain)), default=0),
        )
        self._number = {name: place for place, name in enumerate(names)}
        self._plain = frozenset(plain)
        self._speakers: dict[str, Speaker] = {}
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._lost = 0
        self._is_stuck = False
        self._full = trio.Event()
        self._progress = trio.Event()
        self._prompt = trio.Event()
        self._unfinished: set[ConsoleSink] = set()
        self._open: ConsoleSink | None = None
        self._is_at_start = True

    @property
    def window(self) -> Window | None:
        """The room for lines behind their names, if it is a terminal."""
        window = window_of(self._fd)
        if window is None:
            return None
        return window._replace(columns=max(LEAST_COLUMNS, window.columns - self._style.indent))

    def sink(self, name: str) -> ConsoleSink:
        """Return where the lines of a name go; names unknown so far get the next colour."""
        return ConsoleSink(self, self._speaker(name))

    def last_line(self, name: str) -> str:
        """Return the last line that was shown of a name, without colours."""
        return self._speaker(name).last_line

    def say(self, name: str, text: str) -> None:
        """Show a line that is about a process, not of it, after all that it has written."""
        speaker = self._speaker(name)
        for sink in [sink for sink in self._unfinished if sink.speaker is speaker]:
            self._unfinished.discard(sink)
            sink.show_part()
        self.write(self._fresh + speaker.label + self._style.quiet(text) + b"\n")
        self._open = None

    def _speaker(self, name: str) -> Speaker:
        if name not in self._speakers:
            place = None
            if name not in self._plain:
                place = self._number.setdefault(name, len(self._number))
            self._speakers[name] = Speaker(self._style, self._style.label(name, place))
        return self._speakers[name]

    # ── what sinks ask ──

    def note_unfinished(self, sink: ConsoleSink) -> None:
        """Remember that a sink holds back a line."""
        self._unfinished.add(sink)
        self._prompt.set()

    def is_behind(self, sink: ConsoleSink) -> bool:
        """Say whether the cursor stands behind an unfinished line of a sink."""
        return self._open is sink

    def show(self, sink: ConsoleSink, text: bytes) -> None:
        """Show lines of a sink, the last of which may have no end yet."""
        label = sink.speaker.label
        if b"\x1b" in text:  # the colours of a program are not for those of others
            text = _COLOUR_TO_THE_END.sub(b"\\g<0>\x1b[0m", text)
        if b"\r" in text:  # as progress bars: back to the beginning is back to behind the name
            text = _RETURN.sub(lambda _: b"\r" + label, text)
        is_whole = text.endswith(b"\n")
        labelled = text[: len(text) - is_whole].replace(b"\n", b"\n" + label)
        first = b"" if self._open is sink else self._fresh + label
        is_shown = self._put(first + labelled + b"\n" * is_whole)
        self._open = sink if is_shown and not is_whole else None

    @property
    def _fresh(self) -> bytes:
        """What leads to the beginning of a line."""
        return b"" if self._is_at_start else b"\n"

    def write(self, data: bytes | memoryview) -> None:
        """Write as it is; what the terminal does not take now waits, or is lost."""
        self._put(bytes(data))

    def _put(self, data: bytes) -> bool:
        """Write, now or later; False when it is lost."""
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
            while self._unfinished:
                oldest = min(sink.held_since for sink in self._unfinished)
                await trio.sleep_until(oldest + PROMPT_AFTER)
                self._show_parts(trio.current_time() - PROMPT_AFTER)
            self._prompt = trio.Event()

    def _show_parts(self, before: float) -> None:
        """Show all lines that have no end yet, and began before a moment."""
        for sink in [sink for sink in self._unfinished if sink.held_since <= before]:
            self._unfinished.discard(sink)
            sink.show_part()

    async def relieve(self) -> None:
        """Let a slow terminal catch up; do not wait for one that is stuck."""
        with trio.move_on_after(LONGEST_RELIEF):
            while self._waiting and not self._is_stuck:
                with trio.move_on_after(PATIENCE) as patience:
                    await self._progress.wait()
                self._is_stuck = patience.cancelled_caught

    def finish_lines(self) -> None:
        """Show all lines that have no end yet, and end them."""
        for sink in self._unfinished:
            sink.finish_line()
        self._unfinished.clear()
        if not self._is_at_start:
            self.write(b"\n")
            self._open = None

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
