"""A bus of events that judges each one when it is published, knowing which processes are there.

It believes nothing that the supervisor says of itself: it keeps its own account of states, causes
and acknowledged stops, and asks the fake spawner who lives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from trio_supervisor.daemon.events import EventBus
from trio_supervisor.lifecycle import RUNNING_STATES, TRANSITIONS, ProcessState
from trio_supervisor.protocol.messages import Event, EventKind, Outcome

if TYPE_CHECKING:
    from daemon_fakes import FakeSpawner

_S = ProcessState
BEGINNINGS = {"started", "reloaded", "start", "restart", "update", "add"}
"""What may lead to a spawn: what the supervisor does by itself, and requests."""
ENDINGS = {"stop", "kill", "restart", "update", "remove", "reload", "shutdown"}
"""What may lead to a stop."""


class Witness(EventBus):
    """Judges every event when it is published, and remembers what was wrong."""

    endings = ENDINGS

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.spawner: FakeSpawner | None = None
        self.log: dict[int, Event] = {}
        self.states: dict[tuple[str, str], ProcessState] = {}
        self.entered: dict[tuple[str, str], float] = {}
        """When each process came into its state, in seconds of Trio's clock."""
        self.stops: dict[tuple[str, str], int] = {}
        """By process, the newest request whose stop was acknowledged."""
        self.begun: dict[tuple[str, str], int] = {}
        """By process, what led to its last start."""
        self.untouched: dict[int, set[str]] = {}
        """By request, the groups with which it has nothing to do."""

    def publish(self, kind: EventKind, *, cause: int | None = None, **fields: Any) -> int:
        """Record and judge."""
        number = super().publish(kind, cause=cause, **fields)
        event = self.log[number] = self._memory.events[-1]
        if kind is EventKind.PROCESS:
            self._judge_transition(event)
        elif kind is EventKind.GROUP and event.detail == "added":
            self._judge_group(event)
        return number

    def newest_request(self) -> int:
        """Return the id of the last request."""
        return max((e.id for e in self.log.values() if e.kind is EventKind.REQUEST), default=0)

    def expect(self, what: object, words: str) -> None:
        """Remember what is not as it should be."""
        if not what:
            self.wrong.append(f"{trio.current_time():g} s: {words}")

    def there(self, name: str) -> set[int]:
        """Return the processes of a name that are there."""
        assert self.spawner is not None
        return self.spawner.there.setdefault(name, set())

    def present(self, name: str) -> set[int]:
        """Return those of them that can be killed."""
        assert self.spawner is not None
        return set() if name in self.spawner.immortal else self.there(name)

    def judge_stop(self, request: int, outcome: Outcome) -> None:
        """Judge what a client was told of its stop, at the moment when it hears it."""
        key = (outcome.group, outcome.name)
        self.stops[key] = max(request, self.stops.get(key, 0))
        if self.newest_request() == request:
            state = self.states.get(key, _S.STOPPED)
            is_down = state not in RUNNING_STATES and state is not _S.STOPPING
            self.expect(is_down, f"{outcome} while {state.name}")
            there = self.there(outcome.name)
            self.expect(not there, f"{outcome} with {there}")

    def judge_start(self, event: Event, first: Event, who: str) -> None:
        """Judge whether somebody wants it up: ``first`` led to its start."""
        key = (event.group, event.name)
        self.expect(_verb(first) in BEGINNINGS, f"{who} because of {first.detail}")
        self.expect(first.id >= self.stops.get(key, 0), f"{who} after a stop")
        self.begun[key] = first.id

    def _judge_transition(self, event: Event) -> None:
        key, before, state = (event.group, event.name), event.from_state, event.to_state
        assert before is not None
        assert state is not None
        who = f"{key}: {before.name} to {state.name}"
        self.expect(before is self.states.get(key, _S.STOPPED), f"{who} was {self.states.get(key)}")
        self.expect(state in TRANSITIONS[before], f"{who} is not legal")
        self.states[key] = state
        self.entered[key] = event.clock
        self.expect(not event.detail.startswith("supervision failed"), f"{who}: a bug")
        first = self._first_cause(event)
        if first is None:
            self.expect(what=False, words=f"{who} has no cause")
            return
        self.expect(event.group not in self.untouched.get(first.id, ()), f"{who}: {first.detail}")
        if state is _S.STARTING:
            self.judge_start(event, first, who)
            self.expect(not self.there(event.name), f"{who} beside {self.there(event.name)}")
        elif state is _S.STOPPING:
            self.expect(_verb(first) in self.endings, f"{who} because of {first.detail}")
        elif state is _S.STOPPED:
            self.expect(not self.present(event.name), f"{who} with {self.present(event.name)}")

    def _judge_group(self, event: Event) -> None:
        """Let a group that is put in begin anew: of the one before nothing is there."""
        for key in [key for key in self.states if key[0] == event.group]:
            self.expect(not self.there(key[1]), f"{key} is there twice")
            del self.states[key]

    def _first_cause(self, event: Event) -> Event | None:
        while event.cause is not None:
            if event.cause not in self.log or event.cause >= event.id:
                return None
            event = self.log[event.cause]
        return None if event.kind is EventKind.PROCESS else event


def _verb(event: Event) -> str:
    return event.detail.partition(" ")[0]
