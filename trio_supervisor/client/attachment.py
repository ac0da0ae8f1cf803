"""A stay with a program that has a terminal: its screen, and the keyboard.

Every key goes to the program but Ctrl-], which leaves. Whatever ends the stay, the terminal is as
before after it: Ctrl-], the end of the program or of the daemon, a signal to this process. One
that is stopped and continued, as by a shell, gives the terminal back and takes it again.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty

from trio_supervisor.client.attach import terminal_size
from trio_supervisor.client.foreground import CHUNK, Foreground
from trio_supervisor.console.modes import Modes
from trio_supervisor.errors import Fault
from trio_supervisor.protocol.messages import Channel, Done, Error, Resize, Tail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from trio_supervisor.client.session import Session
    from trio_supervisor.protocol.messages import Message, ProcessStatus

LEAVE = b"\x1d"
BANNER = "==> Press Ctrl-] to leave <=="
LAST_SHOWN = 16 * 1024
"""Bytes of output from before that are shown first."""
MOST_TYPED = 1024 * 1024
"""Bytes that may wait for a program that does not read; what is typed after them is lost."""
_CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
"""What comes from inside, as a rule: an instruction that fails would fail again after a handler."""
_HARMLESS = {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
_STOPS = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
ENDING = signal.valid_signals() - {signal.SIGKILL} - _CRASHES - _HARMLESS - _STOPS
"""The signals that end a process which does nothing about them, and can."""
_TOLD = (signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT)


class Attachment(Foreground):
    """A stay in which the terminal of this process is that of the program."""

    def __init__(self, session: Session, name: str) -> None:
        super().__init__(session, name)
        self._typed = b""
        self._resizes: set[int] = set()
        self._told: list[str] = []
        self._screen = _Screen()
        self._terminal: _RawTerminal | None = None

    def finish(self) -> None:
        """Give the terminal back as it was, then say what there is to say."""
        if self._terminal is None:
            return
        self._terminal.close()
        self._terminal = None
        self._screen.leave()
        if self._has_left and not self._told:
            self._told.append(f"{self._name}: left, it goes on")
        for text in self._told:
            self._session.hint(text)

    def _follow(self, process: ProcessStatus) -> None:
        self._session.say(BANNER)
        sys.stdout.flush()
        self._terminal = _RawTerminal()
        self._terminal.take()  # not before somebody will close it: a signal may come at any time
        target = f"{process.group}:{process.name}"
        tail = Tail(Channel.TERMINAL, target, LAST_SHOWN, follow=True)
        self._printers[self._connection.send(tail)] = self._screen

    def _tell(self, text: str) -> None:
        self._told.append(text)  # the lines on the screen are the program's

    def _wait(self, patience: float | None) -> bool:
        """Wait for either side, or another size; True when the daemon has something to tell."""
        sources: list[int] = [self._connection.fileno()]
        if self._terminal is not None:
            sources.append(self._terminal.bell)
            if self._input is not None and self._has_room:
                sources.append(self._input)
        ready = select.select(sources, [], [], patience)[0]
        if self._terminal is not None and self._terminal.bell in ready:
            self._answer(self._terminal.signals())
        if self._input in ready:
            self._read()
        return sources[0] in ready

    def _answer(self, signals: bytes) -> None:
        """Stop, go on, or take another size, as signals ask for."""
        assert self._terminal is not None
        if signals.rfind(signal.SIGTSTP) > signals.rfind(signal.SIGCONT):
            self._screen.leave()
            self._terminal.give_back()
            os.kill(os.getpid(), signal.SIGSTOP)
        elif signal.SIGCONT in signals:
            self._terminal.take()
            self._screen.enter()
        self._resize()

    @property
    def _has_room(self) -> bool:
        """False while a long paste is on its way; one that is stuck must not keep Ctrl-] out."""
        return len(self._typed) < MOST_TYPED or self._retry_at is not None

    def _read(self) -> None:
        assert self._input is not None
        data = os.read(self._input, CHUNK)
        before, leaves, _ = data.partition(LEAVE)
        self._typed = (self._typed + before)[:MOST_TYPED]
        self._has_left = bool(leaves) or not data
        self._send_typed()

    def _send_typed(self) -> None:
        """Send some of what was typed, unless what was sent before has not been taken yet."""
        if self._typed and not self._unsent:
            self._unsent, self._typed = self._typed[:CHUNK], self._typed[CHUNK:]
            self._send()

    def _resize(self) -> None:
        size = terminal_size()
        if size is not None:
            self._resizes.add(self._connection.send(Resize(self._name, *size)))

    def _take(self, request: int, message: Message) -> None:
        if request in self._resizes and isinstance(message, Done | Error):
            self._resizes.discard(request)  # refused: the end of the program is about to be told
            return
        super()._take(request, message)
        self._send_typed()

    def _not_written(self, fault: Fault, detail: str) -> None:
        if fault is Fault.NO_FILE:
            self._unsent = b""  # nobody has the terminal open: it is about to end
        else:
            super()._not_written(fault, detail)


class _Screen:
    """Shows what a terminal was sent, and remembers what that has switched on."""

    def __init__(self) -> None:
        self._modes = Modes()

    def show(self, data: bytes) -> None:
        """Write bytes as they are: they are for a terminal."""
        self._modes.feed(data)
        _write(data)

    def finish(self) -> None:
        """Nothing is held back."""

    def leave(self) -> None:
        """Switch off what was left on, and begin a line."""
        _write(self._modes.exit + b"\x1b[0m\r\n")

    def enter(self) -> None:
        """Switch on again what was on."""
        _write(self._modes.entry)


class _RawTerminal:
    """The terminal of this process, while every key is passed on as it is."""

    def __init__(self) -> None:
        self._input = sys.stdin.fileno()
        self._before = termios.tcgetattr(self._input)
        self.bell, self._rope = os.pipe()
        os.set_blocking(self._rope, False)
        kept = (signal.SIG_IGN, signal.default_int_handler)  # nohup; Ctrl-C ends in order anyway
        ending = {number for number in ENDING if signal.getsignal(number) not in kept}
        self._handlers = {number: signal.signal(number, _end) for number in ending}
        self._handlers |= {number: signal.signal(number, _ring) for number in _TOLD}
        self._wakeup = signal.set_wakeup_fd(self._rope, warn_on_full_buffer=False)

    def take(self) -> None:
        """Pass every key on from now on."""
        try:
            tty.setraw(self._input, termios.TCSANOW)
        except termios.error:  # stopped in the background (SIGTTOU), then continued: it rings again
            pass

    def give_back(self) -> None:
        """Let the terminal be as before."""
        try:
            termios.tcsetattr(self._input, termios.TCSANOW, self._before)
        except termios.error:  # the window is gone
            pass

    def signals(self) -> bytes:
        """Return the numbers of the signals that have rung the bell."""
        return os.read(self.bell, CHUNK)

    def close(self) -> None:
        """Be as before."""
        self.give_back()
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self.bell)
        os.close(self._rope)


def _end(number: int, _frame: object) -> NoReturn:
    """Leave in order, with the exit code that a shell would tell."""
    sys.exit(128 + number)


def _ring(_number: int, _frame: object) -> None:
    """Let the wait end: the bell is rung by the interpreter."""


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]
