"""The life cycle: what may follow what, and whole lives of a process replayed without one."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_supervisor.lifecycle import (
    RESPAWN_FLOOR,
    RUNNING_STATES,
    SIGNALLABLE_STATES,
    STOPPED_STATES,
    TRANSITIONS,
    Ended,
    Next,
    ProcessState,
    RestartPolicy,
    SupervisorState,
    after_exit,
    is_expected,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL, UNKNOWN = ProcessState

POLICIES = st.builds(
    RestartPolicy,
    autorestart=st.sampled_from([True, False, "unexpected"]),
    exitcodes=st.frozensets(st.integers(0, 255), max_size=3),
    startretries=st.integers(0, 20),
)
ENDS = st.builds(
    Ended,
    returncode=st.none() | st.integers(-64, 255),
    settled=st.booleans(),
    uptime=st.floats(0, 1e6),
)
FAILURES = st.integers(1, 30)


def test_numbers_are_those_of_supervisord() -> None:
    assert [state.value for state in ProcessState] == [0, 10, 20, 30, 40, 100, 200, 1000]
    assert [state.value for state in SupervisorState] == [2, 1, 0, -1]


def test_every_state_has_a_way_out() -> None:
    assert TRANSITIONS.keys() == set(ProcessState)
    assert all(TRANSITIONS.values())


def test_no_state_follows_itself() -> None:
    assert not [state for state, following in TRANSITIONS.items() if state in following]


def test_nothing_becomes_unknown() -> None:
    assert not [state for state, following in TRANSITIONS.items() if UNKNOWN in following]


def test_what_start_refuses_can_always_be_stopped() -> None:
    assert all(TRANSITIONS[state] & {STOPPING, STOPPED} for state in RUNNING_STATES)


def test_what_is_stopped_is_neither_running_nor_signallable() -> None:
    assert not STOPPED_STATES & (RUNNING_STATES | SIGNALLABLE_STATES)
    assert set(ProcessState) == STOPPED_STATES | RUNNING_STATES | SIGNALLABLE_STATES


def test_only_what_is_down_or_backing_off_can_be_started() -> None:
    startable = {state for state, following in TRANSITIONS.items() if STARTING in following}

    assert startable == STOPPED_STATES | {BACKOFF}


@pytest.mark.parametrize(
    ("returncode", "settled", "expected"),
    [(0, True, True), (2, True, True), (1, True, False), (-15, True, False), (0, False, False)],
)
def test_an_expected_exit_is_a_settled_run_with_a_listed_code(
    returncode: int, settled: bool, expected: bool
) -> None:
    policy = RestartPolicy(exitcodes=frozenset({0, 2}))

    assert is_expected(policy, Ended(returncode, settled)) is expected


@pytest.mark.parametrize(
    ("autorestart", "returncode", "restarts"),
    [
        (True, 0, True),
        (True, 1, True),
        (False, 0, False),
        (False, 1, False),
        ("unexpected", 0, False),
        ("unexpected", 1, True),
        ("unexpected", -9, True),
    ],
)
def test_autorestart_decides_after_a_settled_run(
    autorestart: bool, returncode: int, restarts: bool
) -> None:
    following = after_exit(RestartPolicy(autorestart), Ended(returncode, True, 60.0), 0)

    assert following == Next((EXITED,), 0.0 if restarts else None)


@pytest.mark.parametrize(("uptime", "delay"), [(0.0, 1.0), (0.25, 0.75), (1.0, 0.0), (5.0, 0.0)])
def test_no_spawn_follows_another_within_a_second(uptime: float, delay: float) -> None:
    following = after_exit(RestartPolicy(autorestart=True), Ended(1, True, uptime), 0)

    assert following.restart_in == delay


@pytest.mark.parametrize("autorestart", [True, False, "unexpected"])
@pytest.mark.parametrize("returncode", [None, 0, 1, -9])
def test_an_unsettled_run_is_retried_whatever_its_code(
    autorestart: bool, returncode: int | None
) -> None:
    following = after_exit(RestartPolicy(autorestart), Ended(returncode, False, 0.1), 1)

    assert following == Next((BACKOFF,), 1.0)


def test_without_retries_the_first_failure_is_fatal() -> None:
    following = after_exit(RestartPolicy(startretries=0), Ended(1, False), 1)

    assert following == Next((BACKOFF, FATAL))


@given(st.integers(0, 50))
def test_the_nth_failure_waits_n_seconds_and_one_more_than_the_retries_is_fatal(
    startretries: int,
) -> None:
    policy = RestartPolicy(startretries=startretries)

    lives = [after_exit(policy, Ended(1, False), n) for n in range(1, startretries + 2)]

    assert [each.restart_in for each in lives] == [*range(1, startretries + 1), None]
    assert [each.states[-1] for each in lives] == [BACKOFF] * startretries + [FATAL]


@given(POLICIES, ENDS, FAILURES)
def test_every_step_after_an_exit_is_legal(
    policy: RestartPolicy, ended: Ended, failures: int
) -> None:
    following = after_exit(policy, ended, failures)

    chain = (RUNNING if ended.settled else STARTING, *following.states)
    assert all(after in TRANSITIONS[before] for before, after in pairwise(chain))


@given(POLICIES, ENDS, FAILURES)
def test_a_delay_leads_to_a_state_that_can_start(
    policy: RestartPolicy, ended: Ended, failures: int
) -> None:
    following = after_exit(policy, ended, failures)

    assert STARTING in TRANSITIONS[following.states[-1]]
    if following.restart_in is not None:
        assert ended.uptime + following.restart_in >= RESPAWN_FLOOR


@given(POLICIES, ENDS, FAILURES, FAILURES)
def test_the_count_of_failures_matters_to_unsettled_runs_only(
    policy: RestartPolicy, ended: Ended, one: int, other: int
) -> None:
    settled = ended.replace(settled=True)

    assert after_exit(policy, settled, one) == after_exit(policy, settled, other)


# ── replayed lives: runs in, states and waits out ────────────────────────────────────────────

QUICK = Ended(1, settled=False, uptime=0.2)
QUICK_ZERO = Ended(0, settled=False, uptime=0.2)
NEVER = Ended(None, settled=False)
LONG = Ended(0, settled=True, uptime=60.0)
CRASH = Ended(-11, settled=True, uptime=60.0)
INSTANT_CRASH = Ended(1, settled=True)  # startsecs=0: settled from its first moment

HISTORIES: dict[str, tuple[RestartPolicy, Sequence[Ended], str]] = {
    "a program that dies at once is given up after its retries": (
        RestartPolicy(),
        [QUICK] * 4,
        "STARTING BACKOFF 1 STARTING BACKOFF 2 STARTING BACKOFF 3 STARTING BACKOFF FATAL",
    ),
    "a quick exit with an expected code is a failure as well": (
        RestartPolicy(autorestart=False, startretries=1),
        [QUICK_ZERO] * 2,
        "STARTING BACKOFF 1 STARTING BACKOFF FATAL",
    ),
    "a command that cannot be run backs off too": (
        RestartPolicy(startretries=1),
        [NEVER, NEVER],
        "STARTING BACKOFF 1 STARTING BACKOFF FATAL",
    ),
    "failures count from the last settled run": (
        RestartPolicy(startretries=2),
        [QUICK, QUICK, CRASH, QUICK, QUICK, QUICK],
        (
            "STARTING BACKOFF 1 STARTING BACKOFF 2 STARTING RUNNING EXITED 0 "
            "STARTING BACKOFF 1 STARTING BACKOFF 2 STARTING BACKOFF FATAL"
        ),
    ),
    "a crash is replaced at once, an orderly end is not": (
        RestartPolicy(),
        [CRASH, CRASH, LONG],
        "STARTING RUNNING EXITED 0 STARTING RUNNING EXITED 0 STARTING RUNNING EXITED",
    ),
    "without autorestart a crash is the end": (
        RestartPolicy(autorestart=False),
        [CRASH],
        "STARTING RUNNING EXITED",
    ),
    "autorestart repeats a job that ends in order": (
        RestartPolicy(autorestart=True),
        [LONG, LONG.replace(uptime=0.25), LONG],
        "STARTING RUNNING EXITED 0 STARTING RUNNING EXITED 0.75 STARTING RUNNING EXITED 0",
    ),
    "a failing program without startsecs is spawned once a second": (
        RestartPolicy(),
        [INSTANT_CRASH] * 3,
        "STARTING RUNNING EXITED 1 STARTING RUNNING EXITED 1 STARTING RUNNING EXITED 1",
    ),
    "an empty list of codes expects none": (
        RestartPolicy(exitcodes=frozenset()),
        [LONG],
        "STARTING RUNNING EXITED 0",
    ),
}


def replay(policy: RestartPolicy, runs: Sequence[Ended]) -> str:
    """Tell the life that a list of runs makes: states, and the seconds before each next run."""
    told: list[str] = []
    failures = 0
    for ended in runs:
        assert not told or told[-1] not in {"EXITED", "FATAL"}, "nobody asked for another run"
        failures = 0 if ended.settled else failures + 1
        following = after_exit(policy, ended, failures)
        told += ["STARTING", "RUNNING"] if ended.settled else ["STARTING"]
        told += [state.name for state in following.states]
        if following.restart_in is not None:
            told.append(f"{following.restart_in:g}")
    return " ".join(told)


@pytest.mark.parametrize(("policy", "runs", "life"), HISTORIES.values(), ids=HISTORIES)
def test_a_life_is_as_supervisord_tells_it(
    policy: RestartPolicy, runs: Sequence[Ended], life: str
) -> None:
    told = replay(policy, runs)

    assert told == life
