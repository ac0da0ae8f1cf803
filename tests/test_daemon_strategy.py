"""Strategies of groups: who is started again with whom, when all is given up; virtual time."""

from __future__ import annotations

from dataclasses import replace as changed
from typing import TYPE_CHECKING, Any

import pytest
import trio
from daemon_fakes import Daemon, Plan, open_daemon, outcome, spec_of
from msgspec.structs import replace

from trio_supervisor.errors import Fault
from trio_supervisor.lifecycle import SupervisorState
from trio_supervisor.spec import BackoffSpec, Dependency, GroupSpec, Intensity, ProgramSpec

if TYPE_CHECKING:
    from trio.testing import MockClock

FOR_EVER = Plan()
DIES = Plan(lasts=5.0, returncode=3)
ENDS = Plan(lasts=5.0)
QUICK = Plan(lasts=0.5, returncode=3)
TWO_IN_20 = Intensity(times=2, seconds=20)
NONE_IN_20 = Intensity(times=0, seconds=20)
STARTED = Dependency(condition="started")


def one(name: str, *needs: str, **options: Any) -> ProgramSpec:
    """Make a member of the group g that needs others."""
    return spec_of(name, depends_on={f"g:{need}": STARTED for need in needs}, **options)


def group(*programs: ProgramSpec, **options: Any) -> GroupSpec:
    """Make the group g."""
    return GroupSpec(name="g", programs=programs, **options)


def all_of(*programs: ProgramSpec, **options: Any) -> Daemon:
    """Make a daemon with a group that is started anew as one."""
    return Daemon(group(*programs, strategy="one_for_all", **options))


def rest_of(*programs: ProgramSpec) -> Daemon:
    """Make a daemon with a group that is started anew from somewhere on."""
    return Daemon(group(*programs, strategy="rest_for_one"))


def spawns(daemon: Daemon) -> dict[str, int]:
    """Count how often each program was spawned."""
    return {p.rank.name: p.condition.spawns for p in daemon.supervisor.programs()}


def moments(daemon: Daemon, what: str, name: str) -> list[float]:
    """Return when something happened to a name."""
    return [when for when, *one in daemon.spawner.happened if one == [what, name]]


async def respawned(daemon: Daemon, name: str, count: int = 2) -> None:
    """Wait until a program was spawned so often, and all that is up is RUNNING."""
    await daemon.until(lambda: daemon.spawner.count("spawned", name) >= count)
    await daemon.settled()


# ── who ──


