"""One process kept in the wanted state: a task that reads top to bottom as the state diagram.

Whoever wants a change calls `start_nowait` or `stop_nowait`, and gets a `Waiter` for the outcome.
Stopping cancels the scope of the current run; the task then comes to rest, and waits to be wanted.
"""

from __future__ import annotations

import logging
from random import random
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.condition import Condition
from trio_supervisor.daemon.feed import NO_TERMINAL, NOT_WRITTEN
from trio_supervisor.daemon.history import History
from trio_supervisor.daemon.orders import Orders
from trio_supervisor.daemon.run import NOT_STARTED, Run
from trio_supervisor.daemon.waiter import Waiter
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_supervisor.daemon.events import EventBus
    from trio_supervisor.daemon.logfile import Sink
    from trio_supervisor.daemon.logs import ProgramLogs
    from trio_supervisor.daemon.order import Order
    from trio_supervisor.daemon.spawner import Spawner
    from trio_supervisor.daemon.strategy import Strategy
    from trio_supervisor.daemon.terminal import Window
    from trio_supervisor.daemon.turns import Rank
    from trio_supervisor.protocol.messages import ProcessStatus
    from trio_supervisor.spec import ProgramSpec

log = logging.getLogger(__name__)

_S = ProcessState


class Program:
    """A process of a group: its condition, and the task that keeps it as it is wanted.

    ``spec`` is what runs; ``configured`` is what the next start by a person will run.
    ``hearers`` get what it writes to stdout, too; ``tell_down`` is called when nothing of it is
    left, or nothing that can be killed. ``chance`` draws a number from 0 to 1, for its backoff.
    """

    def __init__(
        self, spec: ProgramSpec, rank: Rank, spawner: Spawner, events: EventBus, logs: ProgramLogs
    ) -> None:
        self.spec = self.configured = spec
        self.rank = rank
        self.logs = logs
        self.condition = Condition()
        self.history = History(rank, self.condition, events)
        self.orders = Orders()
        self.hearers: tuple[Sink, ...] = ()
        self.order: Order | None = None
        self.strategy: Strategy | None = None
        self.turn_to_stop: trio.Event | None = None
        self.tell_down: Callable[[], None] = lambda: None
        self.chance: Callable[[], float] = random
        self._spawner = spawner
        self._scope = trio.CancelScope()
        self.stop_cause = 0  # what led to the last stop, if no start was ordered since
        self._start_cause: int | None = None
        self.asked = 0  # the request behind the start that was ordered last
        self._run: Run | None = None
        self._why_failed = ""
        logs.tell = self.history.say

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
        return self.orders.is_resting and not self.orders.is_pending

    @property
    def is_leaving(self) -> bool:
        """True while it is being stopped or replaced, and something of it may still go."""
        return (self.orders.is_stop_asked or self.is_being_replaced) and not self.is_stuck

    @property
    def is_being_replaced(self) -> bool:
        """True while processes of it are to end, and another to follow."""
        now, is_there = self.condition, not self.is_stuck
        is_there &= now.pid is not None or bool(now.left and not now.leaves_behind)
        return is_there and self._run is not None and self._run.is_replaced

    @property
    def is_stuck(self) -> bool:
        """True while something of it lives on that cannot be killed."""
        return self.condition.is_stuck

    # ── what others may ask ──

    def start_nowait(self, cause: int | None, *, asked: int | None = None) -> Waiter:
        """Want it up, behind a stop under way; a later one overrides it. ``asked``: by what."""
        if self.orders.is_closed:
            return Waiter.known(Fault.FAILED, "its group is being taken out; try again")
        if self.is_stuck:
            return Waiter.known(Fault.FAILED, self.why_stuck())
        has_ended = self.is_up and self.state in {_S.EXITED, _S.FATAL}
        if self.is_up and not (has_ended and self._may_be_replaced()):
            return Waiter.known(Fault.ALREADY_STARTED)
        self._start_cause = cause
        self.asked = asked if asked is not None else cause or 0
        self.stop_cause = 0
        return self.orders.start(cut_pause=has_ended)

    def check_command(self) -> None:
        """Raise RequestError when the next start by a person would find no command to execute."""
        self._spawner.check(self.configured)

    def stop_nowait(self, cause: int | None, why: str = "") -> Waiter:
        """Want it down; the outcome is known when nothing is left. ``why``: when nobody asked."""
        waiter = self.note_stop(cause)
        self.condition.why_stopped = why
        if self.orders.is_stop_asked:
            self._scope.cancel()
        return waiter

    def kill_nowait(self, cause: int | None) -> Waiter:
        """Want it down without any grace, also where a stop is under way already."""
        self.orders.hurry.set()
        return self.stop_nowait(cause)

    def note_stop(self, cause: int | None) -> Waiter:
        """Want it down, where the caller cancels a scope around the task."""
        self.history.cause = cause
        self.stop_cause = max(self.stop_cause, cause or 0)
        waiter = self.orders.stop()
        if self.is_stuck:
            self.orders.tell_stoppers(Fault.FAILED, self.why_stuck())
        return waiter

    def status(self) -> ProcessStatus:
        """Return how it is at this moment."""
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

    def write(self, data: bytes) -> None:
        """Write to its stdin; RequestError without a process that may read all of it."""
        if self.condition.pid is None:
            raise RequestError(Fault.NOT_RUNNING)
        fault = self._spawner.write(self.condition.pid, data)
        if fault is not Fault.SUCCESS:
            raise RequestError(fault, NOT_WRITTEN[fault])

    def resize(self, window: Window) -> None:
        """Give its terminal a size; RequestError without a process, or without a terminal."""
        if self.condition.pid is None:
            raise RequestError(Fault.NOT_RUNNING)
        if not self._spawner.resize(self.condition.pid, window):
            raise RequestError(Fault.NO_FILE, NO_TERMINAL)

    def replace_nowait(self, why: str, *, is_failed_start: bool = False) -> None:
        """End the run that is under way as a failed one, although nothing was asked."""
        if self._run is not None:
            self._run.replace(why, is_failed_start=is_failed_start)

    def restart_nowait(self, why: str, cause: int | None, *, at: float = 0.0) -> None:
        """End the run that is under way, which is not to blame; another follows.

        Not before ``at``, on Trio's clock, and not before those are down that go with it.
        """
        if self._run is not None and not self.orders.is_stop_asked and self._run.may_be_replaced:
            self.history.cause = cause
            self._run.restart(why, at)

    def note_failure(self, why: str) -> None:
        """Let it be FATAL when the stop that follows has come to its end."""
        if not self.orders.is_resting:
            self._why_failed = why
            self.orders.tell_starters(Fault.SPAWN_ERROR, why)

    def give_up(self) -> None:
        """Take note that supervision itself failed: the one state left is FATAL."""
        self.condition.spawn_error = "supervision failed (the activity log has the traceback)"
        self.condition.pid = None
        self.orders.rest()
        if self.state is not _S.FATAL:
            self.history.enter(_S.FATAL, detail=self.condition.spawn_error)
        self.orders.refuse(self.condition.spawn_error)
        self.tell_down()

    def get_stuck(self) -> None:
        """Take note that what is left of it cannot be killed; nobody waits for it any longer."""
        self.condition.is_stuck = True
        self.history.note(f"impossible to kill, {self.condition.describe(self.rank.name)}")
        self.orders.refuse(self.why_stuck())
        self.tell_down()

    def why_stuck(self) -> str:
        """Say what of it cannot be killed, while that is so."""
        return f"it cannot be killed, {self.condition.describe(self.rank.name)}"

    def _may_be_replaced(self) -> bool:
        """Say whether an ended run may be followed by another: one that left nothing on purpose."""
        return not (self.spec.leave_behind and self.condition.left)

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
        self.condition.failures = self.condition.in_a_row = 0
        self.history.cause = self._start_cause
        if self.spec != self.configured:
            self.spec = self.configured
            self.logs.adopt(self.spec)
            if self.order is not None:
                self.order.change()

    async def _keep_running(self) -> None:
        """Run it again and again, as its policy says."""
        is_respawn = False
        while True:
            self.orders.begin_run()
            run = self._run = Run(self, is_respawn=is_respawn)
            try:
                await run.to_its_end(self._spawner)
            finally:
                self._run = None
                self.condition.is_stuck = False
            if run.next.restart_in is None and not self.orders.is_soon:
                return
            await self._pause(run.next.restart_in or 0)
            is_respawn = not self.orders.is_soon
            if self.orders.is_soon:
                self._begin()

    async def _pause(self, seconds: float) -> None:
        """Wait before the next run, from the moment that nothing of the last one is left."""
        self.condition.again_at = trio.current_time() + seconds
        await self.orders.pause(seconds)

    def _come_to_rest(self) -> None:
        was_asked = self.orders.rest()
        if was_asked and self.state in {_S.STARTING, _S.BACKOFF, _S.STOPPING, _S.EXITED}:
            self._come_down()
        elif was_asked:
            self.history.note("at rest")  # somebody may wait for it to go
        self._why_failed = ""
        self.orders.tell_stoppers()
        self.tell_down()
        if self.order is not None:
            self.order.look_again(self)

    def _come_down(self) -> None:
        """Be STOPPED, or FATAL with its group."""
        if self._why_failed:
            self.condition.spawn_error = self._why_failed
            log.info(NOT_STARTED, self.rank.name, self._why_failed)
        how = self._why_failed or self.condition.how_it_stopped
        self.history.enter(_S.FATAL if self._why_failed else _S.STOPPED, how)
