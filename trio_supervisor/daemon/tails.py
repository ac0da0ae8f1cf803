"""What a Tail is answered: the end of a log, chunk by chunk, and what is added to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import trio

from trio_supervisor.daemon.follower import Follower
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.protocol.messages import End, Message, Output

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from trio_supervisor.daemon.farewell import Farewell
    from trio_supervisor.daemon.follower import Hearer

    class Log(Protocol):
        """What remembers the last of what was written to it, and has followers."""

        followers: set[Hearer]

        @property
        def path(self) -> str:
            """Its file, for messages."""

        @property
        def may_hang(self) -> bool:
            """Whether reading from it may take for ever."""

        def tail(self, size: int, chunk: int) -> Iterator[bytes]:
            """Yield the last ``size`` bytes in chunks."""


T = TypeVar("T")
E = TypeVar("E")

CHUNK = 256 * 1024
"""Bytes of a log that go into one message."""
_ABANDON: dict[str, Any] = {"abandon_on_cancel": True}
"""What trio-typing does not know of: a thread that hangs is left alone."""


def tail(
    file: Log, size: int, *, followed_until: Farewell | None = None
) -> AsyncGenerator[Message, None]:
    """Return the end of a log as messages, and what comes; RequestError for a size below zero."""
    if size < 0:
        raise RequestError(Fault.BAD_ARGUMENTS, f"{size} bytes")
    if followed_until is None:
        return _read(file, size)
    return _follow(file, size, followed_until)


async def _read(file: Log, size: int) -> AsyncGenerator[Message, None]:
    """Send the end of a log, one chunk after the other."""
    try:
        chunks = file.tail(size, CHUNK)
        while chunk := await take_next(file, chunks, b""):
            yield Output(chunk)
    except OSError as problem:
        raise RequestError(Fault.NO_FILE, f"{file.path}: {problem.strerror}") from problem
    yield End()


async def take_next(file: Log, chunks: Iterator[T], end: E) -> T | E:
    """Read on in a log, in a thread if that may hang; ``end`` when there is no more."""
    if file.may_hang:
        found: T | E = await trio.to_thread.run_sync(next, chunks, end, **_ABANDON)
        return found
    return next(chunks, end)


async def _follow(file: Log, size: int, until: Farewell) -> AsyncGenerator[Message, None]:
    """Send the end of a log, then what comes; nothing can come between the two."""
    follower = Follower()
    file.followers.add(follower)
    try:
        chunks = file.tail(min(size, CHUNK), CHUNK)
        while past := await take_next(file, chunks, b""):
            yield Output(past)
        with until.until_down(follower.close):
            is_over = False
            while not is_over:
                data, lost = await follower.take()
                is_over = follower.is_closed
                yield Output(data, lost)
            yield End()
    except OSError as problem:
        raise RequestError(Fault.NO_FILE, f"{file.path}: {problem.strerror}") from problem
    finally:
        file.followers.discard(follower)
