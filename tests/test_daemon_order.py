"""Order as a graph: what waits for what on the way up and on the way down, in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
from daemon_fakes import Daemon, Plan, group_of, open_daemon, outcome, spec_of

from trio_supervisor.daemon import operations, updates
from trio_supervisor.errors import Fault
from trio_supervisor.protocol.messages import EventKind
from trio_supervisor.spec import Dependency, GroupSpec, Health

if TYPE_CHECKING:
    from trio.testing import MockClock

SLOW = Plan(forks=3.0)


def one(name: str, *needs: str, condition: Any = "started", **options: Any) -> GroupSpec:
    """Make a group of one program that needs others."""
    more = {key: options.pop(key) for key in ("required", "restart") if key in options}
    depends_on = {need: Dependency(condition=condition, **more) for need in needs}
    priority = options.pop("group_priority", 999)
    return group_of(name, spec_of(name, depends_on=depends_on, **options), priority=priority)


def task(name: str, *needs: str) -> GroupSpec:
    """Make a task, as the configuration does."""
    return one(name, *needs, type="task", startsecs=0, autorestart=False)


def when(daemon: Daemon, what: str) -> dict[str, float]:
    """Return when something happened last to whom."""
    return {name: moment for moment, happened, name in daemon.spawner.happened if happened == what}


async def test_a_program_is_spawned_when_what_it_needs_is_running(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(one("web", "db", "cache"), one("db"), one("cache"))
    daemon.spawner.plan("db", SLOW)
    async with open_daemon(daemon):
        await trio.sleep(2)
        assert daemon.program("web").status().description == "waiting for db (started)"
        assert daemon.program("web").state.name == "STARTING"
        await daemon.settled()

        spawned = when(daemon, "spawned")
        assert spawned["web"] - spawned["db"] == pytest.approx(1.0)
        assert daemon.program("web").status().description.startswith("pid ")


async def test_what_needs_nothing_of_one_another_starts_at_once(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(one("a"), one("b"), one("c", "a"), one("d", "b"), one("e", "c", "d"))
    async with open_daemon(daemon):
        await daemon.settled()

        spawned = when(daemon, "spawned")
        assert spawned["a"] == spawned["b"]
        assert spawned["c"] == spawned["d"] == pytest.approx(spawned["a"] + 1)
        assert spawned["e"] == pytest.approx(spawned["c"] + 1)


async def test_a_task_that_has_done_its_work_lets_others_start(autojump_clock: MockClock) -> None:
    daemon = Daemon(task("migrate"), one("web", "migrate", condition="completed_ok"))
    daemon.spawner.plan("migrate", Plan(lasts=4.0))
    async with open_daemon(daemon):
        await daemon.settled()
        await daemon.until(lambda: daemon.states("web").endswith("RUNNING"))

        assert when(daemon, "spawned")["web"] >= when(daemon, "ended")["migrate"]
        assert daemon.states("migrate") == "STARTING RUNNING EXITED"
        assert daemon.spawner.count("spawned", "migrate") == 1


async def test_fault_25_a_task_that_fails_fails_what_waits_for_it_with_the_reason(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(
        task("migrate"), one("web", "migrate", condition="completed_ok"), one("proxy", "web")
    )
    daemon.spawner.plan("migrate", Plan(lasts=4.0, returncode=1))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("proxy").endswith("FATAL"))

        assert daemon.states("web") == "STARTING FATAL"
        web, proxy = (daemon.program(name).status() for name in ("web", "proxy"))
        assert web.description == "it needs migrate, which has ended with exit status 1"
        assert proxy.description == (
            "it needs web, which is FATAL: migrate has ended with exit status 1"
        )
        assert daemon.spawner.count("spawned", "web") == 0


async def test_a_long_chain_fails_for_the_first_reason_alone(autojump_clock: MockClock) -> None:
    chain = [one(f"p{number}", f"p{number - 1}") for number in range(2, 50)]
    daemon = Daemon(task("p0"), one("p1", "p0", condition="completed_ok"), *chain)
    daemon.spawner.plan("p0", Plan(lasts=0.0, returncode=-9))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("p49").endswith("FATAL"))

        why = daemon.program("p49").status().description
        assert why == "it needs p48, which is FATAL: p0 was terminated by SIGKILL"


@pytest.mark.parametrize("condition", ["started", "ready", "completed", "completed_ok"])
async def test_a_task_that_has_ended_well_was_started_and_ready_and_is_not_run_again(
    condition: str, autojump_clock: MockClock
) -> None:
    daemon = Daemon(task("migrate"), one("web", "migrate", condition=condition))
    daemon.spawner.plan("migrate", Plan(lasts=0.0))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("web").endswith("RUNNING"))
        await outcome(daemon.program("web").stop_nowait(None))
        await outcome(daemon.program("web").start_nowait(None))

        assert daemon.states("web").endswith("RUNNING")
        assert daemon.spawner.count("spawned", "migrate") == 1


async def test_of_many_that_are_missing_few_are_named_and_told(autojump_clock: MockClock) -> None:
    first = [f"a{number}" for number in range(60)]
    daemon = Daemon(*map(one, first), *(one(f"b{number}", *first) for number in range(60)))
    for number, name in enumerate(first):
        daemon.spawner.plan(name, Plan(waits=number))
    async with open_daemon(daemon):
        await trio.sleep(0.5)
        waiting = daemon.program("b0").status().description
        assert (
            waiting == "waiting for a0 (started), a1 (started), a2 (started), a3 (started), 56 more"
        )
        await daemon.until(lambda: daemon.states("b59").endswith("RUNNING"))

        told = [e.detail for e in daemon.events.since() if e.kind is EventKind.WAIT]
        assert len(told) <= 60 * 6
        assert told.count("waiting for a59 (started)") == 60


async def test_what_is_configured_and_not_active_is_waited_for_with_a_hint(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(one("web"))
    async with open_daemon(daemon):
        await daemon.settled()
        daemon.configure(one("web", "db"), one("db"))
        daemon.supervisor.reread()
        await outcome(daemon.program("web").stop_nowait(None))
        daemon.program("web").start_nowait(None)
        await daemon.until(lambda: daemon.program("web").condition.waits_for)

        assert daemon.program("web").condition.waits_for == "db (until update adds it)"
        report = updates.update(daemon.supervisor, ["db"], None, dry_run=False)
        assert [one.action.name async for one in report] == ["ADDED"]
        await daemon.until(lambda: daemon.states("web").endswith("RUNNING"))


@pytest.mark.parametrize("crash", [Plan(lasts=4.0, returncode=1), Plan(lasts=4.0, forks=1.0)])
async def test_what_is_lost_while_a_program_waits_for_its_turn_is_waited_for_again(
    crash: Plan, autojump_clock: MockClock
) -> None:
    daemon = Daemon(one("db", autorestart=True), one("web", "db"))
    daemon.spawner.plan("db", crash, Plan(forks=3.0))
    daemon.spawner.plan("web", Plan(waits=3.5))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("web").endswith("RUNNING"))

        spawned = when(daemon, "spawned")
        assert daemon.spawner.order("spawned") == ["db", "db", "web"]
        assert spawned["web"] == pytest.approx(spawned["db"] + 1.0 + 3.5)


async def test_what_is_stopped_while_a_program_waits_for_its_turn_fails_it(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(one("db"), one("web", "db"))
    daemon.spawner.plan("web", Plan(waits=5.0))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("db").endswith("RUNNING"))
        await trio.sleep(1)
        daemon.program("db").stop_nowait(None)
        await daemon.until(lambda: daemon.states("web").endswith("FATAL"))

        assert daemon.program("web").status().description == "it needs db, which is stopped"
        assert daemon.spawner.order("spawned") == ["db"]


async def test_completed_asks_for_no_success(autojump_clock: MockClock) -> None:
    daemon = Daemon(task("seed"), one("web", "seed", condition="completed"))
    daemon.spawner.plan("seed", Plan(lasts=4.0, returncode=1))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("web").endswith("RUNNING"))


async def test_a_wait_goes_on_while_what_is_needed_is_tried_again(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(one("db"), one("web", "db"))
    crash = Plan(lasts=0.2, returncode=1)
    daemon.spawner.plan("db", crash, crash, Plan())
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("web").endswith("RUNNING"))

        assert daemon.spawner.count("spawned", "db") == 3


async def test_what_is_not_required_is_done_without(autojump_clock: MockClock) -> None:
    daemon = Daemon(one("db", startretries=0), one("web", "db", required=False))
    daemon.spawner.plan("db", Plan(refusal="no such file"))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("web").endswith("RUNNING"))


async def test_a_start_starts_what_is_needed(autojump_clock: MockClock) -> None:
    daemon = Daemon(one("db", autostart=False), one("web", "db", autostart=False))
    async with open_daemon(daemon):
        waiter = daemon.program("web").start_nowait(None)

        assert await outcome(waiter) == (Fault.SUCCESS, "")
        assert daemon.program("db").state.name == "RUNNING"


async def test_but_not_what_was_stopped_after_that(autojump_clock: MockClock) -> None:
    daemon = Daemon(
        one("db", autostart=False),
        one("app", "db", autostart=False),
        one("web", "app", autostart=False),
    )
    async with open_daemon(daemon):
        start, stop = (daemon.events.publish(EventKind.REQUEST) for _ in range(2))
        waiter = daemon.program("web").start_nowait(start)
        daemon.program("db").stop_nowait(stop)

        fault, why = await outcome(waiter)

        assert fault is Fault.SPAWN_ERROR
        assert why == "it needs app, which is FATAL: db is stopped"
        assert daemon.states("db") == ""


async def test_a_stop_ends_a_wait(autojump_clock: MockClock) -> None:
    daemon = Daemon(one("db"), one("web", "db"))
    daemon.spawner.plan("db", Plan(forks=1000.0))
    async with open_daemon(daemon):
        await trio.sleep(5)

        assert await outcome(daemon.program("web").stop_nowait(None)) == (Fault.SUCCESS, "")

        assert daemon.states("web") == "STARTING STOPPED"


async def test_who_waits_for_what_is_stopped_fails(autojump_clock: MockClock) -> None:
    daemon = Daemon(one("db"), one("web", "db"))
    daemon.spawner.plan("db", Plan(waits=1000.0))
    async with open_daemon(daemon):
        await trio.sleep(5)

        await outcome(daemon.program("db").stop_nowait(None))
        await daemon.until(lambda: daemon.states("web").endswith("FATAL"))

        assert daemon.program("web").status().description == "it needs db, which is stopped"


async def test_fault_26_all_goes_down_in_the_reverse_order_whatever_the_priorities(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(
        one("db", group_priority=1000), one("web", "db", group_priority=5), one("job", "web")
    )
    for name in ("db", "web", "job"):
        daemon.spawner.plan(name, Plan(obeys_after=2.0))
    async with open_daemon(daemon):
        await daemon.settled()
        start = trio.current_time()
        daemon.supervisor.shutdown_nowait(None)

    signalled, ended = when(daemon, "signalled"), when(daemon, "ended")
    assert signalled["job"] == start
    assert signalled["web"] == ended["job"] == pytest.approx(start + 2)
    assert signalled["db"] == ended["web"] == pytest.approx(start + 4)


async def test_a_stop_of_all_goes_in_that_order_too(autojump_clock: MockClock) -> None:
    daemon = Daemon(one("db"), one("web", "db"))
    daemon.spawner.plan("web", Plan(obeys_after=2.0))
    async with open_daemon(daemon):
        await daemon.settled()

        for pending in operations.stop(daemon.supervisor, ["all"], None):
            await pending.outcome(wait=True)

        assert when(daemon, "signalled")["db"] == when(daemon, "ended")["web"]


async def test_who_needs_it_by_way_of_another_goes_before_it_too(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(one("db"), one("mid", "db"), one("web", "mid"))
    daemon.spawner.plan("web", Plan(obeys_after=2.0))
    async with open_daemon(daemon):
        await daemon.settled()

        for pending in operations.stop(daemon.supervisor, ["db", "web"], None):
            await pending.outcome(wait=True)

        assert when(daemon, "signalled")["db"] == when(daemon, "ended")["web"]


async def test_after_a_crash_what_somebody_has_stopped_is_waited_for(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(one("db"), one("web", "db", autorestart=True))
    daemon.spawner.plan("web", Plan(lasts=10.0, returncode=1))
    async with open_daemon(daemon):
        await daemon.settled()
        await outcome(daemon.program("db").stop_nowait(None))
        await daemon.until(lambda: daemon.program("web").condition.waits_for)

        assert daemon.program("web").status().description == "waiting for db (stopped)"
        assert daemon.states("db").endswith("STOPPED")
        daemon.program("db").start_nowait(None)
        await daemon.until(lambda: daemon.states("web").endswith("STARTING RUNNING"))

        assert daemon.spawner.count("spawned", "web") == 2


async def test_what_a_task_leaves_is_gone_before_who_needs_it_starts(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(task("migrate"), one("web", "migrate", condition="completed_ok"))
    left = Plan(lasts=1.0, members=frozenset({900}), members_last=6.0)
    daemon.spawner.plan("migrate", left)
    async with open_daemon(daemon):
        await trio.sleep(2)
        assert daemon.program("web").status().description == "waiting for migrate (down)"
        await daemon.until(lambda: daemon.states("web").endswith("RUNNING"))

        spawned, ended = when(daemon, "spawned"), when(daemon, "ended")
        assert spawned["web"] == pytest.approx(ended["migrate"] + 6)


async def test_what_speaks_against_it_is_told_to_who_waits(autojump_clock: MockClock) -> None:
    health = Health(exec="/bin/probe", retries=1, on_failure="mark")
    daemon = Daemon(one("db", health=health), one("web", "db", condition="healthy"))
    daemon.spawner.plan("db (health)", Plan(lasts=0.0, returncode=1))
    async with open_daemon(daemon):
        await daemon.until(lambda: "unhealthy" in daemon.program("web").condition.waits_for)

        waits_for = daemon.program("web").condition.waits_for
        assert waits_for == "db (healthy, now unhealthy: exit status 1)"


async def test_one_that_is_stopped_alone_waits_for_nobody(autojump_clock: MockClock) -> None:
    daemon = Daemon(one("db"), one("web", "db"))
    async with open_daemon(daemon):
        await daemon.settled()

        await outcome(daemon.program("db").stop_nowait(None))

        assert daemon.program("web").state.name == "RUNNING"


async def test_who_is_in_a_hurry_waits_for_no_order(autojump_clock: MockClock) -> None:
    daemon = Daemon(one("db"), one("web", "db"))
    daemon.spawner.plan("web", Plan(obeys_after=60.0))
    async with open_daemon(daemon):
        await daemon.settled()
        start = trio.current_time()
        daemon.supervisor.shutdown_nowait(None)
        await trio.sleep(1)

        daemon.supervisor.kill_nowait()

    assert when(daemon, "ended")["db"] == pytest.approx(start + 1)


async def test_the_unkillable_hold_nobody_up(autojump_clock: MockClock) -> None:
    daemon = Daemon(one("db"), one("web", "db", stopwaitsecs=1))
    daemon.spawner.plan("web", Plan(members=frozenset({900}), members_last=9e9, immortal=True))
    async with open_daemon(daemon):
        await daemon.settled()

        waiters = [daemon.program(name).stop_nowait(None) for name in ("web", "db")]

        assert (await outcome(waiters[0]))[0] is Fault.FAILED
        assert await outcome(waiters[1]) == (Fault.SUCCESS, "")
        daemon.spawner.release()


async def test_restart_starts_those_anew_that_asked_for_it(autojump_clock: MockClock) -> None:
    daemon = Daemon(one("db"), one("web", "db", restart=True), one("job", "db"))
    daemon.spawner.plan("db", Plan(lasts=5.0, returncode=1), Plan())
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("web").endswith("EXITED STARTING RUNNING"))

        assert daemon.spawner.count("spawned", "web") == 2
        assert daemon.spawner.count("spawned", "job") == 1
        spawned = when(daemon, "spawned")
        assert spawned["web"] >= spawned["db"] + 1


async def test_an_update_of_both_lets_the_one_wait_for_the_other(
    autojump_clock: MockClock,
) -> None:
    from trio_supervisor.daemon import updates

    daemon = Daemon(one("db"), one("web", "db"))
    async with open_daemon(daemon):
        await daemon.settled()
        daemon.configure(one("db", command="/bin/new"), one("web", "db", command="/bin/new"))

        async for _ in updates.update(daemon.supervisor, [], None, dry_run=False):
            pass
        await daemon.settled()

        assert daemon.states("web").endswith("STOPPED STARTING RUNNING")


def chain(daemon: Daemon, name: str) -> list[tuple[str, str]]:
    """Return the causes of the last event of a program, oldest first: names and what happened."""
    known = {event.id: event for event in daemon.events.since()}
    event = [event for event in known.values() if event.name == name][-1]
    found = []
    while True:
        if event.name:
            state = event.to_state
            found.append((event.name, state.name if state is not None else event.detail))
        if event.cause is None:
            return found[::-1]
        event = known[event.cause]


async def test_the_end_of_a_wait_has_its_cause_in_what_was_waited_for(
    autojump_clock: MockClock,
) -> None:
    at_the_same_moment = [one(name) for name in ("aside", "beside", "mydb")]
    daemon = Daemon(one("web", "db"), one("db"), *at_the_same_moment)
    async with open_daemon(daemon):
        await daemon.settled()

        assert chain(daemon, "web") == [
            ("db", "STARTING"),
            ("db", "RUNNING"),
            ("web", ""),
            ("web", "RUNNING"),
        ]


async def test_who_gives_up_names_what_failed_as_the_cause(autojump_clock: MockClock) -> None:
    daemon = Daemon(task("seed"), one("web", "seed", condition="completed_ok"))
    daemon.spawner.plan("seed", Plan(lasts=2.0, returncode=2))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("web").endswith("FATAL"))

        assert chain(daemon, "web")[-2:] == [("seed", "EXITED"), ("web", "FATAL")]


async def test_a_start_starts_what_is_needed_anew_when_that_had_failed(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(one("db", startretries=0), one("web", "db"))
    daemon.spawner.plan("db", Plan(refusal="no such file"), Plan())
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("web").endswith("FATAL"))

        waiter = daemon.program("web").start_nowait(None)

        assert await outcome(waiter) == (Fault.SUCCESS, "")


async def test_or_had_ended(autojump_clock: MockClock) -> None:
    daemon = Daemon(one("db", autorestart=False), one("web", "db", autostart=False))
    left = Plan(lasts=5.0, members=frozenset({900}), members_last=9.0)
    daemon.spawner.plan("db", left, Plan())
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("db").endswith("EXITED"))

        waiter = daemon.program("web").start_nowait(None)

        assert await outcome(waiter) == (Fault.SUCCESS, "")


async def test_a_start_of_all_that_had_failed_waits_for_what_is_needed(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(one("db", startretries=0), *[one(f"web{n}", "db") for n in range(9)])
    daemon.spawner.plan("db", Plan(refusal="no such file"), Plan())
    async with open_daemon(daemon):
        await trio.sleep(9)

        waiters = [program.start_nowait(None) for program in daemon.supervisor.programs()]

        assert {await outcome(waiter) for waiter in waiters} == {(Fault.SUCCESS, "")}


async def test_a_task_that_is_to_run_again_is_waited_for(autojump_clock: MockClock) -> None:
    daemon = Daemon(task("migrate"), one("web", "migrate", condition="completed_ok"))
    daemon.spawner.plan("migrate", Plan(lasts=4.0))
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("web").endswith("RUNNING"))

        operations.restart(daemon.supervisor, ["all"], None)
        await trio.sleep(20)

        assert when(daemon, "spawned")["web"] >= when(daemon, "ended")["migrate"]
        assert daemon.spawner.count("ended", "migrate") == 2


async def test_what_is_fatal_already_and_only_leaves_something_is_seen_to_go(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(one("db"), one("web", "db", startretries=0))
    crash = Plan(lasts=0.5, returncode=1, members=frozenset({900}), members_last=5.0)
    daemon.spawner.plan("web", crash)
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("web").endswith("FATAL"))

        operations.stop(daemon.supervisor, ["all"], None)
        await trio.sleep(20)

        assert daemon.program("db").state.name == "STOPPED"


async def test_who_needs_one_another_by_two_configurations_goes_down_all_the_same(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(one("a"), one("b", "a"))
    async with open_daemon(daemon):
        await daemon.settled()
        daemon.configure(one("b"), one("a", "b"))
        daemon.supervisor.reread()
        operations.restart(daemon.supervisor, ["a"], None)
        await trio.sleep(5)

        waiters = [program.stop_nowait(None) for program in daemon.supervisor.programs()]
        await trio.sleep(20)

        assert {program.state.name for program in daemon.supervisor.programs()} == {"STOPPED"}
        assert {await outcome(waiter) for waiter in waiters} == {(Fault.SUCCESS, "")}


async def test_and_comes_up_again(autojump_clock: MockClock) -> None:
    daemon = Daemon(one("a"), one("b", "a"))
    daemon.spawner.plan("b", Plan(lasts=10.0, returncode=1), Plan())
    daemon.spawner.plan("a", Plan(), Plan(lasts=5.0, returncode=1), Plan())
    async with open_daemon(daemon):
        await daemon.settled()
        daemon.configure(one("b"), one("a", "b"))
        daemon.supervisor.reread()
        await trio.sleep(3)
        operations.restart(daemon.supervisor, ["a"], None)
        await trio.sleep(30)

        assert {program.state.name for program in daemon.supervisor.programs()} == {"RUNNING"}
        assert daemon.spawner.count("spawned", "a") == 3
        assert daemon.spawner.count("spawned", "b") == 2


async def test_what_was_taken_out_is_not_waited_for(autojump_clock: MockClock) -> None:
    daemon = Daemon(one("web", "db"), one("db"))
    daemon.spawner.plan("web", Plan(lasts=5.0, returncode=1), Plan())
    async with open_daemon(daemon):
        await daemon.settled()
        daemon.configure(one("web"))
        report = updates.update(daemon.supervisor, ["db"], None, dry_run=False)
        told = [outcome.action.name async for outcome in report]
        await trio.sleep(20)

        web = daemon.program("web").status()
        assert told == ["STOPPED", "REMOVED"]
        assert web.state.name == "FATAL"
        assert web.description == "it needs db, which was taken out of the configuration"


async def test_what_a_replaced_dependant_leaves_is_waited_for_as_well(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(one("db"), one("web", "db"))
    daemon.spawner.plan("web", Plan(members=frozenset({900}), members_last=6.0), Plan())
    async with open_daemon(daemon):
        await daemon.settled()
        daemon.program("web").restart_nowait("its code has changed", None)
        await trio.sleep(1)

        assert await outcome(daemon.program("db").stop_nowait(None)) == (Fault.SUCCESS, "")

        assert when(daemon, "signalled")["db"] == when(daemon, "ended")["web"] + 6.0
