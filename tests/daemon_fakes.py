"""Processes that exist in virtual time only, and what programs and groups need around them.

`FakeSpawner` keeps the contract of `daemon.spawn.Spawner`: it tells a program what a real run
would, in the same order, and it finds out when two runs of one program overlap.
"""

from __future__ import annotations

import signal
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Any

import trio

from trio_supervisor.daemon.events import EventBus
from trio_supervisor.daemon.group import Group
from trio_supervisor.daemon.logs import LogSettings, ProgramLogs
from trio_supervisor.daemon.program import Program
from trio_supervisor.daemon.supervisor import Supervisor
from trio_supervisor.daemon.turns import Rank
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.protocol.messages import Event, EventKind
from trio_supervisor.spec import (
    Configuration,
    GroupSpec,
    ProgramSpec,
    SupervisorctlSpec,
    SupervisordSpec,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trio_supervisor.daemon.spawner import Runnable
    from trio_supervisor.daemon.terminal import Window
    from trio_supervisor.daemon.waiter import Waiter

SETTINGS = LogSettings(childlogdir="/nonexistent", identifier="test", configuration="/test.toml")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What becomes of one spawn, in seconds of Trio's clock; ``inf`` means never by itself.

    It ``waits`` for its turn, which a stop cuts short, and again when it has lost something it
    needs by then; and it ``forks``, which nothing cuts short.
    """

    waits: float = 0.0
    forks: float = 0.0
    refusal: str = ""
    bug: str = ""
    lasts: float = inf
    returncode: int = 0
    obeys_after: float = 0.25
    members: frozenset[int] = frozenset()
    members_last: float = 0.5
    immortal: bool = False


class Life:
    """One run: ``over`` is set when its leader has ended with ``returncode``."""

    def __init__(self, pid: int, plan: Plan) -> None:
        self.pid = pid
        self.plan = plan
        self.there = {pid, *plan.members}
        self.dies_at = trio.current_time() + plan.lasts
        self.over = trio.Event()
        self.returncode = 0

    def is_alive(self) -> bool:
        """Ask the kernel, so to speak: at the very moment of its end it is dead."""
        return not self.over.is_set() and trio.current_time() < self.dies_at

    def end(self, returncode: int) -> None:
        """End it, unless it has ended."""
        if not self.over.is_set():
            self.returncode = returncode
            self.over.set()

    async def lived(self) -> None:
        """Wait for its own end, or for somebody who ends it."""
        with trio.move_on_at(self.dies_at):
            await self.over.wait()
        self.end(self.plan.returncode)


class FakeSpawner:
    """Runs plans: those of a name one after the other, the last of them for ever."""

    def __init__(self, events: EventBus) -> None:
        self._events = events
        self.happened: list[tuple[float, str, str]] = []
        self.sent: list[tuple[int, int]] = []
        self.written: list[tuple[int, bytes]] = []
        self.deaf: set[int] = set()
        self.lives: dict[str, Life] = {}
        self.immortals_die = trio.Event()
        self.immortal: set[str] = set()
        self.there: dict[str, set[int]] = {}
        self.overlaps: list[str] = []
        self.missing: set[str | tuple[str, ...]] = set()
        self._plans: dict[str, list[Plan]] = {}
        self._pids = count(101)
        self._under_way: set[str] = set()

    def plan(self, name: str, *plans: Plan) -> None:
        """Say what becomes of the next spawns of a name."""
        self._plans[name] = list(plans)

    def count(self, what: str, name: str) -> int:
        """Say how often something happened to a name."""
        return sum(1 for _, *one in self.happened if one == [what, name])

    def order(self, what: str) -> list[str]:
        """Return the names to which something happened, in order."""
        return [name for _, happened, name in self.happened if happened == what]

    def check(self, spec: ProgramSpec) -> None:
        """Refuse what is in ``missing``."""
        if spec.command in self.missing:
            raise RequestError(Fault.NO_FILE, f"can't find command '{spec.command!s}'")

    def release(self) -> None:
        """Let the immortal go after all; those that come later are immortal again."""
        self.immortals_die.set()
        self.immortals_die = trio.Event()

    def send(self, pid: int, number: int) -> None:
        """Remember a signal."""
        self.sent.append((pid, number))

    async def owns(self, rank: Rank, pid: int) -> bool:
        """Look who is there."""
        return pid in self.there.get(rank.name, ())

    def write(self, pid: int, data: bytes) -> Fault:
        """Remember what was written; what is in ``deaf`` takes nothing."""
        self.written.append((pid, data))
        return Fault.NO_FILE if pid in self.deaf else Fault.SUCCESS

    def resize(self, pid: int, window: Window) -> bool:
        """Nothing here has a terminal."""
        return False

    async def run(self, program: Runnable) -> None:
        """Run once, as planned."""
        name = program.rank.name
        if name in self._under_way and name not in self.immortal:
            self.overlaps.append(name)  # the program takes an exception for a bug of its own
            raise AssertionError(f"two runs of {name} at once")
        self._under_way.add(name)
        try:
            await self._run(program, self._next_plan(name))
        finally:
            self._under_way.discard(name)

    def _next_plan(self, name: str) -> Plan:
        plans = self._plans.get(name, [Plan()])
        return plans.pop(0) if len(plans) > 1 else plans[0]

    async def _run(self, program: Runnable, plan: Plan) -> None:
        await trio.sleep(plan.waits)
        while not program.has_all_it_needs:
            await program.may_spawn()
            await trio.sleep(plan.waits)
        await self._fork(program, plan)
        if plan.refusal:
            raise RequestError(Fault.SPAWN_ERROR, plan.refusal)
        if plan.bug:
            raise ValueError(plan.bug)
        life = self.lives[program.rank.name] = Life(next(self._pids), plan)
        self.there[program.rank.name] = life.there
        program.spawned(life.pid, life.is_alive)
        self._note("spawned", program)
        try:
            await self._lead(program, life)
            if program.spec.leave_behind and plan.members:
                program.members_left(set(plan.members))
                await trio.sleep(plan.members_last)
                life.there.clear()
                program.members_left(set())
                plan = replace(plan, members=frozenset())
        finally:
            with trio.CancelScope(shield=True):  # as the real one: a run ends when all is gone
                await self._members(program, life, plan)

    async def _fork(self, program: Runnable, plan: Plan) -> None:
        with trio.CancelScope(shield=True):  # as Popen in its thread
            await trio.sleep(plan.forks)

    async def _lead(self, program: Runnable, life: Life) -> None:
        try:
            await life.lived()
        finally:
            with trio.CancelScope(shield=True):
                await self._stop(program, life)
                self._note("ended", program)
                life.there.discard(life.pid)
                program.ended(life.returncode)

    async def _stop(self, program: Runnable, life: Life) -> None:
        """Climb the ladder, unless the leader ends before it is signalled."""
        async with trio.open_nursery() as nursery:
            if not life.over.is_set():
                nursery.start_soon(self._climb, program, life)
            await life.lived()
            nursery.cancel_scope.cancel()

    async def _climb(self, program: Runnable, life: Life) -> None:
        await program.may_stop()
        program.stopping()
        self._note("signalled", program)
        grace = program.spec.stopwaitsecs
        with trio.move_on_after(min(life.plan.obeys_after, grace)):
            await program.hurry.wait()
        obeys = not program.hurry.is_set() and life.plan.obeys_after <= grace
        life.end(-signal.SIGTERM if obeys else -signal.SIGKILL)

    async def _members(self, program: Runnable, life: Life, plan: Plan) -> None:
        if not plan.members:
            program.members_left(set())
            return
        program.members_left(set(plan.members))
        self._note("members left", program)
        await program.may_stop()
        program.stopping()
        with trio.move_on_after(min(plan.members_last, program.spec.stopwaitsecs)):
            await program.hurry.wait()
        if plan.immortal:
            self.immortal.add(program.rank.name)
            program.unkillable(set(plan.members))
            await self.immortals_die.wait()
            self.immortal.discard(program.rank.name)
        life.there.clear()
        program.members_left(set())

    def _note(self, what: str, program: Runnable) -> None:
        self.happened.append((trio.current_time(), what, program.rank.name))
        self._events.publish(EventKind.SUPERVISOR, detail=what)  # wakes who waits for it


def spec_of(name: str, **options: Any) -> ProgramSpec:
    """Make a specification without log files."""
    given: dict[str, Any] = {"stdout_logfile": "NONE", "stderr_logfile": "NONE", **options}
    return ProgramSpec(process_name=name, **{"command": f"/bin/{name}", **given})


def group_of(name: str, *programs: ProgramSpec, priority: int = 999) -> GroupSpec:
    """Make a group; without programs, one that has a program of its own name."""
    return GroupSpec(name=name, priority=priority, programs=programs or (spec_of(name),))


def configuration_of(*groups: GroupSpec) -> Configuration:
    """Make a configuration of groups."""
    return Configuration(
        path="/etc/supervisord.toml",
        base="/",
        supervisord=SupervisordSpec(),
        supervisorctl=SupervisorctlSpec(),
        groups=groups,
    )


@dataclass
class World:
    """A spawner and a bus, and what was seen on it."""

    events: EventBus = field(default_factory=EventBus)
    spawner: FakeSpawner = field(init=False)

    def __post_init__(self) -> None:
        self.spawner = FakeSpawner(self.events)

    def make(self, spec: ProgramSpec, rank: Rank) -> Program:
        """Make a program of this world."""
        return Program(
            spec,
            rank,
            spawner=self.spawner,
            events=self.events,
            logs=ProgramLogs(spec, SETTINGS),
        )

    def transitions(self, name: str = "") -> list[Event]:
        """Return the transitions of a program, or of all."""
        return [
            event
            for event in self.events.since()
            if event.kind is EventKind.PROCESS and name in {"", event.name}
        ]

    def states(self, name: str) -> str:
        """Return the names of the states that a program went through."""
        return " ".join(
            event.to_state.name for event in self.transitions(name) if event.to_state is not None
        )

    def history(self, name: str) -> list[tuple[float, str]]:
        """Return when it came into which state, from the first on."""
        events = self.transitions(name)
        return [
            (round(event.clock - events[0].clock, 6), event.to_state.name)
            for event in events
            if event.to_state is not None
        ]

    async def until(self, is_so: Callable[[], object]) -> None:
        """Wait until something is so, looking after each event; fail when that takes for ever."""
        with trio.fail_after(10_000), self.events.subscribe() as news:
            if is_so():
                return
            async with aclosing(aiter(news)) as events:
                async for _ in events:
                    if is_so():
                        return


async def outcome(waiter: Waiter) -> tuple[Fault, str]:
    """Wait for what becomes of a request; fail when that takes for ever."""
    with trio.fail_after(10_000):
        await waiter.wait()
    return waiter.fault, waiter.detail


@asynccontextmanager
async def open_program(*plans: Plan, **options: Any) -> AsyncIterator[tuple[World, Program]]:
    """Host the program ``web``; at the end it is stopped."""
    world = World()
    world.spawner.plan("web", *plans or (Plan(),))
    program = world.make(spec_of("web", **options), Rank(999, "web", 999, "web"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(program.run)
        try:
            yield world, program
        finally:
            world.spawner.immortals_die.set()
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def open_group(spec: GroupSpec, world: World) -> AsyncIterator[Group]:
    """Host a group; at the end it is stopped."""
    group = Group(spec, world.make)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(group.run)
        try:
            yield group
        finally:
            world.spawner.immortals_die.set()
            group.remove_nowait(None)


class Daemon(World):
    """A supervisor over fake processes; ``next`` is what it reads when it reads again."""

    def __init__(self, *groups: GroupSpec, events: EventBus | None = None) -> None:
        super().__init__(events or EventBus())
        self.next: Configuration | Exception = configuration_of(*groups)
        self.adopted: list[Configuration] = []
        self.supervisor = Supervisor(
            configuration_of(*groups),
            events=self.events,
            load=self._load,
            make=self.make,
            probe=lambda _configuration: None,
            adopt=self.adopted.append,
            wake=lambda: None,
        )

    def _load(self) -> Configuration:
        if isinstance(self.next, Exception):
            raise self.next
        return self.next

    def configure(self, *groups: GroupSpec) -> None:
        """Edit the file, so to speak."""
        self.next = configuration_of(*groups)

    def program(self, name: str) -> Program:
        """Return the program of a namespec."""
        return self.supervisor.program(name)

    async def settled(self) -> None:
        """Wait until all that is up is RUNNING."""
        await self.until(
            lambda: all(p.state.name == "RUNNING" for p in self.supervisor.programs() if p.is_up)
        )


@asynccontextmanager
async def open_daemon(daemon: Daemon) -> AsyncIterator[Daemon]:
    """Run a supervisor; at the end it is shut down, if it is not yet."""
    async with trio.open_nursery() as nursery:
        await nursery.start(daemon.supervisor.run)
        try:
            yield daemon
        finally:
            daemon.spawner.immortals_die.set()
            if daemon.supervisor.state.name != "SHUTDOWN":
                daemon.supervisor.shutdown_nowait(None)
