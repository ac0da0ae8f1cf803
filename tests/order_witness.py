"""A witness of order: nobody is spawned too soon, nobody is signalled while it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio
from daemon_fakes import FakeSpawner
from supervision import LONGEST
from witness import ENDINGS, Witness

from trio_supervisor.daemon.run import Run
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import EventKind

if TYPE_CHECKING:
    from daemon_fakes import Daemon, Plan

    from trio_supervisor.daemon.program import Program
    from trio_supervisor.daemon.spawner import Runnable
    from trio_supervisor.protocol.messages import Event
    from trio_supervisor.spec import Dependency

_S = ProcessState


class OrderWitness(Witness):
    """Keeps its own account of who is ready and healthy; asks the specifications who needs whom."""

    endings = ENDINGS | {"start", "add", "started", "reloaded"}
    """Starts lead to stops as well: of what is not ready, or to be started with another."""

    def __init__(self) -> None:
        super().__init__()
        self.daemon: Daemon | None = None
        self.told: dict[str, set[str]] = {}
        """What was found out about the present run, by namespec."""
        self.waited_at: dict[str, float] = {}
        """When each began or ceased to wait for something, the last time, by namespec."""

    def publish(self, kind: EventKind, *, cause: int | None = None, **fields: Any) -> int:
        """Record, and judge who is signalled."""
        number = super().publish(kind, cause=cause, **fields)
        event = self.log[number]
        if kind is EventKind.PROCESS and event.to_state is not _S.RUNNING:
            self.told[_namespec(event.group, event.name)] = set()
        elif kind is EventKind.WAIT:
            self.waited_at[_namespec(event.group, event.name)] = event.clock
        elif kind is EventKind.HEALTH:
            self._hear(_namespec(event.group, event.name), event.detail)
        elif event.detail == "signalled" and kind is EventKind.SUPERVISOR:
            assert self.spawner is not None
            self._judge_signal(self.spawner.happened[-1][2])
        return number

    def judge_start(self, event: Event, first: Event, who: str) -> None:
        """Let what is up come up again because of others: that they go, or came long ago."""
        key = (event.group, event.name)
        is_up = event.from_state in {_S.BACKOFF, _S.EXITED} and key in self.begun
        if not is_up or self.begun[key] < self.stops.get(key, 0):
            super().judge_start(event, first, who)

    def judge_spawn(self, program: Run) -> None:
        """Judge whether all is there that a run needs."""
        needed = self._programs()
        for name, dependency in program.spec.depends_on.items():
            one = needed.get(name)
            is_met = one is not None and self.is_met(one, dependency)
            hopeless = not dependency.required and (one is None or self.is_hopeless(one))
            self.expect(is_met or hopeless, f"{program.rank.namespec} is spawned without {name}")

    def is_met(self, needed: Program, dependency: Dependency) -> bool:
        """Say whether a condition is true now."""
        state = self._state(needed)
        told = self.told.get(needed.rank.namespec, set())
        has_ended = state is _S.EXITED and needed.condition.is_over
        is_ok = has_ended and needed.condition.returncode == 0
        is_done = is_ok and needed.spec.is_task
        match dependency.condition:
            case "completed":
                return has_ended
            case "completed_ok":
                return is_ok
            case "healthy":
                return state in {_S.STARTING, _S.RUNNING} and "healthy" in told
            case "ready" if needed.spec.ready is not None:
                return is_done or (state in {_S.STARTING, _S.RUNNING} and "ready" in told)
            case _:
                return is_done or state is _S.RUNNING

    def is_hopeless(self, needed: Program) -> bool:
        """Say whether it runs no more, and nobody is about to start it."""
        state = self._state(needed)
        has_ended = state is _S.FATAL or (state is _S.EXITED and needed.condition.is_over)
        return (has_ended or needed.is_at_rest) and not needed.orders.is_about_to_start

    def judge_wait(self, program: Program) -> None:
        """Judge, when all has come to rest, whether somebody waits with reason."""
        if not program.condition.waits_for:
            return
        if "(down)" in program.condition.waits_for:  # its group may be on its way just now
            since = trio.current_time() - self.waited_at[program.rank.namespec]
            self.expect(since <= LONGEST, f"{program.rank.namespec} waits for those that stay")
            return
        names = self._programs()
        lacking = []
        for name, dependency in program.spec.depends_on.items():
            one = names.get(name)
            if one is not None and self.is_met(one, dependency):
                continue
            assert self.daemon is not None
            is_configured = name.partition(":")[0] in self.daemon.supervisor.configured
            is_hopeless = not is_configured if one is None else self.is_hopeless(one)
            if one is not None and program.condition.is_respawn:  # somebody may start it again
                is_hopeless &= self._state(one) is not _S.STOPPED
            self.expect(
                not (is_hopeless and dependency.required),
                f"{program.rank.namespec} waits for {name} in vain ({one and one.state.name})",
            )
            if not is_hopeless:
                lacking.append(name)
        self.expect(lacking, f"{program.rank.namespec} waits for nothing")

    def _hear(self, name: str, detail: str) -> None:
        told = self.told.setdefault(name, set())
        if detail.startswith("unhealthy"):
            told.discard("healthy")
        elif detail in {"ready", "healthy"}:
            told.add(detail)

    def _judge_signal(self, name: str) -> None:
        found = [one for one in self._programs().values() if one.rank.name == name]
        for needed in found:
            if needed.orders.hurry.is_set():
                continue
            for one in self._programs().values():
                run = one._run
                is_going = one.orders.is_stop_asked or (run is not None and run.is_replaced)
                there = self.present(one.rank.name)
                if is_going and there:
                    words = f"{name} is signalled, {one.rank.name} still has {there}"
                    self.expect(not self._needs(one, needed.rank.namespec), words)

    def _needs(self, program: Program, name: str) -> bool:
        """Say whether a program needs another, directly or not."""
        names, seen = self._programs(), set[str]()
        unseen = list(program.spec.depends_on)
        while unseen:
            one = unseen.pop()
            if one not in seen:
                seen.add(one)
                unseen += names[one].spec.depends_on if one in names else ()
        return name in seen

    def _state(self, program: Program) -> ProcessState:
        return self.states.get((program.rank.group, program.rank.name), _S.STOPPED)

    def _programs(self) -> dict[str, Program]:
        assert self.daemon is not None
        return {one.rank.namespec: one for one in self.daemon.supervisor.programs()}


class JudgedSpawner(FakeSpawner):
    """Lets the witness judge each spawn at the moment of the fork."""

    def __init__(self, witness: OrderWitness) -> None:
        super().__init__(witness)
        self._witness = witness

    async def _fork(self, program: Runnable, plan: Plan) -> None:
        if isinstance(program, Run):
            self._witness.judge_spawn(program)
        await super()._fork(program, plan)


def _namespec(group: str, name: str) -> str:
    return name if name == group else f"{group}:{name}"
