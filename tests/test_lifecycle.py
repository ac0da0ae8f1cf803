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
    Backoff,
    Ended,
    Next,
    ProcessState,
    RestartPolicy,
    SupervisorState,
    after_exit,
    failures_in_a_row,
    has_failed_to_start,
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

CRASH_SOON = Ended(1, settled=True, uptime=5.0)
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
    "a task that fails is retried as one that failed to start, and given up": (
        RestartPolicy(startretries=1, is_task=True),
        [CRASH_SOON] * 2,
        "STARTING RUNNING EXITED BACKOFF 1 STARTING RUNNING EXITED BACKOFF FATAL",
    ),
    "a task that fails is left alone unless it is to be started again": (
        RestartPolicy(autorestart=False, is_task=True),
        [CRASH_SOON],
        "STARTING RUNNING EXITED",
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
    failures = row = 0
    for ended in runs:
        assert not told or told[-1] not in {"EXITED", "FATAL"}, "nobody asked for another run"
        failures = failures + 1 if has_failed_to_start(policy, ended) else 0
        row = failures_in_a_row(policy, ended, row)
        following = after_exit(policy, ended, failures, in_a_row=row)
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


# ── backoff ──

SECONDS = st.just(0.0) | st.floats(0.001, 86_400)
BACKOFFS = st.builds(
    Backoff,
    base=SECONDS,
    factor=st.floats(1, 100),
    max=SECONDS,
    jitter=st.floats(0, 1),
    reset_after=SECONDS,
)
CHANCES = st.floats(0, 1)


@given(BACKOFFS, st.integers(1, 10_000), CHANCES)
def test_a_wait_is_at_most_max_but_for_the_jitter(
    backoff: Backoff, failures: int, chance: float
) -> None:
    wait = backoff.wait(failures, chance)

    middle = backoff.wait(failures, 0.5)
    assert 0 <= middle <= backoff.max
    assert abs(wait - middle) <= middle * (backoff.jitter + 1e-9)


@given(BACKOFFS, st.integers(1, 10_000))
def test_a_wait_is_never_shorter_than_the_one_before(backoff: Backoff, failures: int) -> None:
    assert backoff.wait(failures, 0.5) <= backoff.wait(failures + 1, 0.5)


@given(BACKOFFS, st.integers(1, 50), CHANCES, CHANCES)
def test_more_luck_makes_no_shorter_wait(
    backoff: Backoff, failures: int, one: float, other: float
) -> None:
    shorter, longer = sorted((one, other))

    assert backoff.wait(failures, shorter) <= backoff.wait(failures, longer)


def test_waits_are_a_geometric_row_up_to_the_most() -> None:
    backoff = Backoff(base=0.5, factor=3, max=10)

    assert [backoff.wait(n, 0.5) for n in range(1, 6)] == [0.5, 1.5, 4.5, 10, 10]


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 6.0), (0.5, 8.0), (0.75, 9.0), (1.0, 10.0)])
def test_jitter_is_a_fraction_of_the_wait(chance: float, wait: float) -> None:
    assert Backoff(base=8, jitter=0.25).wait(1, chance) == wait


@given(POLICIES, ENDS, FAILURES, FAILURES, CHANCES)
def test_without_a_backoff_neither_the_row_nor_chance_matters(
    policy: RestartPolicy, ended: Ended, failures: int, row: int, chance: float
) -> None:
    following = after_exit(policy, ended, failures, in_a_row=row, chance=chance)

    assert following == after_exit(policy, ended, failures)


@given(POLICIES, BACKOFFS, ENDS, st.tuples(FAILURES, FAILURES), CHANCES)
def test_a_backoff_changes_when_but_never_whether(
    policy: RestartPolicy, backoff: Backoff, ended: Ended, counts: tuple[int, int], chance: float
) -> None:
    failures, row = counts
    before = after_exit(policy, ended, failures)

    following = after_exit(
        policy.replace(backoff=backoff), ended, failures, in_a_row=row, chance=chance
    )

    assert (following.restart_in is None) == (before.restart_in is None)
    assert (following.states[-1] is FATAL) == (before.states[-1] is FATAL)
    chain = (RUNNING if ended.settled else STARTING, *following.states)
    assert all(after in TRANSITIONS[first] for first, after in pairwise(chain))
    if following.restart_in is not None:
        assert ended.uptime + following.restart_in >= RESPAWN_FLOOR
        assert STARTING in TRANSITIONS[following.states[-1]]


@given(POLICIES, BACKOFFS, ENDS, st.integers(0, 30))
def test_an_expected_end_and_a_long_run_end_the_row(
    policy: RestartPolicy, backoff: Backoff, ended: Ended, before: int
) -> None:
    policy = policy.replace(backoff=backoff)

    row = failures_in_a_row(policy, ended, before)

    if is_expected(policy, ended):
        assert row == 0
    elif ended.uptime >= backoff.reset_after:
        assert row == 1
    else:
        assert row == before + 1


GROWING = Backoff(base=2, factor=2, max=10, reset_after=60)
BACKED_OFF: dict[str, tuple[Sequence[Ended], str]] = {
    "crashes in a row wait longer and longer, and are not fatal": (
        [CRASH_SOON] * 5,
        "E B 2 E B 4 E B 8 E B 10 E B 10",
    ),
    "failed starts and crashes are one row": (
        [QUICK, CRASH_SOON, QUICK, CRASH_SOON],
        "B 2 E B 4 B 8 E B 10",
    ),
    "failed starts are fatal after their retries": ([QUICK] * 4, "B 2 B 4 B 8 B FATAL"),
    "a settled run lets the retries begin anew, not the waits": (
        [QUICK, QUICK, CRASH_SOON, QUICK, QUICK],
        "B 2 B 4 E B 8 B 10 B 10",
    ),
    "a long run lets failures be forgotten": (
        [CRASH_SOON, CRASH_SOON, CRASH, CRASH_SOON],
        "E B 2 E B 4 E B 2 E B 4",
    ),
    "an end in order waits for nothing, and ends the row": (
        [CRASH_SOON, CRASH_SOON, Ended(0, settled=True, uptime=5.0), CRASH_SOON],
        "E B 2 E B 4 E 0 E B 2",
    ),
}


@pytest.mark.parametrize(("runs", "life"), BACKED_OFF.values(), ids=BACKED_OFF)
def test_a_life_with_a_backoff(runs: Sequence[Ended], life: str) -> None:
    policy = RestartPolicy(autorestart=True, backoff=GROWING)

    told = replay(policy, runs).replace("STARTING RUNNING ", "").replace("STARTING ", "")

    assert told.replace("EXITED", "E").replace("BACKOFF", "B") == life
