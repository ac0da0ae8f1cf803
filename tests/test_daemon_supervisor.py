"""The tree of groups: what can be asked of it, the order of stops, and changes of configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
from daemon_fakes import Daemon, Plan, group_of, open_daemon, spec_of

from trio_supervisor.daemon import operations, updates
from trio_supervisor.errors import ConfigError, Fault, Problem, RequestError
from trio_supervisor.lifecycle import SupervisorState
from trio_supervisor.protocol.messages import Action, Changes, EventKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio.testing import MockClock

    from trio_supervisor.daemon.report import Pending, Report

PAIR = group_of("pair", spec_of("one", priority=1), spec_of("two", priority=2))
ALONE = group_of("alone")
LATE = 1000.0
"""Virtual seconds that no shutdown here takes."""
BAD = ConfigError([Problem("f.toml", 3, "program.x", "is wrong")])


async def outcomes(pending: Iterable[Pending]) -> list[tuple[str, str, Fault]]:
    """Wait for all; return group, name and fault of each."""
    with trio.fail_after(10_000):
        found = [await one.outcome(wait=True) for one in pending]
    return [(one.group, one.name, one.fault) for one in found]


async def told(report: Report) -> list[tuple[Action, str, Fault]]:
    """Read a report to its end."""
    with trio.fail_after(10_000):
        return [(one.action, one.group, one.fault) async for one in report]


async def rescue(daemon: Daemon) -> None:
    """Let a shutdown that hangs come to an end, too late."""
    await trio.sleep(LATE)
    daemon.supervisor.kill_nowait()


# ── start, stop, restart ──


async def test_what_has_autostart_is_started_in_the_order_of_priorities(
    autojump_clock: MockClock,
) -> None:
    last = group_of("last", spec_of("l", autostart=False), priority=1000)
    async with open_daemon(Daemon(PAIR, ALONE, last)) as daemon:
        await daemon.settled()

        assert set(daemon.spawner.order("spawned")) == {"one", "two", "alone"}
        assert daemon.program("last:l").state.name == "STOPPED"


async def test_it_is_ready_when_the_first_starts_were_issued(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(PAIR)) as daemon:
        assert {p.state.name for p in daemon.supervisor.programs()} == {"STARTING"}


async def test_names_are_answered_in_their_order(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(PAIR, ALONE)) as daemon:
        await daemon.settled()

        found = await outcomes(
            operations.stop(daemon.supervisor, ["pair:two", "nope", "alone"], None)
        )

        assert found == [
            ("pair", "two", Fault.SUCCESS),
            ("nope", "nope", Fault.BAD_NAME),
            ("alone", "alone", Fault.SUCCESS),
        ]


async def test_stopping_a_group_reports_what_was_up(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(PAIR)) as daemon:
        await daemon.settled()
        await outcomes(operations.stop(daemon.supervisor, ["pair:one"], None))

        found = await outcomes(operations.stop(daemon.supervisor, ["pair:*"], None))

        assert found == [("pair", "two", Fault.SUCCESS)]


async def test_starting_a_group_starts_what_is_not_up(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(PAIR)) as daemon:
        await daemon.settled()
        await outcomes(operations.stop(daemon.supervisor, ["pair:one"], None))

        found = await outcomes(operations.start(daemon.supervisor, ["pair:*"], None))

        assert found == [("pair", "one", Fault.SUCCESS)]


async def test_a_pattern_is_carried_out_where_there_is_something_to_do(
    autojump_clock: MockClock,
) -> None:
    async with open_daemon(Daemon(PAIR, ALONE)) as daemon:
        await daemon.settled()
        supervisor = daemon.supervisor
        two, one = ("pair", "two", Fault.SUCCESS), ("pair", "one", Fault.SUCCESS)

        assert await outcomes(operations.stop(supervisor, ["tw*"], None)) == [two]
        assert await outcomes(operations.stop(supervisor, ["pair:*o*"], None)) == [one]
        assert await outcomes(operations.start(supervisor, ["*"], None)) == [one, two]
        assert await outcomes(operations.restart(supervisor, ["p*:t*"], None)) == [two, two]
        assert await outcomes(operations.stop(supervisor, ["nope*"], None)) == [
            ("nope*", "nope*", Fault.BAD_NAME)
        ]


async def test_a_restart_stops_what_is_up_and_starts_all(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(PAIR)) as daemon:
        await daemon.settled()
        await outcomes(operations.stop(daemon.supervisor, ["pair:one"], None))

        found = await outcomes(operations.restart(daemon.supervisor, ["all"], None))

        assert found == [
            ("pair", "two", Fault.SUCCESS),
            ("pair", "one", Fault.SUCCESS),
            ("pair", "two", Fault.SUCCESS),
        ]
        assert daemon.spawner.count("spawned", "two") == 2


async def test_a_stop_during_a_restart_overrides_it(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(ALONE)) as daemon:
        await daemon.settled()
        restart = operations.restart(daemon.supervisor, ["alone"], None)

        stop = operations.stop(daemon.supervisor, ["alone"], None)

        assert [fault for _, _, fault in await outcomes([*restart, *stop])] == [
            Fault.SUCCESS,
            Fault.ABNORMAL_TERMINATION,
            Fault.SUCCESS,
        ]
        assert daemon.states("alone").endswith("STOPPED")


async def test_a_signal_to_a_group_goes_to_what_can_take_it(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(PAIR)) as daemon:
        await daemon.settled()
        await outcomes(operations.stop(daemon.supervisor, ["pair:one"], None))

        found = await outcomes(operations.signal(daemon.supervisor, 1, ["pair:*"], 1))

        assert found == [("pair", "two", Fault.SUCCESS)]
        assert await outcomes(operations.signal(daemon.supervisor, 1, ["pair:one"], 1)) == [
            ("pair", "one", Fault.NOT_RUNNING)
        ]


async def test_logs_of_all_can_be_cleared(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(PAIR)) as daemon:
        assert await outcomes(operations.clear(daemon.supervisor, ["all"])) == [
            ("pair", "one", Fault.SUCCESS),
            ("pair", "two", Fault.SUCCESS),
        ]


async def test_a_snapshot_is_sorted_and_names_what_is_unknown(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(PAIR, ALONE)) as daemon:
        rows, unknown = daemon.supervisor.snapshot([])
        assert [(row.group, row.name) for row in rows] == [
            ("alone", "alone"),
            ("pair", "one"),
            ("pair", "two"),
        ]
        assert not unknown

        rows, unknown = daemon.supervisor.snapshot(["pair:two", "nope:x"])

        assert [row.name for row in rows] == ["two"]
        assert [(target.group, target.name) for target in unknown] == [("nope", "x")]


@pytest.mark.parametrize(
    ("word", "suggestion"),
    [
        ("nope", ""),
        ("tow", "did you mean pair:two?"),
        ("pair", "did you mean pair:*?"),
        ("pair:nope", ""),
        ("pair:*", "name one of them: pair:one, pair:two"),
        ("all", "name one of them: pair:one, pair:two"),
        ("twe*", "did you mean pair:two?"),
        ("pair:*o*", "name one of them: pair:one, pair:two"),
    ],
)
async def test_only_a_process_is_a_program(
    autojump_clock: MockClock, word: str, suggestion: str
) -> None:
    async with open_daemon(Daemon(PAIR)) as daemon:
        with pytest.raises(RequestError) as refusal:
            daemon.supervisor.program(word)

        assert (refusal.value.fault, refusal.value.detail) == (Fault.BAD_NAME, suggestion)


# ── the end ──


async def test_fault_26_groups_stop_turn_by_turn_in_reverse_members_at_once(
    autojump_clock: MockClock,
) -> None:
    first = group_of("first", priority=1)
    last = group_of("last", priority=1000)
    daemon = Daemon(first, PAIR, last)
    for name in ("first", "one", "two", "last"):
        daemon.spawner.plan(name, Plan(obeys_after=2.0))

    async with open_daemon(daemon):
        await daemon.settled()
        start = trio.current_time()
        daemon.supervisor.shutdown_nowait(None)

    signalled = [
        (round(when - start), name)
        for when, what, name in daemon.spawner.happened
        if what == "signalled"
    ]
    assert sorted(signalled) == [(0, "last"), (2, "one"), (2, "two"), (4, "first")]


async def test_a_shutdown_has_a_cause_down_to_the_last_stop(autojump_clock: MockClock) -> None:
    daemon = Daemon(ALONE)
    async with open_daemon(daemon):
        await daemon.settled()
        request = daemon.events.publish(EventKind.REQUEST, detail="shutdown")
        daemon.supervisor.shutdown_nowait(request)

    stopping, stopped = daemon.transitions("alone")[-2:]
    (end,) = [one for one in daemon.events.since() if one.detail == "stopping"]
    assert (end.cause, stopping.cause, stopped.cause) == (request, end.id, stopping.id)


async def test_who_is_in_a_hurry_waits_neither_for_grace_nor_for_turns(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(PAIR, ALONE)
    for name in ("one", "two", "alone"):
        daemon.spawner.plan(name, Plan(obeys_after=60.0))
    async with open_daemon(daemon):
        await daemon.settled()
        start = trio.current_time()
        daemon.supervisor.shutdown_nowait(None)

        daemon.supervisor.kill_nowait()

    assert trio.current_time() - start < 1.0


async def test_when_all_is_cancelled_during_a_shutdown_nobody_waits_for_a_turn(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(PAIR, ALONE)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(rescue, daemon)
        with pytest.RaisesGroup(AssertionError):
            async with open_daemon(daemon):  # which shuts down at its end
                await daemon.settled()
                assert daemon.program("alone").state.name == "STOPPED"

        assert trio.current_time() < LATE
        nursery.cancel_scope.cancel()


async def test_the_log_says_every_three_seconds_who_is_waited_for(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    daemon = Daemon(ALONE)
    daemon.spawner.plan("alone", Plan(obeys_after=7.0))

    async with open_daemon(daemon):
        await daemon.settled()
        daemon.supervisor.shutdown_nowait(None)

    assert caplog.messages.count("waiting for alone to die") == 3


async def test_a_start_that_waits_is_answered_when_the_daemon_goes(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(ALONE)
    async with open_daemon(daemon):
        pending = operations.start(daemon.supervisor, ["alone"], None)
        restart = operations.restart(daemon.supervisor, ["alone"], None)
        daemon.supervisor.shutdown_nowait(None)

        faults = [fault for _, _, fault in await outcomes([*pending, *restart])]

    assert faults == [Fault.ALREADY_STARTED, Fault.SUCCESS, Fault.ABNORMAL_TERMINATION]


# ── reread, add, remove ──


async def test_reread_changes_only_what_is_configured(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(PAIR)) as daemon:
        daemon.configure(PAIR, ALONE)

        for _ in range(2):
            found = daemon.supervisor.reread()
            changes = updates.differences(daemon.supervisor, found.groups)
            assert changes.added == ("alone",)

        assert set(daemon.supervisor.groups) == {"pair"}


async def test_a_bad_file_changes_nothing(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(PAIR)) as daemon:
        daemon.next = BAD

        for ask in (daemon.supervisor.reread, lambda: daemon.supervisor.reload_nowait(None)):
            with pytest.raises(RequestError) as refusal:
                ask()
            assert refusal.value.fault is Fault.CANT_REREAD
            assert "f.toml:3: program.x: is wrong" in refusal.value.detail

        assert daemon.supervisor.state is SupervisorState.RUNNING


async def test_starting_an_available_name_adds_its_group(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(PAIR)) as daemon:
        daemon.configure(PAIR, ALONE)
        daemon.supervisor.reread()

        assert await outcomes(operations.start(daemon.supervisor, ["alone"], None)) == [
            ("alone", "alone", Fault.SUCCESS)
        ]


async def test_starting_a_program_that_is_only_configured_adds_its_groups(
    autojump_clock: MockClock,
) -> None:
    web = [group_of(name, spec_of(name, program="web")) for name in ("web.1", "web.2")]
    async with open_daemon(Daemon(PAIR)) as daemon:
        daemon.configure(PAIR, *web)
        daemon.supervisor.reread()

        assert await outcomes(operations.start(daemon.supervisor, ["web:web"], None)) == [
            ("web", "web", Fault.BAD_NAME)
        ]
        assert set(daemon.supervisor.groups) == {"pair"}
        assert await outcomes(operations.start(daemon.supervisor, ["web"], None)) == [
            ("web.1", "web.1", Fault.SUCCESS),
            ("web.2", "web.2", Fault.SUCCESS),
        ]


async def test_a_start_adopts_what_was_reread(autojump_clock: MockClock) -> None:
    newer = group_of("alone", spec_of("alone", command="/bin/new"))
    async with open_daemon(Daemon(ALONE)) as daemon:
        await daemon.settled()
        daemon.configure(newer)
        daemon.supervisor.reread()
        assert daemon.program("alone").status().stale

        await outcomes(operations.restart(daemon.supervisor, ["alone"], None))

        assert daemon.program("alone").spec.command == "/bin/new"
        assert updates.differences(daemon.supervisor, [newer]) == Changes((), (), ())


async def test_add_says_what_is_there_unknown_or_added(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(PAIR)) as daemon:
        daemon.configure(PAIR, ALONE)
        daemon.supervisor.reread()

        report = updates.add(daemon.supervisor, ["alone", "pair", "nope"], None)

        assert await told(report) == [
            (Action.ADDED, "alone", Fault.SUCCESS),
            (Action.ADDED, "pair", Fault.ALREADY_ADDED),
            (Action.ADDED, "nope", Fault.BAD_NAME),
        ]
        await daemon.settled()
        assert daemon.states("alone") == "STARTING RUNNING"


async def test_remove_takes_only_what_is_down(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(PAIR, ALONE)) as daemon:
        await daemon.settled()
        await outcomes(operations.stop(daemon.supervisor, ["alone"], None))

        report = updates.remove(daemon.supervisor, ["alone", "pair", "nope"], None)

        assert await told(report) == [
            (Action.REMOVED, "alone", Fault.SUCCESS),
            (Action.REMOVED, "pair", Fault.STILL_RUNNING),
            (Action.REMOVED, "nope", Fault.BAD_NAME),
        ]
        assert set(daemon.supervisor.groups) == {"pair"}


# ── update ──


async def test_update_touches_only_what_changed(autojump_clock: MockClock) -> None:
    keep, gone, old = group_of("keep"), group_of("gone"), group_of("other")
    new = group_of("other", spec_of("other", startsecs=2.0))
    async with open_daemon(Daemon(keep, gone, old)) as daemon:
        await daemon.settled()
        pid = daemon.program("keep").condition.pid
        daemon.configure(keep, new, ALONE)

        report = updates.update(daemon.supervisor, [], None, dry_run=False)

        assert await told(report) == [
            (Action.STOPPED, "gone", Fault.SUCCESS),
            (Action.REMOVED, "gone", Fault.SUCCESS),
            (Action.STOPPED, "other", Fault.SUCCESS),
            (Action.UPDATED, "other", Fault.SUCCESS),
            (Action.ADDED, "alone", Fault.SUCCESS),
        ]
        await daemon.settled()
        assert daemon.program("keep").condition.pid == pid
        assert daemon.program("other").spec.startsecs == 2.0
        assert set(daemon.supervisor.groups) == {"keep", "other", "alone"}


async def test_update_again_does_nothing(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(PAIR)) as daemon:
        daemon.configure(PAIR, ALONE)
        await told(updates.update(daemon.supervisor, [], None, dry_run=False))

        assert await told(updates.update(daemon.supervisor, [], None, dry_run=False)) == []


async def test_a_dry_run_only_tells(autojump_clock: MockClock) -> None:
    new = group_of("pair", spec_of("one", priority=1, startsecs=3.0), PAIR.programs[1])
    async with open_daemon(Daemon(PAIR, ALONE)) as daemon:
        daemon.configure(new, group_of("fresh"))

        report = updates.update(daemon.supervisor, [], None, dry_run=True)

        assert [(o.action, o.group, o.detail) async for o in report] == [
            (Action.REMOVED, "alone", ""),
            (Action.UPDATED, "pair", "startsecs"),
            (Action.ADDED, "fresh", ""),
        ]
        assert set(daemon.supervisor.groups) == {"pair", "alone"}


async def test_update_can_be_narrowed_to_names(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(PAIR)) as daemon:
        daemon.configure(PAIR, ALONE, group_of("fresh"))

        report = updates.update(daemon.supervisor, ["alone", "nope"], None, dry_run=False)

        assert await told(report) == [
            (Action.UPDATED, "nope", Fault.BAD_NAME),
            (Action.ADDED, "alone", Fault.SUCCESS),
        ]


async def test_an_update_applies_what_was_configured_when_it_began(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(ALONE)
    daemon.spawner.plan("alone", Plan(obeys_after=5.0))
    async with open_daemon(daemon):
        await daemon.settled()
        daemon.configure(group_of("alone", spec_of("alone", startsecs=2.0)), PAIR)
        report = updates.update(daemon.supervisor, [], None, dry_run=False)
        await daemon.until(lambda: daemon.program("alone").state.name == "STOPPING")

        daemon.configure()
        daemon.supervisor.reread()

        assert await told(report) == [
            (Action.STOPPED, "alone", Fault.SUCCESS),
            (Action.UPDATED, "alone", Fault.SUCCESS),
            (Action.ADDED, "pair", Fault.SUCCESS),
        ]


async def test_a_start_of_what_an_update_takes_out_is_answered(autojump_clock: MockClock) -> None:
    async with open_daemon(Daemon(ALONE)) as daemon:
        await daemon.settled()
        daemon.configure()
        report = updates.update(daemon.supervisor, [], None, dry_run=False)
        await daemon.until(lambda: daemon.program("alone").state.name == "STOPPING")

        pending = operations.start(daemon.supervisor, ["alone"], None)

        assert await outcomes(pending) == [("alone", "alone", Fault.FAILED)]
        await told(report)


# ── reload ──


async def test_reload_restarts_what_was_up_and_starts_what_is_new(
    autojump_clock: MockClock,
) -> None:
    manual = group_of("manual", spec_of("manual", autostart=False))
    halted = group_of("halted")
    async with open_daemon(Daemon(ALONE, manual, halted)) as daemon:
        await daemon.settled()
        await outcomes(operations.start(daemon.supervisor, ["manual"], None))
        await outcomes(operations.stop(daemon.supervisor, ["halted"], None))
        fresh = group_of("fresh")
        daemon.configure(ALONE, manual, halted, fresh)

        daemon.supervisor.reload_nowait(None)
        await daemon.until(lambda: daemon.supervisor.state is SupervisorState.RUNNING)
        await daemon.until(lambda: "fresh" in daemon.supervisor.groups)
        await daemon.settled()

        states = {p.rank.name: p.state.name for p in daemon.supervisor.programs()}
        assert states == {
            "alone": "RUNNING",
            "manual": "RUNNING",
            "halted": "STOPPED",
            "fresh": "RUNNING",
        }
        assert len(daemon.adopted) == 1


async def test_a_shutdown_during_a_reload_wins(autojump_clock: MockClock) -> None:
    daemon = Daemon(ALONE)
    daemon.spawner.plan("alone", Plan(obeys_after=5.0))
    async with open_daemon(daemon):
        await daemon.settled()
        daemon.supervisor.reload_nowait(None)
        await daemon.until(lambda: daemon.program("alone").state.name == "STOPPING")

        daemon.supervisor.shutdown_nowait(None)

    assert daemon.spawner.count("spawned", "alone") == 1
    assert daemon.states("alone") == "STARTING RUNNING STOPPING STOPPED"


@pytest.mark.parametrize("wait", [0.0, 0.1])
async def test_a_stop_during_an_update_holds_for_the_new_group(
    autojump_clock: MockClock, wait: float
) -> None:
    daemon = Daemon(ALONE)
    async with open_daemon(daemon):
        await daemon.settled()
        daemon.configure(group_of("alone", spec_of("alone", startsecs=2.0)))
        first, second = (daemon.events.publish(EventKind.REQUEST) for _ in range(2))
        report = updates.update(daemon.supervisor, [], first, dry_run=False)
        await trio.sleep(wait)

        pending = operations.stop(daemon.supervisor, ["alone"], second)
        await told(report)

        assert await outcomes(pending) == [("alone", "alone", Fault.SUCCESS)]
        await trio.sleep(10)
        assert daemon.program("alone").state.name == "STOPPED"


async def test_an_update_that_is_caught_by_a_reload_adds_nothing_twice(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(ALONE)
    daemon.spawner.plan("alone", Plan(obeys_after=5.0))
    async with open_daemon(daemon):
        await daemon.settled()
        daemon.configure(group_of("alone", spec_of("alone", startsecs=2.0)))
        report = updates.update(daemon.supervisor, [], None, dry_run=False)

        daemon.supervisor.reload_nowait(None)
        await told(report)
        await daemon.until(lambda: daemon.spawner.count("spawned", "alone") > 1)
        await trio.sleep(10)

        assert daemon.spawner.count("spawned", "alone") == 2


async def test_a_remove_that_is_caught_by_a_reload_leaves_the_new_group(
    autojump_clock: MockClock,
) -> None:
    for _ in range(20):  # which of the two is woken first is left to chance
        async with open_daemon(Daemon(ALONE)) as daemon:
            await daemon.settled()
            await outcomes(operations.stop(daemon.supervisor, ["alone"], None))
            daemon.supervisor.reload_nowait(None)

            await told(updates.remove(daemon.supervisor, ["alone"], None))
            await daemon.until(lambda: daemon.supervisor.state is SupervisorState.RUNNING)
            await trio.sleep(1)

            assert daemon.supervisor._nursery is not None
            hosted = len(daemon.supervisor._nursery.child_tasks)
            assert len(daemon.supervisor.groups) == hosted


async def test_what_got_stuck_before_the_shutdown_does_not_hold_it_up(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(PAIR, ALONE)
    daemon.spawner.plan("alone", Plan(lasts=2.0, members=frozenset({9}), immortal=True))
    async with open_daemon(daemon):
        await trio.sleep(30)
        assert daemon.program("alone").is_stuck

        daemon.supervisor.shutdown_nowait(None)

        with trio.fail_after(100):
            await daemon.supervisor.abandoned.wait()
        assert {p.state.name for p in daemon.supervisor.groups["pair"].programs.values()} == {
            "STOPPED"
        }


async def test_a_reload_that_something_held_up_is_no_reason_to_abandon_the_next_shutdown(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(ALONE)
    daemon.spawner.plan("alone", Plan(members=frozenset({9}), immortal=True), Plan())
    async with open_daemon(daemon):
        await daemon.settled()
        program = daemon.program("alone")
        daemon.supervisor.reload_nowait(None)
        await trio.sleep(30)
        assert program.is_stuck
        daemon.spawner.release()
        await daemon.until(lambda: daemon.program("alone").state.name == "RUNNING")

        daemon.supervisor.shutdown_nowait(None)

    assert not daemon.supervisor.abandoned.is_set()
    assert daemon.states("alone").endswith("RUNNING STOPPING STOPPED")


async def test_an_update_puts_nothing_beside_what_cannot_be_killed(
    autojump_clock: MockClock,
) -> None:
    daemon = Daemon(ALONE)
    daemon.spawner.plan("alone", Plan(members=frozenset({9}), immortal=True), Plan())
    async with open_daemon(daemon):
        await daemon.settled()
        daemon.configure(group_of("alone", spec_of("alone", command="/bin/other")))
        refused = [one async for one in updates.update(daemon.supervisor, [], None, dry_run=False)]
        spawns = daemon.spawner.count("spawned", "alone")
        daemon.spawner.immortals_die.set()
        await daemon.until(lambda: daemon.program("alone").state.name == "STOPPED")
        done = [one async for one in updates.update(daemon.supervisor, [], None, dry_run=False)]

    assert [(one.fault, one.detail) for one in refused] == [
        (Fault.FAILED, "it cannot be killed, waiting for pid 9")
    ]
    assert spawns == 1
    assert [one.action for one in done] == [Action.STOPPED, Action.UPDATED]


async def test_an_end_of_all_during_the_start_is_in_order(autojump_clock: MockClock) -> None:
    daemon = Daemon(ALONE)

    async def shut_down_at_once() -> None:
        while not daemon.supervisor.groups:
            await trio.lowlevel.checkpoint()
        daemon.supervisor.shutdown_nowait(None)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(shut_down_at_once)
        await nursery.start(daemon.supervisor.run)
