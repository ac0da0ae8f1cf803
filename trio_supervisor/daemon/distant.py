"""A log file on a network or in user space: a thread does everything that touches it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from trio_supervisor.daemon.logfile import LogFile
from trio_supervisor.daemon.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_supervisor.daemon.mounts import Mounts

BACKLOG = 4 * 1024 * 1024
"""Bytes that may wait for a file before some are lost."""


def log_file(path: str, mounts: Mounts, **options: Any) -> LogFile:
    """Make the log file of a path, as it must be treated."""
    return (DistantFile if mounts.is_remote(path) else LogFile)(path, **options)


class DistantFile(LogFile):
    """Does what a `LogFile` does, some time later; what fails is told as output that is lost.

    A mount that hangs costs a thread and the queue; who is here never waits.
    """

    may_hang = True

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(path)
        self._real = LogFile(path, **options)  # what the thread has, and nobody else
        self._real.losses = self.losses
        self._writer = Worker(f"writes {path}", BACKLOG)

    def open(self) -> None:
        """Have it opened."""
        self._later(self._real.open)

    def take(self, data: bytes | memoryview) -> None:
        """Have bytes appended."""
        if not self._writer.put(partial(self._real.take, bytes(data)), len(data)):
            self.losses.add(len(data), "its file system does not take what is written")

    def rotate(self) -> None:
        """Have a new file begun."""
        self._later(self._real.rotate)

    def reopen(self) -> None:
        """Have it closed and opened."""
        self._later(self._real.reopen)

    def clear(self) -> None:
        """Have it emptied."""
        self._later(self._real.clear)

    def close(self) -> None:
        """Have it closed."""
        self._later(self._real.close)

    def _later(self, act: Callable[[], None]) -> None:
        self._writer.put(partial(self._attempt, act))

    def _attempt(self, act: Callable[[], None]) -> None:
        try:
            act()
        except OSError as problem:
            self.losses.add(0, problem)
