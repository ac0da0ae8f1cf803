"""What words and patterns mean, and what is suggested for one that names nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple, cast

import pytest

from trio_supervisor.daemon.hints import MOST_NAMED, hint, of_group
from trio_supervisor.daemon.targets import literal, named, resolve
from trio_supervisor.daemon.turns import Rank

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.daemon.group import Group


class Process(NamedTuple):
    """As much of a program as a name needs."""

    rank: Rank
    spec: SimpleNamespace

    @property
    def called(self) -> str:
        return f"{self.rank.group}:{self.rank.name}"


def group(name: str, *processes: str, priority: int = 999) -> SimpleNamespace:
    """Return a group of processes, each written as ``name``, or ``name=program``."""
    pairs = (process.partition("=") for process in processes)
    made = {
        process: Process(Rank(priority, name, 999, process), SimpleNamespace(program=program))
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
        ("mail", "name one of them: web:mail, api:mail"),
        ("web", "did you mean web:*?"),
        ("nosuch", ""),
        ("pge", "did you mean web:page?"),
        ("mial", "did you mean web:mail or api:mail?"),
        ("wev", "did you mean web:*?"),
        ("api:page", "did you mean web:page?"),
        ("web:mial", "did you mean web:mail or api:mail?"),
        ("nosuch:*", ""),
        ("pagf*", "did you mean web:page?"),
        ("mai?s", "did you mean web:mail or api:mail?"),
        ("wep*:*", "did you mean web:*?"),
        ("zzz*", ""),
        ("all:all", ""),
    ],
)
def test_a_name_that_means_nothing_is_answered_with_what_it_is_like(
    word: str, suggestion: str
) -> None:
    assert hint(GROUPS, resolve(GROUPS, [word])) == suggestion


@pytest.mark.parametrize(
    ("word", "suggestion"),
    [
        ("all", "name one of them: web:page, web:mail, api:mail"),
        ("web:*", "name one of them: web:page, web:mail"),
        ("*:mail", "name one of them: web:mail, api:mail"),
    ],
)
def test_a_name_that_means_several_is_answered_with_those(word: str, suggestion: str) -> None:
    assert hint(GROUPS, resolve(GROUPS, [word])) == suggestion


def test_not_all_of_very_many_are_named() -> None:
    many = cast("Mapping[str, Group]", {"g": group("g", *(f"p{n}" for n in range(100)))})

    assert hint(many, resolve(many, ["g:*"])).count(":p") == MOST_NAMED


def test_a_group_that_does_not_exist_is_answered_with_one_like_it() -> None:
    assert of_group("sop", ["shop", "queue"]) == "did you mean shop?"
    assert not of_group("nosuch", [])


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
        ("w_1", ["shop:w_1"], True),
        ("wrk", [], True),
        ("queue", ["queue:q_1", "queue:q_2"], False),
        ("mail", [], True),
        ("shop", [], True),
        ("smtp:*", [], False),
        ("web:web", [], True),
    ],
)
def test_the_name_of_a_program_or_process_means_it_unless_others_are_called_so(
    word: str, processes: list[str], is_one: bool
) -> None:
    (target,) = resolve(SHOP, [word])

    assert meant(word, SHOP) == processes
    assert target.is_one == is_one


def test_a_wrong_name_is_answered_with_what_may_be_typed() -> None:
    assert hint(SHOP, resolve(SHOP, ["wbe"])) == "did you mean web?"
    assert hint(SHOP, resolve(SHOP, ["web:web"])) == "did you mean web?"
    assert hint(SHOP, resolve(SHOP, ["dbb"])) == "did you mean shop:db?"
    assert hint(SHOP, resolve(SHOP, ["qeue"])) == "did you mean queue?"
    assert hint(SHOP, resolve(SHOP, ["mail"])) == "did you mean other:mail or mail:*?"


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
