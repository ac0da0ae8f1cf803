"""The listeners of one ``[eventlistener:x]``: each event that they want goes to one of them.

Nobody waits for a listener: events wait in a bounded buffer, the oldest go when it is full, and
how many went is counted, logged and shown. A listener that is stuck is replaced.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.events import Backlog
from trio_supervisor.daemon.listener import Attention, Listener
from trio_supervisor.daemon.payloads import header, payload
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.happenings import leaves_of, name_of
from trio_supervisor.protocol.messages import EventKind
from trio_supervisor.spec import ListenerSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.daemon.events import EventBus
    from trio_supervisor.daemon.program import Program
    from trio_supervisor.protocol.messages import Event

log = logging.getLogger(__name__)

REST = 0.1
"""Seconds in which who has refused an event is given none: it may refuse it for ever."""
REPORT_EVERY = 60.0
"""Seconds between two reports of lost events."""


class Pool:
    """Hands the events that its listeners want to whoever is ready, one at a time to each.

    ``identifier`` is the daemon's, as events name it.
    """

    def __init__(
        self, name: str, programs: Mapping[str, Program], bus: EventBus, identifier: str
    ) -> None:
        """Hear of every event from now on, until `close`."""
        self._name = name
        self._bus = bus
        self._identifier = identifier
        self._listeners = {
            name: Listener(program, self._hand_out, self._take_result)
            for name, program in programs.items()
        }
        self._backlog = Backlog()
        self._serials: dict[int, int] = {}
        self._next_serial = 0
        self._in_hand: dict[Listener, Event] = {}
        self._nursery: trio.Nursery | None = None
        self._lost = 0
        self._refused = 0
        self._adopted = trio.Event()
        self._reported = -REPORT_EVERY
        for listener in self._listeners.values():
            listener.program.hearers = (listener,)
            self._adopt(listener.program)

    @property
    def wants_ticks(self) -> bool:
        """True when time itself is an event for it."""
        return any(name.startswith("TICK") for name in self._wanted)

    def offer(self, event: Event) -> None:
        """Buffer an event that is wanted, and follow what becomes of the listeners."""
        if name_of(event) in self._wanted and not self._is_its_own_output(event):
            self._serials[event.id] = self._next_serial
            self._next_serial += 1
            self._count(self._backlog.push(event))
            self._hand_out()
        if event.group == self._name and event.to_state is not None:
            self._follow(self._listeners[event.name], event.to_state)

    async def watch(self) -> None:
        """Replace listeners that are busy with one event for too long, until cancelled."""
        async with trio.open_nursery() as self._nursery:
            for listener in self._listeners.values():
                self._nursery.start_soon(self._watch, listener)

    def close(self) -> None:
        """Hear of nothing any more."""
        self._bus.detach(self)

    def _is_its_own_output(self, event: Event) -> bool:
        """Say whether a listener wrote it: to be told of that would never end."""
        return event.group == self._name and event.kind in {EventKind.OUTPUT, EventKind.CAPTURE}

    # ── the listeners ──

    def _adopt(self, program: Program) -> None:
        """Be as the newest start of a listener wants it."""
        assert isinstance(program.spec, ListenerSpec)
        self._wanted = leaves_of(program.spec.events)
        self._backlog.room = program.spec.buffer_size
        self._timeout = program.spec.event_timeout
        self._adopted.set()
        self._adopted = trio.Event()
        self._bus.attach(self)

    def _follow(self, listener: Listener, state: ProcessState) -> None:
        """Begin anew with a new process; take back what one has that is going, or gone."""
        if state is ProcessState.STARTING:
            listener.begin()
            self._adopt(listener.program)
        elif state is not ProcessState.RUNNING:
            listener.attention = Attention.BROKEN
            self._take_back(listener)

    async def _watch(self, listener: Listener) -> None:
        while True:
            await listener.given.wait()
            while listener.attention is Attention.BUSY:
                timeout = self._timeout or float("inf")
                if trio.current_time() >= listener.since + timeout:
                    event = self._in_hand[listener]
                    self._replace(listener, f"took {timeout:g} s for event {name_of(event)}")
                with trio.move_on_at(listener.since + timeout):
                    await self._adopted.wait()  # another timeout, perhaps
            listener.given = trio.Event()

    def _replace(self, listener: Listener, why: str) -> None:
        listener.attention = Attention.BROKEN
        listener.program.replace_nowait(f"it {why} (event_timeout)")
        self._take_back(listener)

    # ── the events ──

    def _hand_out(self) -> None:
        """Give the oldest events to those who are ready."""
        for listener in self._listeners.values():
            if self._backlog and self._may_be_given(listener):
                event = self._in_hand[listener] = self._backlog.pop()
                if not listener.give(self._as_bytes(event)):
                    self._take_back(listener)

    def _may_be_given(self, listener: Listener) -> bool:
        is_rested = trio.current_time() >= listener.rests_until
        return is_rested and listener.attention is Attention.READY

    def _as_bytes(self, event: Event) -> bytes:
        data, serial = payload(event), self._serials[event.id]
        first = header(event, len(data), server=self._identifier, pool=self._name, serial=serial)
        return first + data

    def _take_result(self, listener: Listener, is_done: bool) -> None:
        event = self._in_hand[listener]
        if is_done:
            del self._in_hand[listener], self._serials[event.id]
        else:
            assert self._nursery is not None
            listener.rests_until = trio.current_time() + REST
            self._nursery.start_soon(self._hand_out_after_rest, listener.rests_until)
            self._report_refusal(listener, event)
            self._take_back(listener)

    async def _hand_out_after_rest(self, end: float) -> None:
        await trio.sleep_until(end)
        self._hand_out()

    def _report_refusal(self, listener: Listener, event: Event) -> None:
        """Log the first refusal of an event, not those that follow."""
        if event.id != self._refused:
            self._refused = event.id
            who = listener.program.rank.namespec
            log.warning("%s refused event %d (%s): it comes again", who, event.id, name_of(event))

    def _take_back(self, listener: Listener) -> None:
        """Make what a listener was given the next event again."""
        if event := self._in_hand.pop(listener, None):
            self._backlog.put_back(event)
            self._hand_out()

    def _count(self, lost: list[Event]) -> None:
        """Take note of events that there was no room for."""
        self._lost += len(lost)
        for event in lost:
            del self._serials[event.id]
        for listener in self._listeners.values() if lost else ():
            listener.program.condition.events_lost = self._lost
        if lost and trio.current_time() >= self._reported + REPORT_EVERY:
            self._reported = trio.current_time()
            text = "%s: the buffer is full, the oldest events are lost (%d so far; see buffer_size)"
            log.error(text, self._name, self._lost)
