"""One conversation with a daemon: a blocking socket, requests out, replies in.

It stands on ``_socket``: the ``socket`` module costs ten milliseconds of import, half of what
a whole command may take. Whatever goes wrong here is one SupervisorError with one sentence.
"""

from __future__ import annotations

import _socket
import os

from trio_supervisor.errors import Fault, ProtocolError, RequestError, SupervisorError
from trio_supervisor.protocol import REPLY_LIMIT, Deframer, from_frame, to_bytes
from trio_supervisor.protocol.messages import (
    PROTOCOL_MAJOR,
    PROTOCOL_MINOR,
    Cancel,
    End,
    Error,
    Hello,
    Message,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, Self, TypeVar

    from trio_supervisor.protocol import Frame
    from trio_supervisor.source.address import Address

    Reply = TypeVar("Reply", bound=Message)

DENIED = "permission denied"
HELLO_DEADLINE = 10.0
"""Seconds that a peer has for its Hello; a server of another kind may wait for us for ever."""
CANCEL_DEADLINE = 2.0
"""Seconds to wait for the End of a stream that was cancelled."""

_OTHER_SERVER = (
    "this is no daemon of trio-supervisor, but perhaps supervisor's own supervisord, or any server "
    "(give ours its address with -s or serverurl, or use the client that belongs to that server)"
)
_UNIX = "unix://"
_HTTP = "http://"
_LONGEST_UNIX_PATH = 107  # unix(7): sun_path has 108 bytes with its NUL
_LAST_PORT = 65535
_CHUNK = 256 * 1024


class UnreachableError(SupervisorError):
    """No daemon answers at ``url``; ``reason`` is supervisorctl's wording of the cause."""

    def __init__(self, url: str, reason: str, exit_code: int) -> None:
        self.reason = reason
        self.exit_code = exit_code
        super().__init__(f"{url} {reason}")


class VersionError(SupervisorError):
    """The daemon speaks another major version of the protocol."""


class Connection:
    """Requests and streams, one at a time. The daemon is greeted along with the first one."""

    def __init__(self, socket: _socket.socket, address: Address) -> None:
        self._socket = socket
        self._address = address
        self._deframer = Deframer(REPLY_LIMIT)
        self._frames: list[Frame] = []
        self._requests = 0
        self._is_greeted = False

    @classmethod
    def open(cls, address: Address) -> Self:
        """Connect; raise UnreachableError if that fails, SupervisorError for what is no address."""
        url = address.serverurl
        try:
            if url.startswith(_UNIX):
                return cls(_connect_unix(url.removeprefix(_UNIX)), address)
            return cls(_connect_inet(*host_and_port(url)), address)
        except ConnectionRefusedError:
            raise UnreachableError(url, "refused connection", 4) from None
        except FileNotFoundError:
            raise UnreachableError(url, "no such file", 7) from None
        except PermissionError:
            raise UnreachableError(url, DENIED, 1) from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise UnreachableError(url, f"cannot be reached: {reason}", 1) from None
        except UnicodeError:
            raise UnreachableError(url, "cannot be reached: that is no host name", 1) from None

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, message: Message, kind: type[Reply]) -> Reply:
        """Send a request and return its one reply; raise RequestError if it was refused."""
        reply = self._receive(self.send(message))
        if not isinstance(reply, kind):
            raise self._nonsense(f"{kind.__name__} was asked for, {type(reply).__name__} came")
        return reply

    def stream(self, message: Message) -> Generator[Message, None, None]:
        """Send a request and yield its replies until End.

        Closing the generator, or Ctrl-C inside it, cancels the stream at the daemon.
        """
        try:
            request = self.send(message)
            while not isinstance(reply := self._receive(request), End):
                yield reply
        except (GeneratorExit, KeyboardInterrupt):
            self._cancel(self._requests)  # Ctrl-C may come before the number is returned
            raise

    def send(self, message: Message) -> int:
        """Send a request, after a Hello if it is the first; return its id."""
        self._requests += 1
        data = to_bytes(self._requests, message)
        if self._requests > 1:
            self._write(data)
            return self._requests
        from trio_supervisor import __version__

        own = Hello(
            PROTOCOL_MAJOR,
            PROTOCOL_MINOR,
            f"supervisorctl {__version__}",
            self._address.username,
            self._address.password,
        )
        self._socket.settimeout(HELLO_DEADLINE)
        self._write(to_bytes(0, own) + data)
        self._meet(self._receive(0))
        self._socket.settimeout(None)
        return self._requests

    @property
    def has_more(self) -> bool:
        """True when `receive` will not wait."""
        return bool(self._frames)

    def fileno(self) -> int:
        """Return what becomes readable when the daemon has something to tell."""
        return self._socket.fileno()

    def receive(self) -> tuple[int, Message]:
        """Wait for the next message to any request; return the request's id, and the message."""
        frame = self._next_frame()
        return frame.request, self._message(frame)

    def _meet(self, hello: Message) -> None:
        if not isinstance(hello, Hello):
            raise self._nonsense(f"a {type(hello).__name__} came before its Hello")
        if hello.major != PROTOCOL_MAJOR:
            raise self._other_version(f"it speaks version {hello.major}")
        self._is_greeted = True

    def _receive(self, request: int) -> Message:
        """Return the next message for a request; what is left of an earlier one is skipped."""
        while True:
            frame = self._next_frame()
            if frame.request not in {request, 0}:
                continue
            message = self._message(frame)
            if isinstance(message, Error):
                if message.fault == Fault.UNSUPPORTED_VERSION:
                    raise self._other_version(message.detail)
                raise RequestError(message.fault, message.detail)
            return message

    def _message(self, frame: Frame) -> Message:
        try:
            return from_frame(frame)
        except ProtocolError as error:
            raise self._nonsense(str(error)) from None

    def _next_frame(self) -> Frame:
        while not self._frames:
            data = self._read()
            if data.startswith(b"HTTP/"):
                raise self._nonsense("it answers in HTTP")
            try:
                self._frames += self._deframer.feed(data)
            except ProtocolError as error:
                raise self._nonsense(str(error)) from None
        return self._frames.pop(0)

    def _cancel(self, request: int) -> None:
        """End a stream; when that does not work, the close that follows ends it as well."""
        self._socket.settimeout(CANCEL_DEADLINE)
        try:
            self._write(to_bytes(request, Cancel()))
            while not isinstance(self._receive(request), End):
                pass
        except SupervisorError:
            self.close()
        else:
            self._socket.settimeout(None)

    def _write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError:
            # an Error that says why may have come before the daemon closed: reading finds it
            pass

    def _read(self) -> bytes:
        try:
            data = self._socket.recv(_CHUNK)
        except TimeoutError:
            raise self._nonsense("it does not answer") from None
        except OSError:
            data = b""
        if data:
            return data
        if not self._is_greeted:
            raise self._nonsense("it closed the connection (if ours has just ended, try again)")
        raise ProtocolError(
            f"{self._address.serverurl}: supervisord closed the connection before it answered "
            "(its log says whether it ended; try again)"
        )

    def _nonsense(self, what: str) -> ProtocolError:
        if not self._is_greeted:
            return ProtocolError(f"{self._address.serverurl}: {what}: {_OTHER_SERVER}")
        return ProtocolError(f"{self._address.serverurl}: the server cannot be understood: {what}")

    def _other_version(self, detail: str) -> VersionError:
        return VersionError(
            f"{self._address.serverurl}: another version of the control protocol: {detail}; ours "
            f"is {PROTOCOL_MAJOR} (use the supervisorctl that was installed with that supervisord)"
        )


