"""Of one run: when it is ready, and whether it is still healthy; and what follows if not.

Both are asked by one task in the nursery of the run, one question at a time: it goes with the run.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.notify import VARIABLE, WATCHDOG, Notices, NotifySocket
from trio_supervisor.daemon.probes import ProbeError, Question
from trio_supervisor.daemon.watch import Watch
from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_supervisor.daemon.logfile import Sink
    from trio_supervisor.daemon.program import Program
    from trio_supervisor.daemon.run import Run
    from trio_supervisor.daemon.spawner import Spawner
    from trio_supervisor.spec import Health, Probe, Ready

log = logging.getLogger(__name__)

ATTEMPT = 5.0
"""Seconds that one answer may take from who is to be ready, where the network is asked."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 1.0
"""Seconds between two questions to who is to be ready; they grow from the one to the other."""


class Readiness:
    """Asks one run, and tells its condition, its history, and what is to become of it."""

    def __init__(self, program: Program, run: Run, spawner: Spawner) -> None:
        self._program = program
        self._run = run
        self._spawner = spawner
        self._condition = program.condition
        self._ready, self._health = run.spec.ready, run.spec.health
        pattern = self._ready.log if self._ready is not None else None
        self._watch = None if pattern is None else Watch(pattern)
        self.notices = Notices(extend=self._extend, stop=self._stop, say=self._say)
        self._socket: NotifySocket | None = None
        self._scope = trio.CancelScope()
        self._limit = trio.CancelScope()
        self._failures = self._successes = 0
        self._unkillable: set[int] = set()
        self._is_finished = False

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """What is to have the output of one channel, too."""
        return () if self._watch is None else (self._watch.sink(),)

    def variables(self) -> dict[str, str]:
        """Make the socket of a program that has something to tell; return what it must know.

        RequestError when that fails. Whoever calls it calls `finish`, too.
        """
        if not any(probe is not None and probe.notify for probe in (self._ready, self._health)):
            return {}
        self._socket = NotifySocket(self._run.spec.user)
        found = {VARIABLE: self._socket.path}
        if self._health is not None and self._health.notify:
            found[WATCHDOG] = str(int(self._health.interval * 1e6))
        return found

    def close(self) -> None:
        """Ask no more."""
        self._scope.cancel()

    def finish(self) -> None:
        """Hear nothing more: nothing of the run is left, but perhaps of a probe."""
        if self._socket is not None:
            self._socket.close()
        self._is_finished = True
        if self._unkillable:
            self._run.unkillable(self._unkillable)

    def _take_note(self, unkillable: set[int]) -> None:
        """Take note of what of a probe cannot be killed, which only the end of the run waits for.

        Nothing, when that has gone after all.
        """
        if self._is_finished and unkillable:
            self._run.unkillable(unkillable)
        elif self._is_finished and self._unkillable:
            self._run.members_left(unkillable)
        self._unkillable = unkillable

    async def listen(self) -> None:
        """Take what the run tells by itself, to its very end."""
        if self._socket is not None:
            await self._socket.listen(self.notices, self._is_member)

    async def _is_member(self, pid: int) -> bool:
        return await self._spawner.owns(self._run.rank, pid)

    def _extend(self, seconds: float) -> None:
        """Let what is waited for now, to be ready or to stop, take so many seconds from now on."""
        until = trio.current_time() + seconds
        if self._condition.state is ProcessState.STOPPING:
            self._run.more_until = max(self._run.more_until, until)
        else:
            self._limit.deadline = max(self._limit.deadline, until)

    def _say(self, text: str) -> None:
        self._condition.said = text

    def _stop(self) -> None:
        """Take note that it ends by itself: it is of no use to others any more."""
        self.close()
        if self._condition.is_ready or self._condition.awaits_ready:
            self._condition.leave()
            self._program.history.tell_health("stopping")

    async def run(self) -> None:
        """Ask until it is ready, then whether it is healthy; until cancelled, or closed."""
        with self._scope:
            if self._ready is not None:
                if why := await self._why_never_ready(self._ready):
                    self._program.history.tell_health(why)
                    self._program.replace_nowait(why, is_failed_start=True)
                    return
                self._run.get_ready()
            if self._health is not None:
                await self._watch_health(self._health)

    # ── ready ──

    async def _why_never_ready(self, ready: Ready) -> str:
        """Return nothing once it is ready, or what it was not within its timeout."""
        question = self._question("ready", ready)
        limit = ATTEMPT if ready.kind in {"http", "tcp", "unix"} else math.inf
        why = _silence(ready)
        began = trio.current_time()
        self._limit.deadline = began + (math.inf if ready.delay else ready.timeout)
        with self._limit:
            for pause in _pauses(ready.interval):
                if not (why := await _ask(question, limit)):
                    return ""
                await trio.sleep(pause)
        return f"not ready after {self._limit.deadline - began:g} s: {why}"

    # ── health ──

    async def _watch_health(self, health: Health) -> None:
        question = self._question("health", health)
        limit = health.interval if health.notify else health.timeout
        counts_from = trio.current_time() + health.start_period
        while True:
            began = trio.current_time()
            why = await _ask(question, limit)
            if not why or began >= counts_from:
                self._judge(health, why)
            await trio.sleep_until(max(began + health.interval, trio.current_time()))

    def _judge(self, health: Health, why: str) -> None:
        """Count an answer, and take note of what a row of them means."""
        condition = self._condition
        self._failures, self._successes = (
            (self._failures + 1, 0) if why else (0, self._successes + 1)
        )
        if self._failures >= health.retries and condition.health != "unhealthy":
            self._become("unhealthy", why)
            self._act(health, f"unhealthy: {why}")
        elif self._successes >= health.success_threshold and condition.health != "healthy":
            self._become("healthy")

    def _become(self, health: str, why: str = "") -> None:
        self._condition.health, self._condition.why_unhealthy = health, why
        text = f"{health}: {why}" if why else health
        log.log(logging.WARNING if why else logging.INFO, "%s is %s", self._run.rank.name, text)
        self._program.history.tell_health(text)

    def _act(self, health: Health, why: str) -> None:
        match health.on_failure:
            case "restart":
                self._program.replace_nowait(why)
            case "stop":
                self._program.stop_nowait(self._program.history.cause, why)
            case "mark":
                pass

    def _question(self, name: str, probe: Probe) -> Question:
        return Question(
            name=name,
            probe=probe,
            spec=self._run.spec,
            rank=self._run.rank,
            spawn=self._spawner.run,
            tell_unkillable=self._take_note,
            watch=self._watch,
            notices=self.notices,
        )


async def _ask(question: Question, limit: float) -> str:
    """Return nothing for a yes, else the reason; none takes longer than ``limit`` seconds."""
    awaited = "WATCHDOG=1" if question.probe.notify else "answer"
    why = f"no {awaited} within {limit:g} s"
    with trio.move_on_after(limit):
        try:
            await question.ask()
            why = ""
        except ProbeError as problem:
            why = str(problem)
    return why


def _silence(ready: Ready) -> str:
    """Say what did not come, where there is no answer to tell of."""
    if ready.log is not None:
        return f"no line of its output matched {ready.log!r}"
    return "it did not send READY=1" if ready.notify else "no answer"


def _pauses(interval: float | None) -> Iterator[float]:
    pause = interval or FIRST_PAUSE
    while True:
        yield pause
        pause = interval or min(2 * pause, LONGEST_PAUSE)
