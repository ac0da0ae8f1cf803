"""From what a person typed to the processes that are meant.

As supervisorctl and rpcinterface.py do: ``name`` is the process of the group of the same name,
``group:name`` one process, ``group:*`` or ``group:`` a group, ``all`` everything. Beyond that
``name`` may be that of a program, and means its processes, or that of one process of any group, as
the console shows it, where no other group is called so; and a word may be a pattern, as a shell
knows it: ``worker*`` is compared with the names of all processes, ``api:w?`` with those of the
groups that match the first half. What is called exactly so goes first. What to say where nothing
is meant, or more than one, is in `daemon.hints`.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trio_supervisor.daemon.group import Group
    from trio_supervisor.daemon.program import Program

ALL = "all"
_WILD = frozenset("*?[")


class Target(NamedTuple):
    """What one word means: a whole group (no ``name``), one process, or (no programs) nothing.

    With ``is_gathered``, what a pattern or a program's name means, of whatever groups.
    """

    group: str
    name: str
    programs: tuple[Program, ...]
    is_gathered: bool = False

    @property
    def is_one(self) -> bool:
        """True for the name of one process, which is told when there is nothing to do for it."""
        return bool(self.name) and not self.is_gathered


def split_namespec(word: str) -> tuple[str, str]:
    """Return group and process of a word; an empty process means the whole group."""
    group, colon, name = word.partition(":")
    if not colon:
        return word, word
    return group, "" if name == "*" else name


def is_pattern(word: str) -> bool:
    """Say whether a name, or a half of one, may match others than itself."""
    return not _WILD.isdisjoint(word)


def literal(word: str) -> str:
    """Return a word that matches nothing but what is called so."""
    group, colon, name = word.partition(":")
    return f"{_escape(group)}{colon}{name if name == '*' else _escape(name)}"


def _escape(name: str) -> str:
    return "".join(f"[{letter}]" if letter in _WILD else letter for letter in name)


def matches(word: str, group: str, name: str) -> bool:
    """Say whether a word means a process: its name, ``group:name``, its group, or a pattern."""
    wanted_group, wanted = split_namespec(word)
    if ":" not in word:
        return _like(name, word)
    return _like(group, wanted_group) and (not wanted or _like(name, wanted))


def means(word: str, group: str, name: str, program: str) -> bool:
    """Say whether a word that is given to `up` means a process: as a target, or its group."""
    return word in {group, program} or matches(word, group, name)


def named(words: Iterable[str], groups: Iterable[str]) -> list[str]:
    """Replace patterns among the names of groups by what they match; one without stays."""
    known = sorted(groups)
    found: dict[str, None] = {}
    for word in words:
        like = [name for name in known if name != word and _like(name, word)]
        found |= dict.fromkeys([word] if word in known or not like else like)
    return list(found)


def resolve(groups: Mapping[str, Group], words: Iterable[str]) -> list[Target]:
    """Return what each word means, in their order; ``all`` anywhere means everything, once."""
    words = list(words)
    if ALL in words:
        return [_whole(group) for group in in_order(groups)]
    return [_one(groups, word) for word in words]


def _one(groups: Mapping[str, Group], word: str) -> Target:
    group, name = split_namespec(word)
    if group in groups and not name:
        return _whole(groups[group])
    if group in groups and name in groups[group].programs:
        return Target(group=group, name=name, programs=(groups[group].programs[name],))
    if found := _of_program(groups, word) or _of_any_group(groups, word):
        return found
    if is_pattern(word.removesuffix(":*")):
        matching = tuple(_matching(groups, word))
        return Target(group=group, name=name, programs=matching, is_gathered=True)
    return Target(group=group, name=name, programs=())


def _of_program(groups: Mapping[str, Group], word: str) -> Target | None:
    """Return the processes of the program of a name: its own group, one process, or several."""
    found = [
        Target(group=group.name, name=name, programs=(program,))
        for group in in_order(groups)
        for name, program in group.programs.items()
        if program.spec.program == word
    ]
    if word in groups:
        same = {one.name for one in found if one.group == word} == groups[word].programs.keys()
        return _whole(groups[word]) if same and len(found) == len(groups[word].programs) else None
    if len(found) > 1:
        programs = tuple(program for one in found for program in one.programs)
        return Target(group=word, name=word, programs=programs, is_gathered=True)
    return next(iter(found), None)


def _of_any_group(groups: Mapping[str, Group], name: str) -> Target | None:
    """Return the one process that has a name, of whatever group; a group's own is none."""
    found = [] if name in groups else called(groups, name)
    if len(found) != 1:
        return None
    return Target(group=found[0].rank.group, name=name, programs=(found[0],))


def called(groups: Mapping[str, Group], name: str) -> list[Program]:
    """Return the processes of all groups that have a name."""
    return [group.programs[name] for group in in_order(groups) if name in group.programs]


def _matching(groups: Mapping[str, Group], word: str) -> Iterator[Program]:
    for group in in_order(groups):
        for name, program in group.programs.items():
            if matches(word, group.name, name):
                yield program


def in_order(groups: Mapping[str, Group]) -> list[Group]:
    """Return all groups in the order in which they start."""
    return sorted(groups.values(), key=lambda group: group.order)


def _like(name: str, word: str) -> bool:
    return name == word or (is_pattern(word) and fnmatchcase(name, word))


def _whole(group: Group) -> Target:
    return Target(group=group.name, name="", programs=tuple(group.programs.values()))
