"""Any requests at any moment to the processes of any group: what holds for all lives of a group."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import trio
from daemon_fakes import Daemon, Plan, open_daemon, spec_of
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from trio_supervisor.spec import BackoffSpec, Dependency, GroupSpec, Intensity

if TYPE_CHECKING:
    from trio_supervisor.daemon.waiter import Waiter
    from trio_supervisor.spec import ProgramSpec

NAMES = "abcd"
MOMENTS = st.sampled_from([0.0, 0.25, 1.0, 2.5, 5.0])
PLANS = st.builds(
    Plan,
    refusal=st.sampled_from(["", "", "", "no such file"]),
    lasts=MOMENTS | st.just(float("inf")),
    returncode=st.sampled_from([0, 1]),
    obeys_after=MOMENTS | st.just(float("inf")),
    members=st.sampled_from([frozenset(), frozenset({900})]),
    members_last=MOMENTS,
    immortal=st.sampled_from([False, False, False, True]),
)
MORTAL = PLANS.map(lambda plan: replace(plan, immortal=False))
STEPS = st.lists(
    MOMENTS
    | st.tuples(st.sampled_from(["start", "stop", "replace"]), st.sampled_from(NAMES))
    | st.just(("stop", "all")),
    max_size=12,
)
Step = float | tuple[str, str]
LONGEST = 60.0
"""More seconds than a stop of all may take: four in a row, at most ten each."""


@st.composite
def groups(draw: st.DrawFn) -> GroupSpec:
    """Make any group of four, each of which needs any of those before it."""
    programs: list[ProgramSpec] = []
    for name in NAMES:
        before = [program.process_name for program in programs]
        needed = draw(st.sets(st.sampled_from(before))) if before else set()
        dependency = Dependency(condition="started", restart=draw(st.booleans()))
        options = {
            "depends_on": {f"g:{one}": dependency for one in sorted(needed)},
            "startsecs": draw(MOMENTS),
            "stopwaitsecs": draw(MOMENTS),
            "autorestart": draw(st.sampled_from([True, False, "unexpected"])),
            "backoff": draw(st.none() | st.builds(BackoffSpec, base=MOMENTS)),
        }
        programs.append(spec_of(name, **options))
    return GroupSpec(
        name="g",
        programs=tuple(programs),
        strategy=draw(st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"])),
        intensity=draw(st.none() | st.just(Intensity(times=4, seconds=10))),
    )


async def live(group: GroupSpec, plans: list[list[Plan]], steps: list[Step]) -> None:
    """Ask as the steps say, then stop all; the fake spawner finds runs that overlap."""
    daemon = Daemon(group)
    for name, of_one in zip(NAMES, plans, strict=True):
        daemon.spawner.plan(name, *of_one)
    async with open_daemon(daemon):
        asked: list[Waiter] = []
        for step in steps:
            match step:
                case ("stop", "all"):
                    asked += (one for _, one in daemon.supervisor.groups["g"].stop_nowait(None))
                case ("start", name):
                    asked.append(daemon.program(f"g:{name}").start_nowait(None))
                case ("stop", name):
                    asked.append(daemon.program(f"g:{name}").stop_nowait(None))
                case (_, name):
                    daemon.program(f"g:{name}").replace_nowait("it is no good")
                case _:
                    await trio.sleep(step)
        asked += (waiter for _, waiter in daemon.supervisor.groups["g"].stop_nowait(None))
        with trio.fail_after(LONGEST):
            for waiter in asked:
                await waiter.wait()
        spawns = len(daemon.spawner.order("spawned"))
        daemon.spawner.release()
        await trio.sleep(100)

        assert not daemon.spawner.overlaps
        assert len(daemon.spawner.order("spawned")) == spawns, "spawned after a stop was answered"
        assert all(program.is_at_rest for program in daemon.supervisor.programs())


@given(
    groups(),
    st.lists(st.lists(PLANS, min_size=1, max_size=3), min_size=4, max_size=4),
    STEPS,
)
def test_all_groups_come_to_rest_when_they_are_told_to(
    group: GroupSpec, plans: list[list[Plan]], steps: list[Step]
) -> None:
    trio.run(live, group, plans, steps, clock=MockClock(autojump_threshold=0))


@given(groups(), st.lists(st.lists(MORTAL, max_size=2), min_size=4, max_size=4))
def test_what_crashes_a_few_times_leaves_nobody_waiting_for_ever(
    group: GroupSpec, plans: list[list[Plan]]
) -> None:
    trio.run(recover, group, plans, clock=MockClock(autojump_threshold=0))


async def recover(group: GroupSpec, plans: list[list[Plan]]) -> None:
    """Let all crash as planned, then run for ever: all that is up is RUNNING in the end."""
    daemon = Daemon(group)
    for name, of_one in zip(NAMES, plans, strict=True):
        daemon.spawner.plan(name, *of_one, Plan())
    async with open_daemon(daemon):
        await trio.sleep(1000)

        states = {p.state.name for p in daemon.supervisor.programs()}
        assert states <= {"RUNNING", "EXITED", "FATAL"}
        assert not any(p.condition.waits_for for p in daemon.supervisor.programs())
