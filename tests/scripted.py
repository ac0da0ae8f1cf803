"""A daemon that only plays its part: real sockets and messages, answers written beforehand."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

from trio_supervisor.protocol import REQUEST_LIMIT, Deframer, from_frame, to_bytes
from trio_supervisor.protocol.messages import PROTOCOL_MAJOR, Cancel, End, Hello, Message

Answer = Iterable[Message] | Callable[[Message], Iterable[Message]]


class ScriptedDaemon:
    """Serves one connection after the other; ``answers`` are given by the class of a request.

    Instead, ``raw`` is sent to whoever connects and the connection closed. ``received`` has all
    messages that came, ``writes`` the bytes of each receive.
    """

    def __init__(
        self,
        answers: dict[type[Message], Answer] | None = None,
        *,
        hello: Iterable[Message] = (Hello(PROTOCOL_MAJOR, 0, "scripted"),),
        raw: bytes | None = None,
        family: int = socket.AF_UNIX,
        path: str | None = None,
    ) -> None:
        self.answers = answers or {}
        self.received: list[Message] = []
        self.writes: list[bytes] = []
        self.cancelled = threading.Event()
        self._hello = tuple(hello)
        self._raw = raw
        self._listener = socket.socket(family)
        if family == socket.AF_UNIX:
            self.path = path or str(Path(mkdtemp()) / "s")
            self.url = f"unix://{self.path}"
            _bind_unix(self._listener, Path(self.path))
        else:
            self._listener.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
            host, port, *_ = self._listener.getsockname()
            self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._thread.join(5)
        self._listener.close()

    def requests(self) -> list[Message]:
        """Return what was asked, without the greetings."""
        return [message for message in self.received if not isinstance(message, Hello)]

    def greet(self, _hello: Hello) -> Iterable[Message]:
        return self._hello

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, suppress(ConnectionError):
                self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        if self._raw is not None:
            connection.recv(65536)
            connection.sendall(self._raw)
            return
        deframer = Deframer(REQUEST_LIMIT)
        while data := connection.recv(65536):
            self.writes.append(data)
            for frame in deframer.feed(data):
                message = from_frame(frame)
                self.received.append(message)
                for reply in self._replies(message):
                    connection.sendall(to_bytes(frame.request, reply))

    def _replies(self, message: Message) -> Iterable[Message]:
        if isinstance(message, Hello):
            return self.greet(message)
        if isinstance(message, Cancel):
            self.cancelled.set()
            return (End(),)
        answer = self.answers.get(type(message), ())
        return answer(message) if callable(answer) else answer


def _bind_unix(listener: socket.socket, path: Path) -> None:
    """Bind, by way of a short name where the path does not fit into an address."""
    short = Path(mkdtemp()) / "d"
    short.symlink_to(path.parent)
    listener.bind(str(short / path.name))