async def test_unless_told_otherwise_nobody_is_started_with_another(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(group(one("a"), one("b")))
    daemon.spawner.plan("a", DIES, FOR_EVER)
    async with open_daemon(daemon):
        await respawned(daemon, "a")

        assert spawns(daemon) == {"a": 2, "b": 1}


async def test_one_for_all_starts_all_anew(autojump_clock: MockClock) -> None:
    daemon = all_of(one("a"), one("b"), one("c"))
    daemon.spawner.plan("b", DIES, FOR_EVER)
    async with open_daemon(daemon):
        await respawned(daemon, "b")
        await trio.sleep(100)

        assert spawns(daemon) == {"a": 2, "b": 2, "c": 2}
        assert daemon.states("a") == "STARTING RUNNING STOPPING EXITED STARTING RUNNING"
        assert sorted(daemon.spawner.order("signalled")) == ["a", "c"]


async def test_rest_for_one_starts_those_that_depend_on_it_directly_or_not(
    autojump_clock: MockClock,
) -> None:
    daemon = rest_of(one("a", "b"), one("b", "db"), one("c"), one("db"), one("z", "c"))
    daemon.spawner.plan("db", Plan(lasts=9.0, returncode=1), FOR_EVER)
    async with open_daemon(daemon):
        await respawned(daemon, "a")

        assert spawns(daemon) == {"a": 2, "b": 2, "c": 1, "db": 2, "z": 1}


async def test_rest_for_one_reaches_members_through_what_is_no_member(
    autojump_clock: MockClock,
) -> None:
    between = spec_of("between", depends_on={"g:db": STARTED})
    outside = GroupSpec(name="between", programs=(between,))
    web = spec_of("web", depends_on={"between": STARTED, "g:x": STARTED})
    inside = group(one("db"), web, one("x"), strategy="rest_for_one")
    daemon = Daemon(inside, outside)
    daemon.spawner.plan("db", Plan(lasts=9.0, returncode=1), FOR_EVER)
    async with open_daemon(daemon):
        await respawned(daemon, "web")

        assert spawns(daemon) == {"between": 1, "db": 2, "web": 2, "x": 1}


async def test_rest_for_one_without_dependencies_goes_by_the_order(
    autojump_clock: MockClock,
) -> None:
    daemon = rest_of(one("z", priority=1), one("a", priority=5), one("b"), one("c", priority=5))
    daemon.spawner.plan("a", DIES, FOR_EVER)
    async with open_daemon(daemon):
        await respawned(daemon, "a")

        assert spawns(daemon) == {"a": 2, "b": 2, "c": 2, "z": 1}


async def test_what_does_not_run_stays_down(autojump_clock: MockClock) -> None:
    daemon = all_of(one("a"), one("b"), one("done"), one("off", autostart=False))
    daemon.spawner.plan("a", Plan(lasts=9.0, returncode=3), FOR_EVER)
    daemon.spawner.plan("done", ENDS)
    async with open_daemon(daemon):
        await respawned(daemon, "b")

        assert spawns(daemon) == {"a": 2, "b": 2, "done": 1, "off": 0}


@pytest.mark.parametrize(
    ("plan", "options"),
    [(ENDS, {"autorestart": True}), (DIES, {"autorestart": False}), (Plan(refusal="no"), {})],
    ids=["an expected end", "no restart", "nothing was spawned"],
)
async def test_nobody_is_started_anew_after(
    autojump_clock: MockClock, plan: Plan, options: dict[str, Any]
) -> None:
    daemon = all_of(one("a", **options), one("b"))
    daemon.spawner.plan("a", plan, FOR_EVER)
    async with open_daemon(daemon):
        await trio.sleep(100)

        assert spawns(daemon)["b"] == 1


async def test_a_stop_by_a_person_concerns_nobody_else(autojump_clock: MockClock) -> None:
    daemon = all_of(one("a"), one("b"))
    async with open_daemon(daemon):
        await daemon.settled()

        await outcome(daemon.program("g:a").stop_nowait(None))
        await trio.sleep(100)

        assert spawns(daemon) == {"a": 1, "b": 1}


async def test_a_quick_end_counts_as_well(autojump_clock: MockClock) -> None:
    daemon = all_of(one("a"), one("b", startsecs=0))
    daemon.spawner.plan("a", QUICK, FOR_EVER)
    async with open_daemon(daemon):
        await respawned(daemon, "b")

        assert spawns(daemon) == {"a": 2, "b": 2}


async def test_a_process_that_was_replaced_takes_the_others_with_it(
    autojump_clock: MockClock,
) -> None:
    daemon = all_of(one("a"), one("b"))
    async with open_daemon(daemon):
        await daemon.settled()

        daemon.program("g:a").replace_nowait("it is unhealthy")
        await respawned(daemon, "b")

        assert spawns(daemon) == {"a": 2, "b": 2}


# ── when ──


async def test_all_are_down_before_any_is_started(autojump_clock: MockClock) -> None:
    daemon = all_of(one("a"), one("b"), one("c"))
    daemon.spawner.plan("a", DIES, FOR_EVER)
    daemon.spawner.plan("c", Plan(obeys_after=7.0))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.program("g:b").condition.waits_for)
        assert daemon.program("g:a").status().description == "waiting for g:c (down)"
        await respawned(daemon, "c")

        down = moments(daemon, "ended", "c")[0]
        assert [moments(daemon, "spawned", name)[1] for name in "abc"] == [down] * 3


async def test_the_others_come_back_with_it_after_its_backoff(autojump_clock: MockClock) -> None:
    daemon = all_of(one("a", backoff=BackoffSpec(base=20)), one("b"))
    daemon.spawner.plan("a", DIES, FOR_EVER)
    async with open_daemon(daemon):
        await respawned(daemon, "b")

        assert moments(daemon, "signalled", "b") == moments(daemon, "ended", "a")
        back = moments(daemon, "ended", "a")[0] + 20
        assert [moments(daemon, "spawned", name)[1] for name in "ab"] == [back, back]


async def test_they_go_down_and_come_up_in_the_order_of_what_they_need(
    autojump_clock: MockClock,
) -> None:
    daemon = all_of(one("cache"), one("db"), one("web", "db", "cache"))
    daemon.spawner.plan("cache", Plan(lasts=9.0, returncode=1), FOR_EVER)
    daemon.spawner.plan("web", Plan(obeys_after=3.0))
    async with open_daemon(daemon):
        await respawned(daemon, "web")

        ended = moments(daemon, "ended", "web")[0]
        assert moments(daemon, "signalled", "db") == [ended]
        db, web = (moments(daemon, "spawned", name)[1] for name in ("db", "web"))
        assert ended < db < web
        assert spawns(daemon) == {"cache": 2, "db": 2, "web": 2}


