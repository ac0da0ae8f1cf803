"""What words and patterns mean, and what is suggested for one that names nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple, cast

import pytest

from trio_supervisor.daemon.targets import did_you_mean, literal, named, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.daemon.group import Group


class Process(NamedTuple):
    """As much of a program as a name needs."""

    called: str
    spec: SimpleNamespace


def group(name: str, *processes: str, priority: int = 999) -> SimpleNamespace:
    """Return a group of processes, each written as ``name``, or ``name=program``."""
    pairs = (process.partition("=") for process in processes)
    made = {
        process: Process(f"{name}:{process}", SimpleNamespace(program=program))
        for process, _, program in pairs
    }
    return SimpleNamespace(name=name, programs=made, order=(priority, name))


GROUPS = cast(
    "Mapping[str, Group]",
    {"web": group("web", "page", "mail", priority=1), "api": group("api", "mail")},
)


@pytest.mark.parametrize(
    ("word", "suggestion"),
    [
        ("page", "did you mean web:page?"),
        ("mail", "did you mean api:mail or web:mail?"),
        ("web", "did you mean web:*?"),
        ("nosuch", ""),
        ("api:page", ""),
        ("nosuch:*", ""),
        ("pagf*", "did you mean web:page?"),
        ("web:ma?", "did you mean web:mail or api:mail?"),
        ("wep*:*", "did you mean web:*?"),
        ("zzz*", ""),
    ],
)
def test_a_short_name_is_completed(word: str, suggestion: str) -> None:
    (target,) = resolve(GROUPS, [word])

    assert did_you_mean(GROUPS, target) == suggestion


FLEET = cast(
    "Mapping[str, Group]",
    {
        "worker": group("worker", "w_1", "w_2"),
        "api": group("api", "w_1", "w*", "main", priority=1),
        "g*": group("g*", "x"),
        "gg": group("gg", "x"),
    },
)
SHOP = cast(
    "Mapping[str, Group]",
    {
        "shop": group("shop", "db=db", "w_1=worker", "w_2=worker"),
        "queue": group("queue", "q_1=queue", "q_2=queue", priority=1),
        "mail": group("mail", "smtp=smtp"),
        "other": group("other", "mail=mail", "db=cache"),
        "web.1": group("web.1", "web.1=web"),
        "web.2": group("web.2", "web.2=web"),
    },
)


def meant(word: str, groups: Mapping[str, Group] = FLEET) -> list[str]:
    (target,) = resolve(groups, [word])
    return [cast("Process", program).called for program in target.programs]


@pytest.mark.parametrize(
    ("word", "processes"),
    [
        ("w_*", ["api:w_1", "worker:w_1", "worker:w_2"]),
        ("*_2", ["worker:w_2"]),
        ("ma[hi]n", ["api:main"]),
        ("worker:w_?", ["worker:w_1", "worker:w_2"]),
        ("w*r:w_1", ["worker:w_1"]),
        ("w*r:*", ["worker:w_1", "worker:w_2"]),
        ("*:w_1", ["api:w_1", "worker:w_1"]),
        ("api:w*", ["api:w*"]),
        ("g*:x", ["g*:x"]),
        ("g*:*", ["g*:x"]),
        ("g?:*", ["g*:x", "gg:x"]),
        ("work*", []),
    ],
)
def test_a_pattern_means_what_matches_unless_something_is_called_so(
    word: str, processes: list[str]
) -> None:
    assert meant(word) == processes


@pytest.mark.parametrize(
    ("word", "processes", "is_one"),
    [
        ("worker", ["shop:w_1", "shop:w_2"], False),
        ("web", ["web.1:web.1", "web.2:web.2"], False),
        ("web.1", ["web.1:web.1"], True),
        ("db", ["shop:db"], True),
        ("queue", ["queue:q_1", "queue:q_2"], False),
        ("mail", [], True),
        ("shop", [], True),
        ("smtp:*", [], False),
        ("web:web", [], True),
    ],
)
def test_the_name_of_a_program_means_its_processes_unless_others_are_called_so(
    word: str, processes: list[str], is_one: bool
) -> None:
    (target,) = resolve(SHOP, [word])

    assert meant(word, SHOP) == processes
    assert target.is_one == is_one


@pytest.mark.parametrize("word", ["g*:x", "g*:*", "api:w*", "worker:*"])
def test_a_literal_matches_nothing_else(word: str) -> None:
    assert meant(literal(word)) == meant(word)
    assert meant(literal("w_*")) == []


def test_patterns_name_groups() -> None:
    assert named(["g*", "wor*", "nosuch*", "x"], ["g*", "gg", "worker"]) == [
        "g*",
        "worker",
        "nosuch*",
        "x",
    ]
