"""Which events are remembered: the newest, and of those before them what still explains something.

That is how all came up, and what led to the present state of each process: what one that crashes
again and again brings forth pushes out neither. Pure, and bounded by the number of processes.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from trio_supervisor.protocol.messages import Event, EventKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    Key = tuple[str, str]

NEWEST = 2048
"""Events that are kept whatever they are about."""
FIRST = 12
"""Events of each process that are kept of the start-up."""
STEPS = 12
"""Events that are kept of what led to the last one of each process, itself included."""
BEGINNINGS = frozenset({"started", "reloaded"})


class Memory:
    """Takes events in the order of their ids; ``forgotten`` is the newest id that is not kept.

    It looks what to forget only when it has grown by half since it last did: so what an event costs
    does not depend on how many there are.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.forgotten = 0
        self._room = NEWEST + NEWEST // 2

    def add(self, event: Event) -> None:
        """Remember an event, and forget what is worth nothing if there are too many."""
        self.events.append(event)
        if len(self.events) > self._room:
            self._forget()

    def after(self, last: int) -> list[Event] | None:
        """Return the events after an id; None when not all are kept any longer."""
        if last < self.forgotten:
            return None
        return [event for event in self.events if event.id > last]

    def _forget(self) -> None:
        explaining = what_explains(self.events)
        older, newest = self.events[:-NEWEST], self.events[-NEWEST:]
        kept = [event for event in older if event.id in explaining]
        lost = (event.id for event in older if event.id not in explaining)
        self.forgotten = max(lost, default=self.forgotten)
        self.events = kept + newest
        self._room = len(self.events) + len(self.events) // 2


def what_explains(events: Sequence[Event]) -> set[int]:
    """Return the ids of what tells how all came up, and how each process came to be as it is."""
    begin = max((event.id for event in events if _begins(event)), default=0)
    groups = _groups_since(begin, events)
    counts: Counter[Key] = Counter()
    last: dict[Key, Event] = {}
    found = set()
    for event in events:
        if event.group and event.group not in groups:
            continue  # nobody can ask about it
        key = event.group, event.name
        last[key] = event
        if event.id >= begin:
            counts[key] += 1
            if counts[key] <= FIRST:
                found.add(event.id)
    known = {event.id: event for event in events}
    for event in last.values():
        found |= _steps_to(event, known)
    return found


def _begins(event: Event) -> bool:
    return event.kind is EventKind.SUPERVISOR and event.detail in BEGINNINGS


def _groups_since(begin: int, events: Sequence[Event]) -> set[str]:
    """Return the groups that were added since all began, and not removed."""
    found = {event.group: event for event in events if event.kind is EventKind.GROUP}
    return {name for name, e in found.items() if e.id > begin and e.detail == "added"}


def _steps_to(event: Event, known: dict[int, Event]) -> set[int]:
    """Return the ids of an event and of its causes, so many as are told."""
    found: set[int] = set()
    step: Event | None = event
    while step is not None and len(found) < STEPS:
        found.add(step.id)
        step = known.get(step.cause or 0)
    return found
