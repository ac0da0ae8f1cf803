"""Errors: their texts are read by people, their numbers by other programs."""

from __future__ import annotations

import pytest

from trio_supervisor.errors import (
    ConfigError,
    Fault,
    Problem,
    ProtocolError,
    RequestError,
    SupervisorError,
)

SUPERVISORD_FAULTS = {
    "UNKNOWN_METHOD": 1,
    "INCORRECT_PARAMETERS": 2,
    "BAD_ARGUMENTS": 3,
    "SIGNATURE_UNSUPPORTED": 4,
    "SHUTDOWN_STATE": 6,
    "BAD_NAME": 10,
    "BAD_SIGNAL": 11,
    "NO_FILE": 20,
    "NOT_EXECUTABLE": 21,
    "FAILED": 30,
    "ABNORMAL_TERMINATION": 40,
    "SPAWN_ERROR": 50,
    "ALREADY_STARTED": 60,
    "NOT_RUNNING": 70,
    "SUCCESS": 80,
    "ALREADY_ADDED": 90,
    "STILL_RUNNING": 91,
    "CANT_REREAD": 92,
}


def test_faults_below_100_are_those_of_supervisord() -> None:
    assert {fault.name: fault.value for fault in Fault if fault < 100} == SUPERVISORD_FAULTS


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("/a.conf", 3, "program.web.umask", "bad"), "/a.conf:3: program.web.umask: bad"),
        (Problem("/a.conf", None, "program.web", "bad"), "/a.conf: program.web: bad"),
        (Problem("/a.conf", 3, "", "bad"), "/a.conf:3: bad"),
        (Problem("/a.conf", None, "", "bad"), "/a.conf: bad"),
    ],
)
def test_a_problem_says_where_it_is(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_a_configuration_error_lists_every_problem_in_order() -> None:
    problems = [Problem("/b", 1, "", "one"), Problem("/a", 2, "", "two")]

    caught = ConfigError(iter(problems))

    assert caught.problems == tuple(problems)
    assert str(caught) == "/b:1: one\n/a:2: two"


def test_a_refusal_reads_as_in_supervisord() -> None:
    assert str(RequestError(Fault.BAD_NAME, "web")) == "BAD_NAME: web"
    assert str(RequestError(Fault.ALREADY_ADDED)) == "ALREADY_ADDED"


def test_a_protocol_error_is_a_bad_frame_unless_it_says_more() -> None:
    assert ProtocolError("nonsense").fault is Fault.BAD_FRAME
    assert ProtocolError("nonsense", Fault.TOO_LARGE).fault is Fault.TOO_LARGE


@pytest.mark.parametrize(
    "caught", [ConfigError(()), RequestError(Fault.FAILED), ProtocolError("")], ids=repr
)
def test_all_that_people_cause_is_a_supervisor_error(caught: Exception) -> None:
    assert isinstance(caught, SupervisorError)
