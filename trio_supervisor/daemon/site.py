"""The paths that HTTP serves beside XML-RPC: the page, logs, a sign of life.

Whatever changes anything comes by POST, from a page of ours; what comes by GET only tells.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, urlencode

from trio_supervisor.daemon import assets, excerpts, forms, page
from trio_supervisor.daemon.answers import HTML, JSON, PLAIN, Refusal, Reply, Stream, number_in
from trio_supervisor.daemon.live import EVENT_STREAM, Feed, seen
from trio_supervisor.daemon.origins import is_foreign, is_known
from trio_supervisor.daemon.viewers import Notice
from trio_supervisor.errors import RequestError
from trio_supervisor.protocol.messages import Channel, Output, Tail

if TYPE_CHECKING:
    from trio_supervisor.daemon.answers import Request, Send
    from trio_supervisor.daemon.methods import Session
    from trio_supervisor.daemon.viewers import Viewers
    from trio_supervisor.spec import InetServerSpec, UnixServerSpec

LAST_BYTES = 1024
"""Bytes of a log that come before what is new, as in supervisord's http.py."""
EXCERPT = 16 * 1024
LARGEST_EXCERPT = 1024 * 1024
"""Bytes of a log that its page shows, unless it is asked for others, and at most."""
MANY = 100
"""Processes from which on a page is written by a thread."""
CHANNELS = {"stdout": Channel.STDOUT, "stderr": Channel.STDERR}
PATHS = "there are /, /tail.html, /logtail/NAME, /mainlogtail, /ok.html and /RPC2"
UNKNOWN_HOST = (
    "this server does not answer to the name {host!r} (use localhost or its address; "
    "a proxy may send those as Host)"
)
FOREIGN = "the page of another site may not control the daemon"
BY_GET = "a link changes nothing here: start, stop and restart are the buttons of the page (POST)"
OUTDATED = "This page was from another run of the daemon: nothing was done. Please try again."
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = (
    ("Content-Security-Policy", POLICY),
    ("Referrer-Policy", "same-origin"),  # without any, browsers would send forms without Origin
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
FOR_EVER = (("Cache-Control", "private, max-age=31536000, immutable"),)


class LogPath(NamedTuple):
    """Which log a path names."""

    channel: Channel
    name: str


class Site:
    """What one client is answered."""

    def __init__(
        self, session: Session, viewers: Viewers, server: UnixServerSpec | InetServerSpec
    ) -> None:
        self._session = session
        self._viewers = viewers
        self._server = server

    async def answer(self, request: Request) -> Reply | Stream:
        """Return the answer, or raise the Refusal."""
        path = "/" if request.path == "/index.html" else request.path
        is_order = (request.method, path) == ("POST", "/")
        if request.method != "GET" and not is_order:
            raise Refusal(405, "only GET", ("Allow", "GET"))
        if path == "/ok.html":
            return Reply("OK\n", PLAIN)
        host = request.headers.get("host", "")
        if not is_known(host, self._server):
            raise Refusal(403, UNKNOWN_HOST.format(host=host))
        return await (self._obey(request) if is_order else self._show(path, request))

    async def _show(self, path: str, request: Request) -> Reply | Stream:
        asked = {name: values[-1] for name, values in parse_qs(request.query).items()}
        if log_path := _log_path(path):
            return self._follow(log_path)
        match path:
            case "/" if "action" in asked:
                raise Refusal(405, BY_GET)
            case "/":
                notice = self._viewers.notice(asked.get("done", ""))
                return await self._page(notice, asked.get("filter", ""))
            case "/tail.html":
                return await self._log_page(asked)
            case "/events":
                return self._feed(request, asked.get("after", ""))
            case _ if asset := assets.ASSETS.get(path.removeprefix("/")):
                return Reply(asset.body, asset.kind, headers=FOR_EVER)
            case _:
                raise Refusal(404, f"there is no {path} ({PATHS})")

    # ── pages ──

    async def _page(self, notice: Notice | None, wanted: str, status: int = 200) -> Reply:
        handlers = self._session.handlers
        await handlers.pace.turn()
        seen_so_far = seen(self._viewers.run, handlers.supervisor.events)
        view = page.View(
            info=await self._session.info(),
            rows=await self._session.rows(),
            token=self._viewers.token,
            seen=seen_so_far,
            notice=notice,
            filter=wanted,
        )
        write = partial(page.overview, view)
        body = write() if len(view.rows) < MANY else await handlers.pace.write(write)
        return Reply(body, HTML, status, PAGE_HEADERS)

    async def _log_page(self, asked: dict[str, str]) -> Reply:
        """Show the end of a log; that of the daemon without a name."""
        name, channel = asked.get("processname", ""), asked.get("channel", "stdout")
        if channel not in CHANNELS:
            raise Refusal(404, f"there is no {channel} (there are stdout and stderr)")
        limit = number_in(asked.get("limit", ""))
        size = EXCERPT if limit is None else min(limit, LARGEST_EXCERPT)
        try:
            request = Tail(CHANNELS[channel] if name else Channel.MAIN, name, size)
            replies = await self._session.ask(request)
        except RequestError as problem:
            raise Refusal(404, str(problem)) from problem
        data = b"".join(reply.data for reply in replies if isinstance(reply, Output))
        return Reply(page.log(name, channel, data), HTML, headers=PAGE_HEADERS)

    def _feed(self, request: Request, after: str) -> Stream:
        """Send changes to a page, from what it has seen on."""
        if is_foreign(request.headers):
            raise Refusal(403, FOREIGN)
        after = request.headers.get("last-event-id", after)
        return Stream(EVENT_STREAM, Feed(self._session, self._viewers, after).run)

    # ── orders ──

    async def _obey(self, request: Request) -> Reply:
        """Do what a button says; scripts are told the outcome, browsers where it is shown."""
        if is_foreign(request.headers):
            raise Refusal(403, FOREIGN)
        is_script = JSON in request.headers.get("accept", "")
        form = forms.read(request.headers.get("content-type", ""), request.body)
        if not forms.is_of_our_page(form, self._viewers.token):
            notice = Notice(OUTDATED, is_good=False)
            if not is_script:
                return await self._page(notice, form.get("filter", ""), 403)
            return _told(notice, 403)
        notice = await forms.carry_out(self._session, form)
        if is_script:
            return _told(notice)
        where = {"done": self._viewers.leave(notice), "filter": form.get("filter", "")}
        query = urlencode({name: value for name, value in where.items() if value})
        return Reply("", PLAIN, 303, (("Location", f"./?{query}"),))

    # ── logs ──

    def _follow(self, path: LogPath) -> Stream:
        """Send the end of a log and what comes, until the client leaves."""
        handlers = self._session.handlers
        try:
            excerpts.require(handlers.log_file(path.channel, path.name).path)
            request = Tail(path.channel, path.name, LAST_BYTES, follow=True)
            messages = handlers.answer(request, self._session.peer)
        except RequestError as problem:
            raise Refusal(404, str(problem)) from problem
        assert not isinstance(messages, tuple)

        async def run(send: Send) -> None:
            async with aclosing(messages):
                async for output in messages:
                    if isinstance(output, Output):
                        await send(_part(output))

        return Stream(PLAIN, run)


def _part(output: Output) -> bytes:
    lost = f"\n({output.lost} bytes were skipped)\n".encode() if output.lost else b""
    return lost + output.data


def _told(notice: Notice, status: int = 200) -> Reply:
    return Reply(json.dumps(notice._asdict()), JSON, status)


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
