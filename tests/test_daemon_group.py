"""A group: one cancel stops all of it, and a fault of one program is nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
import trio.testing
from daemon_fakes import Plan, World, group_of, open_group, outcome, spec_of

from trio_supervisor.errors import Fault

if TYPE_CHECKING:
    import pytest
    from trio.testing import MockClock

    from trio_supervisor.daemon.group import Group

THREE = group_of("g", spec_of("a"), spec_of("b"), spec_of("c"))


async def all_started(group: Group) -> None:
    """Start all, and wait until all are RUNNING."""
    for waiter in [program.start_nowait(None) for program in group.programs.values()]:
        assert await outcome(waiter) == (Fault.SUCCESS, "")


async def test_a_stop_signals_all_members_at_once(autojump_clock: MockClock) -> None:
    world = World()
    async with open_group(THREE, world) as group:
        await all_started(group)

        for _, waiter in group.stop_nowait(None):
            assert await outcome(waiter) == (Fault.SUCCESS, "")

        signalled = {when for when, what, _ in world.spawner.happened if what == "signalled"}
        assert len(signalled) == 1
        assert [world.states(name).split()[-1] for name in "abc"] == ["STOPPED"] * 3


async def test_members_run_again_after_the_group_was_stopped(autojump_clock: MockClock) -> None:
    world = World()
    async with open_group(THREE, world) as group:
        await all_started(group)
        group.stop_nowait(None)

        await all_started(group)

        assert world.states("b").endswith("STOPPING STOPPED STARTING RUNNING")


async def test_a_group_can_be_stopped_before_its_task_runs(autojump_clock: MockClock) -> None:
    world = World()
    async with open_group(THREE, world) as group:
        group.programs["a"].start_nowait(None)

        waiters = dict(group.stop_nowait(None))

        assert await outcome(waiters[group.programs["a"]]) == (Fault.SUCCESS, "")
        assert await outcome(waiters[group.programs["b"]]) == (Fault.NOT_RUNNING, "")
        assert not world.transitions()


async def test_a_start_right_behind_a_stop_that_overrode_one_is_carried_out(
    autojump_clock: MockClock,
) -> None:
    world = World()
    async with open_group(group_of("g"), world) as group:
        await trio.testing.wait_all_tasks_blocked()
        program = group.programs["g"]
        program.start_nowait(None)
        group.stop_nowait(None)

        waiter = program.start_nowait(None)

        assert await outcome(waiter) == (Fault.SUCCESS, "")
        assert world.states("g") == "STARTING RUNNING"


async def test_fault_31_a_fault_of_one_program_leaves_its_siblings(
    autojump_clock: MockClock,
) -> None:
    world = World()
    world.spawner.plan("b", Plan(bug="a fault"))
    async with open_group(THREE, world) as group:
        waiters = [program.start_nowait(None) for program in group.programs.values()]

        faults = [(await outcome(waiter))[0] for waiter in waiters]

        assert faults == [Fault.SUCCESS, Fault.FAILED, Fault.SUCCESS]
        assert world.states("b") == "STARTING FATAL"


async def test_a_fault_is_logged_with_its_traceback(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    world.spawner.plan("g", Plan(bug="the reason"))
    async with open_group(group_of("g"), world) as group:
        await outcome(group.programs["g"].start_nowait(None))

    assert "g: supervision failed, giving up on it" in caplog.text
    assert "ValueError: the reason" in caplog.text


async def test_a_program_that_was_given_up_can_be_started_again(
    autojump_clock: MockClock,
) -> None:
    world = World()
    world.spawner.plan("g", Plan(bug="a fault"), Plan())
    async with open_group(group_of("g"), world) as group:
        program = group.programs["g"]
        await outcome(program.start_nowait(None))

        assert await outcome(program.start_nowait(None)) == (Fault.SUCCESS, "")

        assert world.states("g") == "STARTING FATAL STARTING RUNNING"


async def test_removing_stops_all_and_ends_the_task(autojump_clock: MockClock) -> None:
    world = World()
    async with open_group(THREE, world) as group:
        await all_started(group)

        group.remove_nowait(None)
        await group.down.wait()

        assert group.is_down
        assert sorted(world.spawner.order("ended")) == ["a", "b", "c"]


async def test_a_start_in_a_group_that_goes_is_answered(autojump_clock: MockClock) -> None:
    world = World()
    async with open_group(THREE, world) as group:
        await all_started(group)
        group.remove_nowait(None)

        waiter = group.programs["a"].start_nowait(None)

        reason = "its group is being taken out; try again"
        assert await outcome(waiter) == (Fault.FAILED, reason)
        assert world.spawner.count("spawned", "a") == 1


async def test_nobody_is_signalled_before_the_turn_of_the_group(
    autojump_clock: MockClock,
) -> None:
    world = World()
    async with open_group(THREE, world) as group:
        await all_started(group)
        turns = group.wait_for_turn()
        group.stop_nowait(None)
        await trio.sleep(30)
        assert not world.spawner.order("signalled")

        for turn in turns:
            turn.set()
        await world.until(lambda: group.is_down)


async def test_the_active_spec_is_what_runs_not_what_is_configured(
    autojump_clock: MockClock,
) -> None:
    world = World()
    newer = group_of("g", spec_of("a", command="/bin/new"), spec_of("b"), spec_of("d"))
    async with open_group(THREE, world) as group:
        group.configure(newer)
        assert group.active == THREE

        await outcome(group.programs["a"].start_nowait(None))

        assert group.active.programs[0].command == "/bin/new"
        assert set(group.programs) == {"a", "b", "c"}


async def test_a_group_has_its_place_by_priority_and_name(autojump_clock: MockClock) -> None:
    async with open_group(group_of("g", priority=5), World()) as group:
        assert group.order == (5, "g")


async def test_a_group_that_has_been_taken_out_can_be_stopped_again(
    autojump_clock: MockClock,
) -> None:
    async with open_group(group_of("g"), World()) as group:
        await trio.testing.wait_all_tasks_blocked()
        group.remove_nowait(None)
        await group.down.wait()  # but whoever removes it is still busy with another

        ((_, waiter),) = group.stop_nowait(None)

        assert (await outcome(waiter))[0] is Fault.NOT_RUNNING
