"""A log file that rotates: the sink that outlives the processes whose output it takes.

Writing goes straight to the file: 4 KiB take 3 µs so, and 80 µs through a thread. A failing disk
costs output, never supervision: what cannot be written is counted, and reported once a minute.
"""

from __future__ import annotations

import errno
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

from trio_supervisor.daemon import rotation
from trio_supervisor.daemon.losses import Losses
from trio_supervisor.daemon.mailbox import Mailbox, is_socket
from trio_supervisor.daemon.marks import Marks
from trio_supervisor.daemon.stream import Stream, is_stream
from trio_supervisor.daemon.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from trio_supervisor.daemon.follower import Hearer

RETRY_AFTER = 1.0
"""Seconds before a file that could not be opened is tried again."""
LOOK_EVERY = 1.0
"""Seconds between two looks whether the path still leads to what is written."""
LONG = 4096
"""Bytes of a line; most are shorter."""


class Sink(Protocol):
    """Takes bytes; never raises, never waits."""

    def write(self, data: bytes | memoryview) -> None:
        """Take all of ``data`` (the buffer may be reused afterwards), or count it as lost."""


class LogFile:
    """Appends to one path, and starts a new file after ``maxbytes`` (0: never).

    A line that is shorter than that is whole in one file, which may become longer for it.
    """

    may_hang = False
    """Whether to read the file may take for ever."""

    def __init__(
        self,
        path: str,
        *,
        maxbytes: int = 0,
        backups: int = 0,
        compress: bool = False,
        mode: int = 0o666,
    ) -> None:
        self.path = path
        self.losses = Losses(path)
        self.followers: set[Hearer] = set()
        self.marks = Marks()
        self._maxbytes = maxbytes
        self._backups = backups
        self._mode = mode
        self._compressor = Worker(f"compresses {path}", 2) if compress and backups else None
        self._fd: int | None = None
        self._size = 0
        self._line = 0  # so many of these bytes belong to a line that has no end yet
        self._stream: Stream | Mailbox | None = None
        self._file: tuple[int, int] | None = None
        self._tried = self._looked = -float("inf")

    def open(self) -> None:
        """Open or create the file; OSError when that fails."""
        self._tried = time.monotonic()
        if is_stream(self.path):
            kind = Mailbox if is_socket(self.path) else Stream
            self._stream = kind(self.path, self.losses)
            return
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        self._fd = os.open(self.path, flags, self._mode)
        status = os.fstat(self._fd)
        self._file = status.st_dev, status.st_ino
        self._size, self._line = status.st_size, 0
        self._looked = self._tried
        self._compress()  # a run before may have left something to do

    def write(self, data: bytes | memoryview) -> None:
        """Append, in as many files as the limit makes of it."""
        for follower in self.followers:
            follower.offer(bytes(data))
        self.marks.note(len(data))
        self.take(data)

    def take(self, data: bytes | memoryview) -> None:
        """Append, as `write` does, and tell no follower."""
        try:
            if self._fd is not None:
                self._look()
            elif self._stream is None:
                self._open_again()
        except OSError as problem:
            self.losses.add(len(data), problem)
            return
        if self._stream is not None:
            self._stream.write(data)
        elif self._maxbytes == 0:
            self._append(data)
        else:
            self._fill(data)

    def _open_again(self) -> None:
        if time.monotonic() < self._tried + RETRY_AFTER:
            raise BlockingIOError("it could not be opened a moment ago")
        self.open()

    def _look(self) -> None:
        """Follow the path when somebody has moved or removed the file, as logrotate does."""
        now = time.monotonic()
        if now < self._looked + LOOK_EVERY:
            return
        self._looked = now
        try:
            found = os.stat(self.path)
            if self._file == (found.st_dev, found.st_ino):
                self._size = found.st_size  # somebody may have emptied it
                return
        except OSError:
            pass  # opening it tells what is wrong
        try:
            self._open_anew()
        except OSError as problem:  # what is still open takes more than nothing
            self.losses.add(0, problem)

    def _fill(self, data: bytes | memoryview) -> None:
        """Append, and rotate wherever the limit is reached and a line ends."""
        while self._size + len(data) > self._maxbytes:
            data = bytes(data)
            cut = self._room_for(data)
            if cut:
                self._append(data[:cut])
                data = data[cut:]
            if not data or (self._size and not self._rotate()):
                break
        if data:
            self._append(data)
        # without backups the newest lines stay until the next one has no room
        if self._backups and self._size >= self._maxbytes and self._is_between_lines:
            self._rotate()

    def _room_for(self, data: bytes) -> int:
        """Return how much of what is too much for this file goes into it nevertheless."""
        free = max(0, self._maxbytes - self._size)
        if cut := data.rfind(b"\n", 0, free) + 1:
            return cut
        if self._size and not self._line:
            return 0
        rest = data.find(b"\n") + 1 or len(data)
        return rest if self._line + rest <= self._maxbytes else free

    @property
    def _is_between_lines(self) -> bool:
        return self._line == 0 or self._line >= self._maxbytes

    def _append(self, data: bytes | memoryview) -> None:
        """Write to the file that is open, or count what cannot be written."""
        assert self._fd is not None
        rest = memoryview(data)
        try:
            while rest:  # more than once is rare: a nearly full disk takes a part
                written = os.write(self._fd, rest)
                self._size += written
                rest = rest[written:]
        except OSError as problem:
            self.losses.add(len(rest), problem)
        if self._maxbytes:
            self._line = _unfinished(data, self._line)

    def _rotate(self) -> bool:
        """Move the full file out of the way; without backups it is emptied. False if it stays."""
        assert self._fd is not None
        try:
            if self._backups:
                self.rotate()
            else:
                os.ftruncate(self._fd, 0)
        except OSError as problem:
            self.losses.add(0, problem)
            return False
        self._size = self._line = 0
        return self._fd is not None

    def _compress(self) -> None:
        """Have the backups compressed; who has begun with it may have to look again."""
        if self._compressor is not None:
            self._compressor.put(partial(rotation.compress, self.path, self._backups), 1)

    def _open_anew(self) -> None:
        """Open the path again; go on with what is open if that fails, which is an OSError."""
        old, self._fd = self._fd, None
        try:
            self.open()
        except OSError:
            self._fd, old = old, None
            raise
        finally:
            if old is not None:
                os.close(old)

    def rotate(self) -> None:
        """Begin a new file, unless this one is empty; OSError if there can be none."""
        if self._stream is not None:
            raise OSError(errno.ESPIPE, "no regular file: it cannot be rotated", self.path)
        if self._backups == 0:
            raise OSError(errno.EINVAL, "it keeps no backups: clear would empty it", self.path)
        if self._fd is None or os.fstat(self._fd).st_size:
            rotation.rotate(self.path, self._backups)
            self._open_anew()

    def reopen(self) -> None:
        """Close and open the path again, as after logrotate moved it; OSError if that fails."""
        self.close()
        self.open()

    def clear(self) -> None:
        """Empty the log: remove the file and start a new one; OSError when that fails.

        In a stream there is nothing to empty, and nobody could put it back.
        """
        if not is_stream(self.path):
            rotation.unlink(self.path)
            self.reopen()

    def tail(self, size: int, chunk: int) -> Iterator[bytes]:
        """Yield the last ``size`` bytes in chunks; OSError when there is no file to read from."""
        with self.reading() as file:
            end = file.seek(0, os.SEEK_END)
            left = min(size, end)
            file.seek(end - left)
            while left and (data := file.read(min(chunk, left))):
                left -= len(data)
                yield data

    def reading(self) -> BinaryIO:
        """Open the file to read from it; OSError when there is none."""
        if is_stream(self.path):  # to open one could wait for ever, and take what others read
            raise OSError(errno.ESPIPE, "no regular file: only what comes can be followed (-f)")
        return open(self.path, "rb")

    def close(self) -> None:
        """Close the file; a later write opens it again."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._tried = -float("inf")


def _unfinished(data: bytes | memoryview, before: int) -> int:
    """Return the length of the line that has no end yet, of which ``before`` was there already."""
    if data[-1:] == b"\n":
        return 0
    for piece in (bytes(data[-LONG:]), bytes(data)):
        line = len(piece) - 1 - piece.rfind(b"\n")
        if line < len(piece):
            return line
    return before + len(data)
