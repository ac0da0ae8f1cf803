"""What the launcher says once, when the start-up is over: what runs, and how to reach it.

It is over when nothing more is to come: what was to start is RUNNING, and ready, or has failed. One
that takes long is told of as it is, too, since somebody may want to look into it.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple

import trio

from trio_supervisor.console.labels import Labels
from trio_supervisor.daemon.ends import is_done
from trio_supervisor.daemon.listeners import url_of
from trio_supervisor.lifecycle import ProcessState, SupervisorState
from trio_supervisor.protocol.messages import EventKind
from trio_supervisor.source.shown import command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_typing import TaskStatus

    from trio_supervisor.daemon.events import Subscription
    from trio_supervisor.daemon.program import Program
    from trio_supervisor.daemon.supervisor import Supervisor
    from trio_supervisor.protocol.messages import Event

LONG = 10.0
"""Seconds after which it is said how a start-up is that is not over."""
_S = ProcessState
_NEWS = frozenset({_S.RUNNING, _S.EXITED, _S.FATAL, _S.STOPPED})
"""What may be the last that a start-up waited for."""
_NOTHING = "no process starts by itself; Ctrl-C stops everything"
_NOT_READY = "not ready"
log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where whoever reads it is: a directory, and what starts supervisorctl there."""

    directory: str
    control: str

    @classmethod
    def here(cls, configuration: str) -> Place:
        """Return the current directory, which the daemon leaves after this."""
        return cls(os.getcwd(), command("supervisorctl", configuration, sys.argv[0]))


async def announce(
    supervisor: Supervisor,
    place: Place,
    *,
    task_status: TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Wait until the start-up is over, or takes long; say what runs, and how to reach it."""
    began = trio.current_time()
    with supervisor.events.subscribe() as news:
        task_status.started()
        with trio.move_on_after(LONG):
            await _wait_until_over(news, supervisor)
        if not _say_what_runs(supervisor, began):
            return
        _say_where(supervisor, place)
        if not _is_over(supervisor):
            await _wait_until_over(news, supervisor)
            _say_what_runs(supervisor, began)


async def _wait_until_over(news: Subscription, supervisor: Supervisor) -> None:
    async with aclosing(aiter(news)) as events:
        async for event in events:
            if _may_be_last(event) and _is_over(supervisor):
                return


def _may_be_last(event: Event) -> bool:
    """Say whether it may be what a start-up ends with; none ends before all were told to start."""
    has_begun = event.kind is EventKind.SUPERVISOR and event.detail == "running"
    return event.to_state in _NEWS or event.kind is EventKind.HEALTH or has_begun


def _is_over(supervisor: Supervisor) -> bool:
    return not any(_is_coming(program) for program in _expected(supervisor))


def _expected(supervisor: Supervisor) -> Iterator[Program]:
    """Yield what was to start; what its group has taken down with it is not wanted any more."""
    return (one for one in supervisor.programs() if one.wanted or one.state is _S.FATAL)


def _is_coming(program: Program) -> bool:
    return not (_runs(program) or program.state is _S.FATAL or _has_ended(program))


def _runs(program: Program) -> bool:
    return program.state is _S.RUNNING and program.condition.is_ready


def _has_ended(program: Program) -> bool:
    return program.state is _S.EXITED and program.condition.is_over


def _say_what_runs(supervisor: Supervisor, began: float) -> bool:
    """Say it, unless everything is to end; return whether there is anything to reach."""
    if supervisor.state is not SupervisorState.RUNNING:
        return False
    expected = list(_expected(supervisor))
    if expected:
        labels = Labels((one.rank.group, one.rank.name) for one in supervisor.programs())
        told = sentence(expected, labels, trio.current_time() - began)
        log.info("%s; Ctrl-C stops everything", told)
    else:
        log.info(_NOTHING)
    return True


def sentence(expected: list[Program], labels: Labels, seconds: float) -> str:
    """Say how many processes run after so many seconds, and how the others are."""
    others: dict[str, list[str]] = {}
    for program in expected:
        if not (_runs(program) or (_has_ended(program) and is_done(program))):
            word = _NOT_READY if program.state is _S.RUNNING else program.state.name
            label = labels.of(program.rank.group, program.rank.name)
            others.setdefault(word, []).append(label)
    count = len(expected) - sum(map(len, others.values()))
    state = "RUNNING and ready" if any(program.spec.ready for program in expected) else "RUNNING"
    told = [f"{counted(count, len(expected))} {state} after {seconds:.1f} s"]
    return "; ".join([*told, *(f"{word}: {', '.join(names)}" for word, names in others.items())])


def counted(count: int, whole: int) -> str:
    """Return the subject and verb of a sentence about so many processes of all."""
    if count == whole:
        return "1 process is" if count == 1 else f"all {count} processes are"
    return f"{count} of {whole} processes {'is' if count == 1 else 'are'}"


def _say_where(supervisor: Supervisor, place: Place) -> None:
    log.info("control: %s", place.control)
    for server in supervisor.configuration.inet_servers:
        log.info("web page: %s/", url_of(server))
    files = (p.logs.stdout_path for p in supervisor.programs() if p.spec.stdout_logfile != "AUTO")
    patterns = sorted({pattern_of(path, place.directory) for path in files if path})
    if patterns:
        log.info("logs: tail -fq %s", " ".join(patterns))


def pattern_of(path: str, start: str) -> str:
    """Return what a shell expands to a log: its directory's files, but not all of where one is."""
    relative = os.path.relpath(path, start)
    directory = os.path.dirname(relative)
    return f"{directory}/*" if directory else relative
