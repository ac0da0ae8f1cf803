"""One connection of the control server: frames, who may speak, and answers under way.

Nothing a client does can stall supervision: every wait for it has a deadline, every queue a
bound, and a connection that breaks ends alone. What is asked, `handlers` answers.
"""

from __future__ import annotations

import hmac
import logging
import select
import socket
import struct
from contextlib import aclosing
from typing import TYPE_CHECKING

import trio

from trio_supervisor import __version__
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

    from trio_supervisor.daemon.handlers import Handlers
    from trio_supervisor.daemon.listeners import Listener
    from trio_supervisor.protocol import Frame

log = logging.getLogger(__name__)

HELLO_WITHIN = 5.0
FRAME_WITHIN = 10.0
SEND_WITHIN = 10.0
"""Seconds a client has for its first frame, for the rest of one, and for taking an answer."""
STREAMS = 32
"""Answers of one connection that are sent at a time; others wait, and can be cancelled."""
REQUESTS = 1024
"""Requests under way in one connection, those that wait among them; more are refused."""
RECEIVE = 64 * 1024
FLUSH_ABOVE = 256 * 1024
"""Bytes of answers that wait for the rest of what one receive brought."""

MAKE_ROOM = (
    "too many clients are connected, and this connection was idle longest; "
    "it is closed to let another one in (connect again)"
)
TOO_MANY_REQUESTS = (
    f"{REQUESTS} requests of this connection are being answered (wait for some, or cancel them)"
)
NO_HTTP = (
    b"HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"HTTP is not served yet; this is a control socket: use supervisorctl\r\n"
)


