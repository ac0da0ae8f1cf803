"""Waiting for what was asked to be up: until it is ready, can never be, or took too long."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.outlook import outlook
from trio_supervisor.daemon.snapshots import unknown_outcomes
from trio_supervisor.daemon.targets import ALL, resolve
from trio_supervisor.errors import Fault
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import Action, End, Message, Outcome
from trio_supervisor.spec import Dependency

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from trio_supervisor.daemon.events import Subscription
    from trio_supervisor.daemon.program import Program
    from trio_supervisor.daemon.supervisor import Supervisor
    from trio_supervisor.protocol.messages import Wait


async def wait(supervisor: Supervisor, wanted: Wait) -> AsyncGenerator[Message, None]:
    """Yield what became of each target, as soon as that is known of those before it as well."""
    seconds = wanted.timeout
    deadline = trio.current_time() + seconds if seconds is not None else float("inf")
    targets = resolve(supervisor.groups, wanted.targets)
    for outcome in unknown_outcomes(supervisor, (one for one in targets if not one.programs)):
        yield outcome
    is_all = ALL in wanted.targets
    for program in _chosen(program for target in targets for program in target.programs):
        if is_all and not program.wanted:
            continue
        outcome = await _outcome(supervisor, program, _dependency(program, wanted), deadline)
        if outcome.fault is Fault.FAILED:
            outcome = outcome.replace(detail=f"after {seconds:g} s: {outcome.detail}")
        yield outcome
    yield End()


def _chosen(programs: Iterable[Program]) -> list[Program]:
    return list(dict.fromkeys(programs))


def _dependency(program: Program, wanted: Wait) -> Dependency:
    """Return what, were it in a ``depends_on``, would say that a program is up."""
    if program.spec.is_task:
        return Dependency(condition="completed_ok")
    is_probed = wanted.healthy and program.spec.health is not None
    return Dependency(condition="healthy" if is_probed else "ready")


async def _outcome(
    supervisor: Supervisor, program: Program, wanted: Dependency, deadline: float
) -> Outcome:
    answer = Outcome(Action.READY, program.rank.group, program.rank.name)
    why = ""
    with trio.move_on_at(deadline) as limit, supervisor.events.subscribe() as news:
        why = await _end_of(news, program, wanted)
    if not limit.cancelled_caught:
        return answer.replace(fault=Fault.NOT_RUNNING, detail=why) if why else answer
    words = [program.state.name, program.condition.describe(program.rank.name)]
    if program.state is ProcessState.RUNNING:
        words = [f"not {wanted.condition}"]
    return answer.replace(fault=Fault.FAILED, detail=" ".join(filter(None, words)))


async def _end_of(news: Subscription, program: Program, wanted: Dependency) -> str:
    """Wait until a condition is met; return why it cannot be, when that is so."""
    async with aclosing(aiter(news)) as events:
        while (why := outlook(program, wanted)) is None:
            await anext(events)
    return why
