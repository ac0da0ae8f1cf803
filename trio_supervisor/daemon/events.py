"""What happened and why: the bus that every transition goes through.

`publish` never waits: a subscriber that is slow loses events and is told how many. The newest
events stay in a ring, so that a late subscriber can ask for the past.
"""

from __future__ import annotations

import math
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import trio

from trio_supervisor.protocol.messages import Event, EventKind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from trio_supervisor.lifecycle import ProcessState

RING = 2048
"""Events kept for those who ask later."""
QUEUE = 1024
"""Events a subscriber may be behind before it loses some."""


class Subscription:
    """One reader's bounded queue of events; iterate it."""

    def __init__(self, past: list[Event]) -> None:
        self._lost = 0
        self._send, self._receive = trio.open_memory_channel[Event](QUEUE)
        for event in past[-QUEUE:]:
            self.offer(event)

    def offer(self, event: Event) -> None:
        """Queue an event, or count it as lost."""
        try:
            self._send.send_nowait(event.replace(lost=self._lost) if self._lost else event)
        except trio.WouldBlock:
            self._lost += 1
        else:
            self._lost = 0

    async def __aiter__(self) -> AsyncGenerator[Event, None]:
        """Yield events as they come, for ever."""
        async for event in self._receive:
            yield event


class EventBus:
    """Numbers events, keeps the newest, hands them to subscribers."""

    def __init__(self) -> None:
        self._last_id = 0
        self._ring: deque[Event] = deque(maxlen=RING)
        self._subscriptions: set[Subscription] = set()

    def publish(self, kind: EventKind, *, cause: int | None = None, **fields: Any) -> int:
        """Record that something happened; return the event's id, for what it will cause."""
        self._last_id += 1
        event = Event(
            id=self._last_id,
            kind=kind,
            time=time.time(),
            clock=trio.current_time(),
            cause=cause,
            **fields,
        )
        self._ring.append(event)
        for subscription in self._subscriptions:
            subscription.offer(event)
        return self._last_id

    def transition(
        self,
        namespec: tuple[str, str],
        states: tuple[ProcessState, ProcessState],
        *,
        cause: int | None,
        pid: int | None,
        detail: str,
    ) -> int:
        """Record that a process (group, name) went from one state to another."""
        return self.publish(
            EventKind.PROCESS,
            cause=cause,
            group=namespec[0],
            name=namespec[1],
            from_state=states[0],
            to_state=states[1],
            pid=pid,
            detail=detail,
        )

    @contextmanager
    def subscribe(self, *, past: bool = False) -> Iterator[Subscription]:
        """Queue every event from now on; with ``past``, those still known come first."""
        subscription = Subscription(list(self._ring) if past else [])
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def since(self, clock: float = -math.inf) -> list[Event]:
        """Return the kept events from a moment of the monotonic clock on."""
        return [event for event in self._ring if event.clock >= clock]
