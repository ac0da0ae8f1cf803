"""A supervisor over fake processes, driven by steps: requests as a client sends them, accidents.

`Machine` carries them out, and judges answers and what is there at rest; its bus of events is a
`Witness`, which judges all that happens meanwhile.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import trio
from daemon_fakes import Daemon, Plan, group_of, spec_of
from trio.testing import wait_all_tasks_blocked
from witness import Witness

from trio_supervisor.daemon.handlers import Handlers
from trio_supervisor.daemon.updates import differences
from trio_supervisor.errors import ConfigError, Fault, Problem, RequestError
from trio_supervisor.lifecycle import ProcessState, SupervisorState
from trio_supervisor.protocol.messages import (
    Message,
    Outcome,
    Reload,
    Remove,
    Shutdown,
    Stop,
    Update,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_typing import TaskStatus

    from trio_supervisor.daemon.activity import ActivityLog
    from trio_supervisor.daemon.snapshots import Census
    from trio_supervisor.spec import GroupSpec

_S = ProcessState
NAMES = ("one", "two", "three", "solo", "late")
Versions = tuple[int, int, int]
ALL_AT_FIRST = (1, 1, 1)
ONE_BY_ONE = (Update, Remove, Reload)
LONGEST = 90.0
"""Virtual seconds: four groups that stop in turn, each fork, grace and members of at most five."""


@dataclass(frozen=True)
class Crash:
    """The leader of a name ends now by itself."""

    name: str
    returncode: int


@dataclass(frozen=True)
class Prepare:
    """Settle what becomes of the next spawns of a name."""

    name: str
    plan: Plan


@dataclass(frozen=True)
class Wait:
    """Let the clock go on; 0 only lets everybody do what can be done now."""

    seconds: float


@dataclass(frozen=True)
class Edit:
    """Edit the file: the version of each group (0: none), or None for a file with a mistake."""

    versions: Versions | None


@dataclass(frozen=True)
class Leave:
    """A client hangs up, counted from the last one that asked something."""

    back: int


@dataclass(frozen=True)
class Release:
    """What could not be killed goes after all."""


@dataclass(frozen=True)
class Hurry:
    """Somebody asks for the shutdown again."""


Step = Message | Crash | Prepare | Wait | Edit | Leave | Release | Hurry


def groups_of(versions: Versions, options: dict[str, Any]) -> list[GroupSpec]:
    """Return the groups of a file, each in a version."""
    new = {**options, "command": "/bin/new"}
    one, two = spec_of("one", priority=1, **options), spec_of("two", priority=2, **options)
    pairs = [(one, two), (spec_of("one", priority=1, **new), two), (one, spec_of("three", **new))]
    found = []
    if versions[0]:
        found.append(group_of("pair", *pairs[versions[0] - 1], priority=1))
    if versions[1]:
        found.append(group_of("solo", spec_of("solo", **(options if versions[1] == 1 else new))))
    if versions[2]:
        late = spec_of("late", **{**(options if versions[2] == 1 else new), "autostart": False})
        found.append(group_of("late", late, priority=1000))
    return found


@dataclass
class Client:
    """Somebody who asked: what was answered so far, and the scope that ends with the client."""

    request: Message
    number: int
    patience: float
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)


class Machine:
    """A daemon without sockets and processes; ``groups`` makes those of a file, by versions."""

    def __init__(
        self,
        groups: Callable[[Versions], list[GroupSpec]],
        plans: dict[str, list[Plan]],
        witness: Witness | None = None,
    ) -> None:
        self._groups = groups
        self.witness = witness or Witness()
        self.daemon = Daemon(*groups(ALL_AT_FIRST), events=self.witness)
        self.witness.spawner = self.daemon.spawner
        for name, ones in plans.items():
            self.daemon.spawner.plan(name, *ones)
        no_log, no_census = cast("ActivityLog", None), cast("Census", None)  # nobody asks
        self._handlers = Handlers(self.daemon.supervisor, activity=no_log, pid=1, census=no_census)
        self._clients: list[Client] = []
        self._nursery: trio.Nursery | None = None
        self._over = trio.Event()

    async def live(self, steps: list[Step]) -> list[str]:
        """Carry out the steps, let things come to rest, shut down; return what was wrong."""
        async with trio.open_nursery() as self._nursery:
            await self._nursery.start(self._run)
            for step in steps:
                await self._do(step)
            await trio.sleep(LONGEST * (1 + len(steps)))
            self._judge_rest()
            await self._do(Shutdown())
            with trio.move_on_after(LONGEST):
                await self._over.wait()
            self.witness.expect(self._over.is_set(), "the shutdown does not come to an end")
            for name in NAMES:
                there = self.witness.present(name)
                self.witness.expect(not there, f"{name}: {there} left after the shutdown")
            self.daemon.spawner.release()  # a daemon does not wait for them
            self._nursery.cancel_scope.cancel()
        self.witness.wrong += [f"{name}: two at once" for name in self.daemon.spawner.overlaps]
        return self.witness.wrong

    async def _run(self, *, task_status: TaskStatus[None]) -> None:
        """Be the root: the end comes when all is down, or all but what cannot be killed."""
        supervisor = self.daemon.supervisor
        async with trio.open_nursery() as services:
            services.start_soon(self._abandon, services.cancel_scope)
            async with trio.open_nursery() as tree:
                await tree.start(supervisor.run)
                task_status.started()
            services.cancel_scope.cancel()
        await self._handlers.farewell.say()
        self._over.set()

    async def _abandon(self, everything: trio.CancelScope) -> None:
        await self.daemon.supervisor.abandoned.wait()
        await self._handlers.farewell.say()
        self._over.set()

    async def _do(self, step: Step) -> None:
        match step:
            case Wait(seconds):
                await trio.sleep(seconds)
                await wait_all_tasks_blocked()
            case Edit(versions):
                self._edit(versions)
            case Leave(back):
                if back < len(self._clients):
                    self._clients[-1 - back].scope.cancel()
            case Message():
                await self._ask(step)
            case _:
                self._befall(step)

    def _befall(self, accident: Crash | Prepare | Release | Hurry) -> None:
        spawner = self.daemon.spawner
        match accident:
            case Crash(name, returncode):
                if life := spawner.lives.get(name):
                    life.end(returncode)
            case Prepare(name, plan):
                spawner.plan(name, plan)
            case Release():
                spawner.release()
            case Hurry():
                if self.daemon.supervisor.state is SupervisorState.SHUTDOWN:
                    self.daemon.supervisor.kill_nowait()

    def _edit(self, versions: Versions | None) -> None:
        if versions is None:
            self.daemon.next = ConfigError([Problem("f.toml", 3, "program.x", "is wrong")])
        else:
            self.daemon.configure(*self._groups(versions))

    async def _ask(self, request: Message) -> None:
        """Ask as a connection does: registered at once, answered to a task that may go."""
        if isinstance(request, Update):
            await wait_all_tasks_blocked()  # a remove before it has begun
        untouched = self._untouched_by(request)
        try:
            answer = self._handlers.answer(request, "somebody")
        except RequestError:
            return
        number = self.witness.newest_request()
        if untouched is not None:
            self.witness.untouched[number] = untouched
            await wait_all_tasks_blocked()  # it has compared what there is now
        if not isinstance(answer, tuple):
            before = sum(isinstance(client.request, ONE_BY_ONE) for client in self._clients)
            client = Client(request, number, patience=LONGEST * (1 + before))
            self._clients.append(client)
            assert self._nursery is not None
            self._nursery.start_soon(self._listen, client, answer)

    def _untouched_by(self, request: Message) -> set[str] | None:
        """Return the groups that an update must leave alone; None when that is not known yet."""
        supervisor = self.daemon.supervisor
        if not isinstance(request, Update) or supervisor.changing.locked():
            return None
        if isinstance(self.daemon.next, Exception):
            return None
        changes = differences(supervisor, self.daemon.next.groups)
        changed = {*changes.added, *changes.removed, *(change.group for change in changes.changed)}
        return set(supervisor.groups) - changed

    async def _listen(self, client: Client, answer: Any) -> None:
        client.scope.deadline = trio.current_time() + client.patience
        with client.scope:
            async with aclosing(answer) as messages:
                async for message in messages:
                    is_stop = isinstance(client.request, Stop) and isinstance(message, Outcome)
                    if is_stop and message.fault is Fault.SUCCESS:
                        self.witness.judge_stop(client.number, message)
        if trio.current_time() >= client.scope.deadline and not self._is_excused(client):
            self.witness.expect(what=False, words=f"{client.request} was not answered")

    def _is_excused(self, client: Client) -> bool:
        """Say whether a client may go without an answer."""
        return False

    def _judge_rest(self) -> None:
        """Judge what must be so when nobody has asked for anything in a long time."""
        for program in self.daemon.supervisor.programs():
            key = (program.rank.group, program.rank.name)
            program.status()
            known = self.witness.states.get(key, _S.STOPPED)
            self.witness.expect(known is program.state, f"{key} is {program.state.name}: {known}")
            if program.wanted:
                self.witness.expect(program.state is not _S.STOPPED, f"{key}: its start was lost")
            else:
                # BACKOFF: where it rests that ended too soon and left what cannot be killed
                is_up = program.is_up or program.state in {_S.STARTING, _S.RUNNING}
                self.witness.expect(not is_up, f"{key}: {program.state.name}, and not wanted")
            if program.state is _S.STOPPING:
                # whoever is replaced again and again may be on its way just now, within its grace
                since = trio.current_time() - self.witness.entered[key]
                is_coming_back = program.wanted and since <= program.spec.stopwaitsecs
                self.witness.expect(
                    program.condition.left or is_coming_back, f"{key} does not come to an end"
                )
