"""A daemon with a web page, and who visits it without a browser: requests as they are sent."""

from __future__ import annotations

import json
import re
import socket
from contextlib import closing
from html import unescape
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from rig import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from rig import Rig

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def token(self) -> str:
        """What the form of a page wants to have back."""
        found = re.search(r'name="token" value="([^"]+)"', self.text)
        assert found
        return unescape(found[1])

    @property
    def notice(self) -> str:
        """What a page says of what was ordered."""
        found = re.search(r'id="notice"[^>]*>([^<]*)<', self.text)
        assert found
        return unescape(found[1])

    @property
    def buttons(self) -> list[str]:
        """What can be ordered."""
        return [unescape(one) for one in re.findall(r'name="order" value="([^"]+)"', self.text)]

    @property
    def rows(self) -> dict[str, str]:
        """The states, by the targets of the rows."""
        found = re.findall(r'<tr data-target="([^"]+)" data-state="([^"]+)"', self.text)
        return {unescape(target): state for target, state in found}


class _Unix(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Visitor:
    """Asks a port of this machine, or a unix socket."""

    def __init__(self, where: int | Path) -> None:
        self.where = where

    def ask(self, path: str, body: str | None = None, method: str = "", **headers: str) -> Answer:
        """Send one request: POST with a body, else GET. ``Host`` and others can be given."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(self._connection()) as connection:
            connection.request(
                method or ("GET" if body is None else "POST"),
                path,
                body,
                {**(FORM if body is not None else {}), **given},
            )
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())

    def order(self, order: str, token: str | None = None, **headers: str) -> Answer:
        """Press a button of the page."""
        token = self.ask("/").token if token is None else token
        return self.ask("/", urlencode({"token": token, "order": order}), **headers)

    def press(self, order: str) -> Answer:
        """Press a button and go where the answer leads, as a browser without scripts does."""
        answer = self.order(order)
        assert answer.status == 303, answer
        return self.ask(answer.headers["Location"].removeprefix("."))

    def events(self, after: str) -> Generator[tuple[str, Any], None, None]:
        """Yield the events of a stream, as kind and value, for as long as it is read."""
        with closing(self._connection()) as connection:
            connection.request("GET", f"/events?after={after}")
            answer = connection.getresponse()
            assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
            kind = ""
            while line := answer.readline():
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)

    def _connection(self) -> HTTPConnection:
        if isinstance(self.where, int):
            return HTTPConnection("127.0.0.1", self.where, timeout=PATIENCE)
        return _Unix(self.where)


class Site:
    """A daemon that serves its page on a port of this machine and on a unix socket."""

    def __init__(self, rig: Rig, programs: str) -> None:
        self.rig = rig
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.write(programs)
        rig.start()
        self.tcp = Visitor(self.port)
        self.unix = Visitor(rig.directory / "c.sock")

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.port}/"

    def write(self, programs: str) -> None:
        """Write the configuration: these programs, and where to listen."""
        servers = f"""
            [inet_http_server]
            port = "127.0.0.1:{self.port}"
            [unix_http_server]
            file = "%(here)s/c.sock"
            """
        self.rig.write(programs, servers)

    def wait_for(self, target: str, state: str) -> None:
        until(lambda: self.tcp.ask("/").rows[target] == state, f"{target} {state}")
