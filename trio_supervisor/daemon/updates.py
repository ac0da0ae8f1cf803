"""Operations that change which groups are active: update, add, remove.

Each runs in the Supervisor's nursery to its end, whoever asked for it may have left, and one at
a time. Groups that do not change keep their processes.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from trio_supervisor.config.changes import compare
from trio_supervisor.daemon.hints import of_group
from trio_supervisor.daemon.report import Report
from trio_supervisor.daemon.targets import named
from trio_supervisor.errors import Fault
from trio_supervisor.lifecycle import SupervisorState
from trio_supervisor.protocol.messages import Action, Changes, EventKind, GroupChange

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from trio_supervisor.daemon.group import Group
    from trio_supervisor.daemon.supervisor import Supervisor
    from trio_supervisor.spec import GroupSpec


def differences(supervisor: Supervisor, configured: Iterable[GroupSpec]) -> Changes:
    """Say how configured groups differ from the active ones."""
    active = tuple(group.active for group in supervisor.groups.values())
    found = compare(active, tuple(configured))
    return Changes(
        added=found.added,
        changed=tuple(GroupChange(group, fields) for group, fields in found.changed),
        removed=found.removed,
    )


def _narrowed(changes: Changes, names: set[str]) -> Changes:
    """Keep what is about some groups; no names mean all."""
    if not names:
        return changes
    return Changes(
        tuple(name for name in changes.added if name in names),
        tuple(change for change in changes.changed if change.group in names),
        tuple(name for name in changes.removed if name in names),
    )


def update(
    supervisor: Supervisor, names: Iterable[str], cause: int | None, *, dry_run: bool
) -> Report:
    """Make the configured groups active: removed ones first, then changed, then added.

    ``names`` narrows it to some groups. CANT_REREAD when the configuration is bad.
    """
    report = Report()
    supervisor.reread()
    known = {*supervisor.groups, *supervisor.configured}
    wanted = set(named(names, known)) - {"all"}
    for unknown in sorted(wanted - known):
        report.add(Action.UPDATED, unknown, fault=Fault.BAD_NAME, detail=of_group(unknown, known))
    if dry_run:
        found = differences(supervisor, supervisor.configured.values())
        _tell(report, _narrowed(found, wanted))
    else:
        supervisor.carry_out(_apply, supervisor, wanted, report, cause)
    return report


def _tell(report: Report, changes: Changes) -> None:
    for name in changes.removed:
        report.add(Action.REMOVED, name)
    for change in changes.changed:
        report.add(Action.UPDATED, change.group, detail=", ".join(change.fields))
    for name in changes.added:
        report.add(Action.ADDED, name)
    report.close()


async def _apply(
    supervisor: Supervisor, names: set[str], report: Report, cause: int | None
) -> None:
    """Compare and apply what is configured now; a later reread does not disturb it."""
    with closing(report):
        async with supervisor.changing:
            configured = dict(supervisor.configured)
            changes = _narrowed(differences(supervisor, configured.values()), names)
            names_leaving = [*changes.removed, *(change.group for change in changes.changed)]
            # these very groups: a reload meanwhile may put others under the same names
            leaving = {name: supervisor.groups[name] for name in names_leaving}
            for group in leaving.values():
                group.remove_nowait(cause)
            for name in changes.removed:
                if await _take_out(supervisor, leaving[name], report, cause):
                    report.add(Action.REMOVED, name)
            for change in changes.changed:
                before = leaving[change.group]
                is_out = await _take_out(supervisor, before, report, cause)
                spec = configured[change.group]
                if is_out and _put_in(supervisor, spec, cause, before.stopped_since(cause)):
                    fields = ", ".join(change.fields)
                    report.add(Action.UPDATED, change.group, detail=fields)
            for name in changes.added:
                if _put_in(supervisor, configured[name], cause):
                    report.add(Action.ADDED, name)


async def _take_out(
    supervisor: Supervisor, group: Group, report: Report, cause: int | None
) -> bool:
    """Wait until a group is down, and forget it; one that cannot be killed stays, another update
    may try again: two processes of one program are worse than an old one.
    """
    await group.down.wait()
    if why := group.why_stuck():
        report.add(Action.STOPPED, group.name, fault=Fault.FAILED, detail=why)
        return False
    await _forget(supervisor, group, cause)
    report.add(Action.STOPPED, group.name)
    return True


async def _forget(supervisor: Supervisor, group: Group, cause: int | None) -> None:
    """Wait until a group that was told to go is down, and forget it, but no later namesake."""
    await group.down.wait()
    if supervisor.groups.get(group.name) is group:
        supervisor.forget(group)
    supervisor.events.publish(EventKind.GROUP, cause=cause, group=group.name, detail="removed")


def _put_in(
    supervisor: Supervisor, spec: GroupSpec, cause: int | None, stopped: Collection[str] = ()
) -> bool:
    """Make a group active, unless the daemon is on its way down or there is one.

    What was ``stopped`` meanwhile is not started.
    """
    if supervisor.state is not SupervisorState.RUNNING or spec.name in supervisor.groups:
        return False
    supervisor.add_group(
        spec,
        cause,
        autostart=lambda _group, one: one.starts_by_itself and one.process_name not in stopped,
    )
    return True


def add(supervisor: Supervisor, names: Iterable[str], cause: int | None) -> Report:
    """Make groups active that the last reread found."""
    report = Report()
    for name in named(names, supervisor.configured):
        if name in supervisor.groups:
            report.add(Action.ADDED, name, fault=Fault.ALREADY_ADDED)
        elif name not in supervisor.configured:
            likely = of_group(name, supervisor.configured)
            report.add(Action.ADDED, name, fault=Fault.BAD_NAME, detail=likely)
        else:
            supervisor.add_group(supervisor.configured[name], cause)
            report.add(Action.ADDED, name)
    report.close()
    return report


def remove(supervisor: Supervisor, names: Iterable[str], cause: int | None) -> Report:
    """Take groups out of which nothing is up."""
    report = Report()
    supervisor.carry_out(_remove, supervisor, list(names), report, cause)
    return report


async def _remove(
    supervisor: Supervisor, names: list[str], report: Report, cause: int | None
) -> None:
    with closing(report):
        async with supervisor.changing:
            for name in named(names, supervisor.groups):
                await _remove_one(supervisor, name, report, cause)


async def _remove_one(supervisor: Supervisor, name: str, report: Report, cause: int | None) -> None:
    group = supervisor.groups.get(name)
    if group is None:
        likely = of_group(name, supervisor.groups)
        report.add(Action.REMOVED, name, fault=Fault.BAD_NAME, detail=likely)
    elif not group.is_down:
        report.add(Action.REMOVED, name, fault=Fault.STILL_RUNNING)
    else:
        group.remove_nowait(cause)
        await _forget(supervisor, group, cause)
        report.add(Action.REMOVED, name)
