"""The sockets on which the daemon can be asked, made safely and removed when they are ours.

A unix socket that exists is removed only if it is a socket that belongs to us and on which
nobody listens; whoever calls holds the lock of the configuration, so no other daemon of ours can.
"""

from __future__ import annotations

import errno
import grp
import logging
import os
import pwd
import socket
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from trio_supervisor.errors import SupervisorError
from trio_supervisor.spec import UnixServerSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_supervisor.spec import InetServerSpec

log = logging.getLogger(__name__)

BACKLOG = 128
LONGEST_PATH = 107
"""Bytes that fit into an address (unix(7)); a longer path is reached through its directory."""

NO_HOST = "that is no host name"
IN_USE = (
    "Another program is already listening on {where} that one of our servers is configured to "
    "use.  Shut this program down first before starting supervisord."
)


class Listener:
    """A listening socket, who may use it, and what has to be removed at the end."""

    def __init__(self, server: UnixServerSpec | InetServerSpec, sock: socket.socket) -> None:
        self.server = server
        self.socket = sock
        self.inode: tuple[int, int] | None = None

    @property
    def kind(self) -> str:
        """The section of the configuration that it comes from."""
        return "unix_http_server" if self.socket.family == socket.AF_UNIX else "inet_http_server"

    @property
    def url(self) -> str:
        """The address under which programs and clients of this machine find it."""
        return url_of(self.server)

    def is_at(self, server: UnixServerSpec | InetServerSpec) -> bool:
        """Say whether another server of the configuration has the same address."""
        mine = self.server
        if isinstance(mine, UnixServerSpec):
            return isinstance(server, UnixServerSpec) and mine.file == server.file
        return not isinstance(server, UnixServerSpec) and (mine.host, mine.port) == (
            server.host,
            server.port,
        )

    def hand_over(self, server: UnixServerSpec | InetServerSpec) -> Listener:
        """Return a listener for another server on the same socket; SupervisorError as `listen`."""
        heir = Listener(server, self.socket.dup())
        heir.inode, self.inode = self.inode, None
        if isinstance(server, UnixServerSpec):
            _set_owner_and_mode(server)
        return heir

    def close(self) -> None:
        """Stop listening; remove the socket file, if it is still the one we made."""
        self.socket.close()
        if isinstance(self.server, UnixServerSpec) and self.inode is not None:
            remove_if(self.server.file, self.inode)


def remove_if(path: str, inode: tuple[int, int]) -> None:
    """Remove a file if it is still the one with this device and inode."""
    with suppress(OSError):
        found = os.lstat(path)
        if (found.st_dev, found.st_ino) == inode:
            os.unlink(path)


def url_of(server: UnixServerSpec | InetServerSpec) -> str:
    """Return the address of a server for clients of this machine."""
    if isinstance(server, UnixServerSpec):
        return f"unix://{server.file}"
    host = server.host or "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{server.port}"


def listen(server: UnixServerSpec | InetServerSpec) -> Listener:
    """Listen as a server of the configuration says; SupervisorError if we cannot."""
    if isinstance(server, UnixServerSpec):
        return listen_unix(server)
    return listen_inet(server)


def listen_unix(server: UnixServerSpec) -> Listener:
    """Listen on a unix socket with the configured mode and owner; SupervisorError if we cannot."""
    _remove_stale(server.file)
    sock = socket.socket(socket.AF_UNIX)
    listener = Listener(server, sock)
    try:
        with short_path(server.file) as path:
            before = os.umask(0o177)  # nobody but us before the mode is right
            try:
                sock.bind(path)
            finally:
                os.umask(before)
        found = os.lstat(server.file)
        listener.inode = (found.st_dev, found.st_ino)
        _set_owner_and_mode(server)
        sock.listen(BACKLOG)
    except OSError as problem:
        listener.close()
        raise SupervisorError(f"cannot listen on {server.file}: {problem.strerror}") from problem
    return listener


def _set_owner_and_mode(server: UnixServerSpec) -> None:
    try:
        if server.chown:
            os.chown(server.file, *owner_ids(server.chown))
        os.chmod(server.file, server.chmod)
    except OSError as problem:
        text = f"cannot give {server.file} its owner or mode: {problem.strerror}"
        raise SupervisorError(text) from problem


def _remove_stale(path: str) -> None:
    """Remove a dead socket of ours; SupervisorError for anything else that stands there."""
    if is_stale(path):
        log.warning("Unlinking stale socket %s", path)
        os.unlink(path)


def is_stale(path: str) -> bool:
    """Say whether there is a dead socket of ours; SupervisorError if there is anything else."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    if not stat.S_ISSOCK(found.st_mode):
        raise SupervisorError(f"{path} exists and is no socket: move it, or configure another path")
    if is_listening(path):
        raise SupervisorError(IN_USE.format(where=f"the socket {path}"))
    if found.st_uid != os.getuid():
        raise SupervisorError(f"{path} is a dead socket of user {found.st_uid}: remove it")
    return True


def is_listening(path: str) -> bool:
    """Say whether somebody accepts connections on a unix socket."""
    with socket.socket(socket.AF_UNIX) as probe, short_path(path) as short:
        probe.setblocking(False)  # EAGAIN: its backlog is full, so somebody listens: unix(7)
        return probe.connect_ex(short) not in {errno.ECONNREFUSED, errno.ENOENT}


@contextmanager
def short_path(path: str) -> Iterator[str]:
    """Return a path that fits into a socket address: through an open directory, if need be."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield path
        return
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{os.path.basename(path)}"
    finally:
        os.close(directory)


def owner_ids(chown: str) -> tuple[int, int]:
    """Return uid and gid of ``user[:group]``; without a group, -1 leaves it as it is."""
    user, _, group = chown.partition(":")
    entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    if not group:
        return entry.pw_uid, -1
    gid = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    return entry.pw_uid, gid


def listen_inet(server: InetServerSpec) -> Listener:
    """Listen on a TCP port; SupervisorError if we cannot."""
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    where = f"{server.host or '*'}:{server.port}"
    try:
        sock.bind((server.host, server.port))
        sock.listen(BACKLOG)
    except OSError as problem:
        sock.close()
        if problem.errno == errno.EADDRINUSE:
            raise SupervisorError(IN_USE.format(where=where)) from problem
        raise SupervisorError(f"cannot listen on {where}: {problem.strerror}") from problem
    except (TypeError, UnicodeError) as problem:  # IDNA cannot encode it, bind() says
        sock.close()
        raise SupervisorError(f"cannot listen on {where}: {NO_HOST}") from problem
    return Listener(server, sock)
