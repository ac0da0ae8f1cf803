"""Changes of processes as server-sent events, for the pages that are open.

A page has seen all events up to an id, and is told of the processes that changed since; when
groups came or went, or when it is too far behind, it is told to fetch itself anew.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon import page
from trio_supervisor.protocol.messages import EventKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio_supervisor.daemon.answers import Send
    from trio_supervisor.daemon.events import EventBus
    from trio_supervisor.daemon.methods import Session
    from trio_supervisor.daemon.viewers import Viewers
    from trio_supervisor.protocol.messages import Event

EVENT_STREAM = "text/event-stream"
PAUSE = 0.1
"""Seconds in which what changes is gathered after a frame, however much it is."""
SHAPES = frozenset({EventKind.GROUP, EventKind.SUPERVISOR})
"""What a list of processes alone cannot tell."""
REREAD = "reread "
"""How the request begins after which any process may wait for a restart."""


def seen(run: str, bus: EventBus) -> str:
    """Return how a page that is made now says later what it has seen."""
    return f"{run}-{bus.last_id}"


def frame(kind: str, data: object, number: str = "") -> bytes:
    """Return one event on the wire, with the id by which a browser goes on after it."""
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


class Feed:
    """The stream of one page that has seen what ``after`` says."""

    def __init__(self, session: Session, viewers: Viewers, after: str) -> None:
        self._session = session
        self._viewers = viewers
        self._bus = session.handlers.supervisor.events
        self._after = after

    async def run(self, send: Send) -> None:
        """Send what changes, until the page leaves or has to make room for another."""
        with self._bus.subscribe() as subscription, self._viewers.place() as place:
            missed = self._missed()
            await send(b"retry: 2000\n\n" if missed is not None else self._anew())
            events = missed or []
            while not place.is_taken:
                if events:
                    await send(self._changes(events))
                    await trio.sleep(PAUSE)
                else:
                    await send(b":\n\n")
                events = await place.wait(subscription)
            await send(frame("full", None))

    def _missed(self) -> list[Event] | None:
        """Return what happened since the page was made; None when nobody knows."""
        run, _, number = self._after.partition("-")
        if run != self._viewers.run or not number.isdecimal():
            return None
        return self._bus.after(int(number))

    def _anew(self) -> bytes:
        return frame("page", None, seen(self._viewers.run, self._bus))

    def _changes(self, events: list[Event]) -> bytes:
        """Return the frame for what happened, told as it is now."""
        if any(map(_is_of_all, events)):
            return self._anew()
        number = f"{self._viewers.run}-{events[-1].id}"
        return frame("rows", self._rows(events), number)

    def _rows(self, events: Iterable[Event]) -> list[page.Cells]:
        pairs = {(one.group, one.name): None for one in events if one.kind is EventKind.PROCESS}
        rows, _ = self._session.handlers.supervisor.snapshot(f"{g}:{n}" for g, n in pairs)
        return [page.cells(row) for row in rows]


def _is_of_all(event: Event) -> bool:
    is_reread = event.kind is EventKind.REQUEST and event.detail.startswith(REREAD)
    return bool(event.lost) or event.kind in SHAPES or is_reread
