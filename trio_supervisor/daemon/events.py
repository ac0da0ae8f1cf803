"""What happened and why: the bus that every transition goes through.

`publish` never waits: a subscriber that is slow loses events and is told how many. What is worth
it is remembered, so that a late subscriber can ask for the past.
"""

from __future__ import annotations

import math
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import trio

from trio_supervisor.daemon.memory import Memory
from trio_supervisor.protocol.messages import Event, EventKind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from trio_supervisor.lifecycle import ProcessState

LONGEST_KEPT = 4096
"""Characters of the detail of an event that is remembered, at the most."""
QUEUE = 1024
"""Events a subscriber may be behind before it loses some."""
WEIGHT = 8 * 1024 * 1024
"""Bytes of output in those events, before some are lost."""


class Backlog:
    """Events that wait, at most ``room`` of them; the oldest make way for the newest."""

    def __init__(self, room: int = QUEUE) -> None:
        self.room = room
        self._events: deque[Event] = deque()
        self._weight = 0

    def __bool__(self) -> bool:
        return bool(self._events)

    def push(self, event: Event) -> list[Event]:
        """Add the newest; return what had to go for it."""
        self._events.append(event)
        self._weight += len(event.data)
        dropped = []
        while len(self._events) > self.room or (self._weight > WEIGHT and len(self._events) > 1):
            dropped.append(self.pop())
        return dropped

    def put_back(self, event: Event) -> None:
        """Make an event the oldest one again."""
        self._events.appendleft(event)
        self._weight += len(event.data)

    def pop(self) -> Event:
        """Take the oldest."""
        event = self._events.popleft()
        self._weight -= len(event.data)
        return event


class Subscriber(Protocol):
    """Is told of events, those of time itself among them if somebody ``wants_ticks``."""

    @property
    def wants_ticks(self) -> bool:
        """Whether time has to be told."""

    def offer(self, event: Event) -> None:
        """Take note of an event; never raises, never waits."""


class Subscription:
    """One reader's bounded queue of events, after all of the past; iterate it."""

    wants_ticks = False

    def __init__(self, past: list[Event]) -> None:
        self._past = past
        self._lost = 0
        self._is_closed = False
        self._backlog = Backlog()
        self._arrived = trio.Event()

    def offer(self, event: Event) -> None:
        """Queue an event; those that are too old are counted as lost."""
        self._lost += len(self._backlog.push(event))
        self._arrived.set()

    def close(self) -> None:
        """Let the reader know that nothing more will come."""
        self._is_closed = True
        self._arrived.set()

    async def __aiter__(self) -> AsyncGenerator[Event, None]:
        """Yield events as they come, until closed."""
        past, self._past = self._past, []
        for event in past:
            yield event
        while not self._is_closed or self._backlog:
            await self._arrived.wait()
            while self._backlog:
                event, lost = self._backlog.pop(), self._lost
                self._lost = 0
                yield event.replace(lost=lost) if lost else event
            self._arrived = trio.Event()


class EventBus:
    """Numbers events, remembers what is worth it, hands them to subscribers."""

    def __init__(self) -> None:
        self._last_id = 0
        self._memory = Memory()
        self._subscribers: set[Subscriber] = set()
        self.ticks_wanted = trio.Event()
        """Set while somebody wants to be told the time."""

    @property
    def last_id(self) -> int:
        """The id of the newest event."""
        return self._last_id

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
        if not event.data and len(event.detail) <= LONGEST_KEPT:  # output is in the logs
            self._memory.add(event)
        for subscriber in self._subscribers:
            subscriber.offer(event)
        return self._last_id

    def transition(
        self,
        namespec: tuple[str, str],
        states: tuple[ProcessState, ProcessState],
        *,
        cause: int | None,
        **fields: Any,
    ) -> int:
        """Record that a process (group, name) went from one state to another."""
        return self.publish(
            EventKind.PROCESS,
            cause=cause,
            group=namespec[0],
            name=namespec[1],
            from_state=states[0],
            to_state=states[1],
            **fields,
        )

    def attach(self, subscriber: Subscriber) -> None:
        """Tell somebody of every event from now on; again, when that wants something else."""
        self._subscribers.add(subscriber)
        self._look_who_wants_ticks()

    def detach(self, subscriber: Subscriber) -> None:
        """Tell somebody nothing more."""
        self._subscribers.discard(subscriber)
        self._look_who_wants_ticks()

    def _look_who_wants_ticks(self) -> None:
        if any(subscriber.wants_ticks for subscriber in self._subscribers):
            self.ticks_wanted.set()
        elif self.ticks_wanted.is_set():
            self.ticks_wanted = trio.Event()

    @contextmanager
    def subscribe(self, *, past: bool = False) -> Iterator[Subscription]:
        """Queue every event from now on; with ``past``, those still known come first."""
        subscription = Subscription(list(self._memory.events) if past else [])
        self.attach(subscription)
        try:
            yield subscription
        finally:
            self.detach(subscription)

    def after(self, last: int) -> list[Event] | None:
        """Return the events after an id, without output; None when not all are kept any longer."""
        return self._memory.after(last) if last <= self._last_id else None

    def since(self, clock: float = -math.inf) -> list[Event]:
        """Return the kept events from a moment of the monotonic clock on."""
        return [event for event in self._memory.events if event.clock >= clock]
