"""The states of one process as they follow one another, each published with its cause."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, NamedTuple

import trio

from trio_supervisor.lifecycle import TRANSITIONS, ProcessState
from trio_supervisor.protocol.messages import EventKind

if TYPE_CHECKING:
    from trio_supervisor.daemon.condition import Condition
    from trio_supervisor.daemon.events import EventBus
    from trio_supervisor.daemon.turns import Rank
    from trio_supervisor.protocol.messages import Channel
    from trio_supervisor.spec import ProgramSpec

ENDING = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGKILL})
"""Signals that ask a process to end, besides its stopsignal."""


class Sent(NamedTuple):
    """A signal that somebody had sent to a process; ``at`` is on Trio's clock."""

    number: int
    pid: int | None
    at: float
    cause: int


class History:
    """Changes the state of a condition; ``cause`` is the id of what leads to the next change."""

    def __init__(self, rank: Rank, condition: Condition, events: EventBus) -> None:
        self.cause: int | None = None
        self._rank = rank
        self._condition = condition
        self._events = events
        self._sent: Sent | None = None

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

    def note_signal(self, number: int, cause: int) -> None:
        """Take note that somebody had a signal sent: perhaps the process ends because of it."""
        self._sent = Sent(number, self._condition.last_pid, trio.current_time(), cause)

    def note_end(self, returncode: int, spec: ProgramSpec) -> None:
        """Let an end that was asked for by a signal have that for its cause.

        It has died of it, or has ended in the time that the configuration gives it to stop.
        """
        sent = self._sent
        if sent is None or sent.pid != self._condition.last_pid:
            return
        is_soon = trio.current_time() - sent.at <= spec.stopwaitsecs
        was_asked = is_soon and sent.number in {*ENDING, spec.stopsignal}
        is_stopping = self._condition.state is ProcessState.STOPPING  # which has its own cause
        if (was_asked or returncode == -sent.number) and not is_stopping:
            self.cause = sent.cause

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
