"""Bytes to frames and back: a 10-byte header, then the body. No I/O, no clock.

Header ``!IIH``: length of the body (u32), request id (u32), code of the message (u16).
The length is judged on the header alone, before a byte of the body is kept.
"""

from __future__ import annotations

from struct import Struct

from trio_supervisor.errors import Fault, ProtocolError
from trio_supervisor.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = Struct("!IIH")
REQUEST_LIMIT = 64 * 1024
"""Largest body, in bytes, that a daemon takes."""
REPLY_LIMIT = 1024 * 1024
"""Largest body, in bytes, that a client takes."""


class Frame(Record):
    """One message on its way: ``request`` pairs replies with what they answer (0: nobody's)."""

    request: int
    code: int
    body: bytes


def pack(request: int, code: int, body: bytes) -> bytes:
    """Return the bytes of one frame."""
    return HEADER.pack(len(body), request, code) + body


class Deframer:
    """Collects received bytes, gives whole frames; keeps no more than one unfinished frame."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()

    @property
    def is_between_frames(self) -> bool:
        """True when no part of a frame is waiting for the rest."""
        return not self._buffer

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that ``data`` completes, in order.

        Raises ProtocolError at a header that announces more than the limit; the frames before
        it have been yielded by then, and nothing after it can be read.
        """
        buffer = self._buffer
        buffer += data
        at = 0
        try:
            while len(buffer) - at >= HEADER.size:
                length, request, code = HEADER.unpack_from(buffer, at)
                if length > self._limit:
                    raise ProtocolError(
                        f"a body of {length} bytes is announced; the limit is {self._limit}",
                        Fault.TOO_LARGE,
                    )
                end = at + HEADER.size + length
                if end > len(buffer):
                    break
                body = bytes(buffer[at + HEADER.size : end])
                at = end
                yield Frame.build({"request": request, "code": code, "body": body})
        finally:
            del buffer[:at]