def host_and_port(url: str) -> tuple[str, int]:
    """Split ``http://host[:port]``, IPv6 hosts in brackets; raise SupervisorError."""
    netloc = url.removeprefix(_HTTP).partition("/")[0]
    bracketed, bracket, after = netloc.removeprefix("[").partition("]")
    host, _, port = (bracketed, "", after.removeprefix(":")) if bracket else netloc.partition(":")
    number = int(port) if port.isascii() and port.isdecimal() else 80
    if (
        not url.startswith(_HTTP)
        or not host
        or str(number) != (port or "80")
        or number > _LAST_PORT
    ):
        raise SupervisorError(f"'{url}' is no address (examples: unix:///path, http://host:9001)")
    return host, number


def _connect_unix(path: str) -> _socket.socket:
    """Connect; a path that does not fit into an address goes by way of its opened directory."""
    if len(os.fsencode(path)) <= _LONGEST_UNIX_PATH:
        return _connect(_socket.AF_UNIX, path)
    directory, name = os.path.split(path)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _connect(_socket.AF_UNIX, f"/proc/self/fd/{descriptor}/{name}")
    finally:
        os.close(descriptor)


def _connect_inet(host: str, port: int) -> _socket.socket:
    """Connect to the first address of a host that accepts; raise the last OSError."""
    failure = OSError(f"{host} has no address")
    for family, _, _, _, place in _socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM):
        try:
            return _connect(family, place)
        except OSError as error:
            failure = error
    raise failure


def _connect(family: int, place: Any) -> _socket.socket:
    socket = _socket.socket(family, _socket.SOCK_STREAM)
    try:
        socket.connect(place)
    except OSError:
        socket.close()
        raise
    return socket
