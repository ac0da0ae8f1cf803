"""From what a person typed to the processes that are meant.

As supervisorctl and rpcinterface.py do: ``name`` is the process of the group of the same name,
``group:name`` one process, ``group:*`` or ``group:`` a group, ``all`` everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trio_supervisor.daemon.group import Group
    from trio_supervisor.daemon.program import Program

ALL = "all"


class Target(NamedTuple):
    """What one word means: a whole group (no ``name``), one process, or (no programs) nothing."""

    group: str
    name: str
    programs: tuple[Program, ...]


def split_namespec(word: str) -> tuple[str, str]:
    """Return group and process of a word; an empty process means the whole group."""
    group, colon, name = word.partition(":")
    if not colon:
        return word, word
    return group, "" if name == "*" else name


def resolve(groups: Mapping[str, Group], words: Iterable[str]) -> list[Target]:
    """Return what each word means, in their order; ``all`` anywhere means everything, once."""
    words = list(words)
    if ALL in words:
        ordered = sorted(groups.values(), key=lambda group: group.order)
        return [_whole(group) for group in ordered]
    return [_one(groups, *split_namespec(word)) for word in words]


def did_you_mean(groups: Mapping[str, Group], target: Target) -> str:
    """Say which longer name was perhaps meant by a short one that names nothing."""
    if target.name != target.group:
        return ""
    likely = [f"{name}:{target.name}" for name in sorted(groups) if _has(groups[name], target)]
    if target.group in groups:
        likely.append(f"{target.group}:*")
    return f"did you mean {' or '.join(likely)}?" if likely else ""


def _has(group: Group, target: Target) -> bool:
    return target.name in group.programs


def _one(groups: Mapping[str, Group], group: str, name: str) -> Target:
    if group not in groups:
        return Target(group=group, name=name, programs=())
    if not name:
        return _whole(groups[group])
    program = groups[group].programs.get(name)
    return Target(group=group, name=name, programs=(program,) if program else ())


def _whole(group: Group) -> Target:
    return Target(group=group.name, name="", programs=tuple(group.programs.values()))
