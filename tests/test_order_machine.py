"""Any graph, probes and strategies, with any requests, accidents and edits at any moment."""

from __future__ import annotations

import logging
import math
import os
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
import trio
from daemon_fakes import Plan, group_of, spec_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from order_witness import JudgedSpawner, OrderWitness
from supervision import NAMES, Client, Machine, Step, Versions
from test_supervision_machine import FEW_OR_MANY, MOMENTS, PLANS
from trio.testing import MockClock

from trio_supervisor.protocol.messages import Restart, Start
from trio_supervisor.spec import Dependency, GroupSpec, Health, Intensity, ProgramSpec, Ready

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trio_supervisor.protocol.messages import Message

IS_SOAK = bool(os.environ.get("TRIO_SUPERVISOR_SOAK"))
EXAMPLES = 5000 if IS_SOAK else 150
"""The usual run tries the same ones each time; new ones are for the soak."""
LONGEST_TURN = 5.0
"""Virtual seconds: the most that a plan waits for its turn."""
NAMESPECS = {"one": "pair:one", "two": "pair:two", "three": "pair:three"}
ANSWERS = st.lists(
    st.builds(
        Plan,
        lasts=st.sampled_from([0.0, 0.25, 2.5, float("inf")]),
        returncode=st.sampled_from([0, 0, 0, 1]),
        forks=st.sampled_from([0.0, 0.0, 0.5]),
        members=st.sampled_from([frozenset(), frozenset({901})]),
        immortal=st.sampled_from([False, False, True]),
    ),
    min_size=1,
    max_size=5,
)
FATES = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.lists(PLANS, min_size=1, max_size=3) for name in NAMES},
        **{f"{name} ({probe})": ANSWERS for name in NAMES for probe in ("ready", "health")},
    },
)
READY = st.builds(Ready, exec=st.just("/bin/probe"), timeout=st.sampled_from([1.0, 5.0]))
HEALTH = st.builds(
    Health,
    exec=st.just("/bin/probe"),
    interval=st.sampled_from([0.5, 2.5]),
    timeout=st.sampled_from([0.5, 1.0]),
    retries=st.integers(1, 2),
    success_threshold=st.integers(1, 2),
    start_period=st.sampled_from([0.0, 1.0]),
    on_failure=st.sampled_from(["restart", "mark", "stop"]),
)
SOME = {
    "startsecs": MOMENTS,
    "startretries": st.integers(0, 2),
    "stopwaitsecs": MOMENTS,
    "autorestart": st.sampled_from([True, False, "unexpected"]),
    "leave_behind": st.booleans(),
    "autostart": st.booleans(),
}
OPTIONS = st.one_of(
    st.fixed_dictionaries(SOME),
    st.fixed_dictionaries(SOME, optional={"ready": READY, "health": HEALTH}),
    st.fixed_dictionaries(
        {**SOME, "type": st.just("task"), "startsecs": st.just(0), "autorestart": st.just(False)}
    ),
)
EDGES = st.dictionaries(
    st.sampled_from(list(combinations(range(len(NAMES)), 2))),
    st.tuples(
        st.sampled_from(["started", "ready", "healthy", "completed", "completed_ok"]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=6,
)
STRATEGIES = st.fixed_dictionaries(
    {"strategy": st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"])},
    optional={
        "intensity": st.builds(Intensity, times=st.integers(0, 2), seconds=st.just(5.0)),
        "critical": st.booleans(),
    },
)


class Files:
    """The versions of a file: ``edges`` say who needs whom, by places in ``order``."""

    def __init__(
        self,
        options: Mapping[str, dict[str, Any]],
        order: list[str],
        edges: Mapping[tuple[int, int], tuple[str, bool, bool]],
        strategy: dict[str, Any],
    ) -> None:
        self._options = options
        self._order = order
        self._edges = edges
        self._strategy = strategy

    def __repr__(self) -> str:
        return f"Files({self._options}, {self._order}, {self._edges}, {self._strategy})"

    def groups(self, versions: Versions) -> list[GroupSpec]:
        """Return the groups of a file, each in a version."""
        pair, solo, late = versions
        members = ("one", "three" if pair == 3 else "two") if pair else ()
        new = {"one" if pair == 2 else "", "solo" if solo == 2 else "", "late" if late == 2 else ""}
        names = {*members, *(["solo"] if solo else []), *(["late"] if late else [])}
        specs = {name: self._spec(name, names, is_new=name in new) for name in names}
        found = []
        if pair:
            programs = tuple(specs[name] for name in members)
            found.append(GroupSpec(name="pair", priority=1, programs=programs, **self._strategy))
        found += [group_of(name, specs[name]) for name in ("solo", "late") if name in names]
        return found

    def _spec(self, name: str, names: set[str], *, is_new: bool) -> ProgramSpec:
        needs = {
            NAMESPECS.get(self._order[first], self._order[first]): Dependency(
                condition=self._possible(self._order[first], condition),  # type: ignore[arg-type]
                required=required,
                restart=restart,
            )
            for (first, second), (condition, required, restart) in self._edges.items()
            if self._order[second] == name and self._order[first] in names
        }
        command = "/bin/new" if is_new else "/bin/old"
        return spec_of(name, **{**self._options[name], "depends_on": needs, "command": command})

    def _possible(self, name: str, condition: str) -> str:
        can_be = condition != "healthy" or "health" in self._options[name]
        return condition if can_be else "ready"


class OrderMachine(Machine):
    """A machine whose programs need one another."""

    def __init__(self, files: Files, plans: dict[str, list[Plan]]) -> None:
        witness = OrderWitness()
        super().__init__(files.groups, {}, witness)
        self._judge = witness
        witness.daemon = self.daemon
        witness.spawner = self.daemon.spawner = JudgedSpawner(witness)
        for name, ones in plans.items():
            self.daemon.spawner.plan(name, *ones)
        for name in NAMES:
            for probe in ("ready", "health"):
                if f"{name} ({probe})" not in plans:
                    self.daemon.spawner.plan(f"{name} ({probe})", Plan(lasts=0.25))

    def _untouched_by(self, request: Message) -> set[str] | None:
        """Nothing: what is started anew takes others with it."""
        return None

    def _is_excused(self, client: Client) -> bool:
        """Let a start wait as long as something is waited for, which is judged.

        Or was a moment ago: whoever waits for a turn then may lose it again.
        """
        waits = any(p.condition.waits_for for p in self.daemon.supervisor.programs())
        waited_at = max(self._judge.waited_at.values(), default=-math.inf)
        has_waited = trio.current_time() - waited_at <= LONGEST_TURN
        return isinstance(client.request, Start | Restart) and (waits or has_waited)

    def _judge_rest(self) -> None:
        super()._judge_rest()
        for program in self.daemon.supervisor.programs():
            self._judge.judge_wait(program)


@pytest.fixture(autouse=True)
def keep_quiet() -> Iterator[None]:
    """Log nothing: thousands of lives would bury the one that failed."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@settings(
    max_examples=EXAMPLES,
    derandomize=not IS_SOAK,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    st.builds(
        Files,
        st.fixed_dictionaries(dict.fromkeys(NAMES, OPTIONS)),
        st.permutations(NAMES),
        EDGES,
        STRATEGIES,
    ),
    FATES,
    FEW_OR_MANY,
    st.random_module(),
)
def test_whatever_happens_order_holds(
    files: Files, fates: dict[str, list[Plan]], steps: list[Step], scheduling: object
) -> None:
    machine = OrderMachine(files, fates)

    assert trio.run(machine.live, steps, clock=MockClock(autojump_threshold=0)) == []
