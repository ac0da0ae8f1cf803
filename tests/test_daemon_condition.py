"""Descriptions of processes, in supervisord's words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import trio

from trio_supervisor.daemon.condition import Condition, how_it_ended
from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from trio.testing import MockClock


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (15, "pid 123, uptime 0:00:15"),
        (86_400 + 7_384, "pid 123, uptime 1 day, 2:03:04"),
    ],
)
async def test_running_says_pid_and_uptime(
    autojump_clock: MockClock, seconds: int, text: str
) -> None:
    condition = Condition()
    condition.spawned(123)
    condition.state = ProcessState.RUNNING

    await trio.sleep(seconds)

    assert condition.describe("web") == text


@pytest.mark.parametrize("state", [ProcessState.BACKOFF, ProcessState.FATAL])
def test_failed_says_why_or_where_to_look(state: ProcessState) -> None:
    assert Condition(state, spawn_error="no file").describe("web") == "no file"
    assert Condition(state).describe("web") == 'unknown error (try "tail web")'


@pytest.mark.parametrize("state", [ProcessState.STOPPED, ProcessState.EXITED])
def test_stopped_says_when_or_that_it_never_ran(state: ProcessState) -> None:
    assert Condition(state).describe("web") == "Not started"
    text = Condition(state, stopped=1_795_342_560.0).describe("web")
    assert re.fullmatch(r"Nov \d\d \d\d:\d\d [AP]M", text)


@pytest.mark.parametrize(
    "state", [ProcessState.STARTING, ProcessState.STOPPING, ProcessState.UNKNOWN]
)
def test_the_others_say_nothing(state: ProcessState) -> None:
    assert Condition(state).describe("web") == ""


async def test_who_ends_by_itself_is_neither_ready_nor_on_the_way_to_it() -> None:
    condition = Condition(awaits_ready=True, is_ready=True, health="healthy")
    condition.spawned(123)
    condition.state = ProcessState.RUNNING

    condition.leave()

    assert condition.describe("web") == "pid 123, uptime 0:00:00, stopping"
    condition.said = "saving 3 shops"
    assert condition.describe("web") == "pid 123, uptime 0:00:00, saving 3 shops"


@pytest.mark.parametrize("state", [ProcessState.STOPPING, ProcessState.EXITED])
def test_members_that_are_left_are_waited_for(state: ProcessState) -> None:
    assert Condition(state, left={12, 7}).describe("web") == "waiting for pid 7, 12"


@pytest.mark.parametrize(
    ("returncode", "text"),
    [
        (0, "exit status 0"),
        (2, "exit status 2"),
        (-15, "terminated by SIGTERM"),
        (-9, "terminated by SIGKILL"),
        (-40, "terminated by signal 40"),
    ],
)
def test_an_end_is_told_as_in_the_activity_log(returncode: int, text: str) -> None:
    assert how_it_ended(returncode) == text


async def test_a_pid_exists_only_while_there_is_a_process(autojump_clock: MockClock) -> None:
    condition = Condition()
    condition.spawned(123)

    condition.ended(-9)

    assert (condition.pid, condition.returncode, condition.spawns) == (None, -9, 1)
    assert condition.started is not None
    assert condition.stopped is not None


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ({}, ""),
        ({"is_ready": True}, ""),
        ({"awaits_ready": True}, ", not ready yet"),
        ({"awaits_ready": True, "is_ready": True}, ", ready"),
        ({"health": "starting"}, ", not healthy yet"),
        ({"health": "healthy"}, ", healthy"),
        ({"health": "unhealthy", "why_unhealthy": "refused"}, ", unhealthy: refused"),
        ({"awaits_ready": True, "said": "loading 2 of 3"}, ", not ready yet, loading 2 of 3"),
        ({"awaits_ready": True, "is_ready": True, "health": "healthy"}, ", ready, healthy"),
    ],
)
async def test_running_says_what_probes_have_found_out(known: Any, text: str) -> None:
    condition = Condition(ProcessState.RUNNING, 123, up_since=trio.current_time(), **known)

    assert condition.describe("web") == f"pid 123, uptime 0:00:00{text}"


def test_stopping_says_what_the_program_says() -> None:
    assert Condition(ProcessState.STOPPING, said="saving").describe("web") == "saving"
