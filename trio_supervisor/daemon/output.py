"""Between us and the pipes of all processes: one pump, a service that outlives every group.

One round reads each readable pipe once, into one shared buffer, and writes to its sinks. There is
no inner "keep reading" loop: with it a loud process starved the control socket.
"""

from __future__ import annotations

import fcntl
import os
import selectors
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.feed import Feed
from trio_supervisor.daemon.terminal import open_terminal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trio_supervisor.daemon.logfile import Sink
    from trio_supervisor.daemon.terminal import Window

BUFFER = 256 * 1024
LOUD = 48 * 1024
"""A read of this many bytes earns the pipe a larger buffer."""
LARGE_PIPE = 1024 * 1024
SMALL = 4 * 1024
"""When no read of a round was larger, output may gather for a moment."""
GATHER = 0.01
DRAIN = 1.0
"""Seconds that a pipe is still read after its process is gone (another may hold it open)."""


class Pipe:
    """Reading end of one process's output."""

    def __init__(self, fd: int, sinks: tuple[Sink, ...], *, may_grow: bool = True) -> None:
        self.fd = fd
        self.sinks = sinks
        self.closed = trio.Event()
        self.may_grow = may_grow and hasattr(fcntl, "F_SETPIPE_SZ")

    def grow(self) -> None:
        """Ask for a larger kernel buffer, once."""
        self.may_grow = False
        try:
            fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, LARGE_PIPE)
        except PermissionError:  # pipe(7): the user's share of pipe memory is used up
            pass


async def _no_relief() -> None:
    """Nothing downstream is ever behind."""


class Pump:
    """Moves what all processes write, and what is written to them.

    ``relieve`` is awaited when sinks want a short rest.
    """

    def __init__(self, relieve: Callable[[], Awaitable[None]] = _no_relief) -> None:
        self._selector = selectors.DefaultSelector()
        self._buffer = bytearray(BUFFER)
        self._view = memoryview(self._buffer)
        self._relieve = relieve
        self._is_answer_due = False
        self._has_ended = False

    def open_pipe(self, sinks: tuple[Sink, ...]) -> tuple[Pipe, int]:
        """Make a pipe for what goes into ``sinks``; return it and its end to write into."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        return Pipe(reading, sinks), writing

    def begin(self, pipe: Pipe) -> None:
        """Read a pipe from now on: it is known who writes into it."""
        self._selector.register(pipe.fd, selectors.EVENT_READ, pipe)

    def open_feed(self) -> tuple[Feed, int]:
        """Make the stdin of a process; return what writes to it, and its end to read from."""
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        return Feed(writing, self._selector, self._expect_answer), reading

    def _expect_answer(self) -> None:
        self._is_answer_due = True

    def open_terminal(
        self, sinks: tuple[Sink, ...], window: Window, owner: int | None
    ) -> tuple[Pipe, Feed, int]:
        """Make a terminal; return what comes from it, what goes to it, and the process's end."""
        ours, theirs = open_terminal(window, owner)
        feed = Feed(os.dup(ours), self._selector, self._expect_answer, is_terminal=True)
        return Pipe(ours, sinks, may_grow=False), feed, theirs

    async def run(self) -> None:
        """Pump until cancelled."""
        descriptor = self._selector.fileno()
        try:
            while True:
                await trio.lowlevel.wait_readable(descriptor)
                largest = self._round()
                await self._relieve()
                if 0 < largest <= SMALL and not self._is_answer_due:
                    await trio.sleep(GATHER)
                self._is_answer_due = False
        finally:
            self._has_ended = True

    def _round(self) -> int:
        """Serve every ready pipe once; return the size of the largest read, 0 for none."""
        largest = 0
        for key, ready in self._selector.select(0):
            if ready & selectors.EVENT_WRITE:
                key.data.flush()
            else:
                largest = max(largest, self._move(key.data))
        return largest

    def _move(self, pipe: Pipe) -> int:
        """Move one read's worth of bytes; close the pipe at its end."""
        try:
            size = os.readv(pipe.fd, [self._buffer])
        except BlockingIOError:
            return 0
        except OSError:  # EIO: nobody has the terminal open any more
            size = 0
        if size == 0:
            self.close(pipe)
            return 0
        data = self._view[:size]
        for sink in pipe.sinks:
            sink.write(data)
        if size >= LOUD and pipe.may_grow:
            pipe.grow()
        return size

    def take(self, pipe: Pipe) -> None:
        """Take what is in a pipe at this moment."""
        room = LARGE_PIPE
        while room > 0 and not pipe.closed.is_set() and (size := self._move(pipe)):
            room -= size

    def close(self, pipe: Pipe) -> None:
        """Stop reading a pipe; its writers, if any are left, will get EPIPE."""
        if not pipe.closed.is_set():
            if pipe.fd in self._selector.get_map():
                self._selector.unregister(pipe.fd)
            os.close(pipe.fd)
            pipe.closed.set()

    def catch_up(self, *pipes: Pipe) -> None:
        """Take what an ended process has written last, before its end is told."""
        for pipe in pipes:
            if not pipe.closed.is_set():
                self._move(pipe)

    async def drain(self, *pipes: Pipe) -> None:
        """Wait until all of an ended process's output has gone through, at most DRAIN seconds."""
        # after a failure of ours the pump is gone before the programs: waiting brings nothing
        with trio.move_on_after(0 if self._has_ended else DRAIN) as scope:
            scope.shield = True  # a cancelled program's last lines would be lost
            for pipe in pipes:
                await pipe.closed.wait()
        for pipe in pipes:
            self._empty(pipe)

    def finish(self) -> None:
        """Take what is left in all pipes and close: nothing writes any more."""
        for key in list(self._selector.get_map().values()):
            if key.events & selectors.EVENT_READ:
                self._empty(key.data)
        self._selector.close()

    def _empty(self, pipe: Pipe) -> None:
        """Take what is there and close; somebody who holds the pipe may write on for ever."""
        self.take(pipe)
        self.close(pipe)
