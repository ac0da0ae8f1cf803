"""One run of a process, from its spawn to what follows its end, as a spawner tells it."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

import trio
from msgspec.structs import replace

from trio_supervisor.daemon.condition import TOO_QUICK, how_it_ended
from trio_supervisor.daemon.order import HopelessError
from trio_supervisor.daemon.readiness import Readiness
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.lifecycle import (
    Ended,
    Next,
    ProcessState,
    after_exit,
    failures_in_a_row,
    has_failed_to_start,
    is_expected,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_supervisor.daemon.logfile import Sink
    from trio_supervisor.daemon.program import Program
    from trio_supervisor.daemon.spawner import Spawner

log = logging.getLogger(__name__)

_S = ProcessState
SUCCESS = (
    "success: %s entered RUNNING state, process has stayed up for > than %g seconds (startsecs)"
)
LEVEL = {True: logging.INFO, False: logging.WARNING}
"""By whether it was expected."""
NOT_STARTED = "gave up: %s entered FATAL state, %s"
GAVE_UP = "gave up: %s entered FATAL state, too many start retries too quickly"


class Run:
    """What happens in one run of a program; ``next`` says what follows it."""

    has_stdin = True

    def __init__(self, program: Program, *, is_respawn: bool = False) -> None:
        self.spec = program.spec
        self.rank = program.rank
        self.next = Next(())
        self._program = program
        self._orders = program.orders
        self._condition = program.condition
        self._enter = program.history.enter
        self._condition.is_respawn = is_respawn
        self._starts_others = not is_respawn
        self._is_settled = False
        self._is_failed_start = False
        self._readiness: Readiness | None = None
        self.more_until = -math.inf
        self._why_replaced = ""
        self._again_at: float | None = None
        self._is_alive: Callable[[], bool] = bool
        self._nursery: trio.Nursery | None = None

    @property
    def sinks(self) -> tuple[tuple[Sink, ...], tuple[Sink, ...]]:
        """Where stdout and stderr go."""
        stdout, stderr = self._program.logs.sinks
        stdout += self._program.hearers
        if self._readiness is None:
            return stdout, stderr
        return (*stdout, *self._readiness.sinks), (*stderr, *self._readiness.sinks)

    @property
    def hurry(self) -> trio.Event:
        """Set when a stop may give no grace, or no more of it."""
        return self._orders.hurry

    async def to_its_end(self, spawner: Spawner) -> None:
        """Spawn and wait until nothing is left, or take note why it cannot be spawned."""
        self._condition.begin(self.spec)
        self._enter(_S.STARTING)
        async with trio.open_nursery() as self._nursery:
            try:
                await self.may_spawn()
                self._prepare_probes(spawner)
                await spawner.run(self)
            except HopelessError as problem:
                if problem.cause is not None:
                    self._program.history.cause = problem.cause
                self._condition.root = problem.root
                self._give_up(problem.detail)
            except RequestError as problem:
                self._condition.spawn_error = problem.detail
                log.info("spawnerr: %s", problem.detail)
                self._follow(Ended(None, settled=False))
            finally:
                self._program.logs.finish_lines()
                if self._readiness is not None:
                    self._readiness.finish()
            self._nursery.cancel_scope.cancel()

    def _prepare_probes(self, spawner: Spawner) -> None:
        """Let the spawn have what its probes need: sinks, variables."""
        if self.spec.ready is not None or self.spec.health is not None:
            self._readiness = Readiness(self._program, self, spawner)
            if more := self._readiness.variables():
                self.spec = replace(self.spec, environment={**self.spec.environment, **more})

    def _give_up(self, why: str) -> None:
        """Be FATAL at once: to try again would bring the same."""
        self._condition.spawn_error = why
        self._enter(_S.FATAL, why)
        log.info(NOT_STARTED, self.rank.name, why)
        self._orders.tell_starters(Fault.SPAWN_ERROR, why)

    @property
    def may_be_replaced(self) -> bool:
        """True while there is a process, and nobody has asked for another yet."""
        return self._is_alive() and self._nursery is not None and not self._why_replaced

    @property
    def is_replaced(self) -> bool:
        """True when it was told to end so that another run follows."""
        return bool(self._why_replaced)

    def replace(self, why: str, *, is_failed_start: bool) -> None:
        """Stop the process, which is no good any more; what follows is as after a failure.

        Of the start, or of one that had settled.
        """
        if self.may_be_replaced:
            log.warning("replacing %s: %s", self.rank.namespec, why)
            self._is_failed_start = is_failed_start
            self._end(why)

    def restart(self, why: str, again_at: float) -> None:
        """Stop the process, which is not to blame; another follows, not before ``again_at``."""
        if self.may_be_replaced:
            log.info("restarting %s: %s", self.rank.namespec, why)
            self._again_at = again_at
            self._end(why)

    def _end(self, why: str) -> None:
        assert self._nursery is not None
        self._why_replaced = why
        self._nursery.cancel_scope.cancel()

    # ── what the spawner asks and tells ──

    async def may_spawn(self) -> None:
        """Return when all is there that it needs, and those are down that are restarted with it.

        HopelessError when that will not come.
        """
        if self._program.order is not None:
            await self._program.order.wait_for_all(self._program, starts=self._starts_others)
            self._starts_others = False  # somebody may stop them from now on

    @property
    def has_all_it_needs(self) -> bool:
        """True while `may_spawn` would return at once."""
        return self._program.order is None or self._program.order.has_all(self._program)

    def spawned(self, pid: int, is_alive: Callable[[], bool]) -> None:
        """Take note that there is a process; ``is_alive`` asks the kernel about it."""
        self._condition.spawned(pid)
        self._is_alive = is_alive
        log.info("spawned: '%s' with pid %s", self.rank.name, pid)
        assert self._nursery is not None
        if self._readiness is not None:
            self._nursery.start_soon(self._readiness.listen)
            self._nursery.start_soon(self._readiness.run)
        if self.spec.startsecs == 0:
            self._settle()
        else:
            self._nursery.start_soon(self._settle_later)

    async def _settle_later(self) -> None:
        await trio.sleep(self.spec.startsecs)
        if self._condition.state is _S.STARTING and self._is_alive():
            self._settle()

    def _settle(self) -> None:
        self._is_settled = True
        if self.spec.ready is None:
            self._condition.is_ready = True
        if self._condition.is_ready and not self.spec.is_task:
            self._condition.failures = 0
        self._enter(_S.RUNNING)
        log.info(SUCCESS, self.rank.name, self.spec.startsecs)
        self._orders.tell_starters()

    def get_ready(self) -> None:
        """Take note that it has started in truth."""
        self._condition.is_ready = True
        if self._is_settled:
            self._condition.failures = 0
        log.info("ready: %s after %.1f s", self.rank.name, self._condition.uptime)
        self._program.history.tell_health("ready")

    async def may_stop(self) -> None:
        """Return when everything that must be down before it is down."""
        program = self._program
        if program.turn_to_stop is not None:
            await program.turn_to_stop.wait()
        if program.order is not None:
            await program.order.wait_for_dependants(program)

    def stopping(self) -> None:
        """Take note that the stop signal goes out now."""
        is_asked = self._condition.state is _S.EXITED and self._orders.is_stop_asked
        if is_asked or self._condition.state in {_S.STARTING, _S.RUNNING}:
            self._enter(_S.STOPPING, self._why_replaced)

    def ended(self, returncode: int) -> None:
        """Take note that the leader has ended; members may be left."""
        condition = self._condition
        if self._readiness is not None:
            self._readiness.close()
        if self._is_failed_start:
            self.stopping()  # it went before the signal, and what has settled cannot fail to start
        is_replaced = self.is_replaced and not self._orders.is_stop_asked
        is_blameless = is_replaced and self._again_at is not None
        settled = self._is_settled and not self._is_failed_start
        ended = Ended(returncode, settled, condition.uptime, is_replaced, is_blameless)
        condition.ended(returncode)
        self._program.history.note_end(returncode, self.spec)
        condition.leaves_behind = self.spec.leave_behind
        how = how_it_ended(returncode)
        if condition.state is _S.STOPPING and not is_replaced:
            is_usual = returncode in self.spec.exitcodes
            log.log(LEVEL[is_usual], "stopped: %s (%s)", self.rank.name, how)
            return
        expected = is_expected(self.spec.restart_policy, ended)
        words = "expected" if expected else "not expected"
        log.log(LEVEL[expected], "exited: %s (%s; %s)", self.rank.name, how, words)
        if is_replaced:
            condition.spawn_error = self._why_replaced
        elif not settled:
            condition.spawn_error = TOO_QUICK
        elif not expected:
            condition.spawn_error = f"Bad exit code {returncode}"
        self._follow(ended, how)

    def members_left(self, pids: set[int]) -> None:
        """Take note of members that outlive the leader; none means that all are gone."""
        were_there, self._condition.left = bool(self._condition.left), pids
        if were_there and not pids and self._condition.state is not _S.STOPPING:
            self._program.history.note("gone with all that it had started")

    def unkillable(self, pids: set[int]) -> None:
        """Take note of processes that SIGKILL does not end: whoever waits for them hears of it."""
        self._condition.left = pids
        self._program.get_stuck()

    def _follow(self, ended: Ended, how: str = "") -> None:
        """Do what the policy says after a run."""
        condition = self._condition
        self._decide(ended)
        expected = is_expected(self.spec.restart_policy, ended)
        for state in self.next.states:
            self._enter(state, how or condition.spawn_error, expected=expected)
        if condition.state is _S.FATAL and self._is_failed_start:
            log.info(NOT_STARTED, self.rank.name, condition.spawn_error)
        elif condition.state is _S.FATAL:
            log.info(GAVE_UP, self.rank.name)
        if not ended.settled and not ended.blameless:
            self._orders.tell_starters(Fault.SPAWN_ERROR, condition.spawn_error)
        strategy, was_spawned = self._program.strategy, ended.returncode is not None
        if strategy and was_spawned and not expected and not self._orders.is_stop_asked:
            strategy.take_note(self._program, self._why_replaced or how)

    def _decide(self, ended: Ended) -> None:
        """Count failures, and ask the policy what is next."""
        condition, policy, now = self._condition, self.spec.restart_policy, trio.current_time()
        if not ended.blameless:
            failed = has_failed_to_start(policy, ended)
            condition.failures = condition.failures + 1 if failed else 0
        condition.in_a_row = failures_in_a_row(policy, ended, condition.in_a_row)
        decided = after_exit(
            policy,
            ended,
            condition.failures,
            in_a_row=condition.in_a_row,
            chance=self._program.chance(),
        )
        if ended.blameless:
            wait = (self._again_at or 0.0) - now
            decided = decided.replace(restart_in=max(decided.restart_in or 0.0, wait))
        self.next = decided
        condition.again_at = now + (decided.restart_in or 0.0)
        condition.is_over = decided.restart_in is None
