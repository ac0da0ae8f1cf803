"""The arithmetic of supervision to the millisecond, in virtual time: pauses, boundaries, order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
from daemon_fakes import Daemon, Plan, group_of, open_daemon, open_program, outcome, spec_of
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from trio_supervisor.errors import Fault

if TYPE_CHECKING:
    from trio_supervisor.spec import GroupSpec

EPSILON = 0.001
MEMBERS = frozenset({900})


# ── pauses ──

PAUSES: dict[str, tuple[float, dict[str, Any], list[float]]] = {
    "the nth failure waits n seconds": (0.5, {"startretries": 4}, [0, 1.5, 4, 7.5, 12]),
    "with nothing lived too": (0.0, {"startretries": 3}, [0, 1, 3, 6]),
    "however long startsecs is": (8.0, {"startretries": 2, "startsecs": 9.0}, [0, 9, 19]),
    "one retry": (0.25, {"startretries": 1}, [0, 1.25]),
    "no retry": (0.25, {"startretries": 0}, [0]),
}


@pytest.mark.parametrize(("lasts", "options", "spawns"), PAUSES.values(), ids=PAUSES)
async def test_failures_are_retried_at(
    autojump_clock: MockClock, lasts: float, options: dict[str, Any], spawns: list[float]
) -> None:
    async with open_program(Plan(lasts=lasts, returncode=1), **options) as (world, program):
        program.start_nowait(None)
        await trio.sleep(1000)

        assert [t for t, state in world.history("web") if state == "STARTING"] == spawns
        assert program.state.name == "FATAL"


@pytest.mark.parametrize(
    ("lasts", "startsecs", "apart"),
    [
        (0.0, 0.0, 1.0),
        (0.25, 0.0, 1.0),
        (1.0 - EPSILON, 0.0, 1.0),
        (1.0, 0.0, 1.0),
        (1.0 + EPSILON, 0.0, 1.0 + EPSILON),
        (0.75, 0.5, 1.0),
        (30.0, 10.0, 30.0),
    ],
)
async def test_settled_runs_are_replaced_at_once_but_for_one_second_between_spawns(
    autojump_clock: MockClock, lasts: float, startsecs: float, apart: float
) -> None:
    options = {"startsecs": startsecs, "autorestart": True}
    async with open_program(Plan(lasts=lasts), **options) as (world, program):
        program.start_nowait(None)
        await world.until(lambda: world.spawner.count("spawned", "web") == 4)

        spawns = [t for t, state in world.history("web") if state == "STARTING"]
        assert spawns == pytest.approx([0.0, apart, 2 * apart, 3 * apart])


# ── boundaries ──


@pytest.mark.parametrize("startsecs", [EPSILON, 0.5, 1.0, 3.0, 60.0])
@pytest.mark.parametrize(
    ("early", "ended_as"), [(EPSILON / 2, "BACKOFF"), (0.0, "BACKOFF"), (-EPSILON, "EXITED")]
)
async def test_a_run_is_settled_only_when_it_outlives_startsecs(
    autojump_clock: MockClock, startsecs: float, early: float, ended_as: str
) -> None:
    plan = Plan(lasts=startsecs - early, returncode=1)
    options = {"startsecs": startsecs, "startretries": 1, "autorestart": False}
    async with open_program(plan, **options) as (world, program):
        waiter = program.start_nowait(None)
        await world.until(lambda: program.state.name in {"BACKOFF", "EXITED"})

        settled = ended_as == "EXITED"
        assert world.states("web") == f"STARTING {'RUNNING ' * settled}{ended_as}"
        assert (await outcome(waiter))[0] is (Fault.SUCCESS if settled else Fault.SPAWN_ERROR)


@pytest.mark.parametrize("grace", [EPSILON, 0.5, 10.0])
@pytest.mark.parametrize(
    ("late", "returncode"), [(-EPSILON / 2, -15), (0.0, -15), (EPSILON, -9), (1000.0, -9)]
)
async def test_what_does_not_obey_within_its_grace_is_killed_at_its_end(
    autojump_clock: MockClock, grace: float, late: float, returncode: int
) -> None:
    async with open_program(Plan(obeys_after=grace + late), stopwaitsecs=grace) as (_, program):
        await outcome(program.start_nowait(None))
        asked = trio.current_time()

        assert await outcome(program.stop_nowait(None)) == (Fault.SUCCESS, "")

        assert trio.current_time() - asked == pytest.approx(grace + min(late, 0.0))
        assert program.status().returncode == returncode


@pytest.mark.parametrize(
    ("asked_after", "answered_after"),
    [(0.5, 0.5), (2.0, 4.0), (3.5, 4.5)],
    ids=["before its turn", "while it forks", "when it is there"],
)
async def test_a_stop_while_it_is_being_spawned_waits_for_the_fork_and_ends_it(
    autojump_clock: MockClock, asked_after: float, answered_after: float
) -> None:
    plan = Plan(waits=1.0, forks=2.0, obeys_after=1.0)
    async with open_program(plan, startsecs=5.0) as (world, program):
        program.start_nowait(None)
        await trio.sleep(asked_after)

        assert await outcome(program.stop_nowait(None)) == (Fault.SUCCESS, "")

        assert trio.current_time() == pytest.approx(answered_after)
        assert not world.spawner.there.get("web")


# ── order ──

PRIORITIES = st.lists(st.integers(1, 3), min_size=1, max_size=5)
OBEYS = st.sampled_from([0.0, 0.5, 2.0])


@settings(max_examples=50, deadline=None)
@given(PRIORITIES, st.data())
def test_groups_are_signalled_by_priority_each_when_nothing_is_left_of_those_before(
    priorities: list[int], data: st.DataObject
) -> None:
    groups = [
        group_of(f"g{n}", spec_of(f"a{n}"), spec_of(f"b{n}"), priority=priority)
        for n, priority in enumerate(priorities)
    ]
    plans = {
        program.process_name: Plan(
            obeys_after=data.draw(OBEYS), members=MEMBERS, members_last=data.draw(OBEYS)
        )
        for group in groups
        for program in group.programs
    }
    expected: dict[str, float] = {}
    turn = 0.0
    for priority in sorted(set(priorities), reverse=True):
        together = [group for group in groups if group.priority == priority]
        ours = [program.process_name for group in together for program in group.programs]
        expected |= dict.fromkeys(ours, turn)
        turn += max(plans[name].obeys_after + plans[name].members_last for name in ours)

    clock = MockClock(autojump_threshold=0)
    assert trio.run(signalled_at, groups, plans, clock=clock) == expected


async def signalled_at(groups: list[GroupSpec], plans: dict[str, Plan]) -> dict[str, float]:
    """Shut a daemon down; return after how long each of its programs was signalled."""
    daemon = Daemon(*groups)
    for name, plan in plans.items():
        daemon.spawner.plan(name, plan)
    async with open_daemon(daemon):
        await daemon.settled()
        asked = trio.current_time()
        daemon.supervisor.shutdown_nowait(None)
    happened = daemon.spawner.happened
    return {name: when - asked for when, what, name in happened if what == "signalled"}
