"""The control server: it accepts clients on all listeners, a bounded number at a time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.connection import Connection

if TYPE_CHECKING:
    from trio_supervisor.daemon.doors import Doors
    from trio_supervisor.daemon.handlers import Handlers
    from trio_supervisor.daemon.listeners import Listener

log = logging.getLogger(__name__)

CONNECTIONS = 64
ACCEPT_PAUSE = 0.1
"""Seconds to wait when a connection cannot be accepted for want of descriptors."""


class Server:
    """Accepts connections on listeners, a bounded number at a time."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._connections = 0

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
            nursery.start_soon(self._host, Connection(peer, listener, self._handlers))

    async def _host(self, connection: Connection) -> None:
        """Keep one connection; whatever goes wrong in it stays in it."""
        is_one_too_many = self._connections >= CONNECTIONS
        self._connections += 1
        try:
            await connection.run(f"{CONNECTIONS} clients are connected" if is_one_too_many else "")
        except Exception:
            log.exception("a control connection failed")
        finally:
            self._connections -= 1
            connection.close()
