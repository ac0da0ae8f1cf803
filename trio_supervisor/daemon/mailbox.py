"""A log that is a unix socket: of a collector such as syslog-ng or vector, stream or datagrams.

What it does not take at once waits, up to a bound, for a thread, which also connects anew when
the collector was restarted. Nobody is stalled; what is too much is counted as lost.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
import time
from functools import partial
from typing import TYPE_CHECKING

from trio_supervisor.console.lines import Lines
from trio_supervisor.daemon.listeners import short_path
from trio_supervisor.daemon.stream import BACKLOG, LAST_WORDS, LOOK_EVERY, descriptor_of
from trio_supervisor.daemon.worker import Worker

if TYPE_CHECKING:
    from trio_supervisor.daemon.losses import Losses

RETRY_AFTER = 1.0
"""Seconds before a socket that could not be reached is tried again."""
LONGEST_LINE = 8 * 1024
"""What goes into one datagram; longer lines are sent in pieces."""


def is_socket(path: str) -> bool:
    """Say whether a path is a unix socket now, and no descriptor of ours."""
    try:
        return descriptor_of(path) is None and stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


class Mailbox:
    """Sends to such a socket without ever waiting for it: bytes, or a line in each datagram."""

    def __init__(self, path: str, losses: Losses) -> None:
        self._path = path
        self._losses = losses
        self._worker = Worker(f"writes {path}", BACKLOG)
        self._socket: socket.socket | None = None
        self._is_stream = False
        self._lines = Lines(LONGEST_LINE)
        self._tried = -float("inf")
        self._until = float("inf")
        self._problem: object = "it does not take what is written"

    def write(self, data: bytes | memoryview) -> None:
        """Send what goes; the rest follows, or is lost."""
        self._put(self._pieces(data))

    def close(self) -> None:
        """Close it when it has taken what waits, at most LAST_WORDS from now."""
        if rest := self._lines.rest():
            self._put([rest])
        self._until = time.monotonic() + LAST_WORDS
        if self._worker.is_idle or not self._worker.put(self._disconnect):
            self._disconnect()

    def _pieces(self, data: bytes | memoryview) -> list[bytes]:
        """Return what is sent at once each: all of it, or, unless to a stream, whole lines."""
        if self._worker.is_idle and self._socket is None:
            self._reach()
        if self._is_stream:
            return [bytes(data)]
        return [line + b"\n" for line in self._lines.take(data).split(b"\n")[:-1]]

    def _put(self, pieces: list[bytes]) -> None:
        if self._worker.is_idle:
            self._send(pieces)
        size = sum(map(len, pieces))
        if pieces and not self._worker.put(partial(self._send_late, pieces), size):
            self._losses.add(size, self._problem)

    def _send_late(self, pieces: list[bytes]) -> None:
        """Send all, as the socket takes it, connected anew if need be; in the worker's thread."""
        while pieces and time.monotonic() < self._until:
            poll = select.poll()
            if self._socket is not None or self._reach():
                assert self._socket is not None
                poll.register(self._socket, select.POLLOUT)
            poll.poll(LOOK_EVERY)
            self._send(pieces)
        if pieces:
            self._losses.add(sum(map(len, pieces)), self._problem)

    def _send(self, pieces: list[bytes]) -> None:
        """Send and take out of the list what goes now."""
        try:
            while pieces and self._socket is not None:
                pieces[0] = pieces[0][self._send_some(self._socket, pieces[0]) :]
                if not pieces[0]:
                    del pieces[0]
        except BlockingIOError:
            pass
        except OSError as problem:  # it was closed, or restarted
            self._problem = problem
            if problem.errno == errno.EMSGSIZE:  # more than its buffer has room for
                self._losses.add(len(pieces.pop(0)), problem)
            self._disconnect()

    def _send_some(self, connection: socket.socket, piece: bytes) -> int:
        """Send the beginning of a piece, or the one line that it is; return how much went."""
        if self._is_stream:
            return connection.send(piece)
        if line := piece.rstrip(b"\n"):
            connection.send(line)
        return len(piece)

    def _reach(self) -> bool:
        """Connect, at most once a second; say whether that worked."""
        if time.monotonic() < self._tried + RETRY_AFTER:
            return False
        self._tried = time.monotonic()
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            connection = socket.socket(socket.AF_UNIX, kind)
            connection.setblocking(False)
            try:
                with short_path(self._path) as path:
                    connection.connect(path)
            except OSError as problem:  # EAGAIN, too: too many wait to be accepted already
                connection.close()
                self._problem = problem
                if problem.errno != errno.EPROTOTYPE:  # connect(2): a socket of another kind
                    return False
            else:
                self._socket, self._is_stream = connection, kind == socket.SOCK_STREAM
                return True
        return False

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
