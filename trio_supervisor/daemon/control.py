"""The control server: it accepts clients on all listeners, a bounded number at a time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.connection import Connection
from trio_supervisor.daemon.viewers import Viewers

if TYPE_CHECKING:
    from trio_supervisor.daemon.doors import Doors
    from trio_supervisor.daemon.handlers import Handlers
    from trio_supervisor.daemon.listeners import Listener

log = logging.getLogger(__name__)

CONNECTIONS = 64
"""Clients at a time; one more takes the place of the one that has been idle longest."""
ALL_BUSY = f"{CONNECTIONS} clients are connected, and all have requests under way (try again later)"
ACCEPT_PAUSE = 0.1
"""Seconds to wait when a connection cannot be accepted for want of descriptors."""


class Server:
    """Accepts connections on listeners, a bounded number at a time."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._viewers = Viewers()
        self._connections: set[Connection] = set()

    async def run(self, doors: Doors) -> None:
        """Serve all listeners, those that come later too, until cancelled."""
        serving: dict[Listener, trio.CancelScope] = {}
        async with trio.open_nursery() as nursery:
            while True:
                changed = doors.changed
                for listener in doors.listeners:
                    if listener not in serving:
                        serving[listener] = trio.CancelScope()
                        nursery.start_soon(self._serve, listener, serving[listener])
                for listener in set(serving).difference(doors.listeners):
                    serving.pop(listener).cancel()
                await changed.wait()

    async def _serve(self, listener: Listener, scope: trio.CancelScope) -> None:
        """Serve one listener until it is no longer wanted."""
        sock = trio.socket.from_stdlib_socket(listener.socket)
        try:
            with scope:
                async with trio.open_nursery() as nursery:
                    while True:
                        await self._accept(sock, listener, nursery)
        finally:
            listener.close()

    async def _accept(
        self, sock: trio.socket.SocketType, listener: Listener, nursery: trio.Nursery
    ) -> None:
        try:
            peer, _ = await sock.accept()
        except OSError as problem:
            log.warning("cannot accept a connection: %s", problem.strerror)
            await trio.sleep(ACCEPT_PAUSE)
        else:
            connection = Connection(peer, listener, self._handlers, self._viewers)
            nursery.start_soon(self._host, connection)

    async def _host(self, connection: Connection) -> None:
        """Keep one connection; whatever goes wrong in it stays in it."""
        has_room = len(self._connections) < CONNECTIONS or self._make_room()
        self._connections.add(connection)
        try:
            await connection.run("" if has_room else ALL_BUSY)
        except Exception:
            log.exception("a control connection failed")
        finally:
            self._connections.discard(connection)
            connection.close()

    def _make_room(self) -> bool:
        """Send away who has been idle longest; False when all wait for something."""
        idle = (one for one in self._connections if one.is_idle)
        longest = min(idle, key=lambda one: one.active_at, default=None)
        if longest is None:
            return False
        self._connections.discard(longest)
        longest.send_away()
        return True
