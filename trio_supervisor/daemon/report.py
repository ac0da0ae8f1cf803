"""What an operation tells of its progress: outcomes in order, read by whoever asked, or nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from trio_supervisor.errors import Fault
from trio_supervisor.protocol.messages import Action, Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trio_supervisor.daemon.waiter import Waiter


class Report:
    """Outcomes of one operation; the operation never waits for its reader."""

    def __init__(self) -> None:
        self._outcomes: list[Outcome] = []
        self._is_over = False
        self._news = trio.Event()

    def add(
        self,
        action: Action,
        group: str,
        name: str = "",
        fault: Fault = Fault.SUCCESS,
        detail: str = "",
    ) -> None:
        """Tell an outcome."""
        self._outcomes.append(Outcome(action, group, name, fault, detail))
        self._news.set()

    def close(self) -> None:
        """Tell that it is over."""
        self._is_over = True
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Outcome]:
        """Yield the outcomes as they come, until it is over."""
        told = 0
        while True:
            news = self._news = trio.Event()
            for outcome in self._outcomes[told:]:
                yield outcome
                told += 1
            if told == len(self._outcomes) and self._is_over:
                return
            if told == len(self._outcomes):
                await news.wait()


class Pending:
    """One process of an operation, and the waiter for what becomes of it."""

    def __init__(self, action: Action, group: str, name: str, waiter: Waiter) -> None:
        self._action = action
        self._group = group
        self._name = name
        self._waiter = waiter

    async def outcome(self, *, wait: bool) -> Outcome:
        """Return the outcome; without ``wait``, what is known of it already."""
        if wait:
            await self._waiter.wait()
        waiter = self._waiter
        return Outcome(self._action, self._group, self._name, waiter.fault, waiter.detail)
