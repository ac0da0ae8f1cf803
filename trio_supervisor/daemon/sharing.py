"""The listening sockets that processes of ``[fcgi-program:x]`` share as their stdin.

A socket is made for the first process that needs it and closed when nothing of the last one is
left. Processes that name the same address share one socket, whatever group they are in.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import stat
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.listeners import NO_HOST, is_listening, owner_ids, remove_if, short_path
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.source.values import shared_socket

if TYPE_CHECKING:
    from trio_supervisor.spec import FcgiProgramSpec

log = logging.getLogger(__name__)

DEFAULT_MODE = 0o700
_PRIVATE = 0o600
_REMEDIES = {
    errno.EADDRINUSE: "somebody else listens there; stop that, or change socket",
    errno.EADDRNOTAVAIL: "this machine has no such address; change socket",
    errno.EACCES: "the user of supervisord may not; change socket, or run supervisord as root",
    errno.EPERM: "the user of supervisord may not; see socket_owner, or run supervisord as root",
    errno.ENOENT: "make its directory, or change socket",
}


class SharedSockets:
    """Every socket that is in use, by its address."""

    def __init__(self) -> None:
        self._shared: dict[str, _Shared] = {}
        self._making = trio.Lock()

    async def take(self, spec: FcgiProgramSpec) -> SharedSocket:
        """Return a share of the socket of a program; RequestError when it cannot be had.

        A socket that is there already gets owner, mode and backlog as they are configured now.
        """
        async with self._making:
            address = spec.socket.strip()
            try:
                shared = self._shared.get(address) or await _make(spec)
                shared.shape(spec)
            except (OSError, KeyError) as problem:
                text = f"cannot listen on {address}: {_in_words(problem)}"
                raise RequestError(Fault.SPAWN_ERROR, text) from problem
            self._shared[address] = shared
            shared.users += 1
            return SharedSocket(self, address, shared.socket.fileno())

    def give_back(self, address: str) -> None:
        """Take note that nothing of a process that had it is left."""
        shared = self._shared[address]
        shared.users -= 1
        if not shared.users:
            del self._shared[address]
            shared.close()
            log.info("Closing socket %s", address)


class SharedSocket:
    """One process's share of a socket: the descriptor to inherit, and its return."""

    def __init__(self, sockets: SharedSockets, address: str, descriptor: int) -> None:
        self.descriptor = descriptor
        self._sockets = sockets
        self._address = address

    def close(self) -> None:
        """Give it back, once."""
        self._sockets.give_back(self._address)


class _Shared:
    """A bound socket and how many processes have it; not closed on failure, see `_make`."""

    def __init__(self, sock: socket.socket, path: str | None) -> None:
        self.socket = sock
        self.users = 0
        self._path = path
        found = os.lstat(path) if path is not None else None
        self._inode = (found.st_dev, found.st_ino) if found else None

    def shape(self, spec: FcgiProgramSpec) -> None:
        """Give it owner and mode, and listen; the socket of nobody is closed if that fails."""
        try:
            if self._path is not None:
                owner = spec.socket_owner or spec.user
                if owner is not None:
                    os.chown(self._path, *owner_ids(owner))
                os.chmod(self._path, DEFAULT_MODE if spec.socket_mode is None else spec.socket_mode)
            self.socket.listen(spec.socket_backlog or socket.SOMAXCONN)
        except (OSError, KeyError):
            if not self.users:
                self.close()
            raise

    def close(self) -> None:
        """Stop listening; remove the socket file, if it is still the one we made."""
        self.socket.close()
        if self._path is not None and self._inode is not None:
            remove_if(self._path, self._inode)


async def _make(spec: FcgiProgramSpec) -> _Shared:
    """Bind the socket of a program; OSError if it cannot be had."""
    where = shared_socket(spec.socket)
    log.info("Creating socket %s", spec.socket.strip())
    if isinstance(where, str):
        return _bind_unix(where)
    return await _bind_inet(*where)


def _bind_unix(path: str) -> _Shared:
    _remove_dead(path)
    sock = socket.socket(socket.AF_UNIX)
    try:
        os.fchmod(sock.fileno(), _PRIVATE)  # of the file, too: nobody but us before it has an owner
        with short_path(path) as short:
            sock.bind(short)
        return _Shared(sock, path)
    except OSError:
        sock.close()
        raise


def _remove_dead(path: str) -> None:
    """Make way: remove a socket on which nobody listens; OSError for anything else."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise FileExistsError(errno.EEXIST, "that is no socket: move it, or change socket")
    if is_listening(path):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    log.warning("Unlinking stale socket %s", path)
    os.unlink(path)


async def _bind_inet(host: str, port: int) -> _Shared:
    try:
        found = await trio.socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except UnicodeError as problem:  # IDNA: a label that is empty, or too long
        raise socket.gaierror(socket.EAI_NONAME, NO_HOST) from problem
    family, kind, protocol, _, address = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        return _Shared(sock, None)
    except OSError:
        sock.close()
        raise


def _in_words(problem: OSError | KeyError) -> str:
    """Say what is wrong, and what to do about it."""
    if isinstance(problem, KeyError):
        return f"{problem.args[0]}; change socket_owner"
    remedy = _REMEDIES.get(problem.errno or 0)
    if isinstance(problem, socket.gaierror):
        remedy = "change socket"
    return f"{problem.strerror} ({remedy})" if remedy else str(problem.strerror or problem)
