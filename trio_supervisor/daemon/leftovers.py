"""What is left of an earlier run whose daemon and guardian were both killed.

Found at the next start through the state file of that run, and stopped before anything is bound:
a port or a file lock that it still holds would make every program fail.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from trio_supervisor.daemon import state
from trio_supervisor.daemon.containment import HAS_PIDFD, LAST_SWEEP, MARK, SWEEP_PAUSE, send
from trio_supervisor.daemon.guardian import remove_sockets
from trio_supervisor.daemon.proc import (
    ancestors_of,
    pid_list,
    processes,
    stat_of,
    variable,
    with_descendants,
)
from trio_supervisor.errors import SupervisorError
from trio_supervisor.pids import boot_id

if TYPE_CHECKING:
    from collections.abc import Collection

    from trio_supervisor.daemon.proc import Process
    from trio_supervisor.daemon.state import State

log = logging.getLogger(__name__)


def clean_up(path: str) -> None:
    """Stop what the run has left whose state lies there, and tell; the lock must be ours.

    Raises SupervisorError when something of it cannot be killed, or when it has not ended at all
    (somebody has removed the lock it holds): two sets would run.
    """
    try:
        found = state.read(path)
    except SupervisorError as problem:
        _tell(f"{problem}: kept as {state.put_aside(path)}")
        return
    if found is None or found.boot != boot_id():
        return
    if any(map(_lives, (found.guardian, found.daemon))):
        raise SupervisorError(
            f"supervisord is already running (pid {found.guardian.pid}), although somebody has "
            f"removed its lock: end it first (kill {found.guardian.pid})"
        )
    remove_sockets(os.path.dirname(path), *found.daemon)
    if left := of(found):
        who = pid_list(left)
        _tell(f"an earlier run was killed together with its guardian: stopping pid {who}")
        _stop(found, left)


def of(found: State) -> set[int]:
    """Return the live processes of a run: by its mark, its leaders' sessions, and descent."""
    mark = f"{found.mark}:".encode()
    sessions = {leader.pid for leader in found.leaders.values() if not _is_another(*leader)}
    mine = ancestors_of(os.getpid())
    left = {
        pid
        for pid in processes()
        if (status := stat_of(pid))
        and status.is_alive
        and (
            status.session in sessions
            or status.group in sessions
            or (variable(pid, MARK) or b"").startswith(mark)
        )
    }
    return with_descendants(left - mine) - mine


def _is_another(pid: int, starttime: int) -> bool:
    """Say whether the number has been given to another process since."""
    status = stat_of(pid)
    return status is not None and status.starttime != starttime


def _lives(process: Process) -> bool:
    status = stat_of(process.pid)
    return status is not None and status.is_alive and status.starttime == process.starttime


def _stop(found: State, left: set[int]) -> None:
    """Ask, wait for the grace, then kill until nothing is left."""
    send(left, signal.SIGTERM, signal.SIGCONT)
    _wait(left, found.grace)
    deadline = time.monotonic() + LAST_SWEEP
    while left := of(found):
        if time.monotonic() > deadline:
            who = pid_list(left)
            raise SupervisorError(f"an earlier run has left what cannot be killed: pid {who}")
        log.warning("killing pid %s with SIGKILL", pid_list(left))
        send(left, signal.SIGSTOP)
        send(left, signal.SIGKILL)
        _wait(left, SWEEP_PAUSE)
    log.info("nothing is left of the earlier run")


def _wait(pids: Collection[int], seconds: float) -> None:
    """Wait until all have ended, which are nobody's children here, or the time is over."""
    deadline = time.monotonic() + seconds
    for pid in pids:
        if not HAS_PIDFD:
            time.sleep(max(0.0, deadline - time.monotonic()))
            return
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                poll = select.poll()
                poll.register(descriptor, select.POLLIN)
                poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
            finally:
                os.close(descriptor)


def _tell(text: str) -> None:
    """Tell in the log and, since nobody reads that at a start, on stderr."""
    log.warning("%s", text)
    sys.stderr.write(f"supervisord: {text}\n")
    sys.stderr.flush()
