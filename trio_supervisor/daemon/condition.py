"""How a process is, as status tells it: facts that the program task keeps, and their words.

The descriptions are supervisord's (rpcinterface.py: _interpretProcessInfo), and so are the log's
words for an exit status.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

import trio

from trio_supervisor.daemon.proc import pid_list
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import ProcessStatus

if TYPE_CHECKING:
    from trio_supervisor.daemon.turns import Rank
    from trio_supervisor.spec import ProgramSpec

FEW = 4
"""Names of what a program waits for that are told."""
TOO_QUICK = "Exited too quickly (process log may have details)"


@dataclass
class Condition:
    """What is known of one process. Wall times are Unix seconds, ``up_since`` Trio's clock."""

    state: ProcessState = ProcessState.STOPPED
    pid: int | None = None
    last_pid: int | None = None
    """The pid of the last run, also when that has ended."""
    spawns: int = 0
    failures: int = 0
    """Starts in a row that failed."""
    in_a_row: int = 0
    """Failures in a row as a backoff counts them."""
    again_at: float | None = None
    """When it is started again after an end, on Trio's clock."""
    spawn_error: str = ""
    root: str = ""
    """What went wrong first, where this is FATAL because of others."""
    returncode: int | None = None
    started: float | None = None
    stopped: float | None = None
    up_since: float = 0.0
    left: AbstractSet[int] = frozenset()
    """Processes that live on when the leader has ended, or although they were killed."""
    is_stuck: bool = False
    """True when those cannot be killed."""
    leaves_behind: bool = False
    """True when the run before was to leave them (``leave_behind``)."""
    is_over: bool = False
    """True when it has ended and is not to run again by itself."""
    is_respawn: bool = False
    """True when its run, or the last one, is one that nobody has asked for."""
    waits_for: str = ""
    """What must be there before it is spawned, while that is not so."""
    awaits_ready: bool = False
    """True when it has a ``ready``."""
    is_ready: bool = False
    """True when that was true in this run; without one, when it is RUNNING."""
    health: str = ""
    """``starting``, ``healthy`` or ``unhealthy``; empty without a ``health``."""
    why_unhealthy: str = ""
    why_stopped: str = ""
    """Why it is STOPPED, where nobody has asked for that."""
    said: str = ""
    """What it tells of itself in this run (``STATUS=``)."""
    events_lost: int = 0
    """Events that its pool had no room for, if it is an event listener."""

    def begin(self, spec: ProgramSpec) -> None:
        """There is to be another run."""
        self.spawn_error = self.root = self.why_stopped = ""
        self.awaits_ready = spec.ready is not None
        self.is_ready = False
        self.said = ""
        self.health = "" if spec.health is None else "starting"
        self.last_pid = None
        self.is_over = False

    def wait_for(self, needs: list[str]) -> bool:
        """It waits for these before it is spawned; say whether that is worth an event.

        It is at first, and once few are left: of many, each would be one for each.
        """
        more = [f"{len(needs) - FEW} more"] if len(needs) > FEW else []
        text, before = ", ".join([*needs[:FEW], *more]), self.waits_for
        self.waits_for = text
        return text != before and (not before or not more)

    def spawned(self, pid: int) -> None:
        """There is a process now."""
        self.pid = self.last_pid = pid
        self.spawns += 1
        self.started = time.time()
        self.up_since = trio.current_time()

    def leave(self) -> None:
        """It ends by itself, as it says: it will neither be ready nor healthy again."""
        self.is_ready = self.awaits_ready = False
        self.health = ""
        self.said = self.said or "stopping"

    def ended(self, returncode: int) -> None:
        """The process is gone."""
        self.pid = None
        self.is_ready = False
        self.health = self.said = ""
        self.returncode = returncode
        self.stopped = time.time()

    @property
    def uptime(self) -> float:
        """Seconds since the last spawn."""
        return trio.current_time() - self.up_since

    @property
    def how_it_stopped(self) -> str:
        """Say how a process that is being stopped ended; empty without one."""
        if self.state is not ProcessState.STOPPING or self.returncode is None:
            return ""
        return how_it_ended(self.returncode)

    def describe(self, name: str) -> str:
        """Say in a few words what the state alone does not."""
        match self.state:
            case ProcessState.RUNNING:
                lost = f", {self.events_lost} events lost" if self.events_lost else ""
                uptime = timedelta(seconds=int(self.uptime))
                return f"pid {self.pid}, uptime {uptime}{lost}{self._found_out()}"
            case ProcessState.STARTING if self.waits_for:
                return f"waiting for {self.waits_for}"
            case _ if self.left:
                left = pid_list(self.left)
                is_on_purpose = self.leaves_behind and self.state is not ProcessState.STOPPING
                return f"{'left behind:' if is_on_purpose else 'waiting for'} pid {left}"
            case ProcessState.BACKOFF | ProcessState.FATAL:
                why = self.spawn_error or f'unknown error (try "tail {name}")'
                return why + self._again()
            case ProcessState.STOPPED | ProcessState.EXITED:
                date = "Not started" if self.stopped is None else _date(self.stopped)
                return self.why_stopped or date
            case _:
                return self.said

    def _found_out(self) -> str:
        """Say what its probes have found out, and what it tells of itself."""
        ready = ("ready" if self.is_ready else "not ready yet") if self.awaits_ready else ""
        health = {
            "starting": "not healthy yet",
            "healthy": "healthy",
            "unhealthy": f"unhealthy: {self.why_unhealthy}",
        }
        found = (ready, health.get(self.health, ""), self.said)
        return "".join(f", {words}" for words in found if words)

    def _again(self) -> str:
        """Say when it is started again, if it waits for that."""
        if self.state is not ProcessState.BACKOFF or self.again_at is None:
            return ""
        seconds = ceil(round(self.again_at - trio.current_time(), 3))
        return f", again in {max(seconds, 0)} s"

    def status(self, rank: Rank, **more: Any) -> ProcessStatus:
        """Return the row of a snapshot; ``more`` is what others know."""
        return ProcessStatus.build(
            {
                "group": rank.group,
                "name": rank.name,
                "state": self.state,
                "description": self.describe(rank.name),
                "pid": self.pid,
                "started": self.started,
                "stopped": self.stopped,
                "returncode": self.returncode,
                "spawn_error": self.spawn_error,
                "spawns": self.spawns,
                "members": (),
                "events_lost": self.events_lost,
                "ready": self.is_ready,
                "health": self.health,
                **more,
            }
        )


def _date(moment: float) -> str:
    return time.strftime("%b %d %I:%M %p", time.localtime(moment))


def how_it_ended(returncode: int) -> str:
    """Say it as the activity log does: ``exit status 2`` or ``terminated by SIGTERM``."""
    if returncode >= 0:
        return f"exit status {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:  # a real-time signal
        name = f"signal {-returncode}"
    return f"terminated by {name}"