async def test_a_stop_that_comes_meanwhile_wins(autojump_clock: MockClock) -> None:
    daemon = all_of(one("a"), one("b"))
    daemon.spawner.plan("a", DIES, FOR_EVER)
    daemon.spawner.plan("b", Plan(obeys_after=3.0))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.program("g:b").state.name == "STOPPING")

        assert await outcome(daemon.program("g:b").stop_nowait(None)) == (Fault.SUCCESS, "")
        await respawned(daemon, "a")

        assert daemon.states("b").endswith("STOPPING STOPPED")
        assert spawns(daemon) == {"a": 2, "b": 1}


async def test_the_unkillable_hold_nobody_up(autojump_clock: MockClock) -> None:
    daemon = all_of(one("a"), one("b", stopwaitsecs=1))
    daemon.spawner.plan("a", DIES, FOR_EVER)
    daemon.spawner.plan("b", Plan(members=frozenset({900}), members_last=9e9, immortal=True))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.spawner.count("spawned", "a") == 2)

        daemon.spawner.release()


# ── no blame ──


async def test_those_that_are_started_anew_restart_nobody_and_count_nowhere(
    autojump_clock: MockClock,
) -> None:
    backoff = BackoffSpec(base=30)
    intensity = Intensity(times=1, seconds=1000)
    members = [one(name, startretries=0, backoff=backoff) for name in "abcd"]
    daemon = all_of(*members, intensity=intensity)
    daemon.spawner.plan("a", DIES, FOR_EVER)
    async with open_daemon(daemon):
        await respawned(daemon, "a")
        await trio.sleep(500)

        assert spawns(daemon) == dict.fromkeys("abcd", 2)
        assert [daemon.program(f"g:{name}").condition.in_a_row for name in "abcd"] == [1, 0, 0, 0]


async def test_one_that_was_still_starting_has_not_failed(autojump_clock: MockClock) -> None:
    daemon = all_of(one("a", startsecs=0), one("b", startsecs=60, startretries=0))
    daemon.spawner.plan("a", DIES, FOR_EVER)
    async with open_daemon(daemon):
        waiter = daemon.program("g:b").start_nowait(None)
        await respawned(daemon, "b")

        assert daemon.states("b") == "STARTING STOPPING BACKOFF STARTING RUNNING"
        assert waiter.fault is Fault.ALREADY_STARTED
        assert daemon.program("g:b").condition.failures == 0


async def test_their_ends_are_expected_and_say_because_of_whom(autojump_clock: MockClock) -> None:
    daemon = all_of(one("a"), one("b"))
    daemon.spawner.plan("a", DIES, FOR_EVER)
    async with open_daemon(daemon):
        await respawned(daemon, "b")

        (crash,) = (
            e for e in daemon.transitions("a") if e.to_state and e.to_state.name == "EXITED"
        )
        stopping, exited = daemon.transitions("b")[2:4]
        assert stopping.cause == crash.id
        assert stopping.detail == "g:a has ended unexpectedly (exit status 3)"
        assert exited.expected


async def test_two_that_die_together_are_started_once_each(autojump_clock: MockClock) -> None:
    daemon = all_of(one("a"), one("b"), one("c"))
    for name in "ab":
        daemon.spawner.plan(name, DIES, FOR_EVER)
    async with open_daemon(daemon):
        await respawned(daemon, "c")
        await trio.sleep(100)

        assert spawns(daemon) == {"a": 2, "b": 2, "c": 2}


# ── how often ──


async def test_one_end_too_many_stops_the_group_and_all_of_it_is_fatal(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(
        group(one("a"), one("b"), one("off", autostart=False), intensity=TWO_IN_20),
        GroupSpec(name="other", programs=(spec_of("other"),)),
    )
    daemon.spawner.plan("a", DIES)
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("b").endswith("FATAL"))
        await trio.sleep(100)

        why = "its group had 3 unexpected ends within 20 s, the last of g:a (exit status 3)"
        for name in "ab":
            assert daemon.program(f"g:{name}").status().description == why
        assert spawns(daemon) == {"a": 3, "b": 1, "off": 0, "other": 1}
        assert daemon.states("a").endswith("RUNNING EXITED FATAL")
        assert daemon.states("b") == "STARTING RUNNING STOPPING FATAL"
        assert daemon.program("g:off").state.name == "STOPPED"
        assert daemon.supervisor.state is SupervisorState.RUNNING


