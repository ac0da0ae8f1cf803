"""Waiter, report, targets, turns: the small parts between requests and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing
from daemon_fakes import World, group_of, spec_of

from trio_supervisor.daemon.condition import Condition
from trio_supervisor.daemon.events import EventBus
from trio_supervisor.daemon.group import Group
from trio_supervisor.daemon.history import History
from trio_supervisor.daemon.report import Pending, Report
from trio_supervisor.daemon.targets import resolve, split_namespec
from trio_supervisor.daemon.turns import AT_ONCE, Rank, Turn, Turns
from trio_supervisor.daemon.waiter import Waiter, resolve_all
from trio_supervisor.errors import Fault
from trio_supervisor.protocol.messages import Action, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable


# ── waiter ──


async def test_a_waiter_keeps_its_first_outcome() -> None:
    waiter = Waiter.known(Fault.FAILED, "why")

    waiter.resolve()

    await waiter.wait()
    assert (waiter.fault, waiter.detail) == (Fault.FAILED, "why")


async def test_all_waiters_are_told_and_forgotten() -> None:
    first, second = Waiter(), Waiter()
    waiters = [first, second]

    resolve_all(waiters, Fault.NOT_RUNNING, "why")

    assert waiters == []
    assert first.fault is second.fault is Fault.NOT_RUNNING


# ── report ──


async def test_a_report_is_read_while_it_grows(nursery: trio.Nursery) -> None:
    report = Report()
    report.add(Action.ADDED, "one")
    read: list[str] = []

    async def read_all() -> None:
        read.extend([outcome.group async for outcome in report])

    nursery.start_soon(read_all)
    await trio.testing.wait_all_tasks_blocked()
    report.add(Action.ADDED, "two", fault=Fault.BAD_NAME)
    await trio.testing.wait_all_tasks_blocked()
    report.close()
    await trio.testing.wait_all_tasks_blocked()

    assert read == ["one", "two"]


async def test_a_report_that_is_over_can_be_read_later() -> None:
    report = Report()
    report.add(Action.REMOVED, "one", detail="why")
    report.close()

    assert [outcome async for outcome in report] == [
        Outcome(Action.REMOVED, "one", "", Fault.SUCCESS, "why")
    ]


async def test_without_waiting_a_pending_outcome_is_success_so_far() -> None:
    pending = Pending(Action.STARTED, "g", "a", Waiter())

    assert await pending.outcome(wait=False) == Outcome(Action.STARTED, "g", "a")


# ── targets ──


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("web", ("web", "web")),
        ("g:web", ("g", "web")),
        ("g:*", ("g", "")),
        ("g:", ("g", "")),
        ("g:a:b", ("g", "a:b")),
    ],
)
def test_a_word_means_a_process_or_a_group(word: str, meaning: tuple[str, str]) -> None:
    assert split_namespec(word) == meaning


def names(groups: Iterable[Group], *words: str) -> list[tuple[str, str, list[str]]]:
    """Resolve words; return group, name and the names of the programs of each."""
    found = resolve({group.name: group for group in groups}, words)
    return [(t.group, t.name, [p.rank.name for p in t.programs]) for t in found]


async def test_words_are_resolved_in_their_order() -> None:
    world = World()
    pair = Group(group_of("pair", spec_of("one"), spec_of("two")), world.make)
    alone = Group(group_of("alone", priority=1), world.make)

    assert names([pair, alone], "pair:two", "alone", "pair:*", "pair:x", "nope") == [
        ("pair", "two", ["two"]),
        ("alone", "alone", ["alone"]),
        ("pair", "", ["one", "two"]),
        ("pair", "x", []),
        ("nope", "nope", []),
    ]


async def test_all_means_every_group_once_in_the_order_of_starts() -> None:
    world = World()
    pair = Group(group_of("pair", spec_of("one"), spec_of("two")), world.make)
    alone = Group(group_of("alone", priority=1000), world.make)

    assert names([alone, pair], "nope", "all", "alone") == [
        ("pair", "", ["one", "two"]),
        ("alone", "", ["alone"]),
    ]


# ── turns ──


async def take_all(turns: Turns, ranks: Iterable[Rank], taken: list[Turn]) -> None:
    """Ask for a turn for each, all at once; cancelled at the end of the test."""

    async def take(rank: Rank) -> None:
        taken.append(await turns.take(rank))

    async with trio.open_nursery() as nursery:
        for rank in ranks:
            nursery.start_soon(take, rank)


def rank(name: str, priority: int = 999, group: int = 999) -> Rank:
    """Make a rank in a group named after its priority."""
    return Rank(group, f"g{group}", priority, name)


async def test_turns_go_by_rank_not_by_arrival(nursery: trio.Nursery) -> None:
    turns = Turns()
    taken: list[Turn] = []
    ranks = [rank("c", 3), rank("b", 2), rank("z", 1, group=1), rank("a", 1)]
    nursery.start_soon(take_all, turns, ranks, taken)

    for count in range(1, 5):
        await trio.testing.wait_all_tasks_blocked()
        assert len(taken) == count  # each is a tier of its own
        taken[-1].give_back()

    assert [turn.rank.name for turn in taken] == ["z", "a", "b", "c"]


async def test_a_few_of_one_tier_go_at_once(nursery: trio.Nursery) -> None:
    turns = Turns()
    taken: list[Turn] = []
    nursery.start_soon(take_all, turns, [rank(f"{n:02}") for n in range(20)], taken)
    await trio.testing.wait_all_tasks_blocked()
    assert sorted(turn.rank.name for turn in taken) == [f"{n:02}" for n in range(AT_ONCE)]

    taken[0].give_back()
    taken[0].give_back()
    await trio.testing.wait_all_tasks_blocked()

    assert len(taken) == AT_ONCE + 1


class Loser:
    """A candidate that has lost something when its first turn comes."""

    def __init__(self, found: trio.Event) -> None:
        self.rank = rank("loser", 1)
        self._found = found

    @property
    def has_all_it_needs(self) -> bool:
        return self._found.is_set()

    async def may_spawn(self) -> None:
        await self._found.wait()


async def test_who_has_lost_something_lets_others_go_until_it_is_found(
    nursery: trio.Nursery,
) -> None:
    turns, found = Turns(), trio.Event()
    taken: list[Turn] = []

    async def take() -> None:
        taken.append(await turns.take_for(Loser(found)))

    nursery.start_soon(take)
    nursery.start_soon(take_all, turns, [rank("other", 2)], taken)
    await trio.testing.wait_all_tasks_blocked()
    assert [turn.rank.name for turn in taken] == ["other"]

    taken[0].give_back()
    found.set()
    await trio.testing.wait_all_tasks_blocked()

    assert [turn.rank.name for turn in taken] == ["other", "loser"]


async def test_who_stops_waiting_leaves_the_queue(nursery: trio.Nursery) -> None:
    turns = Turns()
    first = await turns.take(rank("a", 1))
    with trio.CancelScope() as scope:
        scope.cancel()
        await turns.take(rank("b", 2))
    taken: list[Turn] = []
    nursery.start_soon(take_all, turns, [rank("c", 3)], taken)

    first.give_back()
    await trio.testing.wait_all_tasks_blocked()

    assert [turn.rank.name for turn in taken] == ["c"]


# ── history ──


@pytest.mark.parametrize(
    ("number", "later", "returncode", "pid", "expected"),
    [
        (15, 1.0, 0, 7, 2),  # it was asked to end, and has
        (15, 11.0, 0, 7, 1),  # it went on after the time that it has to stop
        (15, 11.0, -15, 7, 2),  # it has died of it all the same
        (1, 1.0, 3, 7, 1),  # it was not asked to end
        (1, 1.0, -1, 7, 2),
        (10, 1.0, 0, 7, 2),  # its stopsignal
        (9, 1.0, -9, 8, 1),  # another run was sent it
    ],
)
async def test_a_signal_is_the_cause_of_the_end_that_it_brings(
    autojump_clock: trio.testing.MockClock,
    *,
    number: int,
    later: float,
    returncode: int,
    pid: int,
    expected: int,
) -> None:
    condition = Condition(last_pid=7)
    history = History(Rank(1, "g", 1, "g"), condition, EventBus())
    history.cause = 1

    history.note_signal(number, 2)
    await trio.sleep(later)
    condition.last_pid = pid
    history.note_end(returncode, spec_of("g", stopsignal=10, stopwaitsecs=10))

    assert history.cause == expected
