"""What a process finds on its standard input: nothing, until somebody writes to it.

A pipe for each process: with one for all, a process that makes its stdin non-blocking (node
does) would change it for the others. Our end stays open, so that no process reads an end of file.
"""

from __future__ import annotations

import os
import selectors
from typing import TYPE_CHECKING

from trio_supervisor.daemon.terminal import resize
from trio_supervisor.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from selectors import BaseSelector

    from trio_supervisor.daemon.terminal import Window

BACKLOG = 1024 * 1024
"""Bytes that may wait for a process that does not read."""
NOT_WRITTEN = {
    Fault.NO_FILE: "it does not read what is written to it: its stdin is closed",
    Fault.BUSY: "it does not read what was written to it before; try again later",
}
NO_TERMINAL = "it has no terminal (tty = true gives it one)"


class Feed:
    """Writing end of one process's stdin, or of its terminal.

    What the pipe does not take at once waits for the pump, which calls `flush` when the
    ``selector`` says so. ``tell_written`` is called when the process may soon answer.
    """

    def __init__(
        self,
        fd: int,
        selector: BaseSelector,
        tell_written: Callable[[], None],
        *,
        is_terminal: bool = False,
    ) -> None:
        self._fd: int | None = fd
        self._is_terminal = is_terminal
        self._selector = selector
        self._tell_written = tell_written
        self._backlog = bytearray()

    @property
    def is_closed(self) -> bool:
        """True when nobody can read any more what would be written."""
        return self._fd is None

    def offer(self, data: bytes) -> bool:
        """Write all of it, now or later; False when nobody reads it, or too much waits already."""
        if self._fd is None or (self._backlog and len(self._backlog) + len(data) > BACKLOG):
            return False
        was_empty = not self._backlog
        self._backlog += data
        if was_empty:
            self._write()
            self._tell_written()
            if self._backlog:
                self._selector.register(self._fd, selectors.EVENT_WRITE, self)
        return self._fd is not None

    def flush(self) -> None:
        """Write what waits, as much of it as the process takes."""
        self._write()
        if self._fd is not None and not self._backlog:
            self._selector.unregister(self._fd)

    def resize(self, window: Window) -> bool:
        """Give it a size, if it is a terminal that somebody has open."""
        if self._fd is None or not self._is_terminal:
            return False
        resize(self._fd, window)
        return True

    def close(self) -> None:
        """Let the process, or what it left, read the end of the file."""
        if self._fd is None:
            return
        if self._fd in self._selector.get_map():
            self._selector.unregister(self._fd)
        os.close(self._fd)
        self._fd = None
        self._backlog.clear()

    def _write(self) -> None:
        assert self._fd is not None
        try:
            del self._backlog[: os.write(self._fd, self._backlog)]
        except BlockingIOError:
            pass
        except OSError:  # EPIPE: the process has closed its stdin
            self.close()
