"""The control side of a daemon on real sockets, in this process, and a client of it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, NoReturn, cast

import trio
from configurations import loaded

from trio_supervisor.daemon.control import Server
from trio_supervisor.daemon.events import EventBus
from trio_supervisor.daemon.handlers import Handlers
from trio_supervisor.daemon.listeners import listen_unix
from trio_supervisor.daemon.logfile import LogFile
from trio_supervisor.daemon.supervisor import Supervisor
from trio_supervisor.protocol import REPLY_LIMIT, Deframer, from_frame, to_bytes
from trio_supervisor.protocol.messages import Hello, Message
from trio_supervisor.spec import UnixServerSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from trio_supervisor.daemon.activity import ActivityLog
    from trio_supervisor.daemon.listeners import Listener

HELLO = to_bytes(0, Hello(1))


class Client:
    """A connection that sends bytes as it likes, and reads messages."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._deframer = Deframer(REPLY_LIMIT)
        self._frames: list[tuple[int, Message]] = []

    async def send(self, *data: bytes) -> None:
        await self.stream.send_all(b"".join(data))

    async def receive(self) -> tuple[int, Message] | None:
        """Return the next message with its request id, None at the end."""
        while not self._frames:
            data = await self.stream.receive_some()
            if not data:
                return None
            self._frames = [(f.request, from_frame(f)) for f in self._deframer.feed(data)]
        return self._frames.pop(0)

    async def rest(self) -> list[Message]:
        """Return all messages until the server closes."""
        found = []
        while (received := await self.receive()) is not None:
            found.append(received[1])
        return found


class Served:
    """The control side of a daemon without programs, on one listener."""

    def __init__(self, path: Path, listener: Listener) -> None:
        self.main_log = LogFile(str(path / "main.log"))
        self.main_log.open()
        self.listener = listener
        self.clients: list[Client] = []
        self.supervisor = Supervisor(
            loaded(path, "[supervisord]\n"),
            events=EventBus(),
            load=_never,
            make=_never,
            probe=_never,
            adopt=_never,
            wake=_never,
        )
        activity = cast("ActivityLog", SimpleNamespace(file=self.main_log))
        self.server = Server(Handlers(self.supervisor, activity=activity, pid=4711, census=_nobody))

    async def connect(self, listener: Listener | None = None) -> Client:
        """Connect another client, to another listener if there is one."""
        there = (listener or self.listener).socket
        sock = trio.socket.socket(there.family)
        await sock.connect(there.getsockname())
        self.clients.append(Client(trio.SocketStream(sock)))
        return self.clients[-1]


async def _nobody() -> tuple[dict[tuple[str, str], set[int]], set[int]]:
    return {}, set()


def _never(*_: object) -> NoReturn:
    raise AssertionError("nothing here loads, makes or stops anything")


@asynccontextmanager
async def serving(path: Path, listener: Listener | None = None) -> AsyncIterator[Served]:
    """Serve on a unix socket or another listener; the whole test has ten seconds."""
    served = Served(path, listener or listen_unix(UnixServerSpec(file=str(path / "s"))))
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(served.server._serve, served.listener, trio.CancelScope())
            try:
                yield served
            finally:
                with trio.CancelScope(shield=True):
                    for client in served.clients:
                        await client.stream.aclose()
                    nursery.cancel_scope.cancel()
    served.listener.close()
    served.main_log.close()
