"""Changes of processes as server-sent events, for the pages that are open.

A page has seen all events up to an id, and is told of the processes that changed since; when
groups came or went, or when it is too far behind, it is told to fetch itself anew.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon import page
from trio_supervisor.daemon.answers import number_in
from trio_supervisor.protocol.messages import EventKind

if TYPE_CHECKING:
    from trio_supervisor.daemon.answers import Send
    from trio_supervisor.daemon.events import EventBus
    from trio_supervisor.daemon.methods import Session
    from trio_supervisor.daemon.viewers import Place, Viewers
    from trio_supervisor.protocol.messages import Event

EVENT_STREAM = "text/event-stream"
PAUSE = 0.1
"""Seconds in which what changes is gathered after a frame, however much it is."""
ABOUT_PROCESSES = frozenset({EventKind.PROCESS, EventKind.WAIT, EventKind.HEALTH})
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


class Changes:
    """What a page has not been told yet: which processes changed, or that it has to begin anew.

    It grows with the number of processes, not with what happens to them.
    """

    wants_ticks = False

    def __init__(self) -> None:
        self._last = 0
        self._is_of_all = False
        self._processes: dict[tuple[str, str], None] = {}
        self._arrived = trio.Event()

    def offer(self, event: Event) -> None:
        """Take note of an event, if the page shows anything of it."""
        if event.kind in ABOUT_PROCESSES:
            self._processes[event.group, event.name] = None
        elif event.kind in SHAPES or _is_reread(event):
            self._is_of_all = True
        else:
            return
        self._last = event.id
        self._arrived.set()

    def begin_anew(self) -> None:
        """Take note that nobody knows what the page has missed."""
        self._is_of_all = True
        self._arrived.set()

    async def arrived(self) -> None:
        """Wait until there is something to tell."""
        await self._arrived.wait()

    def take(self) -> tuple[int, list[tuple[str, str]] | None] | None:
        """Return the last event and the processes that changed, or None for all of them.

        Nothing at all is None.
        """
        if not self._arrived.is_set():
            return None
        found = None if self._is_of_all else list(self._processes)
        self._is_of_all = False
        self._processes = {}
        self._arrived = trio.Event()
        return self._last, found


class Feed:
    """The stream of one page that has seen what ``after`` says."""

    def __init__(self, session: Session, viewers: Viewers, after: str) -> None:
        self._session = session
        self._viewers = viewers
        self._bus = session.handlers.supervisor.events
        self._after = after

    async def run(self, send: Send) -> None:
        """Send what changes, until the page leaves or has to make room for another."""
        changes = Changes()
        self._bus.attach(changes)
        try:
            self._catch_up(changes)
            with self._viewers.place() as place:
                await send(b"retry: 2000\n\n")
                await self._follow(changes, place, send)
                await send(frame("full", None))
        finally:
            self._bus.detach(changes)

    def _catch_up(self, changes: Changes) -> None:
        """Tell what happened between the page and its stream."""
        run, _, number = self._after.partition("-")
        last = number_in(number) if run == self._viewers.run else None
        missed = None if last is None else self._bus.after(last)
        if missed is None:
            changes.begin_anew()
        for event in missed or ():
            changes.offer(event)

    async def _follow(self, changes: Changes, place: Place, send: Send) -> None:
        while not place.is_taken:
            await place.wait(changes.arrived)
            if taken := changes.take():
                await send(self._told(*taken))
                await trio.sleep(PAUSE)
            else:
                await send(b":\n\n")

    def _told(self, last: int, processes: list[tuple[str, str]] | None) -> bytes:
        """Return the frame for what changed, as it is now."""
        if processes is None:
            return frame("page", None, seen(self._viewers.run, self._bus))
        words = [f"{group}:{name}" for group, name in processes]
        rows, _ = self._session.handlers.supervisor.snapshot(words)
        return frame("rows", [page.cells(row) for row in rows], f"{self._viewers.run}-{last}")


def _is_reread(event: Event) -> bool:
    return event.kind is EventKind.REQUEST and event.detail.startswith(REREAD)
