"""What the launcher says once, when everything that was to start is RUNNING, and ready."""

from __future__ import annotations

import logging
import os
from contextlib import aclosing
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.listeners import url_of
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import EventKind

if TYPE_CHECKING:
    from trio_typing import TaskStatus

    from trio_supervisor.daemon.supervisor import Supervisor

_UP = frozenset({ProcessState.RUNNING, ProcessState.EXITED})
log = logging.getLogger(__name__)


async def announce(
    supervisor: Supervisor, *, task_status: TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Wait until all that is wanted is RUNNING and ready, then say so, and how to reach it."""
    began = trio.current_time()
    with supervisor.events.subscribe() as news:
        task_status.started()
        async with aclosing(aiter(news)) as events:
            async for event in events:
                may_be_last = event.to_state in _UP or event.kind is EventKind.HEALTH
                if may_be_last and _all_run(supervisor):
                    break
    wanted = [program for program in supervisor.programs() if program.wanted]
    state = "RUNNING and ready" if any(program.spec.ready for program in wanted) else "RUNNING"
    seconds = trio.current_time() - began
    log.info("%s %s after %.1f s; Ctrl-C stops everything", counted(len(wanted)), state, seconds)
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
        (p.state is ProcessState.RUNNING and p.condition.is_ready)
        or (p.spec.type == "task" and p.condition.is_over)
        for p in wanted
    )
