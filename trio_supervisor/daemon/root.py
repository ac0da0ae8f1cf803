"""The root of all tasks: services around the supervision tree, and the order in which they end.

Services (signals, output pump, control server, console) live in an outer nursery, the groups in
an inner one. The inner one is left when every process is down; only then do the services go.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.announce import announce
from trio_supervisor.daemon.containment import Containment
from trio_supervisor.daemon.control import Server
from trio_supervisor.daemon.events import EventBus
from trio_supervisor.daemon.handlers import Handlers
from trio_supervisor.daemon.logs import LogSettings, ProgramLogs
from trio_supervisor.daemon.narrator import Narrator
from trio_supervisor.daemon.notify import INHERITED
from trio_supervisor.daemon.output import Pump
from trio_supervisor.daemon.program import Program
from trio_supervisor.daemon.resolver import Resolver
from trio_supervisor.daemon.signals import RECEIVED, SignalTable
from trio_supervisor.daemon.spawn import ProcessSpawner
from trio_supervisor.daemon.supervisor import Supervisor
from trio_supervisor.daemon.ticks import tick
from trio_supervisor.errors import RequestError, SupervisorError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from trio_supervisor.daemon.activity import ActivityLog
    from trio_supervisor.daemon.announce import Place
    from trio_supervisor.daemon.console import Console
    from trio_supervisor.daemon.doors import Doors
    from trio_supervisor.daemon.limits import DescriptorBudget
    from trio_supervisor.daemon.state import StateFile
    from trio_supervisor.daemon.syslog import Syslog
    from trio_supervisor.daemon.turns import Rank
    from trio_supervisor.spec import Configuration, ProgramSpec

log = logging.getLogger(__name__)

STATE_SETTLES = 0.5
"""Seconds that changes of what runs are gathered before they are written down; what was started in
the last of them is found by its mark."""
FOR_LIFE = ("user", "directory", "pidfile", "minfds", "minprocs")
"""Options that a reload cannot apply."""


class Root:
    """Everything a running daemon consists of, put together."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        load: Callable[[], Configuration],
        doors: Doors,
        activity: ActivityLog,
        mark: str,
        budget: DescriptorBudget,
        state: StateFile,
        console: Console | None = None,
        place: Place | None = None,
        abandon: Callable[[set[int]], NoReturn],
    ) -> None:
        """Put it together; ``abandon`` ends the process while tasks wait for the unkillable.

        A ``console`` is told how to reach what runs from a ``place``.
        """
        self.containment = Containment()
        self._abandon = abandon
        self._state = state
        self._doors = doors
        self._activity = activity
        self._console = console
        self._place = place
        self._pump = Pump(console.relieve) if console else Pump()
        self._events = EventBus()
        self._spawner = ProcessSpawner(
            containment=self.containment,
            pump=self._pump,
            environment=self._environment(),
            mark=mark,
            budget=budget,
        )
        self.supervisor = Supervisor(
            configuration,
            events=self._events,
            load=load,
            make=self._make,
            probe=self._probe,
            adopt=self._adopt,
            wake=self.containment.wake,
        )
        self._configuration = configuration
        self._settings = settings_of(configuration, activity.syslog)

    async def run(self, guardian: int, is_ready: Callable[[], None]) -> set[int]:
        """Serve until everything is down; return the processes that could not be killed."""
        handlers = Handlers(
            self.supervisor,
            activity=self._activity,
            pid=guardian,
            census=self.containment.census,
        )
        server = Server(handlers)
        table = SignalTable(self.supervisor, self.containment, self._reopen_logs, self._resize)
        self._resize()
        trio.socket.set_custom_hostname_resolver(Resolver())
        with trio.open_signal_receiver(*RECEIVED) as signals:
            async with trio.open_nursery() as services:
                services.start_soon(self._pump.run)
                services.start_soon(self._abandon_the_unkillable, handlers)
                services.start_soon(self._keep_state)
                services.start_soon(tick, self._events)
                if self._console:
                    narrator = Narrator(self.supervisor, self._console)
                    self._events.attach(narrator)
                    services.start_soon(self._console.run)
                    services.start_soon(narrator.tell_who_is_waited_for)
                    if self._place:
                        await services.start(announce, self.supervisor, self._place)
                async with trio.open_nursery() as tree:
                    await tree.start(self.supervisor.run)
                    # only now is there something that a signal or a request could stop
                    services.start_soon(table.dispatch, signals)
                    services.start_soon(server.run, self._doors)
                    is_ready()
                left = await self._say_goodbye(handlers)
                services.cancel_scope.cancel()
        self._pump.finish()
        return left

    async def _keep_state(self) -> None:
        """Write down what runs a moment after each change."""
        while True:
            await self.containment.units_changed.wait()
            await trio.sleep(STATE_SETTLES)
            leaders = self.containment.leaders()
            self._state.note(
                {f"{group}:{name}": first for (group, name), first in leaders.items()},
                self.supervisor.longest_grace(),
                self._activity.path,
            )

    async def _abandon_the_unkillable(self, handlers: Handlers) -> None:
        """End without them: Trio itself waits for every process it has started."""
        await self.supervisor.abandoned.wait()
        left = await self._say_goodbye(handlers)
        self._pump.finish()
        self._abandon(left)

    async def _say_goodbye(self, handlers: Handlers) -> set[int]:
        """Kill what is left and tell who waits; return what cannot be killed."""
        left = await self.containment.empty() | self.supervisor.unkillable()
        await handlers.farewell.say()
        return left

    def _make(self, spec: ProgramSpec, rank: Rank) -> Program:
        also = None
        if console := self._console:
            label = console.labels.of(rank.group, rank.name)
            also = console.sink(label), console.sink(label)
        return Program(
            spec,
            rank,
            self._spawner,
            self._events,
            ProgramLogs(spec, self._settings, also, group=rank.group),
        )

    def _probe(self, configuration: Configuration) -> None:
        """Try what a reload would open; SupervisorError while nothing has been stopped."""
        self._activity.probe(configuration.supervisord)
        self._doors.probe(configuration)

    def _adopt(self, configuration: Configuration) -> None:
        """Apply what a reload may change of the daemon itself, and say what it may not."""
        spec, before = configuration.supervisord, self._configuration.supervisord
        for option in FOR_LIFE:
            if getattr(spec, option) != getattr(before, option):
                log.warning("%s was changed: restart supervisord to apply it", option)
        self._configuration = configuration
        self._settings = settings_of(configuration, self._activity.syslog)
        if not spec.nocleanup:
            self._settings.remove_auto_logs()  # nothing runs at this moment
        os.umask(spec.umask)
        try:
            self._activity.adopt(spec)
        except SupervisorError as problem:
            log.error("%s", problem)  # noqa: TRY400  # the user's mistake
        self._doors.adopt(configuration)
        self._spawner.environment = self._environment()

    def _environment(self) -> dict[str, str]:
        """Return what every process inherits."""
        inherited = {name: text for name, text in os.environ.items() if name not in INHERITED}
        return {
            "PYTHONUNBUFFERED": "1",  # else a Python program's lines come in blocks of 8 KiB
            **inherited,
            "SUPERVISOR_ENABLED": "1",
            "SUPERVISOR_SERVER_URL": self._doors.url,
        }

    def _resize(self) -> None:
        """Let the terminals of programs be as large as that of the console."""
        if self._console is not None and (window := self._console.window):
            self._spawner.resize_all(window)

    def _reopen_logs(self) -> None:
        log.info("supervisord logreopen")
        self._activity.reopen()
        for program in self.supervisor.programs():
            try:
                program.logs.reopen()
            except RequestError as problem:
                log.error("cannot reopen logs of %s: %s", program.rank.name, problem.detail)  # noqa: TRY400


def settings_of(configuration: Configuration, syslog: Syslog) -> LogSettings:
    spec = configuration.supervisord
    return LogSettings(
        childlogdir=spec.childlogdir or "",
        identifier=spec.identifier,
        configuration=configuration.path,
        syslog=syslog,
    )
