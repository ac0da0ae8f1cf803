"""Any requests, accidents and edits at any moment: what holds for all lives of a supervisor."""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio
from daemon_fakes import Plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from supervision import (
    NAMES,
    Crash,
    Edit,
    Hurry,
    Leave,
    Machine,
    Prepare,
    Release,
    Step,
    Wait,
    groups_of,
)
from trio.testing import MockClock

from trio_supervisor.protocol.messages import (
    Add,
    GetStatus,
    Kill,
    Reload,
    Remove,
    Reread,
    Restart,
    Shutdown,
    Signal,
    Start,
    Stop,
    Update,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = 5000 if os.environ.get("TRIO_SUPERVISOR_SOAK") else 300
MOMENTS = st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.5, 5.0])
PLANS = st.builds(
    Plan,
    waits=MOMENTS,
    forks=MOMENTS,
    refusal=st.sampled_from(["", "", "no such file"]),
    lasts=MOMENTS | st.just(float("inf")),
    returncode=st.sampled_from([0, 1, -9]),
    obeys_after=MOMENTS | st.just(float("inf")),
    members=st.sampled_from([frozenset(), frozenset({900})]),
    members_last=MOMENTS,
    immortal=st.booleans(),
)
FATES = st.dictionaries(st.sampled_from(NAMES), st.lists(PLANS, min_size=1, max_size=3))
OPTIONS = st.fixed_dictionaries(
    {
        "startsecs": MOMENTS,
        "startretries": st.integers(0, 2),
        "autorestart": st.sampled_from([True, False, "unexpected"]),
        "stopwaitsecs": MOMENTS,
        "leave_behind": st.booleans(),
    }
)
WORDS = ("all", "pair:*", "pair:one", "pair:two", "solo", "late", "nope")
TARGETS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(tuple)
GROUPS = st.lists(st.sampled_from(["pair", "solo", "late", "nope"]), max_size=2).map(tuple)
VERSIONS = st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2))
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(Wait, MOMENTS),
    st.builds(Start, TARGETS, st.booleans()),
    st.builds(Stop, TARGETS),
    st.builds(Kill, TARGETS),
    st.builds(Restart, TARGETS),
    st.builds(Crash, st.sampled_from(NAMES), st.sampled_from([0, 1, -9])),
    st.builds(Prepare, st.sampled_from(NAMES), PLANS),
    st.builds(Edit, VERSIONS | st.none()),
    st.builds(Update, GROUPS, st.booleans()),
    st.just(Reload()),
    st.just(Reread()),
    st.builds(Add, GROUPS),
    st.builds(Remove, GROUPS),
    st.builds(Signal, st.sampled_from(["HUP", "nonsense"]), TARGETS),
    st.builds(GetStatus, TARGETS),
    st.builds(Leave, st.integers(0, 3)),
    st.just(Release()),
    st.just(Hurry()),
    st.builds(Shutdown, st.booleans()),
)
FEW_OR_MANY = st.lists(STEPS, max_size=10) | st.lists(STEPS, min_size=15, max_size=30)


@pytest.fixture(autouse=True)
def keep_quiet() -> Iterator[None]:
    """Log nothing: thousands of lives would bury the one that failed."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(OPTIONS, FATES, FEW_OR_MANY, st.random_module())
def test_whatever_happens_supervision_holds(
    options: dict[str, object], fates: dict[str, list[Plan]], steps: list[Step], scheduling: object
) -> None:
    machine = Machine(partial(groups_of, options=options), fates)

    assert trio.run(machine.live, steps, clock=MockClock(autojump_threshold=0)) == []
