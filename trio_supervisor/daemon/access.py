"""Who is at the other end of a connection, and whether they may speak."""

from __future__ import annotations

import hmac
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import trio

    from trio_supervisor.spec import InetServerSpec, UnixServerSpec


def is_allowed(server: UnixServerSpec | InetServerSpec, username: str, password: str) -> bool:
    """Compare with what a server wants, in constant time; ``{SHA}`` passwords are hashes."""
    if server.username is None or server.password is None:
        return True
    if server.password.startswith("{SHA}"):
        import hashlib  # noqa: PLC0415  # seldom needed

        digest = hashlib.sha1(_bytes(password)).hexdigest()  # noqa: S324  # as original
        password = "{SHA}" + digest
    is_user = hmac.compare_digest(_bytes(username), _bytes(server.username))
    is_password = hmac.compare_digest(_bytes(password), _bytes(server.password))
    return is_user and is_password


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def peer_of(sock: trio.socket.SocketType) -> str:
    """Say who is at the other end, as the kernel knows it."""
    if sock.family != socket.AF_UNIX or not hasattr(socket, "SO_PEERCRED"):
        return "by a network client"
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", raw)
    return f"by pid {pid} of uid {uid}"
