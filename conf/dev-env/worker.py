"""What the thirteen workers share: a small HTTP service with the manners a supervisor likes.

- It stays in the foreground and writes one whole line at a time, unbuffered: to stdout what it
  does, to stderr what it complains about. Every line carries its number in this run, and the last
  one says how many there were, so that a reader can prove that none was lost.
- A neighbour that is not up yet is no error: it is asked again at the next turn.
- On TERM (or INT) it takes no new requests, finishes those it has, says goodbye and exits 0.
- It waits on events, never in a loop.

A worker is a file of its own beside this one. Each can also be started by hand:
``python conf/dev-env/kloud.py``. Settings come from the environment: FIRST_ADDRESS (of the first
worker; the others have the ports that follow), LOG_LEVEL (debug, info, warning), ENVIRONMENT_NAME.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from threading import Event, Lock, Thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Answer: TypeAlias = dict[str, Any] | str  # JSON, or a page of HTML
    Handler: TypeAlias = Callable[[dict[str, Any]], Answer]

GROUPS = {
    "environment": ("kloud", "kontrol", "terraformer"),
    "socialapi": (
        "algoliaconnector",
        "collaboration",
        "dispatcher",
        "gatekeeper",
        "mailsender",
        "realtime",
        "socialapi",
        "team",
    ),
    "webserver": ("socialworker", "webserver"),
}
NAMES = tuple(name for names in GROUPS.values() for name in names)
LEVELS = ("debug", "info", "warning")
FIRST_ADDRESS = "127.0.0.1:7300"
PATIENCE = 1.0  # seconds for a neighbour to answer
LARGEST_REQUEST = 64 * 1024


class Worker:
    """One service: what it answers, what it does by itself every ``period`` seconds.

    ``start`` and ``stop`` are the seconds that getting ready and tidying up take.
    """

    def __init__(self, name: str, *, start: float, stop: float, period: float) -> None:
        self.name = name
        self._start, self._stop, self._period = start, stop, period
        self._handlers: dict[str, Handler] = {"GET /health": self._health}
        self._turn: Callable[[], None] = lambda: None
        self._began = time.monotonic()
        self._lines = 0
        self._writing = Lock()
        self._missing: dict[str, bool] = {}  # neighbour -> it did not answer the last time
        self._stopping = Event()
        self._asked_to_stop, self._stop_request = os.pipe()
        os.set_blocking(self._stop_request, False)  # set_wakeup_fd() wants it so
        self._threads: list[Thread] = []
        self._level = self._level_of(os.environ.get("LOG_LEVEL", "info"))
        self._first = self._address_of(os.environ.get("FIRST_ADDRESS", FIRST_ADDRESS))
        self.environment = os.environ.get("ENVIRONMENT_NAME", "dev")

    # what a worker's own file uses

    def answers(self, request: str) -> Callable[[Handler], Handler]:
        """Register the function that answers ``METHOD /path``; it is given the JSON sent."""

        def register(handler: Handler) -> Handler:
            self._handlers[request] = handler
            return handler

        return register

    def every_turn(self, turn: Callable[[], None]) -> Callable[[], None]:
        """Register what the worker does by itself."""
        self._turn = turn
        return turn

    def ask(self, name: str, request: str, **sent: Any) -> dict[str, Any] | None:
        """Ask a neighbour; None while it is not there, which is mentioned once, not each time."""
        if self._stopping.is_set():
            return None  # no new questions: a neighbour that hangs would hold up the end
        answer = _exchange(self.address(name), request, sent)
        missing, before = answer is None, self._missing.get(name)
        self._missing[name] = missing
        if missing and before is False:
            self.complain(f"{name} is gone; asking again every {self._period:g} s")
        elif before and not missing:
            self.say(f"found {name}")
        return answer

    def census(self) -> dict[str, dict[str, Any]]:
        """Look at the health of all workers, in order; one that does not answer is ``down``."""
        looks = {name: _exchange(self.address(name), "GET /health", {}) for name in NAMES}
        return {name: look or {"name": name, "state": "down"} for name, look in looks.items()}

    def address(self, name: str) -> tuple[str, int]:
        host, first = self._first
        return host, first + NAMES.index(name)

    def url(self, name: str) -> str:
        host, port = self.address(name)
        return f"http://{host}:{port}"

    def detail(self, text: str) -> None:
        self._write("debug", text)

    def say(self, text: str) -> None:
        self._write("info", text)

    def complain(self, text: str) -> None:
        self._write("warning", text)

    def run(self) -> None:
        """Serve until TERM or INT; leave with the exit code of a clean end, 0."""
        # the C handler writes to the pipe, so a signal taken by another thread wakes this one too
        signal.set_wakeup_fd(self._stop_request)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        self.say(f"pid {os.getpid()} starts in {self.environment}")
        if not select.select([self._asked_to_stop], [], [], self._start)[0]:
            self._serve()
        time.sleep(self._stop)
        # the number of the goodbye itself is the number of lines of this run
        self._write("always", f"goodbye after {time.monotonic() - self._began:.1f} s")

    # how it works

    def _level_of(self, text: str) -> int:
        if text not in LEVELS:
            sys.exit(f"{self.name}: LOG_LEVEL: {text!r} is none of {', '.join(LEVELS)}")
        return LEVELS.index(text)

    def _address_of(self, text: str) -> tuple[str, int]:
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) <= 65536 - len(NAMES):
            reason = f"is no address with {len(NAMES)} ports from there (example: {FIRST_ADDRESS})"
            sys.exit(f"{self.name}: FIRST_ADDRESS: {text!r} {reason}")
        return host, int(port)

    def _write(self, level: str, text: str) -> None:
        if level in LEVELS[: self._level]:
            return
        with self._writing:
            self._lines += 1
            line = f"{self.name}[{self._lines}] {text}\n".encode()
            try:
                # pipe(7): a write of at most PIPE_BUF bytes is never mixed with another's
                os.write(2 if level == "warning" else 1, line)
            except OSError:  # nobody reads any more: there is nobody left to work for
                os.write(self._stop_request, b"!")

    def _serve(self) -> None:
        with self._listen() as listener:
            self.say(f"listens on {self.url(self.name)}/")
            turns = Thread(target=self._take_turns)
            turns.start()
            while not self._is_asked_to_stop(listener):
                connection, _ = listener.accept()
                self._threads = [thread for thread in self._threads if thread.is_alive()]
                self._threads.append(Thread(target=self._answer, args=(connection,)))
                self._threads[-1].start()
        self._stopping.set()
        for thread in (turns, *self._threads):
            thread.join()  # none takes longer than PATIENCE a question

    def _is_asked_to_stop(self, listener: socket.socket) -> bool:
        """Wait for a request or the end, whichever is first."""
        wake = self._asked_to_stop
        return wake in select.select([listener.fileno(), wake], [], [])[0]

    def _listen(self) -> socket.socket:
        try:
            return socket.create_server(self.address(self.name), backlog=64)
        except OSError as error:
            reason = f"{self.url(self.name)} cannot be used: {os.strerror(error.errno or 0)}"
            self.complain(f"{reason}; choose other ports (configure --port_base)")
            sys.exit(1)

    def _take_turns(self) -> None:
        while not self._stopping.wait(self._period):
            self._turn()

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        with connection:
            try:
                request, sent = _read_request(connection)
                status, answer = self._respond(request, sent)
                connection.sendall(_response(status, answer))
            except OSError:
                self.detail("a client hung up")

    def _respond(self, request: str, sent: bytes) -> tuple[str, Answer]:
        handler = self._handlers.get(request)
        if handler is None:
            return "404 Not Found", {"error": f"{self.name} has {', '.join(self._handlers)}"}
        self.detail(f"answers {request}")
        try:
            return "200 OK", handler(json.loads(sent or b"{}"))
        except (ValueError, KeyError, TypeError) as error:
            return "400 Bad Request", {"error": repr(error)}

    def _health(self, _sent: dict[str, Any]) -> Answer:
        missing = sorted(name for name, gone in self._missing.items() if gone)
        return {
            "name": self.name,
            "state": "waiting" if missing else "ok",
            "waiting_for": missing,
            "pid": os.getpid(),
            "uptime": round(time.monotonic() - self._began, 1),
            "lines": self._lines,
            "environment": self.environment,
        }


def _read_request(connection: socket.socket) -> tuple[str, bytes]:
    """Return ``METHOD /path`` and the body; OSError if the client is too slow or sends too much."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += _receive(connection, len(got))
    head, _, body = got.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    lengths = [value for name, _, value in (f.partition(":") for f in fields)
               if name.lower() == "content-length"]  # fmt: skip
    length = int(lengths[0]) if lengths and lengths[0].strip().isdecimal() else 0
    while len(body) < length:
        body += _receive(connection, len(head) + len(body))
    method, _, target = first.partition(" ")
    return f"{method} {target.partition(' ')[0].partition('?')[0]}", body[:length]


def _receive(connection: socket.socket, so_far: int) -> bytes:
    chunk = connection.recv(8192)
    if not chunk or so_far > LARGEST_REQUEST:
        raise ConnectionResetError
    return chunk


def _response(status: str, answer: Answer) -> bytes:
    if isinstance(answer, str):
        kind, body = "text/html; charset=utf-8", answer.encode()
    else:
        kind, body = "application/json", (json.dumps(answer) + "\n").encode()
    head = f"HTTP/1.0 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _exchange(
    address: tuple[str, int], request: str, sent: dict[str, Any]
) -> dict[str, Any] | None:
    body = json.dumps(sent).encode()
    head = f"{request} HTTP/1.0\r\nHost: {address[0]}\r\nContent-Length: {len(body)}\r\n\r\n"
    try:
        with socket.create_connection(address, timeout=PATIENCE) as connection:
            connection.sendall(head.encode() + body)
            got = b"".join(iter(lambda: connection.recv(65536), b""))
        answer = json.loads(got.partition(b"\r\n\r\n")[2])
    except (OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) and b" 200 " in got[:16] else None
