"""The root of the supervision tree: groups in a nursery, and what can be asked of them.

Everything asked is registered at once, in the order in which it arrives. Start, stop and restart
are carried out by the tasks of the programs; changes of the configuration by `daemon.updates`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.descent import Descent
from trio_supervisor.daemon.ends import Ends, shell_code
from trio_supervisor.daemon.group import Group
from trio_supervisor.daemon.hints import hint
from trio_supervisor.daemon.order import Order
from trio_supervisor.daemon.pool import Pool
from trio_supervisor.daemon.targets import Target, resolve
from trio_supervisor.errors import Fault, RequestError, SupervisorError
from trio_supervisor.lifecycle import ProcessState, SupervisorState
from trio_supervisor.protocol.messages import EventKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from trio_typing import TaskStatus

    from trio_supervisor.daemon.events import EventBus
    from trio_supervisor.daemon.program import Program
    from trio_supervisor.daemon.turns import Rank
    from trio_supervisor.protocol.messages import ProcessStatus
    from trio_supervisor.spec import Configuration, GroupSpec, ProgramSpec

log = logging.getLogger(__name__)

SOMETHING_FATAL = 3
"""Exit code after ``on_fatal = "shutdown"``, as that of ``status`` when something is down."""


class Supervisor:
    """The active groups, the configured ones, and the state of the daemon.

    ``load`` reads the configuration again (ConfigError when it is bad), ``make`` makes a program,
    ``probe`` raises SupervisorError for what a reload could not open, ``adopt`` applies the
    daemon's own settings after it, and ``wake`` lets those who wait for processes look again.
    ``is_ending`` is set by the shutdown, ``abandoned`` when that waits for the unkillable only.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        events: EventBus,
        load: Callable[[], Configuration],
        make: Callable[[ProgramSpec, Rank], Program],
        probe: Callable[[Configuration], None],
        adopt: Callable[[Configuration], None],
        wake: Callable[[], None],
    ) -> None:
        self.configuration = configuration
        self.configured = {group.name: group for group in configuration.groups}
        self.groups: dict[str, Group] = {}
        self.state = SupervisorState.RUNNING
        self.exit_code = 0
        self.events = events
        self.changing = trio.Lock()
        self._load = load
        self._make = make
        self._probe = probe
        self._adopt = adopt
        self.wake = wake
        self.abandoned = trio.Event()
        self.is_ending = trio.Event()
        self._nursery: trio.Nursery | None = None
        self._operations: trio.Nursery | None = None
        self._descent: Descent | None = None
        self._to_start: set[tuple[str, str]] | None = None
        self._known: set[tuple[str, str]] = set()
        self._order = Order(events, self.programs, lambda: self.configured)
        events.attach(Ends(self))

    # ── the tree ──

    async def run(self, *, task_status: TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the groups, again after each reload, until `shutdown_nowait`; then all is down."""
        cause = self.events.publish(EventKind.SUPERVISOR, detail="started")
        async with trio.open_nursery() as self._operations:
            while self.state is not SupervisorState.SHUTDOWN:
                await self._run_groups(cause, task_status)
                task_status = trio.TASK_STATUS_IGNORED
                if self.state is SupervisorState.RESTARTING:
                    cause = self._begin_anew()
            self._operations.cancel_scope.cancel()

    async def _run_groups(self, cause: int, task_status: TaskStatus[None]) -> None:
        """Host all groups until their nursery is cancelled."""
        async with trio.open_nursery() as self._nursery:
            for spec in self.configured.values():
                self.add_group(spec, cause, autostart=self._is_to_start)
            self.events.publish(EventKind.SUPERVISOR, cause=cause, detail="running")
            try:
                while any(program.orders.is_pending for program in self.programs()):
                    await trio.lowlevel.checkpoint()
            finally:
                task_status.started()  # also when a program's quick end is the end of all
            await trio.sleep_forever()

    def _begin_anew(self) -> int:
        self.groups.clear()
        self._order.change()
        self._adopt(self.configuration)
        self.state = SupervisorState.RUNNING
        return self.events.publish(EventKind.SUPERVISOR, detail="reloaded")

    def carry_out(self, operation: Callable[..., Awaitable[None]], *arguments: object) -> None:
        """Run an operation to its end, whoever leaves meanwhile."""
        assert self._operations is not None
        self._operations.start_soon(operation, *arguments)

    def _is_to_start(self, group: str, program: ProgramSpec) -> bool:
        """Say what starts: autostart; after a reload, what was up and what is new."""
        key = (group, program.process_name)
        if self._to_start is None:
            return program.starts_by_itself
        return key in self._to_start or (program.starts_by_itself and key not in self._known)

    def add_group(
        self,
        spec: GroupSpec,
        cause: int | None,
        *,
        autostart: Callable[[str, ProgramSpec], bool] = lambda _group, spec: spec.starts_by_itself,
    ) -> Group:
        """Make a group active, and start what ``autostart`` picks."""
        assert self._nursery is not None
        group = self.groups[spec.name] = Group(spec, self._make, self._take_note_of_end)
        self._order.change()
        for program in group.programs.values():
            program.order = self._order
        self._nursery.start_soon(self._host, group, self._pool_of(group))
        cause = self.events.publish(EventKind.GROUP, cause=cause, group=spec.name, detail="added")
        for program in group.programs.values():
            if autostart(group.name, program.spec):
                program.start_nowait(cause)
        return group

    def forget(self, group: Group) -> None:
        """Let a group that is down be active no more."""
        del self.groups[group.name]
        self._order.change()

    def _pool_of(self, group: Group) -> Pool | None:
        if not group.spec.is_pool:
            return None
        identifier = self.configuration.supervisord.identifier
        return Pool(group.name, group.programs, self.events, identifier)

    async def _host(self, group: Group, pool: Pool | None) -> None:
        """Run a group; its pool, if it is one of event listeners, hears all until it is down."""
        if pool is None:
            await group.run()
            return
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(pool.watch)
                await group.run()
                nursery.cancel_scope.cancel()
        finally:
            pool.close()

    def programs(self) -> Iterator[Program]:
        """Yield all programs, groups and members in the order of their names."""
        for _, group in sorted(self.groups.items()):
            for _, program in sorted(group.programs.items()):
                yield program

    def program(self, word: str) -> Program:
        """Return the one process that a word names; BAD_NAME when it names none, or several."""
        targets = resolve(self.groups, [word])
        if len(targets) == 1 and targets[0].name and len(targets[0].programs) == 1:
            return targets[0].programs[0]
        raise RequestError(Fault.BAD_NAME, hint(self.groups, targets))

    # ── what can be asked ──

    def find(self, words: Iterable[str]) -> tuple[list[Program], list[Target]]:
        """Return what the words name (none: all), and those that name nothing."""
        words = list(words)
        if not words or "all" in words:
            return list(self.programs()), []
        targets = resolve(self.groups, words)
        found = [program for target in targets for program in target.programs]
        return found, [target for target in targets if not target.programs]

    def snapshot(self, words: Iterable[str]) -> tuple[list[ProcessStatus], list[Target]]:
        """Return the status of what the words name (none: of all), and those that name nothing."""
        programs, unknown = self.find(words)
        return [program.status() for program in programs], unknown

    # ── configuration and end ──

    def reread(self, *, probed: bool = False) -> Configuration:
        """Read the configuration again and note it for later starts; CANT_REREAD when it is bad."""
        try:
            configuration = self._load()
            if probed:
                self._probe(configuration)
        except SupervisorError as problem:
            raise RequestError(Fault.CANT_REREAD, str(problem)) from problem
        self.configured = {group.name: group for group in configuration.groups}
        self._order.change()
        for name, group in self.groups.items():
            if name in self.configured:
                group.configure(self.configured[name])
        return configuration

    def reload_nowait(self, cause: int | None) -> None:
        """Read everything again and restart all that runs; CANT_REREAD changes nothing."""
        self.configuration = self.reread(probed=True)
        self.carry_out(self._reload, cause)

    async def _reload(self, cause: int | None) -> None:
        """Begin the restart when no update is under way; one restart serves all who asked."""
        async with self.changing:
            if self.state is SupervisorState.RUNNING:
                self._to_start = {(p.rank.group, p.rank.name) for p in self.programs() if p.wanted}
                self._known = {(p.rank.group, p.rank.name) for p in self.programs()}
                self.state = SupervisorState.RESTARTING
                self._stop_everything(cause)

    def shutdown_nowait(self, cause: int | None) -> None:
        """Stop everything in order; `run` returns when all is down."""
        is_stopping = self.state is SupervisorState.RESTARTING
        self.state = SupervisorState.SHUTDOWN
        self.is_ending.set()
        if not is_stopping:
            self._stop_everything(cause)

    def _take_note_of_end(self, program: Program) -> None:
        """Shut down when the configuration makes this program's end the end of all."""
        options = self.configuration.supervisord
        ended = program.state in {ProcessState.EXITED, ProcessState.FATAL}
        if not ended or self.state is not SupervisorState.RUNNING:
            return
        if options.exit_with == program.rank.namespec:
            self.exit_code = shell_code(program.condition.returncode)
        elif program.state is ProcessState.FATAL and self._is_vital(program):
            self.exit_code = SOMETHING_FATAL
        else:
            return
        self.end_because_of(program, program.history.cause)

    def end_because_of(self, program: Program, cause: int | None) -> None:
        """Shut down after the end of a process."""
        log.warning("%s has ended: shutting down (exit code %d)", program.rank.name, self.exit_code)
        self.shutdown_nowait(cause)

    def _is_vital(self, program: Program) -> bool:
        """Say whether the daemon ends when a program is given up."""
        group = self.groups[program.rank.group].spec
        return group.critical or self.configuration.supervisord.on_fatal == "shutdown"

    def kill_nowait(self) -> None:
        """Cut every grace and every wait for a turn short."""
        for program in self.programs():
            program.orders.hurry.set()
        self.wake()
        if self._descent is not None:
            self._descent.hurry()

    def _stop_everything(self, cause: int | None) -> None:
        """Cancel the nursery of all groups, once; the order lives inside the stop ladders."""
        assert self._nursery is not None
        cause = self.events.publish(EventKind.SUPERVISOR, cause=cause, detail="stopping")
        self._descent = Descent(self.groups.values(), cause)
        self.carry_out(self._lead_down, self._descent)
        self._nursery.cancel_scope.cancel()

    async def _lead_down(self, descent: Descent) -> None:
        await descent.lead()
        if self.unkillable():
            await self.is_ending.wait()
            if self._descent is descent:  # else it was a reload, which has come to its end
                self.abandoned.set()

    def longest_grace(self) -> float:
        """Return the most seconds that something which runs, or is stopping, may take to stop."""
        return max((p.spec.stopwaitsecs for p in self.programs() if not p.is_at_rest), default=0.0)

    def unkillable(self) -> set[int]:
        """Return the processes that could not be killed."""
        stuck = (program.condition.left for program in self.programs() if program.is_stuck)
        return set().union(*stuck)
