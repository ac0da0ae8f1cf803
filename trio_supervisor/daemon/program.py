"""One process kept in the wanted state: a task that reads top to bottom as the state diagram.

Whoever wants a change calls `start_nowait` or `stop_nowait`, and gets a `Waiter` for the outcome.
Stopping cancels the scope of the current run; the task then comes to rest, and waits to be wanted.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.condition import TOO_QUICK, Condition, how_it_ended
from trio_supervisor.daemon.waiter import Waiter, resolve_all
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.lifecycle import (
    TRANSITIONS,
    Ended,
    Next,
    ProcessState,
    RestartPolicy,
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
OVERRIDDEN = "a later stop overrode it"


class Program:
    """A process of a group: its condition, and the task that keeps it as it is wanted.

    ``spec`` is what runs; ``configured`` is what the next start by a person will run.
    """

    def __init__(
        self,
        spec: ProgramSpec,
        rank: Rank,
        *,
        spawner: Spawner,
        events: EventBus,
        logs: ProgramLogs,
    ) -> None:
        self.spec = self.configured = spec
        self.rank = rank
        self.logs = logs
        self.condition = Condition()
        self.wanted = False
        self.turn_to_stop: trio.Event | None = None
        self._spawner = spawner
        self._events = events
        self._cause: int | None = None
        self._wake = trio.Event()
        self._scope = trio.CancelScope()
        self._is_resting = True
        self._is_stop_asked = False
        self._soon = trio.Event()
        self._starters: list[Waiter] = []
        self._stoppers: list[Waiter] = []
        self._failures = 0
        self._is_settled = False
        self._next = Next(())
        self._run_nursery: trio.Nursery | None = None

    @property
    def state(self) -> ProcessState:
        """Its state now."""
        return self.condition.state

    @property
    def is_pending(self) -> bool:
        """True when it was told to start and its task has not taken note yet."""
        return self._wake.is_set()

    @property
    def is_up(self) -> bool:
        """True while it runs, waits to run again, or is about to start; False once it must stop."""
        return self._wake.is_set() or not (self._is_resting or self._is_stop_asked)

    @property
    def is_at_rest(self) -> bool:
        """True when nothing of it runs or is about to."""
        return self._is_resting and not self._wake.is_set() and not self._survivors()

    @property
    def sinks(self) -> tuple[tuple[Sink, ...], tuple[Sink, ...]]:
        """Where stdout and stderr go."""
        return self.logs.sinks

    # ── what others may ask ──

    def start_nowait(self, cause: int | None) -> Waiter:
        """Want it up. A stop under way is waited for; one that comes later overrides this."""
        if self._survivors():
            return Waiter.known(Fault.FAILED, self.condition.describe(self.rank.name))
        waits_to_respawn = self.is_up and self.state is _S.EXITED
        if self.is_up and not waits_to_respawn:
            return Waiter.known(Fault.ALREADY_STARTED)
        waiter = Waiter()
        self._starters.append(waiter)
        self.wanted = True
        self._cause = cause
        if waits_to_respawn:
            self._soon.set()
        else:
            self._wake.set()
        return waiter

    def start_if_possible(self, cause: int | None) -> Waiter:
        """Want it up, as a person does: refused at once when there is no such command."""
        try:
            self._spawner.check(self.configured)
        except RequestError as problem:
            return Waiter.known(problem.fault, problem.detail)
        return self.start_nowait(cause)

    def stop_nowait(self, cause: int | None) -> Waiter:
        """Want it down; the outcome is known when nothing of it is left."""
        waiter = self.note_stop(cause)
        if self._is_stop_asked:
            self._scope.cancel()
        return waiter

    def note_stop(self, cause: int | None) -> Waiter:
        """Want it down, where the caller cancels a scope around the task."""
        waiter = Waiter()
        was_pending = self._wake.is_set()
        self._wake = trio.Event()
        self.wanted = False
        resolve_all(self._starters, Fault.ABNORMAL_TERMINATION, OVERRIDDEN)
        if self._is_resting:
            waiter.resolve(Fault.SUCCESS if was_pending else Fault.NOT_RUNNING)
        else:
            self._stoppers.append(waiter)
            self._cause = cause
            self._is_stop_asked = True
        return waiter

    def status(self) -> ProcessStatus:
        """Return how it is at this moment."""
        self._survivors()
        return self.condition.status(
            self.rank,
            wanted=self.wanted,
            stale=self.configured != self.spec,
            stdout_logfile=self.logs.stdout_path,
            stderr_logfile=self.logs.stderr_path,
        )

    def signal(self, number: int | None) -> Waiter:
        """Send a signal to the process; BAD_SIGNAL for None, NOT_RUNNING without a process."""
        if number is None:
            return Waiter.known(Fault.BAD_SIGNAL)
        if self.condition.pid is None:
            return Waiter.known(Fault.NOT_RUNNING)
        self._spawner.send(self.condition.pid, number)
        return Waiter.known(Fault.SUCCESS)

    def clear_logs(self) -> Waiter:
        """Empty the log files, whether it runs or not."""
        try:
            self.logs.clear()
        except OSError as problem:
            return Waiter.known(Fault.FAILED, str(problem))
        return Waiter.known(Fault.SUCCESS)

    def give_up(self) -> None:
        """Take note that supervision itself failed: the one state left is FATAL."""
        self.condition.spawn_error = "supervision failed (the activity log has the traceback)"
        if self.state is not _S.FATAL:
            self.condition.state = _S.FATAL
        self._come_to_rest()

    # ── the task ──

    async def run(self) -> None:
        """Keep the process as it is wanted, until cancelled."""
        while True:
            await self._wake.wait()
            self._begin()
            try:
                with self._scope:
                    await self._keep_running()
            finally:
                self._come_to_rest()

    def _begin(self) -> None:
        self._wake = trio.Event()
        self._scope = trio.CancelScope()
        self._is_resting = self._is_stop_asked = False
        self._failures = 0
        if self.spec != self.configured:
            self.spec = self.configured
            self.logs.adopt(self.spec)

    async def _keep_running(self) -> None:
        """Run it again and again, as its policy says."""
        while True:
            self._soon = trio.Event()
            self._next = Next(())
            await self._run_once()
            is_over = self._next.restart_in is None and not self._soon.is_set()
            if is_over or self.condition.left:
                return
            with trio.move_on_after(self._next.restart_in or 0):
                await self._soon.wait()

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
        self._is_resting = True
        was_asked, self._is_stop_asked = self._is_stop_asked, False
        if self.condition.left:
            who = self.condition.describe(self.rank.name)
            resolve_all(self._stoppers, Fault.FAILED, f"it cannot be killed, {who}")
            return
        if was_asked and self.state in {_S.STARTING, _S.BACKOFF, _S.STOPPING, _S.EXITED}:
            self._enter(_S.STOPPED)
        resolve_all(self._stoppers)

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
        log.info(
            "success: %s entered RUNNING state, process has stayed up for > than %g seconds "
            "(startsecs)",
            self.rank.name,
            self.spec.startsecs,
        )
        resolve_all(self._starters)

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
            log.log(_level(is_usual), "stopped: %s (%s)", self.rank.name, how)
            return
        expected = is_expected(self._policy, ended)
        words = "expected" if expected else "not expected"
        log.log(_level(expected), "exited: %s (%s; %s)", self.rank.name, how, words)
        if not self._is_settled:
            self.condition.spawn_error = TOO_QUICK
        elif not expected:
            self.condition.spawn_error = f"Bad exit code {returncode}"
        self._follow(ended, pid, how)

    def members_left(self, pids: set[int]) -> None:
        """Take note of members that outlive the leader; those that stay cannot be killed."""
        self.condition.left = pids

    @property
    def _policy(self) -> RestartPolicy:
        spec = self.spec
        return RestartPolicy(spec.autorestart, frozenset(spec.exitcodes), spec.startretries)

    def _follow(self, ended: Ended, pid: int | None = None, how: str = "") -> None:
        """Do what the policy says after a run."""
        self._failures = 0 if ended.settled else self._failures + 1
        self._next = after_exit(self._policy, ended, self._failures)
        for state in self._next.states:
            self._enter(state, pid, how or self.condition.spawn_error)
        if self.state is _S.FATAL:
            log.info(
                "gave up: %s entered FATAL state, too many start retries too quickly",
                self.rank.name,
            )
        if not ended.settled:
            resolve_all(self._starters, Fault.SPAWN_ERROR, self.condition.spawn_error)

    def _survivors(self) -> set[int]:
        """Look again at members that could not be killed; all gone means STOPPED after all."""
        if self._is_resting and self.condition.left:
            self.condition.left = self._spawner.alive(self.condition.left)
            if not self.condition.left and self.state is _S.STOPPING:
                self._enter(_S.STOPPED)
        return self.condition.left if self._is_resting else set()

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


def _level(usual: bool) -> int:
    return logging.INFO if usual else logging.WARNING
