"""A program's task: every operation that concerns one program, and whole lives, in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from daemon_fakes import Plan, World, open_program, outcome, spec_of

from trio_supervisor.daemon.turns import Rank
from trio_supervisor.daemon.waiter import attempt
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.lifecycle import TRANSITIONS
from trio_supervisor.protocol.messages import EventKind
from trio_supervisor.spec import BackoffSpec

if TYPE_CHECKING:
    from pathlib import Path

    from trio.testing import MockClock

    from trio_supervisor.daemon.program import Program

SUCCESS = (Fault.SUCCESS, "")
CRASHES = Plan(lasts=0.5, returncode=3)
ENDS = Plan(lasts=5.0, returncode=0)
DIES = Plan(lasts=5.0, returncode=3)


async def started(program: Program) -> None:
    """Start it, and wait until it is RUNNING."""
    assert await outcome(program.start_nowait(None)) == SUCCESS


# ── starting ──


async def test_a_start_is_answered_when_it_has_stayed_up_for_startsecs(
    autojump_clock: MockClock,
) -> None:
    async with open_program(startsecs=2.5) as (world, program):
        asked = trio.current_time()

        assert await outcome(program.start_nowait(None)) == SUCCESS

        assert trio.current_time() - asked == pytest.approx(2.5)
        assert world.states("web") == "STARTING RUNNING"


async def test_with_startsecs_0_it_is_running_at_once(autojump_clock: MockClock) -> None:
    async with open_program(startsecs=0) as (world, program):
        await started(program)

        assert world.history("web") == [(0.0, "STARTING"), (0.0, "RUNNING")]


async def test_a_second_start_is_refused(autojump_clock: MockClock) -> None:
    async with open_program() as (_, program):
        program.start_nowait(None)

        assert await outcome(program.start_nowait(None)) == (Fault.ALREADY_STARTED, "")


async def test_a_start_fails_with_the_reason_when_it_cannot_be_spawned(
    autojump_clock: MockClock,
) -> None:
    async with open_program(Plan(refusal="no such user 'x'")) as (_, program):
        fault, detail = await outcome(program.start_nowait(None))

        assert (fault, detail) == (Fault.SPAWN_ERROR, "no such user 'x'")
        assert program.status().description == "no such user 'x', again in 1 s"
        assert program.status().pid is None


async def test_a_start_fails_when_it_ends_before_startsecs(autojump_clock: MockClock) -> None:
    async with open_program(CRASHES) as (_, program):
        fault, detail = await outcome(program.start_nowait(None))

        assert fault is Fault.SPAWN_ERROR
        assert detail == "Exited too quickly (process log may have details)"


async def test_a_person_is_refused_at_once_what_cannot_be_executed(
    autojump_clock: MockClock,
) -> None:
    async with open_program() as (world, program):
        world.spawner.missing.add("/bin/web")

        with pytest.raises(RequestError, match="can't find command '/bin/web'"):
            program.check_command()

        assert not world.transitions()


async def test_a_start_by_a_person_runs_what_is_configured(autojump_clock: MockClock) -> None:
    async with open_program() as (_, program):
        await started(program)
        newer = spec_of("web", command="/bin/new")
        program.configured = newer
        assert program.status().stale
        await outcome(program.stop_nowait(None))

        assert await outcome(program.start_nowait(None)) == SUCCESS

        assert program.spec is newer
        assert not program.status().stale


async def test_a_respawn_keeps_what_runs(autojump_clock: MockClock) -> None:
    async with open_program(DIES) as (world, program):
        await started(program)
        old = program.spec
        program.configured = spec_of("web", command="/bin/new")

        await world.until(lambda: world.spawner.count("spawned", "web") == 2)

        assert program.spec is old


# ── retries ──


async def test_fault_12_failures_wait_1_2_3_seconds_and_end_in_fatal(
    autojump_clock: MockClock,
) -> None:
    async with open_program(Plan(lasts=0.25, returncode=1), startretries=3) as (world, program):
        program.start_nowait(None)

        await world.until(lambda: program.state.name == "FATAL")

        spawns = [when for when, state in world.history("web") if state == "STARTING"]
        assert spawns == [0.0, 1.25, 3.5, 6.75]
        assert world.states("web").endswith("STARTING BACKOFF FATAL")


async def test_without_retries_the_first_failure_is_fatal(autojump_clock: MockClock) -> None:
    async with open_program(CRASHES, startretries=0) as (world, program):
        program.start_nowait(None)

        await world.until(lambda: program.state.name == "FATAL")

        assert world.history("web") == [(0.0, "STARTING"), (0.5, "BACKOFF"), (0.5, "FATAL")]


async def test_a_start_after_fatal_counts_from_the_beginning(autojump_clock: MockClock) -> None:
    async with open_program(CRASHES, startretries=1) as (world, program):
        program.start_nowait(None)
        await world.until(lambda: program.state.name == "FATAL")

        program.start_nowait(None)
        await world.until(lambda: program.state.name == "BACKOFF")
        await world.until(lambda: program.state.name == "FATAL")

        assert world.spawner.count("spawned", "web") == 4


async def test_a_start_right_after_fatal_is_taken(autojump_clock: MockClock) -> None:
    plan = Plan(lasts=0.5, returncode=1, members=MEMBERS, members_last=2.0)
    async with open_program(plan, Plan(), startretries=0) as (world, program):
        program.start_nowait(None)
        await world.until(lambda: program.state.name == "FATAL")

        assert await outcome(program.start_nowait(None)) == SUCCESS

        assert world.states("web") == "STARTING BACKOFF FATAL STARTING RUNNING"


async def test_a_start_while_it_waits_to_run_again_runs_what_is_configured(
    autojump_clock: MockClock,
) -> None:
    short = Plan(lasts=0.25, returncode=1)
    async with open_program(short, Plan(), startsecs=0) as (world, program):
        await started(program)
        await world.until(lambda: program.state.name == "EXITED")
        program.configured = spec_of("web", command="/bin/new", startsecs=0)

        await started(program)

        assert program.spec.command == "/bin/new"


async def test_an_expected_code_before_startsecs_is_a_failure_too(
    autojump_clock: MockClock,
) -> None:
    async with open_program(Plan(lasts=0.5, returncode=0)) as (world, program):
        program.start_nowait(None)

        await world.until(lambda: program.state.name == "BACKOFF")

        assert program.status().spawn_error.startswith("Exited too quickly")


async def test_fault_14_an_exit_exactly_at_startsecs_never_counts_as_running(
    autojump_clock: MockClock,
) -> None:
    async with open_program(Plan(lasts=1.0, returncode=1), startretries=0) as (world, program):
        program.start_nowait(None)

        await world.until(lambda: program.state.name == "FATAL")

        assert world.states("web") == "STARTING BACKOFF FATAL"


async def test_reaching_running_forgets_the_failures(autojump_clock: MockClock) -> None:
    async with open_program(CRASHES, DIES, CRASHES, Plan(), startretries=1) as (world, program):
        program.start_nowait(None)

        await world.until(lambda: world.spawner.count("spawned", "web") == 4)
        await world.until(lambda: program.state.name == "RUNNING")

        assert world.states("web").count("BACKOFF") == 2


async def test_it_can_be_spawned_after_the_reason_has_gone(autojump_clock: MockClock) -> None:
    async with open_program(Plan(refusal="too many open files"), Plan()) as (world, program):
        program.start_nowait(None)

        await world.until(lambda: program.state.name == "RUNNING")

        assert world.states("web") == "STARTING BACKOFF STARTING RUNNING"
        assert program.status().spawn_error == ""


# ── backoff ──


async def test_crashes_of_what_had_started_wait_longer_and_longer(
    autojump_clock: MockClock,
) -> None:
    backoff = BackoffSpec(base=2, factor=3, jitter=0.5)
    async with open_program(DIES, backoff=backoff) as (world, program):
        program.chance = lambda: 0.5
        program.start_nowait(None)
        await world.until(lambda: world.spawner.count("spawned", "web") == 3)

        assert world.history("web") == [
            (0.0, "STARTING"),
            (1.0, "RUNNING"),
            (5.0, "EXITED"),
            (5.0, "BACKOFF"),
            (7.0, "STARTING"),
            (8.0, "RUNNING"),
            (12.0, "EXITED"),
            (12.0, "BACKOFF"),
            (18.0, "STARTING"),
        ]


async def test_chance_makes_a_wait_shorter_or_longer(autojump_clock: MockClock) -> None:
    backoff = BackoffSpec(base=4, factor=1, jitter=0.25)
    draws = iter([0.0, 1.0, 0.5])
    async with open_program(CRASHES, backoff=backoff) as (world, program):
        program.chance = lambda: next(draws)
        program.start_nowait(None)
        await world.until(lambda: world.spawner.count("spawned", "web") == 3)

        moments = [when for when, state in world.history("web") if state == "STARTING"]
        assert moments == [0.0, 3.5, 9.0]


async def test_a_backoff_says_how_long_it_lasts(autojump_clock: MockClock) -> None:
    async with open_program(DIES, backoff=BackoffSpec(base=4)) as (world, program):
        program.start_nowait(None)
        await world.until(lambda: program.state.name == "BACKOFF")

        assert program.status().description == "Bad exit code 3, again in 4 s"
        await trio.sleep(1.5)
        assert program.status().description == "Bad exit code 3, again in 3 s"


async def test_a_start_by_a_person_forgets_the_failures(autojump_clock: MockClock) -> None:
    async with open_program(DIES, backoff=BackoffSpec(base=4)) as (world, program):
        program.start_nowait(None)
        await world.until(lambda: program.condition.in_a_row == 2)
        await outcome(program.stop_nowait(None))

        program.start_nowait(None)
        await world.until(lambda: program.state.name == "BACKOFF")

        assert program.status().description.endswith(", again in 4 s")
        assert world.states("web").endswith("BACKOFF STOPPED STARTING RUNNING EXITED BACKOFF")


# ── ends ──


async def test_an_unexpected_end_of_a_settled_run_is_replaced_at_once(
    autojump_clock: MockClock,
) -> None:
    async with open_program(DIES, Plan()) as (world, program):
        await started(program)

        await world.until(lambda: world.spawner.count("spawned", "web") == 2)

        assert world.history("web")[2:] == [(5.0, "EXITED"), (5.0, "STARTING")]


async def test_an_expected_end_rests(autojump_clock: MockClock) -> None:
    async with open_program(ENDS) as (world, program):
        await started(program)
        await world.until(lambda: program.state.name == "EXITED")
        await trio.sleep(60)

        assert world.states("web") == "STARTING RUNNING EXITED"
        assert program.is_at_rest


async def test_an_unexpected_end_rests_without_autorestart(autojump_clock: MockClock) -> None:
    async with open_program(DIES, autorestart=False) as (world, program):
        await started(program)
        await world.until(lambda: program.state.name == "EXITED")
        await trio.sleep(60)

        assert program.status().spawn_error == "Bad exit code 3"
        assert program.status().returncode == 3


async def test_with_autorestart_an_expected_end_is_replaced(autojump_clock: MockClock) -> None:
    async with open_program(ENDS, Plan(), autorestart=True) as (world, program):
        await started(program)

        await world.until(lambda: world.spawner.count("spawned", "web") == 2)


async def test_fault_13_with_startsecs_0_it_is_spawned_at_most_once_a_second(
    autojump_clock: MockClock,
) -> None:
    async with open_program(Plan(lasts=0.25, returncode=1), startsecs=0) as (world, program):
        program.start_nowait(None)

        await world.until(lambda: world.spawner.count("spawned", "web") == 4)

        spawns = [when for when, state in world.history("web") if state == "STARTING"]
        assert spawns == [0.0, 1.0, 2.0, 3.0]


async def test_a_start_while_it_waits_to_run_again_spawns_now(autojump_clock: MockClock) -> None:
    short = Plan(lasts=0.25, returncode=1)
    async with open_program(short, Plan(), startsecs=0) as (world, program):
        await started(program)
        await world.until(lambda: program.state.name == "EXITED")

        await started(program)

        assert world.history("web")[-2:] == [(0.25, "STARTING"), (0.25, "RUNNING")]


# ── stopping ──


async def test_a_stop_is_answered_when_nothing_is_left(autojump_clock: MockClock) -> None:
    async with open_program(Plan(obeys_after=4.0)) as (world, program):
        await started(program)
        asked = trio.current_time()

        assert await outcome(program.stop_nowait(None)) == SUCCESS

        assert trio.current_time() - asked == pytest.approx(4.0)
        assert world.states("web") == "STARTING RUNNING STOPPING STOPPED"


async def test_fault_01_what_does_not_obey_is_killed_after_its_grace(
    autojump_clock: MockClock,
) -> None:
    async with open_program(Plan(obeys_after=60.0), stopwaitsecs=3.0) as (_, program):
        await started(program)
        asked = trio.current_time()

        await outcome(program.stop_nowait(None))

        assert trio.current_time() - asked == pytest.approx(3.0)
        assert program.status().returncode == -9


async def test_a_stop_of_what_rests_is_refused(autojump_clock: MockClock) -> None:
    async with open_program() as (_, program):
        assert await outcome(program.stop_nowait(None)) == (Fault.NOT_RUNNING, "")


async def test_fault_19_a_stop_while_starting_stops(autojump_clock: MockClock) -> None:
    async with open_program() as (world, program):
        waiter = program.start_nowait(None)
        await world.until(lambda: world.spawner.count("spawned", "web"))

        assert await outcome(program.stop_nowait(None)) == SUCCESS

        assert (await outcome(waiter))[0] is Fault.ABNORMAL_TERMINATION
        assert world.states("web") == "STARTING STOPPING STOPPED"


async def test_a_stop_before_the_spawn_leaves_nothing_to_spawn(autojump_clock: MockClock) -> None:
    async with open_program(Plan(waits=5.0)) as (world, program):
        program.start_nowait(None)
        await world.until(lambda: program.state.name == "STARTING")

        assert await outcome(program.stop_nowait(None)) == SUCCESS
        await trio.sleep(60)

        assert world.states("web") == "STARTING STOPPED"
        assert not world.spawner.happened


async def test_a_stop_before_the_task_took_note_of_the_start_cancels_it(
    autojump_clock: MockClock,
) -> None:
    async with open_program() as (world, program):
        start = program.start_nowait(None)
        assert program.orders.is_pending

        assert await outcome(program.stop_nowait(None)) == SUCCESS
        await trio.sleep(60)

        assert (await outcome(start))[1] == "a later stop overrode it"
        assert not world.transitions()


async def test_a_stop_while_the_task_wakes_up_for_a_start_cancels_it(
    autojump_clock: MockClock,
) -> None:
    async with open_program() as (world, program):
        await trio.testing.wait_all_tasks_blocked()
        program.start_nowait(None)

        assert await outcome(program.stop_nowait(None)) == SUCCESS
        await trio.sleep(60)

        assert not world.transitions()


async def test_fault_19_a_stop_in_backoff_goes_straight_to_stopped(
    autojump_clock: MockClock,
) -> None:
    async with open_program(CRASHES) as (world, program):
        program.start_nowait(None)
        await world.until(lambda: program.state.name == "BACKOFF")

        assert await outcome(program.stop_nowait(None)) == SUCCESS
        await trio.sleep(60)

        assert world.history("web")[-1] == (0.5, "STOPPED")
        assert world.spawner.count("spawned", "web") == 1


async def test_fault_19_concurrent_stops_share_one_ladder_and_its_outcome(
    autojump_clock: MockClock,
) -> None:
    async with open_program() as (world, program):
        await started(program)

        waiters = [program.stop_nowait(None) for _ in range(3)]

        assert [await outcome(waiter) for waiter in waiters] == [SUCCESS] * 3
        assert world.spawner.count("signalled", "web") == 1


async def test_a_program_waits_for_its_turn_to_stop(autojump_clock: MockClock) -> None:
    async with open_program() as (world, program):
        await started(program)
        program.turn_to_stop = trio.Event()
        waiter = program.stop_nowait(None)
        await trio.sleep(30)
        assert program.state.name == "RUNNING"

        program.turn_to_stop.set()

        assert await outcome(waiter) == SUCCESS
        assert world.history("web")[-2] == (31.0, "STOPPING")


async def test_an_end_while_waiting_for_the_turn_is_an_exit_then_a_stop(
    autojump_clock: MockClock,
) -> None:
    async with open_program(DIES) as (world, program):
        await started(program)
        program.turn_to_stop = trio.Event()

        assert await outcome(program.stop_nowait(None)) == SUCCESS

        assert world.states("web") == "STARTING RUNNING EXITED STOPPED"


# ── one after the other ──


async def test_a_start_while_stopping_waits_for_the_stop(autojump_clock: MockClock) -> None:
    async with open_program() as (world, program):
        await started(program)

        stop = program.stop_nowait(None)
        start = program.start_nowait(None)

        assert await outcome(stop) == SUCCESS
        assert await outcome(start) == SUCCESS
        assert world.states("web") == "STARTING RUNNING STOPPING STOPPED STARTING RUNNING"


async def test_a_stop_overrides_a_start_that_is_queued(autojump_clock: MockClock) -> None:
    async with open_program() as (world, program):
        await started(program)
        first = program.stop_nowait(None)
        start = program.start_nowait(None)

        second = program.stop_nowait(None)

        assert await outcome(start) == (Fault.ABNORMAL_TERMINATION, "a later stop overrode it")
        assert await outcome(first) == await outcome(second) == SUCCESS
        assert world.states("web") == "STARTING RUNNING STOPPING STOPPED"


async def test_a_second_start_behind_a_stop_is_refused(autojump_clock: MockClock) -> None:
    async with open_program() as (_, program):
        await started(program)
        program.stop_nowait(None)
        program.start_nowait(None)

        assert await outcome(program.start_nowait(None)) == (Fault.ALREADY_STARTED, "")


# ── members ──

MEMBERS = frozenset({900, 901})


async def test_an_end_is_told_at_once_and_the_next_spawn_waits_for_members(
    autojump_clock: MockClock,
) -> None:
    plan = Plan(lasts=5.0, returncode=3, members=MEMBERS, members_last=2.0)
    async with open_program(plan, Plan()) as (world, program):
        await started(program)
        await world.until(lambda: program.state.name == "EXITED")
        await trio.sleep(1.0)
        assert program.status().description == "waiting for pid 900, 901"

        await world.until(lambda: world.spawner.count("spawned", "web") == 2)

        assert world.history("web")[2:] == [(5.0, "EXITED"), (7.0, "STARTING")]


async def test_a_stop_while_members_are_left_ends_in_stopped(autojump_clock: MockClock) -> None:
    plan = Plan(lasts=5.0, returncode=3, members=MEMBERS, members_last=2.0)
    async with open_program(plan) as (world, program):
        await started(program)
        await world.until(lambda: program.state.name == "EXITED")

        assert await outcome(program.stop_nowait(None)) == SUCCESS

        assert world.history("web")[-1] == (7.0, "STOPPED")


IMMORTAL = Plan(members=frozenset({900}), members_last=2.0, immortal=True)


async def test_fault_08_what_cannot_be_killed_stays_stopping_with_its_pids(
    autojump_clock: MockClock,
) -> None:
    async with open_program(IMMORTAL) as (_, program):
        await started(program)

        fault, detail = await outcome(program.stop_nowait(None))

        assert (fault, detail) == (Fault.FAILED, "it cannot be killed, waiting for pid 900")
        assert program.status().state.name == "STOPPING"
        assert program.status().description == "waiting for pid 900"
        assert not program.is_at_rest


async def test_a_start_beside_what_cannot_be_killed_is_refused(autojump_clock: MockClock) -> None:
    async with open_program(IMMORTAL) as (_, program):
        await started(program)
        await outcome(program.stop_nowait(None))

        fault, detail = await outcome(program.start_nowait(None))

        assert (fault, detail) == (Fault.FAILED, "it cannot be killed, waiting for pid 900")


async def test_a_start_queued_behind_a_stop_that_fails_is_refused(
    autojump_clock: MockClock,
) -> None:
    async with open_program(IMMORTAL) as (world, program):
        await started(program)
        program.stop_nowait(None)

        fault, detail = await outcome(program.start_nowait(None))

        assert (fault, detail) == (Fault.FAILED, "it cannot be killed, waiting for pid 900")
        assert world.states("web") == "STARTING RUNNING STOPPING"
        assert not program.wanted


async def test_it_is_stopped_after_all_when_the_unkillable_are_gone(
    autojump_clock: MockClock,
) -> None:
    async with open_program(IMMORTAL, Plan()) as (world, program):
        await started(program)
        await outcome(program.stop_nowait(None))

        world.spawner.immortals_die.set()

        await world.until(lambda: program.state.name == "STOPPED")
        assert await outcome(program.start_nowait(None)) == SUCCESS


async def test_it_is_not_run_again_beside_what_cannot_be_killed(autojump_clock: MockClock) -> None:
    plan = Plan(lasts=5.0, returncode=3, members=frozenset({900}), members_last=2.0, immortal=True)
    async with open_program(plan) as (world, program):
        await started(program)
        await world.until(lambda: program.state.name == "EXITED")

        start = program.start_nowait(None)

        assert (await outcome(start))[0] is Fault.FAILED
        assert world.spawner.count("spawned", "web") == 1


# ── signals, logs, status ──


async def test_a_signal_goes_to_the_process(autojump_clock: MockClock) -> None:
    async with open_program() as (world, program):
        await started(program)

        program.signal(1)

        assert world.spawner.sent == [(program.condition.pid, 1)]


async def test_what_is_written_goes_to_its_stdin(autojump_clock: MockClock) -> None:
    async with open_program() as (world, program):
        await started(program)

        program.write(b"yes\n")

        assert world.spawner.written == [(program.condition.pid, b"yes\n")]


async def test_nothing_is_written_without_a_process_that_takes_it(
    autojump_clock: MockClock,
) -> None:
    async with open_program() as (world, program):
        with pytest.raises(RequestError) as caught:
            program.write(b"yes\n")
        assert caught.value.fault is Fault.NOT_RUNNING

        await started(program)
        assert program.condition.pid is not None
        world.spawner.deaf.add(program.condition.pid)
        with pytest.raises(RequestError) as caught:
            program.write(b"yes\n")
        assert caught.value.fault is Fault.NO_FILE


async def test_a_signal_without_process_or_number_is_refused(autojump_clock: MockClock) -> None:
    async with open_program() as (_, program):
        assert await outcome(attempt(lambda: program.signal(1))) == (Fault.NOT_RUNNING, "")
        assert await outcome(attempt(lambda: program.signal(None))) == (Fault.BAD_SIGNAL, "")


async def test_logs_are_cleared_whether_it_runs_or_not(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    path = tmp_path / "web.log"
    async with open_program(stdout_logfile=str(path)) as (_, program):
        path.write_bytes(b"old\n")

        program.logs.clear()

        assert path.read_bytes() == b""
        program.logs.close()


async def test_a_log_that_cannot_be_cleared_is_a_failure_with_its_reason(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    path = tmp_path / "logs" / "web.log"
    path.parent.mkdir()
    async with open_program(stdout_logfile=str(path)) as (_, program):
        program.logs.close()
        path.unlink()
        path.parent.rmdir()

        fault, detail = await outcome(attempt(program.logs.clear))

        assert fault is Fault.FAILED
        assert str(path) in detail


async def test_status_says_what_is_known(autojump_clock: MockClock, tmp_path: Path) -> None:
    path = str(tmp_path / "web.log")
    async with open_program(stdout_logfile=path, redirect_stderr=True) as (_, program):
        await started(program)

        status = program.status()

        assert status.state.name == "RUNNING"
        assert status.description == f"pid {status.pid}, uptime 0:00:01"
        assert (status.wanted, status.spawns, status.stdout_logfile) == (True, 1, path)
        assert status.stderr_logfile == ""
        program.logs.close()


# ── events ──


async def test_each_transition_is_caused_by_the_one_before_the_first_by_the_request(
    autojump_clock: MockClock,
) -> None:
    async with open_program(DIES, Plan()) as (world, program):
        request = world.events.publish(EventKind.REQUEST, detail="start web")
        await outcome(program.start_nowait(request))
        await world.until(lambda: world.spawner.count("spawned", "web") == 2)

        events = world.transitions()

        assert [event.cause for event in events] == [request, *(e.id for e in events[:-1])]
        assert all(e.to_state in TRANSITIONS[e.from_state] for e in events if e.from_state)


async def test_a_stop_is_the_cause_of_what_follows_it(autojump_clock: MockClock) -> None:
    async with open_program() as (world, program):
        await started(program)
        request = world.events.publish(EventKind.REQUEST, detail="stop web")

        await outcome(program.stop_nowait(request))

        stopping, stopped = world.transitions()[-2:]
        assert (stopping.cause, stopped.cause) == (request, stopping.id)


async def test_an_exit_event_has_the_pid_and_how_it_ended(autojump_clock: MockClock) -> None:
    async with open_program(Plan(lasts=5.0, returncode=-9), autorestart=False) as (world, program):
        await started(program)
        await world.until(lambda: program.state.name == "EXITED")

        event = world.transitions()[-1]

        assert (event.pid, event.detail) == (101, "terminated by SIGKILL")


# ── faults of our own ──


async def test_giving_up_is_fatal_and_answers_everybody(autojump_clock: MockClock) -> None:
    async with open_program(Plan(waits=60.0)) as (world, program):
        start = program.start_nowait(None)
        await world.until(lambda: program.state.name == "STARTING")

        program.give_up()

        assert (await outcome(start))[0] is Fault.FAILED
        assert world.states("web") == "STARTING FATAL"
        assert program.status().description.startswith("supervision failed")


async def test_giving_up_forgets_the_process_and_is_told(autojump_clock: MockClock) -> None:
    world = World()
    program = world.make(spec_of("web"), Rank(999, "web", 999, "web"))
    program.condition.spawned(101)

    program.give_up()

    assert program.status().pid is None
    assert [event.detail for event in world.transitions("web")] == [
        "supervision failed (the activity log has the traceback)"
    ]


# ── whole lives ──

HISTORIES: dict[str, tuple[list[Plan], dict[str, Any], float, str]] = {
    "settles and stays": ([Plan()], {}, 10.0, "STARTING RUNNING"),
    "one job": ([ENDS], {}, 10.0, "STARTING RUNNING EXITED"),
    "crash and replacement": (
        [DIES, Plan()],
        {},
        10.0,
        "STARTING RUNNING EXITED STARTING RUNNING",
    ),
    "slow to come": (
        [CRASHES, CRASHES, Plan()],
        {},
        10.0,
        "STARTING BACKOFF STARTING BACKOFF STARTING RUNNING",
    ),
    "no such file": (
        [Plan(refusal="can't find command 'x'")],
        {"startretries": 1},
        10.0,
        "STARTING BACKOFF STARTING BACKOFF FATAL",
    ),
    "listed code": (
        [Plan(lasts=5.0, returncode=7)],
        {"exitcodes": (0, 7)},
        10.0,
        "STARTING RUNNING EXITED",
    ),
    "killed by a signal is never expected": (
        [Plan(lasts=5.0, returncode=-15), Plan()],
        {"exitcodes": (0, 15)},
        10.0,
        "STARTING RUNNING EXITED STARTING RUNNING",
    ),
    "never restarted, yet retried": (
        [CRASHES, DIES],
        {"autorestart": False},
        10.0,
        "STARTING BACKOFF STARTING RUNNING EXITED",
    ),
    "a false start is not hidden by luck": (
        [Plan(lasts=0.999, returncode=1)],
        {"startretries": 2},
        30.0,
        "STARTING BACKOFF STARTING BACKOFF STARTING BACKOFF FATAL",
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
async def test_replayed(autojump_clock: MockClock, name: str) -> None:
    plans, options, seconds, states = HISTORIES[name]

    async with open_program(*plans, **options) as (world, program):
        program.start_nowait(None)
        await trio.sleep(seconds)

        assert world.states("web") == states


async def test_a_task_is_tried_again_as_often_as_a_start(autojump_clock: MockClock) -> None:
    options = {"type": "task", "startsecs": 0.0, "autorestart": "unexpected", "startretries": 2}
    async with open_program(Plan(lasts=0.5, returncode=1), **options) as (world, program):
        program.start_nowait(None)
        await world.until(lambda: program.state.name == "FATAL")

        assert world.spawner.count("spawned", "web") == 3
        assert program.status().description == "Bad exit code 1"
        again = "STARTING RUNNING EXITED BACKOFF "
        assert world.states("web") == again * 3 + "FATAL"