async def test_ends_that_are_far_enough_apart_go_on_for_ever(autojump_clock: MockClock) -> None:
    daemon = Daemon(group(one("a"), intensity=TWO_IN_20))
    daemon.spawner.plan("a", changed(DIES, lasts=10.5))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.spawner.count("spawned", "a") == 20)


async def test_all_members_count(autojump_clock: MockClock) -> None:
    daemon = Daemon(group(one("a"), one("b"), one("c"), intensity=TWO_IN_20))
    for name in "abc":
        daemon.spawner.plan(name, changed(DIES, lasts=10.5))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("c").endswith("FATAL"))

        assert spawns(daemon) == {"a": 1, "b": 1, "c": 1}


async def test_the_group_goes_down_in_its_order(autojump_clock: MockClock) -> None:
    daemon = Daemon(group(one("db"), one("web", "db"), one("x"), intensity=NONE_IN_20))
    daemon.spawner.plan("x", DIES)
    daemon.spawner.plan("web", Plan(obeys_after=4.0))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("db").endswith("FATAL"))

        assert moments(daemon, "signalled", "db") == moments(daemon, "ended", "web")


async def test_who_waits_for_a_start_hears_the_reason(autojump_clock: MockClock) -> None:
    daemon = Daemon(group(one("a"), one("b", autostart=False, startsecs=60), intensity=NONE_IN_20))
    daemon.spawner.plan("a", DIES)
    async with open_daemon(daemon):
        await daemon.settled()

        fault, detail = await outcome(daemon.program("g:b").start_nowait(None))

        assert fault is Fault.SPAWN_ERROR
        assert detail.startswith("its group had 1 unexpected end within 20 s")


async def test_a_start_by_a_person_begins_to_count_anew(autojump_clock: MockClock) -> None:
    daemon = Daemon(group(one("a"), intensity=TWO_IN_20))
    daemon.spawner.plan("a", DIES)
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("a").endswith("FATAL"))

        assert await outcome(daemon.program("g:a").start_nowait(None)) == (Fault.SUCCESS, "")
        await daemon.until(lambda: daemon.states("a").endswith("FATAL"))

        assert spawns(daemon) == {"a": 6}


async def test_a_restart_by_a_person_survives_the_end_of_the_group(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(group(one("a"), one("b"), intensity=NONE_IN_20))
    daemon.spawner.plan("a", DIES)
    daemon.spawner.plan("b", Plan(obeys_after=4.0))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.program("g:b").state.name == "STOPPING")

        waiter = daemon.program("g:b").start_nowait(None)

        assert await outcome(waiter) == (Fault.SUCCESS, "")
        assert daemon.states("b").endswith("STOPPING FATAL STARTING RUNNING")


# ── critical ──


@pytest.mark.parametrize(
    ("plan", "options"),
    [(DIES, {"intensity": NONE_IN_20}), (QUICK, {})],
    ids=["too many ends", "no start"],
)
async def test_the_end_of_a_critical_group_is_the_end_of_all(
    autojump_clock: MockClock, plan: Plan, options: dict[str, Any]
) -> None:
    other = GroupSpec(name="other", programs=(spec_of("other"),))
    daemon = Daemon(group(one("a", startretries=0), one("b"), critical=True, **options), other)
    daemon.spawner.plan("a", plan)
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("other").endswith("STOPPED"))

        assert daemon.supervisor.exit_code == 3
        assert daemon.states("a").endswith("FATAL")
        assert daemon.supervisor.state is SupervisorState.SHUTDOWN


async def test_what_is_not_critical_may_end(autojump_clock: MockClock) -> None:
    quiet = GroupSpec(name="quiet", programs=(spec_of("quiet", startretries=0),))
    daemon = Daemon(group(one("a"), critical=True), quiet)
    daemon.spawner.plan("quiet", QUICK)
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("quiet").endswith("FATAL"))
        await trio.sleep(10)

        assert daemon.program("g:a").state.name == "RUNNING"


async def test_an_update_of_the_strategy_is_a_change_of_the_group(
    autojump_clock: MockClock,
) -> None:
    from trio_supervisor.daemon import updates

    daemon = Daemon(group(one("a")))
    async with open_daemon(daemon):
        await daemon.settled()
        daemon.configure(replace(group(one("a")), strategy="one_for_all", critical=True))

        report = updates.update(daemon.supervisor, [], None, dry_run=True)

        assert [change.detail async for change in report] == ["strategy, critical"]
