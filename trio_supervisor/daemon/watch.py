"""Looking for a line in what a run writes, as ``ready = {log = …}`` asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from trio_supervisor.console.escapes import Stripped
from trio_supervisor.console.lines import Lines

if TYPE_CHECKING:
    from trio_supervisor.daemon.logfile import Sink

LONGEST_LOOK = 0.1
"""Seconds of CPU time that an expression gets for a line: nothing else happens meanwhile."""
LOOKED_AT = 4096
"""Bytes of a line that are looked at: `.*` takes the square of that."""


class Watch:
    """Looks for a line in what a run writes; ``is_over`` is set when it looks no more.

    It has found one then, or has given up: some expressions take longer than a life for some lines.
    """

    def __init__(self, pattern: str) -> None:
        import regex  # noqa: PLC0415  # few programs are watched so

        self._pattern = regex.compile(pattern)
        self.is_over = trio.Event()
        self.has_given_up = False

    def sink(self) -> Sink:
        """Return what takes one channel."""
        return Stripped([_Lines(self)])

    def look(self, lines: list[bytes]) -> None:
        """Look at lines until one is found."""
        for line in lines:
            if self.is_over.is_set():
                return
            text = line[:LOOKED_AT].decode(errors="replace")
            try:
                if self._pattern.search(text, timeout=LONGEST_LOOK):
                    self.is_over.set()
            except TimeoutError:
                self.has_given_up = True
                self.is_over.set()


class _Lines:
    """The lines of one channel."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._lines = Lines(LOOKED_AT)

    def write(self, data: bytes | memoryview) -> None:
        if not self._watch.is_over.is_set():
            self._watch.look(self._lines.take(data).splitlines())
