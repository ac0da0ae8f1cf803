"""The life of a process as data: its states, the legal steps between them, what follows an exit.

Read this first. Nothing here waits, spawns or looks at a clock: `daemon/program.py` does the
waiting and asks `after_exit` what to do. Numbers and arithmetic are supervisord's
(its states.py and process.py), with two differences that `after_exit` and `RESPAWN_FLOOR` state;
a `Backoff`, which it does not know, replaces its arithmetic.
"""

from __future__ import annotations

from enum import IntEnum

from trio_supervisor.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal


class ProcessState(IntEnum):
    """State of one process, under supervisord's names and numbers."""

    STOPPED = 0
    STARTING = 10
    RUNNING = 20
    BACKOFF = 30
    STOPPING = 40
    EXITED = 100
    FATAL = 200
    UNKNOWN = 1000


class SupervisorState(IntEnum):
    """State of the daemon itself."""

    FATAL = 2
    RUNNING = 1
    RESTARTING = 0
    SHUTDOWN = -1


_S = ProcessState

TRANSITIONS: dict[ProcessState, frozenset[ProcessState]] = {
    _S.STOPPED: frozenset({_S.STARTING, _S.FATAL}),
    _S.STARTING: frozenset({_S.RUNNING, _S.BACKOFF, _S.STOPPING, _S.STOPPED, _S.FATAL}),
    _S.RUNNING: frozenset({_S.EXITED, _S.STOPPING, _S.FATAL}),
    _S.BACKOFF: frozenset({_S.STARTING, _S.FATAL, _S.STOPPING, _S.STOPPED}),
    _S.STOPPING: frozenset({_S.STOPPED, _S.EXITED, _S.BACKOFF, _S.FATAL}),
    _S.EXITED: frozenset({_S.STARTING, _S.BACKOFF, _S.STOPPING, _S.STOPPED, _S.FATAL}),
    _S.FATAL: frozenset({_S.STARTING}),
    _S.UNKNOWN: frozenset({_S.STARTING, _S.STOPPED}),
}
"""What may follow what. STARTING → STOPPED: the stop came before there was a process.

EXITED, BACKOFF → STOPPING: a stop while members of the ended process still live.
EXITED → BACKOFF: a settled run failed, and a `Backoff` makes the next one wait.
STOPPING → EXITED, BACKOFF: it was stopped to be replaced, and is still wanted.
Any state → FATAL: supervision of this one process failed, and it was given up.
"""

RUNNING_STATES = frozenset({_S.STARTING, _S.RUNNING, _S.BACKOFF})
"""What ``start`` refuses and ``stop`` accepts."""

SIGNALLABLE_STATES = frozenset({_S.STARTING, _S.RUNNING, _S.STOPPING})

STOPPED_STATES = frozenset({_S.STOPPED, _S.EXITED, _S.FATAL, _S.UNKNOWN})
"""What makes ``supervisorctl status`` exit with 3."""

RESPAWN_FLOOR = 1.0
"""Least seconds between two automatic spawns of one process (s6 has the same floor).

supervisord has none: with ``startsecs=0`` it forks a failing program as fast as it can.
"""


class Backoff(Record):
    """How the waits between failures grow; times are in seconds.

    ``jitter`` is the fraction by which a wait may be longer or shorter. A run of ``reset_after``
    lets the failures before it be forgotten.
    """

    base: float = 1.0
    factor: float = 2.0
    max: float = 60.0
    jitter: float = 0.0
    reset_after: float = 60.0

    def wait(self, failures: int, chance: float) -> float:
        """Return the wait after so many failures in a row, one or more.

        ``chance`` is from 0 to 1: the shortest to the longest wait that ``jitter`` allows.
        """
        try:
            wait = min(self.base * self.factor ** (failures - 1), self.max)
        except OverflowError:
            wait = self.max
        return wait * (1 + self.jitter * (2 * chance - 1))


class RestartPolicy(Record):
    """When a process that ended is started again, and when it is given up.

    Of a task (``is_task``), which is there to end, a run that fails counts as a failed start.
    """

    autorestart: bool | Literal["unexpected"] = "unexpected"
    exitcodes: frozenset[int] = frozenset({0})
    startretries: int = 3
    backoff: Backoff | None = None
    is_task: bool = False


class Ended(Record):
    """How a run ended: ``returncode`` as in subprocess (-n for signal n), None if never spawned.

    ``settled`` says whether it had stayed up for ``startsecs``; ``uptime`` is in seconds;
    ``replaced`` that it was ended because it was no good any more, ``blameless`` that it was ended
    because of another, and is to run again.
    """

    returncode: int | None
    settled: bool
    uptime: float = 0.0
    replaced: bool = False
    blameless: bool = False


class Next(Record):
    """The states to pass through now, and the delay until the next spawn (None: until asked)."""

    states: tuple[ProcessState, ...]
    restart_in: float | None = None


def is_expected(policy: RestartPolicy, ended: Ended) -> bool:
    """Say whether an end was one that the configuration announced: a settled run, a listed code."""
    is_usual = ended.settled and not ended.replaced and ended.returncode in policy.exitcodes
    return ended.blameless or is_usual


def has_failed_to_start(policy: RestartPolicy, ended: Ended) -> bool:
    """Say whether an end is one of those that ``startretries`` limits."""
    has_failed = not ended.settled or (policy.is_task and not is_expected(policy, ended))
    return has_failed and not ended.blameless


def failures_in_a_row(policy: RestartPolicy, ended: Ended, before: int) -> int:
    """Count what a `Backoff` grows with: failed starts, and settled runs that ended unexpectedly.

    An expected end is no failure, and ends the row; a blameless one changes nothing.
    """
    if ended.blameless:
        return before
    if is_expected(policy, ended):
        return 0
    is_forgotten = policy.backoff is None or ended.uptime >= policy.backoff.reset_after
    return 1 if is_forgotten else before + 1


def after_exit(
    policy: RestartPolicy, ended: Ended, failures: int, *, in_a_row: int = 1, chance: float = 0.5
) -> Next:
    """Decide what follows a run; ``failures`` counts failed starts in a row, this one too.

    As supervisord's process.py does: the n-th failure waits n seconds, and more than
    ``startretries`` of them end in FATAL. Unlike it, an exit decides by itself whether the run
    had settled (no late promotion to RUNNING), and no spawn follows another within a second.
    A `Backoff` decides how long to wait by `failures_in_a_row` and ``chance``.
    """
    floor = max(0.0, RESPAWN_FLOOR - ended.uptime)
    if ended.blameless:
        return Next((_S.EXITED if ended.settled else _S.BACKOFF,), floor)
    expected = is_expected(policy, ended)
    wants_restart = (
        ended.replaced
        or policy.autorestart is True
        or (policy.autorestart == "unexpected" and not expected)
    )
    first = (_S.EXITED,) if ended.settled else ()
    if not ended.settled or (wants_restart and has_failed_to_start(policy, ended)):
        if failures > policy.startretries:
            return Next((*first, _S.BACKOFF, _S.FATAL))
        wait = policy.backoff.wait(in_a_row, chance) if policy.backoff else float(failures)
        return Next((*first, _S.BACKOFF), max(wait, floor))
    if wants_restart and policy.backoff and not expected:
        return Next((*first, _S.BACKOFF), max(policy.backoff.wait(in_a_row, chance), floor))
    return Next(first, floor if wants_restart else None)
