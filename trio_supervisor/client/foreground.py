"""The command fg: a program's output as it comes, and what is typed to its stdin.

One loop waits for the daemon and for the person at once; there is no second thread.
"""

from __future__ import annotations

import os
import select
import sys
import time

from trio_supervisor.client import render
from trio_supervisor.client.commands import command, show_help
from trio_supervisor.client.logs import BANNER, LAST_FOLLOWED, Printer, tell_losses
from trio_supervisor.client.processes import explain
from trio_supervisor.errors import Fault, ProtocolError, RequestError
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import (
    Channel,
    Done,
    Error,
    Event,
    FollowEvents,
    GetStatus,
    Outcome,
    Output,
    Statuses,
    Tail,
    Write,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from trio_supervisor.client.session import Session
    from trio_supervisor.protocol.messages import Message, ProcessStatus

    class Shows(Protocol):
        """Puts what a process has written before the person."""

        def show(self, data: bytes) -> None:
            """Show bytes at once."""

        def finish(self) -> None:
            """Show what was held back for its rest."""


LAST_WORDS = 0.3
"""Seconds of silence after the end of a program: what it printed last may still be under way."""
SILENCE = 1.0
"""Seconds of silence, after the end of a piped input, that count as the whole answer."""
TRY_AGAIN = 0.1
"""Seconds before input is offered again to a program that does not read."""
CHUNK = 32 * 1024
_ENDS = {
    ProcessState.STOPPED,
    ProcessState.EXITED,
    ProcessState.BACKOFF,
    ProcessState.FATAL,
}


@command(
    "fg",
    "fg NAME              show what a process writes, send it the lines that are typed",
    "Ctrl-C or Ctrl-D leave it running. Input from a pipe is sent, and what comes is shown",
    "until nothing has come for a second.",
)
def fg(session: Session, words: list[str]) -> None:
    if not words:
        session.say("ERROR: no process name supplied")
        show_help(session, "fg")
        session.fail()
    elif len(words) > 1:
        session.say("ERROR: too many process names supplied")
        session.fail()
    else:
        foreground = Foreground(session, words[0])
        try:
            foreground.run()
        except KeyboardInterrupt:
            session.hint("")
        finally:
            foreground.finish()


class Foreground:
    """One stay with one process, from its status to the end of either side."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name
        self._connection = session.connection()
        self._printers: dict[int, Shows] = {}
        self._process: ProcessStatus | None = None
        self._has_left = False
        self._input = _input(session)
        self._unsent = b""
        self._write: int | None = None
        self._retry_at: float | None = None
        self._quiet: float | None = None
        self._heard = 0.0

    def run(self) -> None:
        """Stay until the process has ended, or the person leaves."""
        self._connection.send(FollowEvents())  # before the status: no end is missed between them
        self._connection.send(GetStatus((self._name,)))
        while not self._has_left:
            patience = self._patience()
            if patience is not None and patience <= 0:
                self._grow_impatient()
                continue
            if self._connection.has_more or self._wait(patience):
                self._hear()

    def _hear(self) -> None:
        """Take the next message; after the end of the process the daemon may end, too."""
        try:
            message = self._connection.receive()
        except ProtocolError:
            if self._quiet != LAST_WORDS:
                raise
            self._has_left = True
        else:
            self._take(*message)

    def finish(self) -> None:
        """Show the beginnings of letters and colours that nothing has completed."""
        for printer in self._printers.values():
            printer.finish()

    def _patience(self) -> float | None:
        """Return how long to wait for anything; None is for ever."""
        limits = [self._retry_at] if self._retry_at is not None else []
        if self._quiet is not None:
            limits.append(self._heard + self._quiet)
        return min(limits) - time.monotonic() if limits else None

    def _grow_impatient(self) -> None:
        if self._retry_at is not None:
            self._send()
        else:
            self._has_left = True

    def _wait(self, patience: float | None) -> bool:
        """Wait for either side; True when the daemon has something to tell."""
        sources: list[int] = [self._connection.fileno()]
        if self._input is not None and self._process is not None and not self._unsent:
            sources.append(self._input)
        ready = select.select(sources, [], [], patience)[0]
        if self._input in ready:
            self._read()
        return sources[0] in ready

    def _read(self) -> None:
        assert self._input is not None
        self._unsent = os.read(self._input, CHUNK)
        if self._unsent:
            self._send()
        elif os.isatty(self._input):
            self._session.hint("")
            self._has_left = True
        else:
            self._stay_until_silent(SILENCE)

    def _send(self) -> None:
        assert self._process is not None
        target = f"{self._process.group}:{self._process.name}"
        self._retry_at = None
        self._write = self._connection.send(Write(target, self._unsent))

    def _stay_until_silent(self, quiet: float) -> None:
        """Take no more input, leave when nothing has come for some seconds."""
        self._input, self._unsent, self._retry_at = None, b"", None
        self._quiet, self._heard = quiet, time.monotonic()

    # ── what the daemon tells ──

    def _take(self, request: int, message: Message) -> None:
        match message:
            case Statuses(processes):
                self._look_at(processes)
            case Outcome():
                self._refuse("bad process name supplied")
                explain(self._session, message)
            case Output():
                self._heard = time.monotonic()
                self._printers[request].show(message.data)
                tell_losses(self._session, message)
            case Done():
                if request == self._write:
                    self._unsent, self._write = b"", None
            case Event():
                self._look_for_the_end(message)
            case Error():
                self._take_refusal(request, message)
            case _:
                pass  # the end of a stream

    def _take_refusal(self, request: int, error: Error) -> None:
        if request == self._write:
            self._write = None
            self._not_written(error.fault, error.detail)
        elif error.fault is not Fault.NO_FILE or request not in self._printers:
            raise RequestError(error.fault, error.detail)

    def _look_at(self, processes: tuple[ProcessStatus, ...]) -> None:
        if len(processes) > 1:
            self._refuse("bad process name supplied")
            found = ", ".join(render.namespec(one.group, one.name) for one in processes)
            self._session.hint(f"{self._name}: name one of them: {found}")
        elif self._process is None:
            self._attach(processes[0])
        elif self._process.pid != processes[0].pid:
            self._ended(processes[0].state.name)

    def _refuse(self, why: str) -> None:
        self._session.say(f"ERROR: {why}")
        self._session.fail()
        self._has_left = True

    def _attach(self, process: ProcessStatus) -> None:
        if process.pid is None:
            self._refuse("process not running")
            return
        self._process = process
        self._follow(process)

    def _follow(self, process: ProcessStatus) -> None:
        """Show what the process has written last, and what it writes."""
        if self._input is not None and os.isatty(self._input):
            self._session.say(BANNER)
        name = f"{process.group}:{process.name}"
        logs = (
            (process.stdout_logfile, Channel.STDOUT, sys.stdout),
            (process.stderr_logfile, Channel.STDERR, sys.stderr),
        )
        for path, channel, stream in logs:
            if path:
                request = self._connection.send(Tail(channel, name, LAST_FOLLOWED, follow=True))
                self._printers[request] = Printer(stream)
        if not process.stdout_logfile:
            self._tell(f"{self._name}: nothing to show: its stdout has no log file")

    def _tell(self, text: str) -> None:
        """Say what is not of the process."""
        self._session.hint(text)

    def _look_for_the_end(self, event: Event) -> None:
        process = self._process
        if (
            process is not None
            and (event.group, event.name) == (process.group, process.name)
            and event.to_state in _ENDS
            and self._quiet != LAST_WORDS
        ):
            self._ended(f"{event.to_state.name}{event.detail and f': {event.detail}'}")
        elif event.lost:
            self._connection.send(GetStatus((self._name,)))

    def _ended(self, how: str) -> None:
        self._stay_until_silent(LAST_WORDS)
        self._tell(f"{self._name}: it has ended ({how})")

    def _not_written(self, fault: Fault, detail: str) -> None:
        match fault:
            case Fault.BUSY:
                self._retry_at = time.monotonic() + TRY_AGAIN
            case Fault.NOT_RUNNING:
                self._unsent = b""  # its end, or that it is being stopped, is about to be told
            case Fault.NO_FILE:
                self._tell(f"{self._name}: {detail}")
                self._session.fail()
                self._stay_until_silent(SILENCE)
            case _:
                raise RequestError(fault, detail)


def _input(session: Session) -> int | None:
    """Return what is read for the process; None where that holds the commands of a shell."""
    if sys.stdin is None:
        return None
    descriptor = sys.stdin.fileno()
    return None if session.is_interactive and not os.isatty(descriptor) else descriptor
