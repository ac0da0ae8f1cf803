"""The local syslog: what it is sent, as syslog(3) would, but never waiting for it.

What its socket does not take at once is sent by a thread as soon as it goes, and lost if it is
too much. A machine without syslog is told of once, and costs nothing.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from trio_supervisor.console.lines import Lines
from trio_supervisor.daemon.losses import Losses
from trio_supervisor.daemon.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

PATH = "/dev/log"
BACKLOG = 1024 * 1024
"""Bytes that may wait for syslog before some are lost."""
LONGEST = 8000
"""Bytes of a message, its head included; rsyslog cuts above 8 KiB less some for its own use."""
RETRY_AFTER = 1.0
"""Seconds before a syslog that could not be reached is tried again."""
STUCK_AFTER = 5000
"""Milliseconds that a message waits for a syslog that takes nothing."""

_USER = 1 << 3  # the facility of syslog(3) unless told otherwise
INFO = 6
_LONGEST_CHARACTER = 4
_SEVERITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, INFO),
    (0, 7),
)


class Syslog:
    """The connection to the local syslog, opened when there is something to say."""

    def __init__(self) -> None:
        self.losses = Losses(PATH)
        self._socket: socket.socket | None = None
        self._worker = Worker("writes to syslog", BACKLOG)
        self._tried = -float("inf")
        self._is_absent = False

    def send(self, lines: bytes, severity: int = INFO, prefix: bytes = b"") -> None:
        """Send each line as a message, behind the prefix; never wait, never raise."""
        head = _head(severity) + prefix
        room = LONGEST - len(head)
        messages = [
            head + piece
            for line in lines.split(b"\n")
            for piece in _pieces(line.removesuffix(b"\r"), room)
        ]
        try:
            while messages and self._worker.is_idle:
                self._send_now(messages[0])
                del messages[0]
        except BlockingIOError:
            pass
        except OSError as problem:
            self._tell_absence(problem)
            return
        size = sum(map(len, messages))
        if messages and not self._worker.put(partial(self._send_late, messages), size):
            self.losses.add(size, "it does not take what is sent")

    def close(self) -> None:
        """Close the connection; a later message opens it again."""
        if self._socket is not None and self._worker.is_idle:
            self._socket.close()
            self._socket = None
        self._tried = -float("inf")

    def _send_now(self, message: bytes) -> None:
        """Send one message; BlockingIOError when it must wait, OSError when there is no syslog."""
        if self._socket is not None:
            try:
                self._socket.send(message)
            except BlockingIOError:
                raise
            except OSError:  # syslog was restarted
                self._socket.close()
                self._socket = None
            else:
                return
        self._connect().send(message)

    def _connect(self) -> socket.socket:
        if time.monotonic() < self._tried + RETRY_AFTER:
            raise ConnectionError("it could not be reached a moment ago")
        self._tried = time.monotonic()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            connection.setblocking(False)
            connection.connect(PATH)
        except OSError:
            connection.close()
            raise
        self._socket, self._is_absent, self._tried = connection, False, -float("inf")
        return connection

    def _tell_absence(self, problem: OSError) -> None:
        if not self._is_absent:
            self._is_absent = True  # before logging: the activity log may be in syslog, too
            log.warning("no syslog: %s: %s (what goes to syslog is lost)", PATH, problem)

    def _send_late(self, messages: list[bytes]) -> None:
        """Send all, as syslog takes them; in the worker's thread."""
        for place, message in enumerate(messages):
            try:
                self._send_patiently(message)
            except OSError as problem:
                self.losses.add(sum(map(len, messages[place:])), problem)
                return

    def _send_patiently(self, message: bytes) -> None:
        with suppress(BlockingIOError):
            self._send_now(message)
            return
        assert self._socket is not None
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT)
        poll.poll(STUCK_AFTER)
        self._socket.send(message)


class SyslogSink:
    """Sends what a process prints, each line behind the name of the process."""

    def __init__(self, syslog: Syslog, name: str) -> None:
        self._syslog = syslog
        self._prefix = f"{name} ".encode()
        self._lines = Lines(LONGEST)

    def write(self, data: bytes | memoryview) -> None:
        """Send the whole lines there are now."""
        self._send(self._lines.take(data))

    def finish_line(self) -> None:
        """Send what has no end as a line."""
        self._send(self._lines.rest())

    def _send(self, lines: bytes) -> None:
        if lines:
            self._syslog.send(lines[:-1], prefix=self._prefix)


class SyslogHandler(logging.Handler):
    """Sends the daemon's own log."""

    def __init__(self, syslog: Syslog) -> None:
        super().__init__()
        self._syslog = syslog

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        severity = next(number for level, number in _SEVERITIES if record.levelno >= level)
        self._syslog.send(self.format(record).encode(errors="replace"), severity)


def _head(severity: int) -> bytes:
    # syslog(3), RFC 3164: <priority>Mmm dd hh:mm:ss tag[pid]: text
    moment = time.strftime("%b %e %H:%M:%S")
    return f"<{_USER | severity}>{moment} supervisord[{os.getpid()}]: ".encode()


def _pieces(line: bytes, room: int) -> Iterator[bytes]:
    """Cut a line where there is no more room, but within no character."""
    begin = 0
    while len(line) - begin > room:
        end = begin + room
        while end > begin + room - _LONGEST_CHARACTER and _is_inside(line[end]):
            end -= 1
        yield line[begin:end]
        begin = end
    yield line[begin:]


def _is_inside(byte: int) -> bool:
    """Say whether a byte continues a character of UTF-8."""
    return byte & 0xC0 == 0x80  # noqa: PLR2004
