"""One large answer at a time, so that control and supervision come between them.

Many that are made at once keep everything else from the loop, and from the interpreter's lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

    T = TypeVar("T")


class Pace:
    """What those who make large answers share."""

    def __init__(self) -> None:
        self._turn = trio.Lock()
        self._writer = trio.CapacityLimiter(1)

    async def turn(self) -> None:
        """Wait for a turn: all others that can run come before the next one."""
        async with self._turn:
            await trio.lowlevel.checkpoint()

    async def write(self, write: Callable[[], T]) -> T:
        """Return what a thread makes, when it has made what it was given before."""
        return await trio.to_thread.run_sync(write, limiter=self._writer)
