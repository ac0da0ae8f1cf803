"""One process kept in the wanted state: a task that reads top to bottom as the state diagram.

Whoever wants a change calls `start_nowait` or `stop_nowait`, and gets a `Waiter` for the outcome.
Stopping cancels the scope of the current run; the task then comes to rest, and waits to be wanted.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.condition import TOO_QUICK, Condition, how_it_ended
from trio_supervisor.daemon.orders import Orders
from trio_supervisor.daemon.waiter import Waiter
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.lifecycle import (
    TRANSITIONS,
    Ended,
    Next,
    ProcessState,
    after_exit,
    is_expected,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_supervisor.daemon.events import EventBus
    from trio_supervisor.daemon.logfile import Sink
    from trio_supervisor.daemon.logs import ProgramLogs
    from trio_supervisor.daemon.spawn import Spawner
    from trio_supervisor.daemon.turns import Rank
    from trio_supervisor.protocol.messages import ProcessStatus
    from trio_supervisor.spec import ProgramSpec

log = logging.getLogger(__name__)

_S = ProcessState
SUCCESS = (
    "success: %s entered RUNNING state, process has stayed up for > than %g seconds (startsecs)"
)
LEVEL = {True: logging.INFO, False: logging.WARNING}
"""By whether it was expected."""
GAVE_UP = "gave up: %s entered FATAL state, too many start retries too quickly"


class Program:
    """A process of a group: its condition, and the task that keeps it as it is wanted.

    ``spec`` is what runs; ``configured`` is what the next start by a person will run.
    """

    def __init__(
        self, spec: ProgramSpec, rank: Rank, spawner: Spawner, events: EventBus, logs: ProgramLogs
    ) -> None:
        self.spec = self.configured = spec
        self.rank = rank
        self.logs = logs
        self.condition = Condition()
        self.turn_to_stop: trio.Event | None = None
        self._spawner = spawner
        self._events = events
        self._cause: int | None = None
        self.orders = Orders()
        self._scope = trio.CancelScope()
        self._failures = 0
        self._is_settled = False
        self._next = Next(())
        self._run_nursery: trio.Nursery | None = None

    @property
    def state(self) -> ProcessState:
        """Its state now."""
        return self.condition.state

    @property
    def is_up(self) -> bool:
        """True while it runs, waits to run again, or is about to start; False once it must stop."""
        return self.orders.is_up

    @property
    def wanted(self) -> bool:
        """True when the last order was to start it."""
        return self.orders.wanted

    @property
    def is_at_rest(self) -> bool:
        """True when nothing of it runs or is about to."""
        return self.orders.is_resting and not self.orders.is_pending and not self._survivors()

    @property
    def sinks(self) -> tuple[tuple[Sink, ...], tuple[Sink, ...]]:
        """Where stdout and stderr go."""
        return self.logs.sinks

    # ── what others may ask ──

    def start_nowait(self, cause: int | None) -> Waiter:
        """Want it up. A stop under way is waited for; one that comes later overrides this."""
        if self.orders.is_closed:
            return Waiter.known(Fault.FAILED, "its group is being taken out; try again")
        if self._survivors():
            return Waiter.known(Fault.FAILED, self.condition.describe(self.rank.name))
        has_ended = self.is_up and self.state in {_S.EXITED, _S.FATAL}
        if self.is_up and not has_ended:
            return Waiter.known(Fault.ALREADY_STARTED)
        self._cause = cause
        return self.orders.start(cut_pause=has_ended)

    def check_command(self) -> None:
        """Raise RequestError when the next start by a person would find no command to execute."""
        self._spawner.check(self.configured)

    def stop_nowait(self, cause: int | None) -> Waiter:
        """Want it down; the outcome is known when nothing of it is left."""
        waiter = self.note_stop(cause)
        if self.orders.is_stop_asked:
            self._scope.cancel()
        return waiter

    def note_stop(self, cause: int | None) -> Waiter:
        """Want it down, where the caller cancels a scope around the task."""
        self._cause = cause
        return self.orders.stop()

    def status(self) -> ProcessStatus:
        """Return how it is at this moment."""
        self._survivors()
        return self.condition.status(
            self.rank,
            wanted=self.wanted,
            stale=self.configured is not self.spec and self.configured != self.spec,
            stdout_logfile=self.logs.stdout_path,
            stderr_logfile=self.logs.stderr_path,
        )

    def signal(self, number: int | None) -> None:
        """Send a signal to the process; RequestError for None (a bad one), or without a process."""
        if number is None:
            raise RequestError(Fault.BAD_SIGNAL)
        if self.condition.pid is None:
            raise RequestError(Fault.NOT_RUNNING)
        self._spawner.send(self.condition.pid, number)

    def give_up(self) -> None:
        """Take note that supervision itself failed: the one state left is FATAL."""
        self.condition.spawn_error = "supervision failed (the activity log has the traceback)"
        self.condition.pid = None
        self.orders.rest()
        if self.state is not _S.FATAL:
            self._enter(_S.FATAL, detail=self.condition.spawn_error)
        self.orders.refuse(self.condition.spawn_error)

    # ── the task ──

    async def run(self) -> None:
        """Keep the process as it is wanted, until cancelled."""
        while True:
            await self.orders.take_start()
            self._scope = trio.CancelScope()
            self._begin()
            try:
                with self._scope:
                    await self._keep_running()
            finally:
                self._come_to_rest()

    def _begin(self) -> None:
        """Be as a person's start wants it: without failures so far, as it is configured now."""
        self._failures = 0
        if self.spec != self.configured:
            self.spec = self.configured
            self.logs.adopt(self.spec)

    async def _keep_running(self) -> None:
        """Run it again and again, as its policy says."""
        while True:
            self.orders.begin_run()
            self._next = Next(())
            await self._run_once()
            is_over = self._next.restart_in is None and not self.orders.is_soon
            if is_over or self.condition.left:
                return
            await self.orders.pause(self._next.restart_in or 0)
            if self.orders.is_soon:
                self._begin()

    async def _run_once(self) -> None:
        """Start it and wait until nothing of it is left, or say why it cannot be started."""
        self._is_settled = False
        self.condition.spawn_error = ""
        self._enter(_S.STARTING)
        async with trio.open_nursery() as self._run_nursery:
            try:
                await self._spawner.run(self)
            except RequestError as problem:
                self.condition.spawn_error = problem.detail
                log.info("spawnerr: %s", problem.detail)
                self._follow(Ended(None, settled=False))
            self._run_nursery.cancel_scope.cancel()

    def _come_to_rest(self) -> None:
        was_asked = self.orders.rest()
        if self.condition.left:
            who = self.condition.describe(self.rank.name)
            self.orders.refuse(f"it cannot be killed, {who}")
            return
        if was_asked and self.state in {_S.STARTING, _S.BACKOFF, _S.STOPPING, _S.EXITED}:
            self._enter(_S.STOPPED)
        self.orders.tell_stoppers()

    # ── what the spawner tells ──

    def spawned(self, pid: int, is_alive: Callable[[], bool]) -> None:
        """Take note that there is a process; ``is_alive`` asks the kernel about it."""
        self.condition.spawned(pid)
        log.info("spawned: '%s' with pid %s", self.rank.name, pid)
        if self.spec.startsecs == 0:
            self._settle()
        else:
            assert self._run_nursery is not None
            self._run_nursery.start_soon(self._settle_later, is_alive)

    async def _settle_later(self, is_alive: Callable[[], bool]) -> None:
        await trio.sleep(self.spec.startsecs)
        if self.state is _S.STARTING and is_alive():
            self._settle()

    def _settle(self) -> None:
        self._is_settled = True
        self._failures = 0
        self._enter(_S.RUNNING)
        log.info(SUCCESS, self.rank.name, self.spec.startsecs)
        self.orders.tell_starters()

    async def may_stop(self) -> None:
        """Return when everything that must be down before it is down."""
        if self.turn_to_stop is not None:
            await self.turn_to_stop.wait()

    def stopping(self) -> None:
        """Take note that the stop signal goes out now."""
        if self.state in {_S.STARTING, _S.RUNNING}:
            self._enter(_S.STOPPING)

    def ended(self, returncode: int) -> None:
        """Take note that the leader has ended; members may be left."""
        ended = Ended(returncode, settled=self._is_settled, uptime=self.condition.uptime)
        pid = self.condition.pid
        self.condition.ended(returncode)
        how = how_it_ended(returncode)
        if self.state is _S.STOPPING:
            is_usual = returncode in self.spec.exitcodes
            log.log(LEVEL[is_usual], "stopped: %s (%s)", self.rank.name, how)
            return
        expected = is_expected(self.spec.restart_policy, ended)
        words = "expected" if expected else "not expected"
        log.log(LEVEL[expected], "exited: %s (%s; %s)", self.rank.name, how, words)
        if not self._is_settled:
            self.condition.spawn_error = TOO_QUICK
        elif not expected:
            self.condition.spawn_error = f"Bad exit code {returncode}"
        self._follow(ended, pid, how)

    def members_left(self, pids: set[int]) -> None:
        """Take note of members that outlive the leader; those that stay cannot be killed."""
        self.condition.left = pids

    def _follow(self, ended: Ended, pid: int | None = None, how: str = "") -> None:
        """Do what the policy says after a run."""
        self._failures = 0 if ended.settled else self._failures + 1
        self._next = after_exit(self.spec.restart_policy, ended, self._failures)
        for state in self._next.states:
            self._enter(state, pid, how or self.condition.spawn_error)
        if self.state is _S.FATAL:
            log.info(GAVE_UP, self.rank.name)
        if not ended.settled:
            self.orders.tell_starters(Fault.SPAWN_ERROR, self.condition.spawn_error)

    def _survivors(self) -> set[int]:
        """Look again at members that could not be killed; all gone means STOPPED after all."""
        if self.orders.is_resting and self.condition.left:
            self.condition.left = self._spawner.alive(self.condition.left)
            if not self.condition.left and self.state is _S.STOPPING:
                self._enter(_S.STOPPED)
        return self.condition.left if self.orders.is_resting else set()

    def _enter(self, state: ProcessState, pid: int | None = None, detail: str = "") -> None:
        before = self.condition.state
        assert state in TRANSITIONS[before], f"{self.rank}: {before.name} to {state.name}"
        self.condition.state = state
        self._cause = self._events.transition(
            (self.rank.group, self.rank.name),
            (before, state),
            cause=self._cause,
            pid=pid or self.condition.pid,
            detail=detail,
        )
