"""One connection of the control server: frames, who may speak, and answers under way.

A connection that begins with an HTTP method is handed to `daemon.http`.

Nothing a client does can stall supervision: every wait for it has a deadline, every queue a
bound, and a connection that breaks ends alone. What is asked, `handlers` answers.
"""

from __future__ import annotations

import importlib
import logging
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import trio

from trio_supervisor import __version__
from trio_supervisor.daemon.access import is_allowed
from trio_supervisor.daemon.wire import Wire
from trio_supervisor.errors import Fault, ProtocolError, RequestError
from trio_supervisor.protocol import REQUEST_LIMIT, Deframer, from_frame, to_bytes
from trio_supervisor.protocol.messages import (
    PROTOCOL_MAJOR,
    PROTOCOL_MINOR,
    Cancel,
    End,
    Error,
    FollowEvents,
    Hello,
    Message,
    Tail,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import ModuleType

    from trio_supervisor.daemon.handlers import Handlers
    from trio_supervisor.daemon.listeners import Listener
    from trio_supervisor.daemon.viewers import Viewers
    from trio_supervisor.protocol import Frame

log = logging.getLogger(__name__)

HELLO_WITHIN = 5.0
FRAME_WITHIN = 10.0
"""Seconds a client has for its first frame, and for the rest of one."""
HINT_WITHIN = 0.1
"""Seconds in which a client that cannot be served may show that it speaks HTTP."""
HTTP = "trio_supervisor.daemon.http"
STREAMS = 32
"""Answers of one connection that are sent at a time; others wait, and can be cancelled."""
REQUESTS = 1024
"""Requests under way in one connection, those that wait among them; more are refused."""
FLUSH_ABOVE = 16 * 1024
"""Bytes of answers that wait for more: a client reads the first rows while the next are made."""

TOO_MANY_REQUESTS = (
    f"{REQUESTS} requests of this connection are being answered (wait for some, or cancel them)"
)


class Connection:
    """One client: Hello first, then requests that are answered concurrently."""

    def __init__(
        self,
        sock: trio.socket.SocketType,
        listener: Listener,
        handlers: Handlers,
        viewers: Viewers,
    ) -> None:
        self._wire = Wire(sock, listener.server)
        self._handlers = handlers
        self._viewers = viewers
        self._deframer = Deframer(REQUEST_LIMIT)
        self._is_greeted = False
        self._streams: dict[int, trio.CancelScope] = {}
        self._endless: set[trio.CancelScope] = set()
        self._room = trio.CapacityLimiter(STREAMS)
        self._ready = bytearray()

    @property
    def is_idle(self) -> bool:
        """True while the client may ask for something, and nothing it asked for is under way."""
        return self._wire.is_waiting and not self._streams

    @property
    def active_at(self) -> float:
        """The moment (Trio's clock) since which it is idle."""
        return self._wire.active_at

    def close(self) -> None:
        """Close the socket."""
        self._wire.close()

    def send_away(self) -> None:
        """Let an idle client go, in words, so that another one can come."""
        self._wire.send_away()

    async def run(self, refusal: str = "") -> None:
        """Serve until the client leaves, breaks the protocol, or is too slow.

        Who only says that no more requests come is still given the answers. A client that
        cannot be served is sent away with a ``refusal``.
        """
        try:
            async with trio.open_nursery() as nursery:
                try:
                    await (self._refuse(refusal) if refusal else self._converse(nursery))
                except ProtocolError as problem:
                    self._answer(0, Error(problem.fault, str(problem)))
                    await self._flush()
                    nursery.cancel_scope.cancel()
                if self._wire.has_hung_up():
                    nursery.cancel_scope.cancel()
                for scope in self._endless:
                    scope.cancel()
        except* (OSError, trio.TooSlowError):
            pass  # the client has gone, or does not read what it asked for

    async def _refuse(self, refusal: str) -> None:
        """Send away a client that cannot be served, in its own language."""
        first = b""
        with suppress(trio.TooSlowError):
            first = await self._wire.receive(HINT_WITHIN)
        if not is_http(first):
            raise ProtocolError(refusal, Fault.BUSY)
        await (await _http()).refuse(self._wire, first, refusal)

    async def _converse(self, nursery: trio.Nursery) -> None:
        """Take what comes, in order; what is answered at once goes out in one send."""
        while data := await self._receive():
            if not self._is_greeted and self._deframer.is_between_frames and is_http(data):
                http = await _http()
                await http.converse(self._wire, data, self._handlers, self._viewers)
                return
            for frame in self._deframer.feed(data):
                await self._take(frame, nursery)
                if len(self._ready) > FLUSH_ABOVE:
                    await self._flush()
            await self._flush()

    async def _receive(self) -> bytes:
        """Wait for bytes: for ever between two frames, else not for long."""
        if self._is_greeted and self._deframer.is_between_frames:
            return await self._wire.next_request()
        try:
            return await self._wire.receive(FRAME_WITHIN if self._is_greeted else HELLO_WITHIN)
        except trio.TooSlowError:
            raise ProtocolError("a frame was begun and not finished in time") from None

    async def _take(self, frame: Frame, nursery: trio.Nursery) -> None:
        if not self._is_greeted:
            self._greet(frame)
            return
        try:
            message = from_frame(frame)
        except ProtocolError as problem:
            if problem.fault is not Fault.UNKNOWN_METHOD:
                raise
            self._answer(frame.request, Error(problem.fault, str(problem)))
            return
        match message:
            case Cancel():
                if scope := self._streams.get(frame.request):
                    scope.cancel()
            case Hello():
                raise ProtocolError("Hello comes first, and once")
            case _:
                await self._request(frame.request, message, nursery)

    def _greet(self, frame: Frame) -> None:
        """Check who comes; ProtocolError sends them away."""
        hello = from_frame(frame)
        if not isinstance(hello, Hello):
            raise ProtocolError("the first frame must be Hello")
        if hello.major != PROTOCOL_MAJOR:
            text = f"this is protocol {PROTOCOL_MAJOR}.{PROTOCOL_MINOR}, not {hello.major}"
            raise ProtocolError(text, Fault.UNSUPPORTED_VERSION)
        if not is_allowed(self._wire.server, hello.username, hello.password):
            raise ProtocolError("wrong username or password", Fault.UNAUTHORIZED)
        self._is_greeted = True
        software = f"trio-supervisor {__version__}"
        self._answer(0, Hello(PROTOCOL_MAJOR, PROTOCOL_MINOR, software))

    async def _request(self, number: int, message: Message, nursery: trio.Nursery) -> None:
        if number == 0 or number in self._streams:
            raise ProtocolError(f"request id {number} is not free")
        try:
            if len(self._streams) >= REQUESTS:
                raise RequestError(Fault.BUSY, TOO_MANY_REQUESTS)
            answer = self._handlers.answer(message, self._wire.peer)
        except RequestError as problem:
            self._answer(number, Error(problem.fault, problem.detail))
        except Exception:
            log.exception("a request failed: %s", type(message).__name__)
            self._answer(number, Error(Fault.INTERNAL_ERROR, "see the activity log"))
        else:
            if isinstance(answer, tuple):
                for reply in answer:
                    self._answer(number, reply)
                    if len(self._ready) > FLUSH_ABOVE:
                        await self._flush()
            else:
                await self._flush()
                self._streams[number] = scope = trio.CancelScope()
                if _is_endless(message):
                    self._endless.add(scope)
                nursery.start_soon(self._stream, number, answer, scope)

    def _answer(self, number: int, message: Message) -> None:
        self._ready += to_bytes(number, message)

    async def _stream(
        self, number: int, answer: AsyncIterator[Message], scope: trio.CancelScope
    ) -> None:
        """Send the items of a stream, each when the client has taken the one before.

        Whoever has too many streams gets this one when another has ended.
        """
        try:
            with scope:
                async with aclosing(answer) as items, self._room:  # type: ignore[type-var]  # generators all
                    async for item in items:
                        await self._wire.send(to_bytes(number, item))
            if scope.cancelled_caught:
                await self._wire.send(to_bytes(number, End()))
        except RequestError as problem:
            await self._wire.send(to_bytes(number, Error(problem.fault, problem.detail)))
        finally:
            del self._streams[number]
            self._endless.discard(scope)
            self._wire.active_at = trio.current_time()

    async def _flush(self) -> None:
        if self._ready:
            data, self._ready = self._ready, bytearray()
            await self._wire.send(data)


def _is_endless(request: Message) -> bool:
    match request:
        case FollowEvents():
            return True
        case Tail(follow=follow):
            return follow
        case _:
            return False


def is_http(data: bytes) -> bool:
    """Say whether a connection begins as HTTP: as a frame, its body would be above 1 GiB."""
    return data[:1].isupper()


async def _http() -> ModuleType:
    """Return `daemon.http`, imported by the first who speaks it, away from the loop."""
    return await trio.to_thread.run_sync(importlib.import_module, HTTP)
