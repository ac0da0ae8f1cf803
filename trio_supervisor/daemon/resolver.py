"""The names of hosts, as probes look them up: in threads of their own.

A look-up that hangs cannot be ended, only left alone. Trio has one number of threads for everything
that blocks, spawns among it: with names that nobody answers for, nothing could start any more.
"""

from __future__ import annotations

import socket
from typing import Any

import trio

AT_ONCE = 16
"""Look-ups that may be under way, those included that nobody waits for any longer."""
_ABANDON: dict[str, Any] = {"abandon_on_cancel": True}  # trio-typing does not know it


class Resolver(trio.abc.HostnameResolver):
    """Looks names up like Trio's own; what is cancelled goes on behind the back of everybody."""

    def __init__(self) -> None:
        self._limiter = trio.CapacityLimiter(AT_ONCE)

    async def getaddrinfo(  # noqa: PLR0917  # as it is called
        self,
        host: Any,
        port: Any,
        family: int = 0,
        type: int = 0,  # noqa: A002
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        """Return what socket.getaddrinfo does."""
        return await self._look_up(socket.getaddrinfo, host, port, family, type, proto, flags)

    async def getnameinfo(self, sockaddr: Any, flags: int) -> Any:
        """Return what socket.getnameinfo does."""
        return await self._look_up(socket.getnameinfo, sockaddr, flags)

    async def _look_up(self, function: Any, *given: Any) -> Any:
        return await trio.to_thread.run_sync(function, *given, limiter=self._limiter, **_ABANDON)
