"""The bounded queue between a log that grows and one reader who follows it."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import trio

LIMIT = 256 * 1024
"""Bytes a reader may be behind before it loses the oldest."""


class Hearer(Protocol):
    """Is told what is written to a log."""

    def offer(self, data: bytes) -> None:
        """Take note of what was written; never raises, never waits."""

    def close(self) -> None:
        """Take note that nothing more will come."""


class Follower:
    """Keeps what a reader has not read yet, at most LIMIT bytes of it, and counts the rest."""

    def __init__(self) -> None:
        self.is_closed = False
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._lost = 0
        self._arrived = trio.Event()

    def offer(self, data: bytes) -> None:
        """Queue bytes; the oldest go when the reader is too far behind."""
        self._chunks.append(data)
        self._size += len(data)
        while self._size > LIMIT:
            oldest = self._chunks.popleft()
            self._size -= len(oldest)
            self._lost += len(oldest)
        self._arrived.set()

    def close(self) -> None:
        """Let the reader know that nothing more will come."""
        self.is_closed = True
        self._arrived.set()

    async def take(self) -> tuple[bytes, int]:
        """Wait for bytes; return all there are, and how many were lost before them."""
        await self._arrived.wait()
        self._arrived = trio.Event()
        data, lost = b"".join(self._chunks), self._lost
        self._chunks.clear()
        self._size = self._lost = 0
        return data, lost
