"""The pseudo-terminal of a process with ``tty``: its window, and what logs make of its output.

Our end stays open until nothing of the process is left: closed earlier, it would hang up on those
who still write, and take their last words.
"""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from typing import TYPE_CHECKING, NamedTuple

from trio_supervisor.console.modes import Modes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trio_supervisor.daemon.follower import Hearer
    from trio_supervisor.daemon.logfile import Sink

NAME = "xterm-256color"
"""TERM of a process, where the daemon has none that could be passed on."""
LARGEST = 0xFFFF
"""Rows or columns of a window: ioctl_tty(2) has 16 bits for each."""
REMEMBERED = 32 * 1024
"""Bytes of output, at least, that somebody who attaches can be shown."""


class Window(NamedTuple):
    """The size of a terminal in characters."""

    rows: int = 24
    columns: int = 80


def open_terminal(window: Window, owner: int | None) -> tuple[int, int]:
    """Make a pseudo-terminal of a user, or raise OSError; return our end and the process's."""
    ours, theirs = os.openpty()
    try:
        os.set_blocking(ours, False)
        resize(ours, window)
        if owner is not None:
            os.fchown(theirs, owner, -1)  # who opens it by its name must be allowed to
    except OSError:
        os.close(ours)
        os.close(theirs)
        raise
    return ours, theirs


def resize(descriptor: int, window: Window) -> None:
    """Give a terminal another size; the kernel tells those in its foreground (SIGWINCH)."""
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", *window, 0, 0))


def window_of(descriptor: int) -> Window | None:
    """Return the size of a terminal, None for what is none, or does not know its size."""
    try:
        columns, rows = os.get_terminal_size(descriptor)
    except OSError:
        return None
    return Window(rows, columns) if rows and columns else None


class Screen:
    """The last of what a terminal was sent, just as it was, for those who attach to it.

    Before it comes what brings another terminal into the modes in which it was shown: a program
    that fills the screen switches them on once, and that may be long ago.
    """

    path = ""
    may_hang = False

    def __init__(self) -> None:
        self.followers: set[Hearer] = set()
        self._recent = b""
        self._modes = Modes()
        """Those in which the terminal was before the recent output."""

    def write(self, data: bytes | memoryview) -> None:
        """Keep bytes, and pass them on to those who look."""
        kept = bytes(data)
        for follower in self.followers:
            follower.offer(kept)
        self._recent += kept
        if len(self._recent) > 2 * REMEMBERED:
            at = self._recent.find(b"\n", -REMEMBERED) + 1 or len(self._recent) - REMEMBERED
            self._modes.feed(self._recent[:at])
            self._recent = self._recent[at:]

    def tail(self, size: int, chunk: int) -> Iterator[bytes]:
        """Yield the last ``size`` bytes, as far as they are still known, after their modes."""
        at = max(0, len(self._recent) - size)
        modes = self._modes.copy()
        modes.feed(self._recent[:at])
        last = modes.entry + modes.unfinished + self._recent[at:]
        for start in range(0, len(last), chunk):
            yield last[start : start + chunk]

    def close(self) -> None:
        """Let those who look know that nothing more will come."""
        for follower in self.followers:
            follower.close()


class Newlines:
    """Passes on what a terminal was sent with the ends of lines that files have."""

    def __init__(self, sinks: Iterable[Sink]) -> None:
        self._sinks = tuple(sinks)
        self._held = b""

    def write(self, data: bytes | memoryview) -> None:
        """Pass on; a carriage return at the end waits for what follows it."""
        text = self._held + bytes(data)
        self._held = b"\r" if text.endswith(b"\r") else b""
        text = text[: len(text) - len(self._held)].replace(b"\r\n", b"\n")
        if text:
            for sink in self._sinks:
                sink.write(text)

    def finish_line(self) -> None:
        """Forget a carriage return that nothing follows."""
        self._held = b""
