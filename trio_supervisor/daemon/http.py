"""HTTP on a control connection: deadlines, bounds, the password, and XML-RPC.

The rules of HTTP are h11's; all paths but that of XML-RPC are the business of `daemon.site`.
Imported with the first request, since a daemon that is never asked so need not hold it in memory.
"""

from __future__ import annotations

import base64
import logging
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

import h11
import trio

from trio_supervisor.daemon import rpc, xmlrpc
from trio_supervisor.daemon.access import is_allowed
from trio_supervisor.daemon.answers import PLAIN, Refusal, Request, Stream
from trio_supervisor.daemon.methods import Session
from trio_supervisor.daemon.site import Site
from trio_supervisor.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from trio_supervisor.daemon.answers import Header
    from trio_supervisor.daemon.handlers import Handlers
    from trio_supervisor.daemon.viewers import Viewers
    from trio_supervisor.daemon.wire import Wire

    T = TypeVar("T")

log = logging.getLogger(__name__)

REQUEST_WITHIN = 30.0
READ_WITHIN = 10.0
"""Seconds a client has for a whole request, and for each part of it."""
KEEP_ALIVE = 75.0
"""Seconds a client may keep the connection without asking for anything."""
PART = 64 * 1024
"""Bytes of an answer that are sent within one deadline."""
LARGEST_HEAD = 16 * 1024
LARGEST_BODY = 1024 * 1024
XML = "text/xml"
CHALLENGE = ("WWW-Authenticate", 'Basic realm="default"')
NO_CALL = "XML-RPC calls come by POST"
FAILED = "it failed (the activity log says why)"
NO_PAGES = "web pages may not control the daemon"
SAFE = (
    ("Server", "trio-supervisor"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
"""Headers of every answer: a log is never taken for a page, nor shown in one of somebody else."""
CLOSE = ("Connection", "close")
NO_STORE = ("Cache-Control", "no-store")


async def converse(wire: Wire, data: bytes, handlers: Handlers, viewers: Viewers) -> None:
    """Answer the requests of a client whose first bytes have come, until one side ends it."""
    await Conversation(wire, handlers, viewers).run(data)


async def refuse(wire: Wire, data: bytes, text: str) -> None:
    """Answer a client whose requests cannot be taken now."""
    connection = h11.Connection(h11.SERVER)
    with suppress(h11.RemoteProtocolError):
        connection.receive_data(data)
        connection.next_event()
    await wire.send(_head(connection, 503, len(text) + 1, PLAIN) + _body(connection, text + "\n"))
    await wire.part()


def _head(
    connection: h11.Connection,
    status: int,
    size: int | None,
    kind: str,
    headers: Iterable[Header] = (),
) -> bytes:
    """Return the head of an answer; without a size, the body ends when it ends."""
    length = [] if size is None else [("Content-Length", str(size))]
    more = [*SAFE, ("Content-Type", kind), *length, *headers]
    if not any(name == NO_STORE[0] for name, _ in more):
        more.append(NO_STORE)
    reason = HTTPStatus(status).phrase  # without one, supervisorctl does not read the line
    return connection.send(h11.Response(status_code=status, reason=reason, headers=more)) or b""


def _body(connection: h11.Connection, body: bytes | str) -> bytes:
    data = body if isinstance(body, bytes) else body.encode(errors="backslashreplace")
    return (connection.send(h11.Data(data)) or b"") + (connection.send(h11.EndOfMessage()) or b"")


async def _guarded(what: str, answer: Awaitable[T]) -> T:
    """Wait for an answer; when making it fails, so does this request, and nothing else."""
    try:
        return await answer
    except Refusal:
        raise
    except Exception:
        log.exception("a request failed: %s", what)
        raise Refusal(500, FAILED) from None


class Conversation:
    """Requests of one client, one after the other."""

    def __init__(self, wire: Wire, handlers: Handlers, viewers: Viewers) -> None:
        self._wire = wire
        self._handlers = handlers
        self._session = Session(handlers, wire.peer)
        self._site = Site(self._session, viewers, wire.server)
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST_HEAD)
        self._is_head = False

    async def run(self, data: bytes) -> None:
        """Answer until the client leaves, asks for the end, or is refused."""
        self._http.receive_data(data)
        try:
            while await self._exchange():
                self._http.start_next_cycle()
        except ProtocolError:
            pass  # another client needs the place: HTTP lets a connection end between requests

    async def _exchange(self) -> bool:
        """Answer one request; False when it was the last one."""
        try:
            if not await self._await_request():
                return False
            with trio.fail_after(REQUEST_WITHIN):
                request = await self._event()
            if not isinstance(request, h11.Request):
                return False
            await self._answer(request)
        except h11.RemoteProtocolError as problem:
            await self._turn_down(Refusal(problem.error_status_hint, str(problem)))
        except Refusal as refusal:
            await self._turn_down(refusal)
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _await_request(self) -> bool:
        """Wait for the first bytes of a request; False when none comes."""
        if self._http.trailing_data[0]:
            return True
        with trio.move_on_after(KEEP_ALIVE) as patience:
            self._http.receive_data(await self._wire.next_request())
        return not patience.cancelled_caught

    async def _event(self) -> object:
        """Return the next part of a request."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                await self._wire.send(self._http.send(go_on) or b"")
            self._http.receive_data(await self._wire.receive(READ_WITHIN))
        return event

    async def _take_body(self, feed: Callable[[bytes], None] = lambda _data: None) -> None:
        """Read the body, which may be as large as it may be."""
        size = 0
        with trio.fail_after(REQUEST_WITHIN):
            while isinstance(event := await self._event(), h11.Data):
                size += len(event.data)
                if size > LARGEST_BODY:
                    raise Refusal(413, f"a request may have {LARGEST_BODY} bytes")
                feed(bytes(event.data))
                await trio.lowlevel.checkpoint()
        if not isinstance(event, h11.EndOfMessage):
            raise Refusal(400, "the request is not complete")

    async def _send(self, status: int, body: bytes | str, kind: str, *headers: Header) -> None:
        data = body if isinstance(body, bytes) else body.encode(errors="backslashreplace")
        head = _head(self._http, status, len(data), kind, headers)
        rest = memoryview(head + _body(self._http, b"" if self._is_head else data))
        while rest:  # a client on a slow line has the time of a part for each
            await self._wire.send(rest[:PART])
            rest = rest[PART:]

    async def _turn_down(self, refusal: Refusal) -> None:
        """Say why, and end the connection."""
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        await self._send(refusal.status, f"{refusal.text}\n", PLAIN, CLOSE, *refusal.headers)
        await self._wire.part()

    # ── answers ──

    async def _answer(self, request: h11.Request) -> None:
        self._is_head = request.method == b"HEAD"
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        if not self._may_speak(headers.get("authorization", "")):
            await self._take_body()
            raise Refusal(401, "a username and a password are needed", CHALLENGE)
        method = request.method.decode()
        path, _, query = request.target.decode("ascii").partition("?")
        if path.startswith("/RPC2"):
            await self._call(method, headers)
            return
        body = bytearray()
        await self._take_body(body.extend)
        await self._reply(Request(method, unquote(path), query, headers, bytes(body)))

    async def _reply(self, request: Request) -> None:
        """Send what the site answers."""
        what = f"{request.method} {request.path}"
        answer = await _guarded(what, self._site.answer(request))
        if isinstance(answer, Stream):
            await self._stream(answer)
        else:
            await self._send(answer.status, answer.body, answer.kind, *answer.headers)

    def _may_speak(self, given: str) -> bool:
        scheme, _, code = given.partition(" ")
        try:
            pair = base64.b64decode(code) if scheme.lower() == "basic" else b""
        except ValueError:
            pair = b""
        username, _, password = pair.decode(errors="surrogateescape").partition(":")
        return is_allowed(self._wire.server, username, password)

    async def _call(self, method: str, headers: dict[str, str]) -> None:
        """Answer an XML-RPC call."""
        if method != "POST" or "origin" in headers:  # browsers tell the origin of a page
            await self._take_body()
            raise Refusal(400, NO_CALL) if method != "POST" else Refusal(403, NO_PAGES)
        reader = xmlrpc.CallReader()
        try:
            await self._take_body(reader.feed)
            call = reader.close()
        except ProtocolError as problem:
            raise Refusal(400, str(problem)) from problem
        if not call.method:
            raise Refusal(400, "the call names no method")
        with self._handlers.farewell.answering():
            answer = await _guarded(call.method, rpc.document(self._session, call))
            await self._send(200, answer, XML)

    async def _stream(self, stream: Stream) -> None:
        """Send an answer without end, until the client leaves."""
        await self._wire.send(_head(self._http, 200, None, stream.kind, [CLOSE]))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch, nursery.cancel_scope)
            await stream.run(self._send_part)
            await self._wire.send(self._http.send(h11.EndOfMessage()) or b"")
            nursery.cancel_scope.cancel()

    async def _send_part(self, data: bytes) -> None:
        await self._wire.send(self._http.send(h11.Data(data)) or b"")

    async def _watch(self, scope: trio.CancelScope) -> None:
        """Cancel what is sent when nobody reads it any longer."""
        while await self._wire.receive(float("inf")):
            pass  # whatever else is asked: the answer under way has no end
        scope.cancel()
