"""What the launcher says once, when everything that was to start is RUNNING."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.listeners import url_of
from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from trio_typing import TaskStatus

    from trio_supervisor.daemon.supervisor import Supervisor

_UP = frozenset({ProcessState.RUNNING, ProcessState.EXITED})
log = logging.getLogger(__name__)


async def announce(
    supervisor: Supervisor, *, task_status: TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Wait until all that is wanted is RUNNING, then say so, and how to reach it."""
    began = trio.current_time()
    with supervisor.events.subscribe() as events:
        task_status.started()
        async for event in events:
            if event.to_state in _UP and _all_run(supervisor):
                break
    count = sum(program.wanted for program in supervisor.programs())
    seconds = trio.current_time() - began
    log.info("%s RUNNING after %.1f s; Ctrl-C stops everything", counted(count), seconds)
    _say_where(supervisor)


def _say_where(supervisor: Supervisor) -> None:
    log.info("control: supervisorctl -c %s", os.path.relpath(supervisor.configuration.path))
    for server in supervisor.configuration.inet_servers:
        log.info("web page: %s/", url_of(server))
    files = (p.logs.stdout_path for p in supervisor.programs() if p.spec.stdout_logfile != "AUTO")
    patterns = sorted({pattern_of(path) for path in files if path})
    if patterns:
        log.info("logs: tail -fq %s", " ".join(patterns))


def counted(count: int) -> str:
    """Return the subject and verb of a sentence about so many processes."""
    return "1 process is" if count == 1 else f"all {count} processes are"


def pattern_of(path: str) -> str:
    """Return what a shell expands to a log: its directory's files, but not all of the current."""
    relative = os.path.relpath(path)
    directory = os.path.dirname(relative)
    return f"{directory}/*" if directory else relative


def _all_run(supervisor: Supervisor) -> bool:
    wanted = [program for program in supervisor.programs() if program.wanted]
    return bool(wanted) and all(
        p.state is ProcessState.RUNNING or (p.spec.type == "task" and p.condition.is_over)
        for p in wanted
    )
