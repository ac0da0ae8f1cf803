"""A stay with a program that has a terminal: its screen, and the keyboard.

Every key goes to the program but Ctrl-], which leaves. Whatever ends the stay, the terminal is as
before after it: Ctrl-], the end of the program or of the daemon, a signal to this process.
"""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import termios
import tty

from trio_supervisor.client.attach import terminal_size
from trio_supervisor.client.foreground import CHUNK, Foreground
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
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
_LONGEST_MODE = 32
_UNDONE = (b"1", b"47", b"1000", b"1002", b"1003", b"1004", b"1006", b"1047", b"1049", b"2004")
"""Modes of a terminal (xterm's numbers: mouse, other screen, paste) that nobody wants to keep."""
_CURSOR = b"25"


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
        self._screen.undo()
        if self._has_left and not self._told:
            self._told.append(f"{self._name}: left, it goes on")
        for text in self._told:
            self._session.hint(text)

    def _follow(self, process: ProcessStatus) -> None:
        self._session.say(BANNER)
        sys.stdout.flush()
        self._terminal = _RawTerminal()
        self._terminal.open()  # not before somebody will close it: a signal may come at any time
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
            self._terminal.answer_bell()
            self._resize()
        if self._input in ready:
            self._read()
        return sources[0] in ready

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
        self._modes: dict[bytes, bool] = {}
        self._end = b""

    def show(self, data: bytes) -> None:
        """Write bytes as they are: they are for a terminal."""
        for match in _MODE.finditer(self._end + data):
            for number in match[1].split(b";"):
                self._modes[number] = match[2] == b"h"
        self._end = (self._end + data)[-_LONGEST_MODE:]
        _write(data)

    def finish(self) -> None:
        """Nothing is held back."""

    def undo(self) -> None:
        """Switch off what was left on, and begin a line."""
        on = [number for number in _UNDONE if self._modes.get(number)]
        undone = b"".join(b"\x1b[?%sl" % number for number in on)
        if self._modes.get(_CURSOR) is False:
            undone += b"\x1b[?%sh" % _CURSOR
        _write(undone + b"\x1b[0m\r\n")


class _RawTerminal:
    """The terminal of this process, while every key is passed on as it is."""

    def __init__(self) -> None:
        self._input = sys.stdin.fileno()
        self._before = termios.tcgetattr(self._input)
        self.bell, self._rope = os.pipe()
        os.set_blocking(self._rope, False)
        self._handlers = {number: signal.signal(number, _end) for number in ENDING}
        self._handlers[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, _ring)
        self._wakeup = signal.set_wakeup_fd(self._rope, warn_on_full_buffer=False)

    def open(self) -> None:
        """Pass every key on from now on."""
        tty.setraw(self._input, termios.TCSANOW)

    def answer_bell(self) -> None:
        """Take note that some signal came."""
        os.read(self.bell, CHUNK)

    def close(self) -> None:
        """Be as before."""
        try:
            termios.tcsetattr(self._input, termios.TCSANOW, self._before)
        except termios.error:  # the window is gone
            pass
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
