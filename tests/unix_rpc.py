"""XML-RPC through a unix socket, with the client of the standard library."""

from __future__ import annotations

import http.client
import socket
from typing import Any
from xmlrpc.client import Transport

from rig import PATIENCE


class UnixTransport(Transport):
    """XML-RPC through a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = self._connection[1] or _UnixConnection(self._path)
        self._connection = host, connection  # where close() looks for it
        return connection


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self._path)
