"""The states of one process as they follow one another, each published with its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_supervisor.lifecycle import TRANSITIONS
from trio_supervisor.protocol.messages import EventKind

if TYPE_CHECKING:
    from trio_supervisor.daemon.condition import Condition
    from trio_supervisor.daemon.events import EventBus
    from trio_supervisor.daemon.turns import Rank
    from trio_supervisor.lifecycle import ProcessState
    from trio_supervisor.protocol.messages import Channel


class History:
    """Changes the state of a condition; ``cause`` is the id of what leads to the next change."""

    def __init__(self, rank: Rank, condition: Condition, events: EventBus) -> None:
        self.cause: int | None = None
        self._rank = rank
        self._condition = condition
        self._events = events

    def enter(self, state: ProcessState, detail: str = "", *, expected: bool = False) -> None:
        """Come into a state, because of what came before."""
        before = self._condition.state
        assert state in TRANSITIONS[before], f"{self._rank}: {before.name} to {state.name}"
        self._condition.state = state
        self.cause = self._events.transition(
            (self._rank.group, self._rank.name),
            (before, state),
            cause=self.cause,
            pid=self._condition.last_pid,
            detail=detail,
            tries=self._condition.failures,
            expected=expected,
        )

    def note(self, detail: str, cause: int | None = None) -> None:
        """Tell what is no change of state, because of what came before unless a cause is named.

        The detail goes on after "it was"; without one, it had all it needs.
        """
        self.cause = self._events.publish(
            EventKind.WAIT,
            cause=self.cause if cause is None else cause,
            group=self._rank.group,
            name=self._rank.name,
            detail=detail,
        )

    def tell_health(self, detail: str) -> None:
        """Tell what was found out about a process that runs; it goes on after "it was"."""
        self.cause = self._events.publish(
            EventKind.HEALTH,
            cause=self.cause,
            group=self._rank.group,
            name=self._rank.name,
            pid=self._condition.last_pid,
            detail=detail,
        )

    def say(self, kind: EventKind, channel: Channel, data: bytes) -> None:
        """Tell what the process has written, or what of it was captured."""
        self._events.publish(
            kind,
            cause=self.cause,
            group=self._rank.group,
            name=self._rank.name,
            pid=self._condition.last_pid,
            detail=channel.name.lower(),
            data=data,
        )
