"""The difference of two configurations, as `reread` reports it and `update` carries it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import fields

from trio_supervisor.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio_supervisor.spec import GroupSpec, ProgramSpec


_OF_GROUPS = ("priority", "strategy", "intensity", "critical")


class Changes(Record):
    """Names of groups, sorted; a changed one comes with the names of the fields that differ."""

    added: tuple[str, ...]
    changed: tuple[tuple[str, tuple[str, ...]], ...]
    removed: tuple[str, ...]


def compare(active: tuple[GroupSpec, ...], configured: tuple[GroupSpec, ...]) -> Changes:
    """Say what an update would do to the active groups."""
    old = {group.name: group for group in active}
    new = {group.name: group for group in configured}
    both = sorted(old.keys() & new.keys())
    changed = ((name, _differing(old[name], new[name])) for name in both if old[name] != new[name])
    return Changes(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(changed),
        removed=tuple(sorted(old.keys() - new.keys())),
    )


def _differing(old: GroupSpec, new: GroupSpec) -> tuple[str, ...]:
    """Name the fields of the group, then those of its processes, in the order of the specs."""
    before = {spec.process_name: spec for spec in old.programs}
    after = {spec.process_name: spec for spec in new.programs}
    names = [name for name in _OF_GROUPS if getattr(old, name) != getattr(new, name)]
    if before.keys() != after.keys():
        names.append("programs")
    pairs = [(before[name], after[name]) for name in before.keys() & after.keys()]
    kinds = dict.fromkeys(type(spec) for spec in (*old.programs, *new.programs))
    options = dict.fromkeys(field.name for kind in kinds for field in fields(kind))
    names += (option for option in options if _differs(pairs, option))
    return tuple(dict.fromkeys(names))


def _differs(pairs: Iterable[tuple[ProgramSpec, ProgramSpec]], field: str) -> bool:
    return any(getattr(old, field, None) != getattr(new, field, None) for old, new in pairs)
