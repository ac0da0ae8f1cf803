"""What a program tells of itself: the datagrams of systemd's sd_notify(3), one socket for each run.

It is a path and no abstract name: that could be reached, and taken, by everybody in the network
namespace, which containers share. Its directory cannot be listed, its mode lets nobody but the
program's user in. And only members of the program are heard: the kernel says who has sent
(SCM_CREDENTIALS), containment whose that is.
"""

from __future__ import annotations

import array
import logging
import os
import socket
import struct
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from trio_supervisor.console.lines import shown
from trio_supervisor.daemon.guardian import SOCKET, sockets_prefix
from trio_supervisor.daemon.identity import account_of
from trio_supervisor.daemon.proc import process_of
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.source.address import runtime_directory

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

VARIABLE, WATCHDOG = "NOTIFY_SOCKET", "WATCHDOG_USEC"
INHERITED = (VARIABLE, WATCHDOG, "WATCHDOG_PID")
"""What an init tells the daemon in its environment, and is not meant for its programs."""
LONGEST_STATUS = 200
"""Characters that are shown of what STATUS= says."""
_LONGEST_PATH = 107  # unix(7)
_DIGITS = 16
"""Of a time in microseconds: three hundred years are enough."""
_DATAGRAM = 8 * 1024
_CREDENTIALS = struct.Struct("iII")  # unix(7): pid, uid, gid
_MOST_DESCRIPTORS = 253  # unix(7): SCM_MAX_FD
_ROOM = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(4 * _MOST_DESCRIPTORS)


class Notices:
    """What one run has told so far.

    ``extend`` is called with the seconds that it wants, ``stop`` when it ends, ``say`` with words.
    """

    def __init__(
        self,
        *,
        extend: Callable[[float], None],
        stop: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self.is_ready = trio.Event()
        self.watchdog = trio.Event()
        """Set by a sign of life; whoever takes note of it replaces it."""
        self._extend = extend
        self._stop = stop
        self._say = say

    def take(self, text: str) -> None:
        """Take note of a datagram; what is not known has no meaning, as in sd_notify(3)."""
        for line in text.splitlines():
            name, _, value = line.partition("=")
            match name, value:
                case "READY", "1":
                    self.is_ready.set()
                case "WATCHDOG", "1":
                    self.watchdog.set()
                case "STOPPING", "1":
                    self._stop()
                case "STATUS", _:
                    self._say(shown(value, LONGEST_STATUS))
                case "EXTEND_TIMEOUT_USEC", _ if value.isascii() and value.isdigit():
                    self._extend(int(value[:_DIGITS]) / 1e6)
                case _:
                    pass


class NotifySocket:
    """The socket of one run, from before its spawn until nothing of it is left."""

    def __init__(self, user: str | None) -> None:
        """Make it for the processes of a user; RequestError when that fails."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._scope = trio.CancelScope(shield=True)  # else its last words would block it
        self._has_refused = False
        self._directory = ""
        try:
            self._bind(None if user is None else account_of(user).uid)
        except (OSError, KeyError) as problem:
            self.close()
            raise RequestError(
                Fault.SPAWN_ERROR, f"cannot make its notify socket: {problem}"
            ) from problem

    @property
    def path(self) -> str:
        """What the program finds in NOTIFY_SOCKET."""
        return os.path.join(self._directory, SOCKET)

    def _bind(self, uid: int | None) -> None:
        self._directory = _make_directory(is_for_others=uid not in {None, os.getuid()})
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(self.path)
        os.chmod(self.path, 0o600)
        if uid is not None and uid != os.getuid():
            os.chown(self.path, uid, -1)

    async def listen(self, notices: Notices, is_member: Callable[[int], Awaitable[bool]]) -> None:
        """Take what members tell, until closed."""
        with self._scope:
            while True:
                await trio.lowlevel.wait_readable(self._socket.fileno())
                with suppress(BlockingIOError):
                    await self._receive(notices, is_member)

    async def _receive(self, notices: Notices, is_member: Callable[[int], Awaitable[bool]]) -> None:
        data, ancillary, _, _ = self._socket.recvmsg(_DATAGRAM, _ROOM, socket.MSG_CMSG_CLOEXEC)
        try:
            if await is_member(pid := _sender(ancillary)):
                notices.take(data.decode(errors="replace"))
            elif not self._has_refused:
                self._has_refused = True
                log.warning("pid %d told %s something, and is no member: ignored", pid, self.path)
        finally:
            # nobody sends any but to know when it was heard: sd_notify_barrier(3) waits for this
            _close_descriptors(ancillary)

    def close(self) -> None:
        """Hear nothing more: whoever sends is refused at once."""
        self._scope.cancel()
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket.fileno())
        self._socket.close()
        if self._directory:
            with suppress(OSError):
                os.unlink(self.path)
            with suppress(OSError):
                os.rmdir(self._directory)


def _make_directory(*, is_for_others: bool) -> str:
    """Make a directory that only who knows its name finds anything in.

    The daemon's own runtime directory has it, unless another user must get through, or the path
    would be too long for a socket.
    """
    bases = [tempfile.gettempdir(), "/tmp"]  # noqa: S108
    if not is_for_others and os.path.isdir(runtime_directory()):
        bases.insert(0, runtime_directory())
    prefix = sockets_prefix(*process_of(os.getpid()))  # whose it is, if we are killed
    room = _LONGEST_PATH - len(f"/{prefix}12345678/{SOCKET}")
    base = next((base for base in bases if len(os.fsencode(base)) <= room), bases[-1])
    path = tempfile.mkdtemp(prefix=prefix, dir=base)
    if is_for_others:
        os.chmod(path, 0o711)  # noqa: S103
    return path


def _sender(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid: int = _CREDENTIALS.unpack_from(data)[0]
            return pid
    return 0


def _close_descriptors(ancillary: list[tuple[int, int, bytes]]) -> None:
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers = array.array("i")
            numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
            for number in numbers:
                os.close(number)
