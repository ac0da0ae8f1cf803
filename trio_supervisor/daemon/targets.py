"""From what a person typed to the processes that are meant.

As supervisorctl and rpcinterface.py do: ``name`` is the process of the group of the same name,
``group:name`` one process, ``group:*`` or ``group:`` a group, ``all`` everything. Beyond that
``name`` may be that of a program, and means its processes where no process or other group is called
so; and a word may be a pattern, as a shell knows it: ``worker*`` is compared with the names of all
processes, ``api:w?`` with those of the groups that match the first half. What is called exactly so
goes first.
"""

from __future__ import annotations

import difflib
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trio_supervisor.daemon.group import Group
    from trio_supervisor.daemon.program import Program

ALL = "all"
_WILD = frozenset("*?[")
_NO_LETTERS = frozenset("*?[]")
_SUGGESTIONS = 3


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
        return [_whole(group) for group in _ordered(groups)]
    return [_one(groups, word) for word in words]


def did_you_mean(groups: Mapping[str, Group], target: Target) -> str:
    """Say which longer name was perhaps meant by one, or a pattern, that names nothing."""
    if is_pattern(target.group + target.name):
        likely = _nearest(groups, target)
    elif target.name != target.group:
        return ""
    else:
        likely = [f"{name}:{target.name}" for name in sorted(groups) if _has(groups[name], target)]
        if target.group in groups:
            likely.append(f"{target.group}:*")
    return f"did you mean {' or '.join(likely)}?" if likely else ""


def _nearest(groups: Mapping[str, Group], target: Target) -> list[str]:
    """Return names that look like a pattern, of processes or, for a whole group, of groups."""
    plain = "".join(letter for letter in target.name or target.group if letter not in _NO_LETTERS)
    if not target.name:
        return [f"{name}:*" for name in difflib.get_close_matches(plain, groups, _SUGGESTIONS)]
    processes = [(group.name, name) for group in _ordered(groups) for name in group.programs]
    near = difflib.get_close_matches(plain, {name for _, name in processes}, _SUGGESTIONS)
    found = [
        name if name == group else f"{group}:{name}" for group, name in processes if name in near
    ]
    return found[:_SUGGESTIONS]


def _has(group: Group, target: Target) -> bool:
    return target.name in group.programs


def _one(groups: Mapping[str, Group], word: str) -> Target:
    group, name = split_namespec(word)
    if group in groups and not name:
        return _whole(groups[group])
    if group in groups and name in groups[group].programs:
        return Target(group=group, name=name, programs=(groups[group].programs[name],))
    if found := _of_program(groups, word):
        return found
    if is_pattern(word.removesuffix(":*")):
        matching = tuple(_matching(groups, word))
        return Target(group=group, name=name, programs=matching, is_gathered=True)
    return Target(group=group, name=name, programs=())


def _of_program(groups: Mapping[str, Group], word: str) -> Target | None:
    """Return the processes of the program of a name: its own group, one process, or several."""
    found = [
        Target(group=group.name, name=name, programs=(program,))
        for group in _ordered(groups)
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


def _matching(groups: Mapping[str, Group], word: str) -> Iterator[Program]:
    for group in _ordered(groups):
        for name, program in group.programs.items():
            if matches(word, group.name, name):
                yield program


def _ordered(groups: Mapping[str, Group]) -> list[Group]:
    return sorted(groups.values(), key=lambda group: group.order)


def _like(name: str, word: str) -> bool:
    return name == word or (is_pattern(word) and fnmatchcase(name, word))


def _whole(group: Group) -> Target:
    return Target(group=group.name, name="", programs=tuple(group.programs.values()))
