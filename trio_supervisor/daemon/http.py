"""HTTP on a control connection: XML-RPC, logs that are followed, a sign of life.

The rules of HTTP are h11's; here are deadlines, bounds, the password and the paths. Imported with
the first request, since a daemon that is never asked so need not hold it in memory.
"""

from __future__ import annotations

import base64
import logging
from contextlib import aclosing, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

import h11
import trio

from trio_supervisor.daemon import excerpts, rpc, xmlrpc
from trio_supervisor.daemon.access import is_allowed
from trio_supervisor.daemon.methods import Session
from trio_supervisor.errors import ProtocolError, RequestError
from trio_supervisor.protocol.messages import Channel, Output, Tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trio_supervisor.daemon.handlers import Handlers
    from trio_supervisor.daemon.wire import Wire

log = logging.getLogger(__name__)

REQUEST_WITHIN = 30.0
READ_WITHIN = 10.0
"""Seconds a client has for a whole request, and for each part of it."""
KEEP_ALIVE = 75.0
"""Seconds a client may keep the connection without asking for anything."""
LARGEST_HEAD = 16 * 1024
LARGEST_BODY = 1024 * 1024
LAST_BYTES = 1024
"""Bytes of a log that come before what is new, as in supervisord's http.py."""
PLAIN = "text/plain; charset=utf-8"
XML = "text/xml"
CHALLENGE = ("WWW-Authenticate", 'Basic realm="default"')
NO_CALL = "XML-RPC calls come by POST"
NO_PAGES = "web pages may not control the daemon"
CHANNELS = {"stdout": Channel.STDOUT, "stderr": Channel.STDERR}


class Refusal(Exception):  # noqa: N818  # it is an answer
    """A request that is answered by a status and a sentence; the connection ends with it."""

    def __init__(self, status: int, text: str, *headers: tuple[str, str]) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers


class LogPath(NamedTuple):
    """Which log a path names."""

    channel: Channel
    name: str


async def converse(wire: Wire, data: bytes, handlers: Handlers) -> None:
    """Answer the requests of a client whose first bytes have come, until one side ends it."""
    await Conversation(wire, handlers).run(data)


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
    headers: Iterable[tuple[str, str]] = (),
) -> bytes:
    """Return the head of an answer; without a size, the body ends when it ends."""
    length = [] if size is None else [("Content-Length", str(size))]
    more = [("Server", "trio-supervisor"), ("Content-Type", kind), *length, *headers]
    reason = HTTPStatus(status).phrase  # without one, supervisorctl does not read the line
    return connection.send(h11.Response(status_code=status, reason=reason, headers=more)) or b""


def _body(connection: h11.Connection, body: bytes | str) -> bytes:
    data = body if isinstance(body, bytes) else body.encode(errors="backslashreplace")
    return (connection.send(h11.Data(data)) or b"") + (connection.send(h11.EndOfMessage()) or b"")


class Conversation:
    """Requests of one client, one after the other."""

    def __init__(self, wire: Wire, handlers: Handlers) -> None:
        self._wire = wire
        self._handlers = handlers
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

    async def _send(
        self, status: int, body: bytes | str, kind: str, *headers: tuple[str, str]
    ) -> None:
        data = body if isinstance(body, bytes) else body.encode(errors="backslashreplace")
        head = _head(self._http, status, len(data), kind, headers)
        await self._wire.send(head + _body(self._http, b"" if self._is_head else data))

    async def _turn_down(self, refusal: Refusal) -> None:
        """Say why, and end the connection."""
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        close = ("Connection", "close")
        await self._send(refusal.status, f"{refusal.text}\n", PLAIN, close, *refusal.headers)
        await self._wire.part()

    # ── paths ──

    async def _answer(self, request: h11.Request) -> None:
        self._is_head = request.method == b"HEAD"
        headers = {name.lower(): value for name, value in request.headers}
        if not self._may_speak(headers.get(b"authorization", b"")):
            await self._take_body()
            raise Refusal(401, "a username and a password are needed", CHALLENGE)
        path = unquote(request.target.decode("ascii").partition("?")[0])
        if path.startswith("/RPC2"):
            await self._call(request.method, headers)
            return
        await self._take_body()
        if request.method != b"GET":
            raise Refusal(405, "only GET", ("Allow", "GET"))
        if path == "/ok.html":
            await self._send(200, "OK\n", PLAIN)
        elif log_path := _log_path(path):
            await self._follow(log_path)
        else:
            raise Refusal(404, f"there is no {path} (there are /RPC2, /logtail/NAME, /mainlogtail)")

    def _may_speak(self, given: bytes) -> bool:
        scheme, _, code = given.partition(b" ")
        try:
            pair = base64.b64decode(code) if scheme.lower() == b"basic" else b""
        except ValueError:
            pair = b""
        username, _, password = pair.decode(errors="surrogateescape").partition(":")
        return is_allowed(self._wire.server, username, password)

    async def _call(self, method: bytes, headers: dict[bytes, bytes]) -> None:
        """Answer an XML-RPC call."""
        if method != b"POST" or b"origin" in headers:  # browsers tell the origin of a page
            await self._take_body()
            raise Refusal(400, NO_CALL) if method != b"POST" else Refusal(403, NO_PAGES)
        reader = xmlrpc.CallReader()
        try:
            await self._take_body(reader.feed)
            call = reader.close()
        except ProtocolError as problem:
            raise Refusal(400, str(problem)) from problem
        if not call.method:
            raise Refusal(400, "the call names no method")
        with self._handlers.answering():
            await self._send(200, await self._carry_out(call), XML)

    async def _carry_out(self, call: xmlrpc.Call) -> bytes:
        try:
            return await rpc.document(Session(self._handlers, self._wire.peer), call)
        except Exception:
            log.exception("a request failed: %s", call.method)
            raise Refusal(500, "it failed (the activity log says why)") from None

    async def _follow(self, path: LogPath) -> None:
        """Send the end of a log and what comes, until the client leaves."""
        try:
            excerpts.require(self._handlers.log_file(path.channel, path.name).path)
            request = Tail(path.channel, path.name, LAST_BYTES, follow=True)
            messages = self._handlers.answer(request, self._wire.peer)
        except RequestError as problem:
            raise Refusal(404, str(problem)) from problem
        assert not isinstance(messages, tuple)
        await self._wire.send(_head(self._http, 200, None, PLAIN))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch, nursery.cancel_scope)
            async with aclosing(messages):
                async for output in messages:
                    if isinstance(output, Output):
                        await self._send_part(output)
            nursery.cancel_scope.cancel()

    async def _send_part(self, output: Output) -> None:
        lost = f"\n({output.lost} bytes were skipped)\n".encode() if output.lost else b""
        await self._wire.send(self._http.send(h11.Data(lost + output.data)) or b"")

    async def _watch(self, scope: trio.CancelScope) -> None:
        """Cancel what is sent when nobody reads it any longer."""
        while await self._wire.receive(float("inf")):
            pass  # whatever else is asked: the answer under way has no end
        scope.cancel()


def _log_path(path: str) -> LogPath | None:
    """Return the log that a path names: /mainlogtail, /logtail/NAME[/stdout|stderr]."""
    match path.strip("/").split("/"):
        case ["mainlogtail"]:
            return LogPath(Channel.MAIN, "")
        case ["logtail", name]:
            return LogPath(Channel.STDOUT, name)
        case ["logtail", name, channel] if channel in CHANNELS:
            return LogPath(CHANNELS[channel], name)
        case _:
            return None
