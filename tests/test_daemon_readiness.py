"""When a run is ready, and whether it is healthy: in virtual time, with made-up answers."""

from __future__ import annotations

from contextlib import asynccontextmanager
from math import inf
from typing import TYPE_CHECKING, Any

import pytest
import trio
from daemon_fakes import Daemon, Plan, World, group_of, open_daemon, open_program, outcome, spec_of

from trio_supervisor.daemon import probes
from trio_supervisor.daemon.outlook import outlook
from trio_supervisor.daemon.probes import ProbeError
from trio_supervisor.errors import Fault
from trio_supervisor.protocol.messages import EventKind
from trio_supervisor.spec import Dependency, Health, Ready

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trio.testing import MockClock

    from trio_supervisor.daemon.probes import Question
    from trio_supervisor.daemon.program import Program

NO = "connection refused"


class Answers:
    """What is answered, question by question, the last for ever: a reason for no, empty for yes.

    ``asked`` has when each began; an answer takes ``lasts`` seconds.
    """

    def __init__(self, *answers: str, lasts: float = 0.0) -> None:
        self._answers = list(answers)
        self._under_way = 0
        self.lasts = lasts
        self.asked: list[float] = []
        self.cancelled = 0

    async def __call__(self, _question: Question) -> None:
        assert not self._under_way
        self._under_way += 1
        self.asked.append(trio.current_time())
        try:
            await trio.sleep(self.lasts)
        except trio.Cancelled:
            self.cancelled += 1
            raise
        finally:
            self._under_way -= 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if answer:
            raise ProbeError(answer)

    def gaps(self) -> list[float]:
        """Return the seconds between one question and the next."""
        return [round(b - a, 6) for a, b in zip(self.asked, self.asked[1:], strict=False)]


