"""Any requests at any moment to any process: what holds for all lives of a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
from daemon_fakes import Plan, open_program
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from trio_supervisor.lifecycle import TRANSITIONS

if TYPE_CHECKING:
    from trio_supervisor.daemon.waiter import Waiter

MOMENTS = st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.5, 5.0])
PLANS = st.builds(
    Plan,
    waits=MOMENTS,
    refusal=st.sampled_from(["", "", "no such file"]),
    lasts=MOMENTS | st.just(float("inf")),
    returncode=st.sampled_from([0, 1, -9]),
    obeys_after=MOMENTS | st.just(float("inf")),
    members=st.sampled_from([frozenset(), frozenset({900})]),
    members_last=MOMENTS,
    immortal=st.booleans(),
)
STEPS = st.lists(st.sampled_from(["start", "stop"]) | MOMENTS, max_size=12)
OPTIONS = st.fixed_dictionaries(
    {
        "startsecs": MOMENTS,
        "startretries": st.integers(0, 2),
        "autorestart": st.sampled_from([True, False, "unexpected"]),
        "stopwaitsecs": MOMENTS,
    }
)
LONGEST = 20.0
"""More seconds than any operation may take: spawn, grace, members, each at most five."""


async def live(plans: list[Plan], options: dict[str, object], steps: list[str | float]) -> None:
    """Ask as the steps say, then stop; the fake spawner fails when two runs overlap."""
    asked: list[Waiter] = []
    async with open_program(*plans, **options) as (world, program):
        for step in steps:
            if step == "start":
                asked.append(program.start_nowait(None))
            elif step == "stop":
                asked.append(program.stop_nowait(None))
            elif isinstance(step, float):
                await trio.sleep(step)
        asked.append(program.stop_nowait(None))

        with trio.fail_after(LONGEST):
            for waiter in asked:
                await waiter.wait()
        spawns = len(world.spawner.order("spawned"))
        await trio.sleep(100)

        assert len(world.spawner.order("spawned")) == spawns, "spawned after a stop was answered"
        assert program.condition.pid is None
        assert all(
            event.to_state in TRANSITIONS[event.from_state]
            for event in world.transitions()
            if event.from_state is not None
        )


@given(st.lists(PLANS, min_size=1, max_size=4), OPTIONS, STEPS)
def test_runs_never_overlap_stops_hold_and_everybody_is_answered(
    plans: list[Plan], options: dict[str, object], steps: list[str | float]
) -> None:
    trio.run(live, plans, options, steps, clock=MockClock(autojump_threshold=0))
