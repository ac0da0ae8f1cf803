"""Commands about the configuration: avail, reread, update, add, remove."""

from __future__ import annotations

from trio_supervisor.client import render
from trio_supervisor.client.commands import command
from trio_supervisor.client.processes import ALL, available, explain, outcomes
from trio_supervisor.errors import Fault
from trio_supervisor.protocol.messages import (
    Add,
    Changes,
    Remove,
    Reread,
    Update,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trio_supervisor.client.session import Session

_DRY_RUN = "--dry-run"


@command(
    "avail",
    "avail                all configured processes, in use or not",
    "avail --json         as one JSON object",
    accepts_words=False,
    has_json=True,
    unreachable_code=1,
)
def avail(session: Session, _words: list[str]) -> None:
    processes = available(session)
    if session.wants_json:
        from trio_supervisor.client.objects import available_object, to_text

        session.say(to_text(available_object(processes)))
        return
    for process in processes:
        session.say(render.avail_line(process))


@command(
    "reread",
    "reread               read the configuration again, change nothing, say what differs",
    "reread --json        as one JSON object",
    accepts_words=False,
    has_json=True,
    unreachable_code=1,
)
def reread(session: Session, _words: list[str]) -> None:
    changes = session.ask(Reread(), Changes)
    if session.wants_json:
        from trio_supervisor.client.objects import changes_object, to_text

        session.say(to_text(changes_object(changes)))
        return
    for line in render.changes_lines(changes):
        session.say(line)
    for warning in changes.warnings:
        session.hint(warning)


@command(
    "update",
    "update               read the configuration again and apply it: groups that changed restart",
    "update GROUP ...     apply it to some groups",
    "update --dry-run     only say what would be done",
    "update --json ...    as one JSON object",
    has_json=True,
    unreachable_code=1,
)
def update(session: Session, words: list[str]) -> None:
    dry_run = _DRY_RUN in words
    groups = tuple(word for word in words if word != _DRY_RUN)
    steps = []
    for outcome in outcomes(session, Update(() if ALL in groups else groups, dry_run)):
        steps.append(outcome)
        if outcome.fault != Fault.SUCCESS:
            session.fail()
        if not session.wants_json:
            session.say(render.update_line(outcome, dry_run=dry_run))
            explain(session, outcome)
    if session.wants_json:
        from trio_supervisor.client.objects import to_text, update_object

        session.say(to_text(update_object(steps, dry_run=dry_run)))


@command(
    "add",
    "add GROUP ...        take configured groups into use",
    unreachable_code=1,
)
def add(session: Session, words: list[str]) -> None:
    for outcome in outcomes(session, Add(tuple(words))) if words else ():
        session.say(render.add_line(outcome))
        explain(session, outcome)
        if code := render.outcome_exit_code(outcome):
            session.fail(code)


@command(
    "remove",
    "remove GROUP ...     take stopped groups out of use",
    unreachable_code=1,
)
def remove(session: Session, words: list[str]) -> None:
    for outcome in outcomes(session, Remove(tuple(words))) if words else ():
        session.say(render.remove_line(outcome))
        explain(session, outcome)
        if code := render.outcome_exit_code(outcome):
            session.fail(code)
