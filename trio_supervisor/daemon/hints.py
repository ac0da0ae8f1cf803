"""What to say about a name that names nothing, or several processes where one is wanted.

Everything that takes names refuses them with these words, so that they help alike everywhere.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from trio_supervisor.daemon.targets import ALL, called, in_order, is_pattern, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trio_supervisor.daemon.group import Group
    from trio_supervisor.daemon.targets import Target

_NO_LETTERS = str.maketrans("", "", "*?[]")
_SUGGESTIONS = 3
MOST_NAMED = 20
MOST_COMPARED = 1000
"""Names that a wrong one is compared with; each takes some microseconds, in which all wait."""


def hint(groups: Mapping[str, Group], targets: Iterable[Target]) -> str:
    """Say what one word was perhaps meant for; empty if nothing is like it."""
    targets = list(targets)
    if several := [program.rank.namespec for one in targets for program in one.programs]:
        return _name_one(several)
    return _of_nothing(groups, targets[0]) if targets else ""


def of_group(name: str, known: Iterable[str]) -> str:
    """Say which group was perhaps meant by the name of none."""
    return _did_you_mean(get_close_matches(name, sorted(known), _SUGGESTIONS))


def _of_nothing(groups: Mapping[str, Group], target: Target) -> str:
    if not target.name:
        near = get_close_matches(target.group.translate(_NO_LETTERS), groups, _SUGGESTIONS)
        return _did_you_mean(f"{name}:*" for name in near)
    exact = _meant_by(groups, target.name)
    if len(exact) > 1 and target.group == target.name not in groups:
        return _name_one(exact)
    return _did_you_mean(exact or _like(groups, target.name))


def _meant_by(groups: Mapping[str, Group], name: str) -> list[str]:
    """Return what to type for a name: itself, where that is clear, else longer ones."""
    if name == ALL or is_pattern(name):
        return []
    (target,) = resolve(groups, [name])
    if target.is_one and target.programs:
        return [target.programs[0].rank.namespec]
    if target.programs:
        return [name]
    found = [program.rank.namespec for program in called(groups, name)]
    return [*found, f"{name}:*"] if name in groups else found


def _like(groups: Mapping[str, Group], name: str) -> list[str]:
    """Return names that look like one, or like a pattern."""
    known: dict[str, None] = {}
    for group in in_order(groups):
        known[group.name] = None
        for process, program in group.programs.items():
            known |= {program.spec.program: None, process: None}
    compared = list(known)[:MOST_COMPARED]
    near = get_close_matches(name.translate(_NO_LETTERS), compared, _SUGGESTIONS)
    meant = (longer for word in near for longer in _meant_by(groups, word))
    return list(dict.fromkeys(meant))[:_SUGGESTIONS]


def _name_one(names: list[str]) -> str:
    more = ", …" if len(names) > MOST_NAMED else ""
    return f"name one of them: {', '.join(names[:MOST_NAMED])}{more}"


def _did_you_mean(names: Iterable[str]) -> str:
    likely = " or ".join(names)
    return f"did you mean {likely}?" if likely else ""
