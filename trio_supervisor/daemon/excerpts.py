"""Parts of log files, by the offsets of supervisor's XML-RPC interface.

The rules are those of supervisord (options.py: readFile, tailFile). One call reads at most LARGEST
bytes, so that no call can delay supervision.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trio_supervisor.errors import Fault, RequestError

if TYPE_CHECKING:
    from typing import BinaryIO

LARGEST = 1024 * 1024
"""Bytes that one call returns at most."""


def part(path: str, offset: int, length: int) -> bytes:
    """Return bytes from an offset on (0 length: to the end); a negative one counts from the end.

    BAD_ARGUMENTS for other combinations, NO_FILE when there is no file.
    """
    if length < 0 or (offset < 0 and length):
        raise RequestError(Fault.BAD_ARGUMENTS)
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(min(offset, size) if offset >= 0 else max(0, size - min(-offset, LARGEST)))
        return file.read(min(length or LARGEST, LARGEST))


def newest(path: str, offset: int, length: int) -> tuple[bytes, int, bool]:
    """Return the last bytes unless a reader at the offset has seen them, the size, and whether
    there is more behind the offset than was asked for.
    """
    length = min(max(length, 0), LARGEST)
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - length))
        data = file.read(length) if offset < size else b""
    return data, size, size > offset + length


def require(path: str) -> None:
    """Raise NO_FILE unless there is a file: anything else could block, and has no offsets."""
    if not os.path.isfile(path):
        raise RequestError(Fault.NO_FILE)


def _opened(path: str) -> BinaryIO:
    require(path)
    try:
        return open(path, "rb")
    except OSError as problem:
        raise RequestError(Fault.FAILED, str(problem.strerror)) from problem
