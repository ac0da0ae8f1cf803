"""A target that is no regular file: a pipe, a terminal, a socket, a device.

It is never rotated, and it may be slow or stuck at any time. What it does not take at once is
written by a thread as soon as it goes; what is too much is counted as lost. Nobody is stalled.
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
import time
from functools import partial
from typing import TYPE_CHECKING

from trio_supervisor.daemon.worker import Worker

if TYPE_CHECKING:
    from trio_supervisor.daemon.losses import Losses

BACKLOG = 1024 * 1024
"""Bytes that may wait for a target that takes nothing, before some are lost."""
LAST_WORDS = 1.0
"""Seconds that a target has at the end to take what waits for it."""
LOOK_EVERY = 500
"""Milliseconds after which the thread of a stuck target looks whether its time is up."""

_OWN = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_FOLDERS = ("/dev/fd/", "/proc/self/fd/")


def descriptor_of(path: str) -> int | None:
    """Return the descriptor of this process that a path means, if it means one."""
    folder, _, number = path.rpartition("/")
    if f"{folder}/" in _FOLDERS and number.isdecimal():
        return int(number)
    return _OWN.get(path)


def is_stream(path: str) -> bool:
    """Say whether a path is not ours to move or remove: no regular file, or an open one of ours."""
    try:
        return descriptor_of(path) is not None or not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:  # it will be a new file, or opening it will tell the problem
        return False


class Stream:
    """Writes to one such target without ever waiting for it."""

    def __init__(self, path: str, losses: Losses) -> None:
        """Open it; OSError when that fails, as for a named pipe that nobody reads."""
        self._fd = _open(path)
        self._losses = losses
        self._worker = Worker(f"writes {path}", BACKLOG)
        self._until = float("inf")

    def write(self, data: bytes | memoryview) -> None:
        """Write what goes; the rest follows, or is lost."""
        try:
            written = os.write(self._fd, data) if self._worker.is_idle else 0
        except BlockingIOError:
            written = 0
        except OSError as problem:
            self._losses.add(len(data), problem)
            return
        rest = bytes(data[written:])
        if rest and not self._worker.put(partial(self._write_late, rest), len(rest)):
            self._losses.add(len(rest), "it does not take what is written")

    def close(self) -> None:
        """Close it when it has taken what waits, at most LAST_WORDS from now."""
        self._until = time.monotonic() + LAST_WORDS
        if self._worker.is_idle or not self._worker.put(self._close):
            self._close()

    def _write_late(self, data: bytes) -> None:
        """Write all of it, when the target takes it; in the worker's thread."""
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        rest = memoryview(data)
        try:
            while rest and time.monotonic() < self._until:
                if poll.poll(LOOK_EVERY):
                    rest = rest[_write_some(self._fd, rest) :]
        except OSError as problem:
            self._losses.add(len(rest), problem)

    def _close(self) -> None:
        os.close(self._fd)


def non_blocking(descriptor: int) -> int:
    """Open what a descriptor is open on anew, so that others' use of it stays blocking.

    A regular file never blocks; opened anew, it would be written from its beginning.
    """
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.dup(descriptor)
    try:
        opened = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:  # a socket, another user's pipe, or no /proc
        opened = os.dup(descriptor)
        os.set_blocking(opened, False)
    try:
        fcntl.fcntl(opened, fcntl.F_SETPIPE_SZ, BACKLOG)
    except (AttributeError, OSError):
        pass  # no pipe, or none that may grow
    return opened


def _open(path: str) -> int:
    descriptor = descriptor_of(path)
    if descriptor is not None:
        return non_blocking(descriptor)
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)


def _write_some(descriptor: int, data: memoryview) -> int:
    try:
        return os.write(descriptor, data)
    except BlockingIOError:  # somebody else was faster
        return 0
