"""One run of one process: `trio.run_process` with everything around it that must be right.

The pipes are ours, not Trio's: captured output would hang on a grandchild that keeps the pipe,
and be lost while the process is being stopped.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import trio

from trio_supervisor.daemon.command import arguments_of, spawn_error
from trio_supervisor.daemon.containment import MARK, Unit, send
from trio_supervisor.daemon.environment import environment_of
from trio_supervisor.daemon.identity import account_of
from trio_supervisor.daemon.ladder import Ladder
from trio_supervisor.daemon.sharing import SharedSockets
from trio_supervisor.daemon.terminal import NAME as TERM
from trio_supervisor.daemon.terminal import Window
from trio_supervisor.daemon.turns import Turns
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.spec import FcgiProgramSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.daemon.containment import Containment
    from trio_supervisor.daemon.feed import Feed
    from trio_supervisor.daemon.limits import DescriptorBudget
    from trio_supervisor.daemon.logfile import Sink
    from trio_supervisor.daemon.output import Pipe, Pump
    from trio_supervisor.daemon.sharing import SharedSocket
    from trio_supervisor.daemon.spawner import Runnable
    from trio_supervisor.daemon.turns import Rank, Turn
    from trio_supervisor.spec import ProgramSpec


class ProcessSpawner:
    """Spawns real processes, in the order of their ranks.

    ``environment`` is what every process inherits, ``mark`` names this daemon among all,
    and ``budget`` says what goes before every command. ``window`` is the size of new terminals.
    """

    def __init__(
        self,
        *,
        containment: Containment,
        pump: Pump,
        environment: Mapping[str, str],
        mark: str,
        budget: DescriptorBudget,
    ) -> None:
        self.containment = containment
        self.pump = pump
        self.turns = Turns()
        self.environment = environment
        self.mark = mark
        self.budget = budget
        self.window = Window()
        self.feeds: dict[int, Feed] = {}
        self.sockets = SharedSockets()

    def check(self, spec: ProgramSpec) -> None:
        """Raise RequestError when a spawn would fail."""
        if not spec.env_file:  # which may change its PATH: the spawn will tell
            arguments_of(spec, {**self.environment, **spec.environment})

    def send(self, pid: int, number: int) -> None:
        """Send a signal to a process that it runs."""
        send([pid], number)

    async def owns(self, rank: Rank, pid: int) -> bool:
        """Say whether a process is a member of a program."""
        return await self.containment.owns((rank.group, rank.name), pid)

    def write(self, pid: int, data: bytes) -> Fault:
        """Write to the stdin of a process that it runs: all of it, or nothing and why not."""
        feed = self.feeds.get(pid)
        if feed is None:  # its stdin is a socket
            return Fault.NO_FILE
        if feed.offer(data):
            return Fault.SUCCESS
        return Fault.NO_FILE if feed.is_closed else Fault.BUSY

    def resize(self, pid: int, window: Window) -> bool:
        """Give the terminal of a process that it runs a size; False when it has none."""
        feed = self.feeds.get(pid)
        return feed is not None and feed.resize(window)

    def resize_all(self, window: Window) -> None:
        """Give all terminals a size, also those to come."""
        self.window = window
        for feed in self.feeds.values():
            feed.resize(window)

    async def run(self, program: Runnable) -> None:
        """Run once, to the end of its tree and of its output."""
        run = _Run(self, program)
        try:
            await run.leader()
            if program.spec.leave_behind:
                await run.left_behind()
        finally:
            await run.aftermath()


class _Run:
    """One run: first the leader, as `run_process` knows it, then what it left."""

    def __init__(self, spawner: ProcessSpawner, program: Runnable) -> None:
        rank = program.rank
        self._spawner = spawner
        self._program = program
        self._unit = Unit(spawner.mark, rank.group, rank.name)
        self._ladder = Ladder(spawner.containment, self._unit, program)
        self._process: trio.Process | None = None
        self._turn: Turn | None = None
        self._environment: dict[str, str] = {}
        self._pipes: list[Pipe] = []
        self._feed: Feed | None = None
        self._socket: SharedSocket | None = None
        self._childs_ends: list[int] = []

    async def leader(self) -> None:
        """Wait for a turn, spawn, and wait until the leader has ended."""
        spec = self._program.spec
        self._environment.update(await environment_of(spec, self._inherited()))
        words = arguments_of(spec, self._environment)
        command = [*self._spawner.budget.prefix, *words]
        if isinstance(spec, FcgiProgramSpec):
            self._socket = await self._spawner.sockets.take(spec)
        self._turn = await self._spawner.turns.take_for(self._program)
        self._spawner.containment.expect()
        try:
            await trio.run_process(command, **self._options())
        except (OSError, RuntimeError, KeyError, ValueError) as problem:
            if self._process is not None:
                raise
            text = spawn_error(problem, self._program.rank.name)
            raise RequestError(Fault.SPAWN_ERROR, text) from problem
        finally:
            if self._process is not None:
                self._spawner.pump.catch_up(*self._pipes)
            self._close_feed()
            if self._process is None:
                self._spawn_is_over(None)
                for pipe in self._pipes:
                    self._spawner.pump.close(pipe)
            else:
                assert self._process.returncode is not None
                self._spawner.containment.release(self._unit)
                for pipe in self._pipes:
                    self._spawner.pump.take(pipe)  # what it said last comes before its end
                self._program.ended(self._process.returncode)

    async def left_behind(self) -> None:
        """Keep what a leader that daemonized has left, until it ends or is to be stopped."""
        await self._ladder.emptied()

    def started(self, process: trio.Process) -> None:
        """Hear from `run_process` that there is a process, which outlives a cancellation."""
        self._process = process
        if self._feed is not None:
            self._spawner.feeds[process.pid] = self._feed
        self._environment.clear()  # Trio keeps it as long as the process lives
        self._spawn_is_over(process.pid)
        self._program.spawned(process.pid, lambda: process.poll() is None)
        for pipe in self._pipes:
            self._spawner.pump.begin(pipe)

    async def aftermath(self) -> None:
        """Stop the members that are left, take their last output."""
        with trio.CancelScope(shield=True):  # bounded: the ladder and the draining end
            if self._process is not None:
                await self._ladder.finish()
                self._spawner.containment.forget(self._unit)
            if self._socket is not None:
                self._socket.close()
            await self._spawner.pump.drain(*self._pipes)

    def _spawn_is_over(self, pid: int | None) -> None:
        assert self._turn is not None
        self._turn.give_back()
        self._turn = None
        self._spawner.containment.claim(self._unit, pid)
        for descriptor in self._childs_ends:
            os.close(descriptor)

    def _inherited(self) -> dict[str, str]:
        rank, spec = self._program.rank, self._program.spec
        return {
            **({"TERM": TERM} if spec.tty else {}),
            **self._spawner.environment,
            **({"SUPERVISOR_SERVER_URL": spec.serverurl} if spec.serverurl else {}),
            "SUPERVISOR_PROCESS_NAME": rank.name,
            "SUPERVISOR_GROUP_NAME": rank.group,
            MARK: self._unit.mark,
        }

    def _options(self) -> dict[str, Any]:
        """Return the keyword arguments of the spawn, with fresh pipes."""
        spec = self._program.spec
        options: dict[str, Any] = {
            **(self._on_terminal() if spec.tty else self._on_pipes()),
            "check": False,
            "deliver_cancel": self._ladder.climb,
            "task_status": self,
            "env": self._environment,
            "cwd": spec.directory,
        }
        if spec.umask is not None:
            options["umask"] = spec.umask
        if spec.user is not None:
            options |= account_of(spec.user).options()
        return options

    def _on_pipes(self) -> dict[str, Any]:
        stdout, stderr = self._program.sinks
        is_one = self._program.spec.redirect_stderr
        return {
            "stdin": self._open_stdin(),
            "stdout": self._pipe(stdout),
            "stderr": subprocess.STDOUT if is_one else self._pipe(stderr),
            "start_new_session": True,
        }

    def _on_terminal(self) -> dict[str, Any]:
        """Return one terminal for everything; the session is made by what goes before."""
        spec, spawner = self._program.spec, self._spawner
        owner = None if spec.user is None else account_of(spec.user).uid
        sinks, _ = self._program.sinks
        pipe, self._feed, theirs = spawner.pump.open_terminal(sinks, spawner.window, owner)
        self._pipes.append(pipe)
        self._childs_ends.append(theirs)
        return {"stdin": theirs, "stdout": theirs, "stderr": theirs}

    def _open_stdin(self) -> int:
        if self._socket is not None:
            return self._socket.descriptor
        if not self._program.has_stdin:
            return subprocess.DEVNULL
        self._feed, reading = self._spawner.pump.open_feed()
        self._childs_ends.append(reading)
        return reading

    def _close_feed(self) -> None:
        """Give up the stdin of the leader; what it left would wait for it for ever."""
        if self._feed is None:
            return
        self._feed.close()
        feeds = self._spawner.feeds
        if self._process is not None and feeds.get(self._process.pid) is self._feed:
            del feeds[self._process.pid]  # else the pid has a new owner already

    def _pipe(self, sinks: tuple[Sink, ...]) -> int:
        pipe, writing = self._spawner.pump.open_pipe(sinks)
        self._pipes.append(pipe)
        self._childs_ends.append(writing)
        return writing
