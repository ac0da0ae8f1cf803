"""The life of a process as data: its states, the legal steps between them, what follows an exit.

Read this first. Nothing here waits, spawns or looks at a clock: `daemon/program.py` does the
waiting and asks `after_exit` what to do. Numbers and arithmetic are supervisord's
(its states.py and process.py), with two differences that `after_exit` and `RESPAWN_FLOOR` state.
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
    _S.EXITED: frozenset({_S.STARTING, _S.STOPPING, _S.STOPPED, _S.FATAL}),
    _S.FATAL: frozenset({_S.STARTING}),
    _S.UNKNOWN: frozenset({_S.STARTING, _S.STOPPED}),
}
"""What may follow what. STARTING → STOPPED: the stop came before there was a process.

EXITED, BACKOFF → STOPPING: a stop while members of the ended process still live.
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


class RestartPolicy(Record):
    """When a process that ended is started again, and when it is given up."""

    autorestart: bool | Literal["unexpected"] = "unexpected"
    exitcodes: frozenset[int] = frozenset({0})
    startretries: int = 3


class Ended(Record):
    """How a run ended: ``returncode`` as in subprocess (-n for signal n), None if never spawned.

    ``settled`` says whether it had stayed up for ``startsecs``; ``uptime`` is in seconds;
    ``replaced`` that it was ended because it was no good any more.
    """

    returncode: int | None
    settled: bool
    uptime: float = 0.0
    replaced: bool = False


class Next(Record):
    """The states to pass through now, and the delay until the next spawn (None: until asked)."""

    states: tuple[ProcessState, ...]
    restart_in: float | None = None


def is_expected(policy: RestartPolicy, ended: Ended) -> bool:
    """Say whether an end was one that the configuration announced: a settled run, a listed code."""
    return ended.settled and not ended.replaced and ended.returncode in policy.exitcodes


def after_exit(policy: RestartPolicy, ended: Ended, failures: int) -> Next:
    """Decide what follows a run; ``failures`` counts unsettled runs in a row, this one too.

    As supervisord's process.py does: the n-th failure waits n seconds, and more than
    ``startretries`` of them end in FATAL. Unlike it, an exit decides by itself whether the run
    had settled (no late promotion to RUNNING), and no spawn follows another within a second.
    """
    floor = max(0.0, RESPAWN_FLOOR - ended.uptime)
    if not ended.settled:
        if failures > policy.startretries:
            return Next((_S.BACKOFF, _S.FATAL))
        return Next((_S.BACKOFF,), max(float(failures), floor))
    wants_restart = (
        ended.replaced
        or policy.autorestart is True
        or (policy.autorestart == "unexpected" and not is_expected(policy, ended))
    )
    return Next((_S.EXITED,), floor if wants_restart else None)
