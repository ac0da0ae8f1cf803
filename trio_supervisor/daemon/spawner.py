"""What a spawner is to whoever has something to run, and what that must be to a spawner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from trio_supervisor.daemon.ladder import Watched
from trio_supervisor.daemon.turns import Candidate

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_supervisor.daemon.logfile import Sink
    from trio_supervisor.daemon.terminal import Window
    from trio_supervisor.daemon.turns import Rank
    from trio_supervisor.errors import Fault
    from trio_supervisor.spec import ProgramSpec


class Runnable(Watched, Candidate, Protocol):
    """A program as a spawner sees it: what to run, where its output goes, whom to tell."""

    @property
    def has_stdin(self) -> bool:
        """Whether somebody may write to it; else its stdin is at its end at once."""

    @property
    def sinks(self) -> tuple[tuple[Sink, ...], tuple[Sink, ...]]:
        """Where stdout and stderr go."""

    def spawned(self, pid: int, is_alive: Callable[[], bool]) -> None:
        """Take note that there is a process; ``is_alive`` asks the kernel about it."""

    def ended(self, returncode: int) -> None:
        """Take note that the leader has ended; members may be left."""


class Spawner(Protocol):
    """Runs a process to the end of its whole tree."""

    async def run(self, program: Runnable) -> None:
        """Run once; return when nothing is left. Raises RequestError when it cannot be spawned."""

    def check(self, spec: ProgramSpec) -> None:
        """Raise RequestError when a spawn would fail: no such file, not executable."""

    def send(self, pid: int, number: int) -> None:
        """Send a signal to a process that it runs."""

    async def owns(self, rank: Rank, pid: int) -> bool:
        """Say whether a process is a member of a program."""

    def write(self, pid: int, data: bytes) -> Fault:
        """Write to the stdin of a process that it runs: all of it, or nothing and why not.

        NO_FILE when nobody can read it any more, BUSY when too much waits to be read already.
        """

    def resize(self, pid: int, window: Window) -> bool:
        """Give the terminal of a process that it runs a size; False when it has none."""