class Connection:
    """One client: Hello first, then requests that are answered concurrently."""

    def __init__(
        self, sock: trio.socket.SocketType, listener: Listener, handlers: Handlers
    ) -> None:
        self._socket = sock
        self._server = listener.server
        self._handlers = handlers
        self._peer = _peer_of(sock)
        self._deframer = Deframer(REQUEST_LIMIT)
        self._is_greeted = False
        self._waiting: trio.CancelScope | None = None
        self.active_at = trio.current_time()
        self._streams: dict[int, trio.CancelScope] = {}
        self._endless: set[trio.CancelScope] = set()
        self._room = trio.CapacityLimiter(STREAMS)
        self._sending = trio.Lock()
        self._ready = bytearray()

    @property
    def is_idle(self) -> bool:
        """True while the client may ask for something, and nothing it asked for is under way."""
        return self._waiting is not None and not self._streams

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def send_away(self) -> None:
        """Let an idle client go, in words, so that another one can come."""
        assert self._waiting is not None
        self._waiting.cancel()
        self._waiting = None

    async def run(self, refusal: str = "") -> None:
        """Serve until the client leaves, breaks the protocol, or is too slow.

        Who only says that no more requests come is still given the answers. A client that
        cannot be served is sent away with a ``refusal``.
        """
        try:
            async with trio.open_nursery() as nursery:
                try:
                    if refusal:
                        raise ProtocolError(refusal, Fault.BUSY)
                    await self._converse(nursery)
                except ProtocolError as problem:
                    self._answer(0, Error(problem.fault, str(problem)))
                    await self._flush()
                    nursery.cancel_scope.cancel()
                if self._has_hung_up():
                    nursery.cancel_scope.cancel()
                for scope in self._endless:
                    scope.cancel()
        except* (OSError, trio.TooSlowError):
            pass  # the client has gone, or does not read what it asked for

    def _has_hung_up(self) -> bool:
        """Say whether nobody reads what is sent, as far as the kernel knows."""
        poll = select.poll()
        poll.register(self._socket.fileno(), 0)  # poll(2): POLLHUP is told without being asked for
        return bool(poll.poll(0))

    async def _converse(self, nursery: trio.Nursery) -> None:
        """Take what comes, in order; what is answered at once goes out in one send."""
        while data := await self._receive():
            if not self._is_greeted and data[:1].isupper():
                await self._send(NO_HTTP)  # no frame begins so: its body would be above 1 GiB
                return
            for frame in self._deframer.feed(data):
                await self._take(frame, nursery)
                if len(self._ready) > FLUSH_ABOVE:
                    await self._flush()
            await self._flush()

    async def _receive(self) -> bytes:
        """Wait for bytes: for ever between two frames, else not for long."""
        if self._is_greeted and self._deframer.is_between_frames:
            return await self._next_request()
        with trio.move_on_after(FRAME_WITHIN if self._is_greeted else HELLO_WITHIN):
            return await self._socket.recv(RECEIVE)
        raise ProtocolError("a frame was begun and not finished in time")

    async def _next_request(self) -> bytes:
        """Wait for as long as the server has room; what comes in that moment is not looked at."""
        self.active_at = trio.current_time()
        data = b""
        with trio.CancelScope() as scope:
            self._waiting = scope
            data = await self._socket.recv(RECEIVE)
        self._waiting = None
        if scope.cancel_called:
            raise ProtocolError(MAKE_ROOM, Fault.BUSY)
        return data

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
        if not self._is_allowed(hello):
            raise ProtocolError("wrong username or password", Fault.UNAUTHORIZED)
        self._is_greeted = True
        software = f"trio-supervisor {__version__}"
        self._answer(0, Hello(PROTOCOL_MAJOR, PROTOCOL_MINOR, software))

    def _is_allowed(self, hello: Hello) -> bool:
        """Compare what the server wants in constant time; ``{SHA}`` passwords are hashes."""
        wanted = self._server
        if wanted.username is None or wanted.password is None:
            return True
        given = hello.password
        if wanted.password.startswith("{SHA}"):
            import hashlib  # noqa: PLC0415  # seldom needed

            given = "{SHA}" + hashlib.sha1(given.encode()).hexdigest()  # noqa: S324  # as original
        is_user = hmac.compare_digest(hello.username.encode(), wanted.username.encode())
        is_password = hmac.compare_digest(given.encode(), wanted.password.encode())
        return is_user and is_password

    async def _request(self, number: int, message: Message, nursery: trio.Nursery) -> None:
        if number == 0 or number in self._streams:
            raise ProtocolError(f"request id {number} is not free")
        try:
            if len(self._streams) >= REQUESTS:
                raise RequestError(Fault.BUSY, TOO_MANY_REQUESTS)
            answer = self._handlers.answer(message, self._peer)
        except RequestError as problem:
            self._answer(number, Error(problem.fault, problem.detail))
        except Exception:
            log.exception("a request failed: %s", type(message).__name__)
            self._answer(number, Error(Fault.INTERNAL_ERROR, "see the activity log"))
        else:
            if isinstance(answer, tuple):
                for reply in answer:
                    self._answer(number, reply)
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
                        await self._send(to_bytes(number, item))
            if scope.cancelled_caught:
                await self._send(to_bytes(number, End()))
        except RequestError as problem:
            await self._send(to_bytes(number, Error(problem.fault, problem.detail)))
        finally:
            del self._streams[number]
            self._endless.discard(scope)
            self.active_at = trio.current_time()

    async def _flush(self) -> None:
        if self._ready:
            data, self._ready = self._ready, bytearray()
            await self._send(data)

    async def _send(self, data: bytes | bytearray) -> None:
        """Send all; TooSlowError when the client does not take it, OSError when it is gone."""
        async with self._sending:
            with trio.fail_after(SEND_WITHIN):
                rest = memoryview(data)
                while rest:
                    rest = rest[await self._socket.send(rest) :]


def _is_endless(request: Message) -> bool:
    match request:
        case FollowEvents():
            return True
        case Tail(follow=follow):
            return follow
        case _:
            return False


def _peer_of(sock: trio.socket.SocketType) -> str:
    """Say who is at the other end, as the kernel knows it."""
    if sock.family != socket.AF_UNIX or not hasattr(socket, "SO_PEERCRED"):
        return "by a network client"
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", raw)
    return f"by pid {pid} of uid {uid}"
