"""The control server: it accepts clients on all listeners, a bounded number at a time."""

from __future__ import annotations

import logging
from collections import defaultdict
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
"""Clients at a time, on unix sockets and, so that nobody from the network can keep those out, on
ports; one more takes the place of the one that has been idle longest."""
ALL_BUSY = f"{CONNECTIONS} clients are connected, and all have requests under way (try again later)"
ACCEPT_PAUSE = 0.1
"""Seconds to wait when a connection cannot be accepted for want of descriptors."""


class Server:
    """Accepts connections on listeners, a bounded number at a time."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._viewers = Viewers()
        self._connections: dict[str, set[Connection]] = defaultdict(set)

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
            nursery.start_soon(self._host, connection, self._connections[listener.kind])

    async def _host(self, connection: Connection, all_of_them: set[Connection]) -> None:
        """Keep one connection; whatever goes wrong in it stays in it."""
        has_room = len(all_of_them) < CONNECTIONS or _make_room(all_of_them)
        all_of_them.add(connection)
        try:
            await connection.run("" if has_room else ALL_BUSY)
        except Exception:
            log.exception("a control connection failed")
        finally:
            all_of_them.discard(connection)
            connection.close()


def _make_room(connections: set[Connection]) -> bool:
    """Send away who has been idle longest; False when all wait for something."""
    idle = (one for one in connections if one.is_idle)
    longest = min(idle, key=lambda one: one.active_at, default=None)
    if longest is None:
        return False
    connections.discard(longest)
    longest.send_away()
    return True
