"""Commands about all of it at once: down, which ends the daemon, and wait, until it is up."""

from __future__ import annotations

import os
import select

from trio_supervisor.client import render
from trio_supervisor.client.commands import command, usage_error
from trio_supervisor.client.connection import UnreachableError
from trio_supervisor.client.processes import outcomes, tell
from trio_supervisor.client.words import parse_options, seconds
from trio_supervisor.errors import Fault, ProtocolError
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.pids import is_ours
from trio_supervisor.protocol.messages import (
    Done,
    Error,
    Event,
    FollowEvents,
    GetInfo,
    GetStatus,
    Info,
    Shutdown,
    Statuses,
    Wait,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trio_supervisor.client.session import Session
    from trio_supervisor.protocol.messages import Outcome

_ABSENT = {"no such file", "refused connection"}
_DOWN = {ProcessState.STOPPED, ProcessState.EXITED, ProcessState.FATAL}
_UNKNOWN, _DEAD = 4, 7
_LAST_STEPS = 5000
"""Milliseconds that a daemon which has answered may take until it is gone."""


@command(
    "down",
    "down                 stop everything, end supervisord, and wait until all of it is gone",
    "It says what was stopped; where no supervisord runs, that there is nothing to do.",
    accepts_words=False,
)
def down(session: Session, _words: list[str]) -> None:
    try:
        info = session.ask(GetInfo(), Info)
    except UnreachableError as error:
        if error.reason not in _ABSENT or session.is_lost:
            raise
        session.say("supervisord is not running: nothing to stop")
        return
    stopping = _Stopping(session)
    guardian = _open_process(info.pid) if is_ours(info.pid_space) else None
    try:
        stopping.run()
        _wait_for(guardian)
    finally:
        if guardian is not None:
            os.close(guardian)
    stopping.sum_up()


class _Stopping:
    """One shutdown, told as it goes: who runs, and who has ended."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = session.connection()
        self._up: dict[tuple[str, str], str] = {}
        self._count = 0

    def run(self) -> None:
        """Stop everything; return when all is down, or the daemon is gone."""
        self._connection.send(FollowEvents(all=True))  # before the rows: no end is missed
        self._connection.send(GetStatus())
        request = self._connection.send(Shutdown(wait=True))
        while True:
            try:
                number, message = self._connection.receive()
            except ProtocolError:  # somebody else's shutdown was faster
                return
            match message:
                case Statuses(processes):
                    running = (one for one in processes if one.pid is not None)
                    self._up |= dict.fromkeys(((one.group, one.name) for one in running), "")
                case Event():
                    self._take_note(message)
                case Done() | Error() if number == request:
                    return
                case _:
                    pass

    def _take_note(self, event: Event) -> None:
        key = event.group, event.name
        if key not in self._up:
            return
        if event.to_state in _DOWN:
            del self._up[key]
            self._count += 1
            self._session.say(f"{render.namespec(*key)}: stopped")
        elif event.to_state is None and event.detail:
            self._up[key] = event.detail

    def sum_up(self) -> None:
        """Say how it came out."""
        for key, why in self._up.items():
            self._session.say(f"{render.namespec(*key)}: ERROR ({why or 'it may still run'})")
            self._session.fail()
        self._session.hint(f"{self._count} stopped; supervisord has ended")


def _open_process(pid: int) -> int | None:
    """Open a process of this machine, to hear of its end; None where that cannot be."""
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):
        return None


def _wait_for(process: int | None) -> None:
    if process is not None:
        poll = select.poll()
        poll.register(process, select.POLLIN)
        poll.poll(_LAST_STEPS)


@command(
    "wait",
    "wait NAME ...        wait until processes run, and are ready where they say when;",
    "                     a task: until it has ended well. NAME, GROUP:NAME, GROUP:*, all",
    "wait --healthy ...   until their health probes succeed as well",
    "wait --timeout S ... not longer than that: 30, 1.5, 2m",
    keeps_words=True,
)
def wait(session: Session, words: list[str]) -> None:
    given, names = parse_options(words, "", ["healthy", "timeout="])
    if not names:
        usage_error(session, "wait", "wait requires a process name", 2)
        return
    limit = given.get("--timeout")
    timeout = None if limit is None else seconds("--timeout", limit)
    wait_for(session, Wait(tuple(names), "--healthy" in given, timeout))


def wait_for(session: Session, request: Wait) -> None:
    """Wait, tell what is not up, and let the worst of it give the exit code."""
    codes = [_code(session, outcome) for outcome in outcomes(session, request)]
    if any(codes):
        session.fail(max(codes))


def _code(session: Session, outcome: Outcome) -> int:
    name = render.namespec(outcome.group, outcome.name)
    match outcome.fault:
        case Fault.SUCCESS:
            session.say(f"{name}: up")
            return 0
        case Fault.BAD_NAME:
            tell(session, outcome)
            return _UNKNOWN
        case fault:
            session.say(f"{name}: ERROR ({outcome.detail})")
            return _DEAD if fault is Fault.NOT_RUNNING else 1
