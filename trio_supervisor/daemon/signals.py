"""Signals to the daemon: which are taken, and what each means.

No signal may end the process before everything is down: handlers that do nothing are installed
before Trio starts and stay when it has ended, and the receiver is open around all of it. With any
part of this missing, a Ctrl-C at the wrong moment left processes behind or printed a traceback.
"""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING, cast

import trio

from trio_supervisor.daemon.guardian import EXIT, has_terminal
from trio_supervisor.errors import RequestError
from trio_supervisor.lifecycle import SupervisorState
from trio_supervisor.protocol.messages import EventKind
from trio_supervisor.source.values import signal_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from trio_supervisor.daemon.containment import Containment
    from trio_supervisor.daemon.supervisor import Supervisor

log = logging.getLogger(__name__)

RECEIVED = cast(
    "tuple[signal.Signals, ...]",  # Python has no names for most real-time signals
    (*sorted(EXIT), signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGCHLD),
)
RESTORED = frozenset({signal.SIGPIPE, signal.SIGXFSZ})
"""Ignored by Python itself; subprocess gives them back to every child."""
INSIST_AFTER = 1.0
"""Seconds after the first exit request from which another one means: kill now."""
DEADLY = (
    *RECEIVED[:-2],
    *(getattr(signal, f"SIG{name}") for name in ("ALRM", "VTALRM", "PROF")),
    *(getattr(signal, f"SIG{name}") for name in ("IO", "PWR") if hasattr(signal, f"SIG{name}")),
)
"""What would end a process that does not handle it, although nothing is wrong with it."""


def take_signals() -> None:
    """Let no signal end this process, and block none; call it before the first thread exists.

    Handlers, unlike SIG_IGN, are not inherited: what nohup ignored, children get as usual.
    """
    for number in signal.valid_signals() - RESTORED:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    for number in DEADLY:
        signal.signal(number, _remember)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def ignore_signals() -> None:
    """Let nothing disturb the last steps: handlers are gone when the interpreter ends."""
    for number in DEADLY:
        signal.signal(number, signal.SIG_IGN)


_early: list[int] = []


def _remember(number: int, _frame: object) -> None:
    """Keep a signal for `SignalTable.dispatch`: it came before anybody could act on it."""
    _early.append(number)


class SignalTable:
    """What each signal does."""

    def __init__(
        self,
        supervisor: Supervisor,
        containment: Containment,
        reopen: Callable[[], None],
        resize: Callable[[], None],
    ) -> None:
        self._supervisor = supervisor
        self._containment = containment
        self._reopen = reopen
        self._resize = resize
        self._first_exit: float | None = None
        self._had_terminal = has_terminal()

    async def dispatch(self, received: AsyncIterator[int]) -> None:
        """Carry out signals as they come, until cancelled."""
        for number in _early:
            self._carry_out(number)
        async for number in received:
            self._carry_out(number)

    def _carry_out(self, number: int) -> None:
        name = signal_name(number)
        if number == signal.SIGCHLD:
            log.debug("received SIGCHLD indicating a child quit")
            self._containment.reap()
        elif number in EXIT:
            self._exit(name)
        elif number == signal.SIGWINCH:
            self._resize()
        elif number == signal.SIGHUP and self._had_terminal and not has_terminal():
            self._exit("the end of the terminal")  # without a guardian, which would know
        elif number == signal.SIGHUP:
            self._reload()
        elif number == signal.SIGUSR2:
            log.info("received SIGUSR2 indicating log reopen request")
            self._reopen()
        else:
            log.debug("received %s, which means nothing here", name)

    def _exit(self, name: str) -> None:
        log.warning("received %s indicating exit request", name)
        now = trio.current_time()
        if self._first_exit is None:
            self._first_exit = now
        elif now >= self._first_exit + INSIST_AFTER:
            log.warning("received %s again: killing what is left", name)
            self._supervisor.kill_nowait()
        if self._supervisor.state is not SupervisorState.SHUTDOWN:
            self._supervisor.shutdown_nowait(self._cause(name))

    def _reload(self) -> None:
        if self._supervisor.state is not SupervisorState.RUNNING:
            log.warning("ignored SIGHUP indicating restart request (shutdown in progress)")
            return
        log.warning("received SIGHUP indicating restart request")
        try:
            self._supervisor.reload_nowait(self._cause("SIGHUP"))
        except RequestError as problem:
            log.error("nothing was changed: %s", problem)  # noqa: TRY400  # no bug, no traceback

    def _cause(self, name: str) -> int:
        return self._supervisor.events.publish(EventKind.REQUEST, detail=name)
