"""The last answers: whoever has asked for something has it before the daemon goes."""

from __future__ import annotations

from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from trio_supervisor.protocol.messages import Message

LAST_WORDS = 1.0
"""Seconds that clients have to take what is left to be told."""


class Farewell:
    """Who is still being answered; said once, when all is down."""

    def __init__(self) -> None:
        self._is_down = trio.Event()
        self._answering = 0
        self._answered = trio.Event()
        self._endings: set[Callable[[], None]] = set()

    async def say(self) -> None:
        """End what would go on for ever; return when everybody has their answer."""
        self._is_down.set()
        for end in self._endings:
            end()
        with trio.move_on_after(LAST_WORDS):
            while self._answering:
                self._answered = trio.Event()
                await self._answered.wait()

    async def wait(self) -> None:
        """Wait until all is down."""
        await self._is_down.wait()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Let it wait until this answer has been taken."""
        self._answering += 1
        try:
            yield
        finally:
            self._answering -= 1
            self._answered.set()

    @contextmanager
    def until_down(self, end: Callable[[], None]) -> Iterator[None]:
        """Let it call ``end``, and wait until what that ends has been taken."""
        with self.answering():
            self._endings.add(end)
            if self._is_down.is_set():
                end()
            try:
                yield
            finally:
                self._endings.discard(end)

    async def with_all_of(
        self, answer: AsyncGenerator[Message, None]
    ) -> AsyncGenerator[Message, None]:
        """Let it wait for the end of a stream."""
        with self.answering():
            async with aclosing(answer) as messages:
                async for message in messages:
                    yield message
