"""The socket of one client: waits have deadlines, and who is idle can be told to go.

Frames and HTTP share it. Whoever waits for a request without end does so by `next_request`, and
may then lose the place to another client.
"""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.access import peer_of
from trio_supervisor.errors import Fault, ProtocolError

if TYPE_CHECKING:
    from trio_supervisor.spec import InetServerSpec, UnixServerSpec

SEND_WITHIN = 10.0
"""Seconds a client has for taking what is sent."""
PART_WITHIN = 0.5
"""Seconds a client that was answered for the last time has for finishing what it sends."""
RECEIVE = 64 * 1024

MAKE_ROOM = (
    "too many clients are connected, and this connection was idle longest; "
    "it is closed to let another one in (connect again)"
)


class Wire:
    """Bytes from and to one client; ``server`` is the section of the listener it came through."""

    def __init__(
        self, sock: trio.socket.SocketType, server: UnixServerSpec | InetServerSpec
    ) -> None:
        self.server = server
        self.peer = peer_of(sock)
        self.active_at = trio.current_time()
        self._socket = sock
        self._waiting: trio.CancelScope | None = None
        self._sending = trio.Lock()

    @property
    def is_waiting(self) -> bool:
        """True while the client may ask for something, and has not begun to."""
        return self._waiting is not None

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def send_away(self) -> None:
        """Let `next_request` raise ProtocolError, so that another client can come."""
        assert self._waiting is not None
        self._waiting.cancel()
        self._waiting = None

    def has_hung_up(self) -> bool:
        """Say whether nobody reads what is sent, as far as the kernel knows."""
        poll = select.poll()
        poll.register(self._socket.fileno(), 0)  # poll(2): POLLHUP is told without being asked for
        return bool(poll.poll(0))

    async def receive(self, within: float) -> bytes:
        """Return what comes, nothing at the end; TooSlowError after ``within`` seconds."""
        with trio.fail_after(within):
            return await self._socket.recv(RECEIVE)

    async def next_request(self) -> bytes:
        """Wait for as long as the server has room; what comes in that moment is not looked at."""
        self.active_at = trio.current_time()
        data = b""
        with trio.CancelScope() as scope:
            self._waiting = scope
            try:
                data = await self._socket.recv(RECEIVE)
            finally:
                self._waiting = None
        if scope.cancel_called:
            raise ProtocolError(MAKE_ROOM, Fault.BUSY)
        return data

    async def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send all; TooSlowError when the client does not take it, OSError when it is gone."""
        async with self._sending:
            with trio.fail_after(SEND_WITHIN):
                rest = memoryview(data)
                while rest:
                    rest = rest[await self._socket.send(rest) :]

    async def part(self) -> None:
        """Say that nothing more comes, and let the client finish what it is sending.

        To close over bytes that nobody has read would take the last answer away from it.
        """
        self._socket.shutdown(socket.SHUT_WR)
        with suppress(trio.TooSlowError), trio.fail_after(PART_WITHIN):
            while await self.receive(PART_WITHIN):
                pass
