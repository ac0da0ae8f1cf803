"""From messages to operations: one `match`, no decisions. Every answer is messages."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from trio_supervisor import __version__
from trio_supervisor.daemon import operations, snapshots, updates
from trio_supervisor.daemon.farewell import Farewell
from trio_supervisor.daemon.feed import NO_TERMINAL
from trio_supervisor.daemon.journal import logs
from trio_supervisor.daemon.pace import Pace
from trio_supervisor.daemon.tails import tail
from trio_supervisor.daemon.waiting import wait
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.lifecycle import SupervisorState
from trio_supervisor.pids import pid_space
from trio_supervisor.protocol.messages import (
    Add,
    Changes,
    Channel,
    Clear,
    Done,
    End,
    EventKind,
    FollowEvents,
    GetAvailable,
    GetInfo,
    GetLogs,
    GetStatus,
    Info,
    Kill,
    Message,
    Reload,
    Remove,
    Reopen,
    Reread,
    Resize,
    Restart,
    Rotate,
    Shutdown,
    Signal,
    Start,
    Stop,
    Tail,
    Update,
    Wait,
    Write,
)
from trio_supervisor.source import values

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from trio_supervisor.daemon.activity import ActivityLog
    from trio_supervisor.daemon.logfile import LogFile
    from trio_supervisor.daemon.report import Pending, Report
    from trio_supervisor.daemon.snapshots import Census
    from trio_supervisor.daemon.supervisor import Supervisor
    from trio_supervisor.daemon.tails import Log
    from trio_supervisor.protocol.messages import Event

    Answer = tuple[Message, ...] | AsyncGenerator[Message, None]

LONGEST_WORDS = 1000
"""Characters of a request that its event tells: events are kept, and shown."""
QUESTIONS = (GetInfo, GetStatus, GetAvailable, Tail, FollowEvents, GetLogs, Wait)
"""What is answered during a shutdown, too."""


class Handlers:
    """Answers requests for one daemon.

    ``pid`` is the one that the pidfile names, ``census`` finds out whose each process is.
    """

    def __init__(
        self, supervisor: Supervisor, *, activity: ActivityLog, pid: int, census: Census
    ) -> None:
        self.supervisor = supervisor
        self.pace = Pace()
        self._activity = activity
        self._pid = pid
        self._pid_space = pid_space()  # once: it is a look into /proc
        self._census = census
        self.farewell = Farewell()

    def answer(self, request: Message, peer: str) -> Answer:
        """Return the answer: messages that are ready, or a stream of them.

        What is asked is registered before this returns. RequestError when it is refused.
        """
        if isinstance(request, QUESTIONS):
            return self._tell(request)
        may_shut_down = isinstance(request, Shutdown) and (
            request.wait or self.supervisor.state is not SupervisorState.SHUTDOWN
        )
        cause = self.register(_words(request), peer, is_always_possible=may_shut_down)
        answer = self._carry_out(request, cause)
        return answer if isinstance(answer, tuple) else self.farewell.with_all_of(answer)

    def register(self, words: str, peer: str, *, is_always_possible: bool = False) -> int:
        """Take note of a request that is about to change something; RequestError in a shutdown."""
        state = self.supervisor.state
        if state is not SupervisorState.RUNNING and not is_always_possible:
            what = "reloading" if state is SupervisorState.RESTARTING else "shutting down"
            raise RequestError(Fault.SHUTDOWN_STATE, f"supervisor is {what}; try again later")
        told = words if len(words) <= LONGEST_WORDS else f"{words[:LONGEST_WORDS]}…"
        return self.supervisor.events.publish(EventKind.REQUEST, detail=f"{told} ({peer})")

    def _tell(self, request: Message) -> Answer:
        match request:
            case GetInfo():
                return (self._info(),)
            case GetStatus(targets, members):
                if members:
                    return snapshots.members(self.supervisor, targets, self._census)
                return snapshots.status(self.supervisor, targets)
            case GetAvailable():
                return snapshots.available(self.supervisor)
            case _:
                return self._read_on(request)

    def _read_on(self, request: Message) -> Answer:
        """Return what takes its time: logs, events, a wait."""
        match request:
            case Tail(channel, name, size, follow):
                until = self.farewell if follow else None
                return tail(self._log(channel, name), size, followed_until=until)
            case GetLogs(targets):
                programs, unknown = self.supervisor.find(targets)
                outcomes = snapshots.unknown_outcomes(self.supervisor, unknown)
                events = self.supervisor.events
                return logs(programs, outcomes, request, events, self.farewell)
            case Wait():
                return wait(self.supervisor, request)
            case FollowEvents(past, everything, follow):
                follows = self._events(past=past, everything=everything)
                return follows if follow else self._past(everything=everything)
            case _:
                raise _no_request(request)

    def _carry_out(self, request: Message, cause: int) -> Answer:
        supervisor = self.supervisor
        match request:
            case Start() | Stop() | Kill() | Restart():
                operate = {
                    Start: operations.start,
                    Stop: operations.stop,
                    Kill: operations.kill,
                    Restart: operations.restart,
                }[type(request)]
                return _outcomes(operate(supervisor, request.targets, cause), wait=request.wait)
            case Signal(name, targets):
                number = _signal_number(name)
                return _outcomes(operations.signal(supervisor, number, targets, cause), wait=True)
            case Clear() | Rotate() | Reopen():
                act = {
                    Clear: operations.clear,
                    Rotate: operations.rotate,
                    Reopen: operations.reopen,
                }[type(request)]
                return _outcomes(act(supervisor, request.targets), wait=True)
            case Write(target, data):
                operations.write(supervisor, target, data)
                return (Done(),)
            case Resize(target, rows, columns):
                operations.resize(supervisor, target, rows, columns)
                return (Done(),)
            case _:
                return self._change(request, cause)

    def _change(self, request: Message, cause: int) -> Answer:
        supervisor = self.supervisor
        match request:
            case Reread():
                return (self._reread(),)
            case Update(groups, dry_run):
                return _told(updates.update(supervisor, groups, cause, dry_run=dry_run))
            case Add(groups):
                return _told(updates.add(supervisor, groups, cause))
            case Remove(groups):
                return _told(updates.remove(supervisor, groups, cause))
            case Reload():
                supervisor.reload_nowait(cause)
                return (Done(),)
            case Shutdown(wait):
                if supervisor.state is not SupervisorState.SHUTDOWN:
                    supervisor.shutdown_nowait(cause)
                return self._when_down() if wait else (Done(),)
            case _:
                raise _no_request(request)

    # ── answers ──

    def _info(self) -> Info:
        configuration = self.supervisor.configuration
        return Info(
            version=__version__,
            identifier=configuration.supervisord.identifier,
            state=self.supervisor.state,
            pid=self._pid,
            daemon_pid=os.getpid(),
            configuration=configuration.path,
            pid_space=self._pid_space,
        )

    def _reread(self) -> Changes:
        configuration = self.supervisor.reread()
        changes = updates.differences(self.supervisor, configuration.groups)
        return changes.replace(warnings=configuration.warnings)

    def _log(self, channel: Channel, name: str) -> Log:
        """Return a log, or the screen of a program with a terminal."""
        if channel is not Channel.TERMINAL:
            return self.log_file(channel, name)
        screen = self.supervisor.program(name).logs.screen
        if screen is None:
            raise RequestError(Fault.NO_FILE, NO_TERMINAL)
        return screen

    def log_file(self, channel: Channel, name: str) -> LogFile:
        """Return a log; RequestError when there is no such process, or it has no such log."""
        if channel is Channel.MAIN:
            if self._activity.file is None:
                raise RequestError(Fault.NO_FILE, "the activity log is no file")
            return self._activity.file
        return self.supervisor.program(name).logs.file(channel)

    async def _events(self, *, past: bool, everything: bool) -> AsyncGenerator[Message, None]:
        events, farewell = self.supervisor.events, self.farewell
        with events.subscribe(past=past) as news, farewell.until_down(news.close):
            async for event in news:
                if _is_for(event, everything):
                    yield event
            yield End()

    def _past(self, *, everything: bool) -> tuple[Message, ...]:
        known = self.supervisor.events.since()
        return (*(event for event in known if _is_for(event, everything)), End())

    async def _when_down(self) -> AsyncGenerator[Message, None]:
        await self.farewell.wait()
        yield Done()


def _is_for(event: Event, everything: bool) -> bool:
    """Say whether a client that asked for everything, or did not, gets an event."""
    return everything or event.kind <= EventKind.SUPERVISOR


def _words(request: Message) -> str:
    shown = (name for name in request.FIELDS if name not in request.HIDDEN)
    values_of = (str(getattr(request, name)) for name in shown)
    return " ".join([type(request).__name__.lower(), *values_of])


def _no_request(message: Message) -> RequestError:
    return RequestError(Fault.UNKNOWN_METHOD, f"{type(message).__name__} is no request")


def _signal_number(name: str) -> int | None:
    try:
        number = values.signal(name)
    except ValueError:
        return None
    return number if number == 0 or number in signal.valid_signals() else None


async def _outcomes(pending: list[Pending], *, wait: bool) -> AsyncGenerator[Message, None]:
    for one in pending:
        yield await one.outcome(wait=wait)
    yield End()


async def _told(report: Report) -> AsyncGenerator[Message, None]:
    async for outcome in report:
        yield outcome
    yield End()