@pytest.fixture(name="answer")
def put_answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a kind be answered so."""

    def put(*answers: str, kind: str = "tcp", lasts: float = 0.0) -> Answers:
        made = Answers(*answers, lasts=lasts)
        monkeypatch.setitem(probes.KINDS, kind, made)
        return made

    return put


READY = Ready(tcp="h:1")


@asynccontextmanager
async def started(*plans: Plan, **options: Any) -> AsyncIterator[tuple[World, Program]]:
    """Host a program that was told to start."""
    async with open_program(*plans, **options) as (world, program):
        program.start_nowait(None)
        yield world, program


def told(world: World) -> list[str]:
    """Return what was told of its health."""
    return [event.detail for event in world.events.since() if event.kind is EventKind.HEALTH]


async def test_fault_08_a_probe_that_cannot_be_killed_is_named_when_its_program_is_to_stop(
    autojump_clock: MockClock,
) -> None:
    health = Health(exec="p", interval=1.0, timeout=0.5, retries=1, on_failure="mark")
    async with started(health=health) as (world, program):
        world.spawner.plan("web (health)", Plan(members=frozenset({901}), immortal=True))
        await trio.sleep(10)
        assert (program.state.name, program.is_stuck) == ("RUNNING", False)

        refused = await outcome(program.stop_nowait(None))
        restart = await outcome(program.start_nowait(None))
        state = program.state.name
        world.spawner.release()
        await world.until(lambda: world.states("web").endswith("STOPPED"))

        words = "it cannot be killed, waiting for pid 901"
        assert refused == restart == (Fault.FAILED, words)
        assert (state, program.condition.left) == ("STOPPING", set())


async def test_a_probe_that_is_gone_after_all_holds_up_no_stop(autojump_clock: MockClock) -> None:
    health = Health(exec="p", interval=1.0, timeout=0.5, retries=1, on_failure="mark")
    async with started(health=health) as (world, program):
        stuck = Plan(members=frozenset({901}), immortal=True)
        world.spawner.plan("web (health)", stuck, Plan(lasts=0.0))
        await trio.sleep(10)
        world.spawner.release()
        await world.until(lambda: program.condition.health == "healthy")

        assert await outcome(program.stop_nowait(None)) == (Fault.SUCCESS, "")


# ── ready ──


async def test_it_is_ready_when_the_answer_is_yes(answer: Any, autojump_clock: MockClock) -> None:
    answers = answer(NO, NO, "")
    async with started(ready=READY) as (world, program):
        await world.until(lambda: told(world))

        assert program.condition.is_ready
        assert (program.status().ready, program.status().health) == (True, "")
        assert told(world) == ["ready"]
        assert answers.gaps() == [0.25, 0.5]
        await trio.sleep(100)
        assert len(answers.asked) == 3


async def test_pauses_between_questions_grow_to_a_second(
    answer: Any, autojump_clock: MockClock
) -> None:
    answers = answer(NO, NO, NO, NO, NO, "")
    async with started(ready=READY) as (world, _):
        await world.until(lambda: told(world))

        assert answers.gaps() == [0.25, 0.5, 1.0, 1.0, 1.0]


async def test_an_interval_is_kept(answer: Any, autojump_clock: MockClock) -> None:
    answers = answer(NO, NO, NO, "")
    async with started(ready=Ready(tcp="h:1", interval=3.0)) as (world, _):
        await world.until(lambda: told(world))

        assert answers.gaps() == [3.0, 3.0, 3.0]


async def test_without_the_option_it_is_ready_when_it_runs(autojump_clock: MockClock) -> None:
    async with started() as (world, program):
        await trio.sleep(0.5)
        seen = [program.condition.is_ready]
        await world.until(lambda: program.state.name == "RUNNING")
        seen.append(program.condition.is_ready)

        assert seen == [False, True]
        assert told(world) == []


async def test_what_is_not_ready_in_time_has_failed_to_start(
    answer: Any, autojump_clock: MockClock
) -> None:
    answer(NO)
    ready = Ready(tcp="h:1", timeout=30.0)
    async with started(Plan(obeys_after=0.0), ready=ready, startretries=1) as (world, program):
        await world.until(lambda: program.state.name == "FATAL")

        run = "STARTING RUNNING STOPPING BACKOFF"
        assert world.states("web") == f"{run} {run} FATAL"
        assert program.status().description == f"not ready after 30 s: {NO}"
        assert [round(at) for at, state in world.history("web") if state == "STARTING"] == [0, 31]


async def test_that_is_so_before_it_is_running_too(answer: Any, autojump_clock: MockClock) -> None:
    answer(NO)
    options = {"ready": Ready(tcp="h:1", timeout=2.0), "startsecs": 9.0, "startretries": 0}
    async with started(**options) as (world, program):
        waiter = program.start_nowait(None)
        await world.until(lambda: program.state.name == "FATAL")

        assert world.states("web") == "STARTING STOPPING BACKOFF FATAL"
        assert await outcome(waiter) == (Fault.ALREADY_STARTED, "")


async def test_who_gets_ready_begins_to_count_failures_anew(
    answer: Any, autojump_clock: MockClock
) -> None:
    answer(*[NO] * 4, "", NO)
    ready = Ready(tcp="h:1", timeout=2.0)
    crash = Plan(lasts=50.0, returncode=1)
    async with started(Plan(), crash, Plan(), ready=ready, startretries=1) as (world, program):
        await world.until(lambda: program.state.name == "FATAL")

        assert world.states("web").count("STARTING") == 4
        assert told(world)[1] == "ready"


async def test_a_delay_is_not_bounded_by_the_timeout(autojump_clock: MockClock) -> None:
    async with started(ready=Ready(delay=90.0)) as (world, program):
        await world.until(lambda: program.condition.is_ready)

        assert program.condition.uptime == pytest.approx(90)


async def test_one_answer_of_the_network_has_a_bound_of_its_own(
    answer: Any, autojump_clock: MockClock
) -> None:
    answers = answer("", lasts=inf)
    async with started(ready=Ready(tcp="h:1", interval=1.0)) as (_, program):
        await trio.sleep(20)

        assert answers.gaps() == [6.0, 6.0, 6.0]
        assert not program.condition.is_ready


async def test_no_question_outlives_the_run(answer: Any, autojump_clock: MockClock) -> None:
    answers = answer("", kind="exec", lasts=inf)
    options = {"ready": Ready(exec="x"), "autorestart": False}
    async with started(Plan(lasts=7.0, members=frozenset({900})), **options) as (world, program):
        await world.until(lambda: program.state.name == "EXITED")

        assert program.condition.left == {900}
        await trio.testing.wait_all_tasks_blocked()
        assert answers.cancelled == 1


async def test_a_new_run_is_not_ready_yet(answer: Any, autojump_clock: MockClock) -> None:
    answer("", NO)
    async with started(Plan(lasts=5.0), Plan(), ready=READY, autorestart=True) as (world, program):
        await world.until(lambda: program.condition.is_ready)
        await world.until(lambda: program.condition.spawns == 2)

        assert not program.condition.is_ready


async def test_a_stop_ends_the_wait(answer: Any, autojump_clock: MockClock) -> None:
    answer(NO)
    async with started(ready=READY) as (world, program):
        await trio.sleep(5)

        assert await outcome(program.stop_nowait(None)) == (Fault.SUCCESS, "")
        assert world.states("web") == "STARTING RUNNING STOPPING STOPPED"


# ── health ──

HEALTH = Health(tcp="h:1", interval=10.0, retries=3)


async def test_it_is_healthy_after_so_many_answers(answer: Any, autojump_clock: MockClock) -> None:
    answers = answer("", NO, "", "")
    health = Health(tcp="h:1", interval=10.0, success_threshold=2)
    async with started(health=health) as (world, program):
        await trio.sleep(1)
        assert program.condition.health == "starting"
        await world.until(lambda: told(world))

        assert program.condition.health == "healthy"
        assert program.status().health == "healthy"
        assert told(world) == ["healthy"]
        assert answers.gaps() == [10.0] * 3


async def test_failures_in_a_row_make_it_unhealthy_and_it_is_replaced(
    answer: Any, autojump_clock: MockClock
) -> None:
    answers = answer("", NO, NO, "", NO, NO, NO, "")
    async with started(health=HEALTH) as (world, program):
        await world.until(lambda: program.condition.spawns == 2)

        assert len([at for at in answers.asked if at < program.condition.up_since]) == 7
        assert told(world) == ["healthy", f"unhealthy: {NO}"]
        assert world.states("web") == "STARTING RUNNING STOPPING EXITED STARTING"
        health = [e for e in world.events.since() if e.kind is EventKind.HEALTH]
        (stopping,) = [e for e in world.transitions() if str(e.to_state) == "40"]
        assert stopping.cause == health[-1].id
        assert stopping.detail == f"unhealthy: {NO}"


async def test_it_may_be_stopped_instead(answer: Any, autojump_clock: MockClock) -> None:
    answer(NO)
    health = Health(tcp="h:1", retries=2, on_failure="stop")
    async with started(health=health) as (world, program):
        await world.until(lambda: told(world) and program.state.name == "STOPPED")

        assert world.states("web") == "STARTING RUNNING STOPPING STOPPED"
        assert not program.wanted
        assert program.status().description == f"unhealthy: {NO}"
        assert outlook(program, Dependency()) == f"it is stopped: unhealthy: {NO}"


async def test_or_only_be_marked_until_it_is_healthy_again(
    answer: Any, autojump_clock: MockClock
) -> None:
    answer("", NO, "slow", "")
    health = Health(tcp="h:1", retries=2, on_failure="mark")
    async with started(health=health) as (world, program):
        await world.until(lambda: told(world)[2:])

        assert told(world) == ["healthy", "unhealthy: slow", "healthy"]
        assert program.condition.spawns == 1


async def test_in_a_start_period_failures_do_not_count(
    answer: Any, autojump_clock: MockClock
) -> None:
    answers = answer(NO)
    health = Health(tcp="h:1", interval=5.0, retries=2, start_period=15.0)
    async with started(health=health) as (world, program):
        await world.until(lambda: program.condition.health == "unhealthy")

        assert [round(moment - program.condition.up_since) for moment in answers.asked] == [
            *(0, 5, 10),
            *(15, 20),
        ]


async def test_a_success_makes_it_healthy_in_its_start_period_too(
    answer: Any, autojump_clock: MockClock
) -> None:
    answer(NO, "")
    health = Health(tcp="h:1", interval=5.0, start_period=100.0)
    async with started(health=health) as (world, program):
        await world.until(lambda: program.state.name == "RUNNING")
        assert program.status().description.endswith(", not healthy yet")
        await world.until(lambda: program.condition.health == "healthy")

        assert program.condition.uptime == pytest.approx(5.0)


async def test_health_is_asked_when_it_is_ready(answer: Any, autojump_clock: MockClock) -> None:
    answers = answer("")
    options = {"ready": Ready(delay=20.0), "health": Health(tcp="h:1")}
    async with started(**options) as (world, program):
        await world.until(lambda: program.condition.health == "healthy")

        assert answers.asked == [pytest.approx(program.condition.up_since + 20)]


async def test_fault_27_an_answer_that_takes_too_long_is_a_failure_and_none_overlap(
    answer: Any, autojump_clock: MockClock
) -> None:
    answers = answer("", lasts=inf)
    health = Health(tcp="h:1", interval=2.0, timeout=5.0, retries=2, on_failure="mark")
    async with started(health=health) as (world, _):
        await world.until(lambda: told(world))

        assert told(world) == ["unhealthy: no answer within 5 s"]
        assert answers.gaps()[0] == 5.0


async def test_slow_answers_do_not_move_the_interval(
    answer: Any, autojump_clock: MockClock
) -> None:
    answers = answer("", lasts=3.0)
    async with started(health=HEALTH):
        await trio.sleep(35)

        assert answers.gaps() == [10.0] * 3


# ── who waits ──


@pytest.mark.parametrize(
    ("options", "condition"),
    [
        ({"ready": Ready(delay=20.0)}, "ready"),
        ({"ready": Ready(delay=20.0)}, "log_ready"),
        ({"health": Health(tcp="h:1", success_threshold=3)}, "healthy"),
    ],
)
async def test_dependants_wait_for_it(
    answer: Any, autojump_clock: MockClock, options: Any, condition: Any
) -> None:
    answer("")
    needs = {"db": Dependency(condition=condition)}
    web = group_of("web", spec_of("web", depends_on=needs))
    daemon = Daemon(group_of("db", spec_of("db", **options)), web)
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("web").endswith("RUNNING"))

        spawned = {name: at for at, what, name in daemon.spawner.happened if what == "spawned"}
        assert spawned["web"] - spawned["db"] == pytest.approx(20)


async def test_what_never_gets_ready_fails_its_dependants(
    answer: Any, autojump_clock: MockClock
) -> None:
    answer(NO)
    needs = {"db": Dependency(condition="ready")}
    web = group_of("web", spec_of("web", depends_on=needs))
    db = spec_of("db", ready=Ready(tcp="h:1", timeout=3.0), startretries=1)
    daemon = Daemon(group_of("db", db), web)
    async with open_daemon(daemon):
        await daemon.until(lambda: daemon.states("web").endswith("FATAL"))

        why = "it needs db, which is FATAL: not ready after 3 s: connection refused"
        assert daemon.program("web").status().description == why


async def test_who_ends_by_itself_before_it_is_told_to_has_failed_to_start_as_well(
    autojump_clock: MockClock,
) -> None:
    needs_db = {"db": Dependency(condition="started")}
    web = group_of("web", spec_of("web", depends_on=needs_db, stopwaitsecs=10))
    db = group_of("db", spec_of("db", ready=Ready(log="never", timeout=5)))
    daemon = Daemon(web, db)
    daemon.spawner.plan("web", Plan(obeys_after=8.0))
    async with open_daemon(daemon):
        await trio.sleep(4)
        daemon.program("web").stop_nowait(None)
        await trio.sleep(3)

        daemon.spawner.lives["db"].end(1)
        await trio.sleep(1)

        assert daemon.states("db").startswith("STARTING RUNNING STOPPING BACKOFF")
