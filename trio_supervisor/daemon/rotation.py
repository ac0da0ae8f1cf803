"""The names of rotated files: the newest is ``path.1``, and the oldest goes.

Compressed ones have ``.gz`` behind that. A thread compresses, one file at a time; a rotation may
come at any moment meanwhile, and waits for two renames at the most.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from contextlib import suppress

log = logging.getLogger(__name__)

GZIP = ".gz"
PART = ".gz.part"
"""What is behind the name of a log while one of its backups is being compressed."""
CHUNK = 1024 * 1024
NICE = 10
"""How much the compressing thread steps back behind everything else."""

_renaming = threading.Lock()
_compressing = threading.Lock()


def plan_rotation(path: str, backups: int, suffix: str = "") -> list[tuple[str, str]]:
    """Return the renames that free ``path``, oldest first; what the first would overwrite goes."""
    names = [path, *(f"{path}.{number}{suffix}" for number in range(1, backups + 1))]
    return list(zip(names[-2::-1], names[:0:-1], strict=True))


def rotate(path: str, backups: int) -> None:
    """Free ``path`` for a new file; OSError if that fails."""
    with _renaming:
        last = _first_free(path, backups)
        for suffix in ("", GZIP):
            # rename(2) over a dirty 50 MB file takes ten times as long as unlinking it first
            unlink(f"{path}.{last}{suffix}")
        for old, new in [*plan_rotation(path, last, GZIP)[:-1], *plan_rotation(path, last)]:
            _rename(old, new)


def compress(path: str, backups: int) -> None:
    """Compress all backups that are not yet, as a thread; what goes wrong is only logged."""
    _step_back()
    with _compressing:
        try:
            while number := _first_plain(path, backups):
                with suppress(FileNotFoundError):  # a rotation has just taken it on
                    _compress_one(path, number, backups)
        except OSError as problem:
            log.error("cannot compress the backups of %s: %s", path, problem)  # noqa: TRY400
        finally:
            with suppress(OSError):
                os.unlink(path + PART)


def unlink(path: str) -> None:
    """Remove a file if it is there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _first_free(path: str, backups: int) -> int:
    """Return the number up to which backups must move on; the last one goes if none is free."""
    for number in range(1, backups):
        if not any(os.path.lexists(f"{path}.{number}{suffix}") for suffix in ("", GZIP)):
            return number
    return backups


def _first_plain(path: str, backups: int) -> int | None:
    numbers = range(1, backups + 1)
    return next((number for number in numbers if os.path.isfile(f"{path}.{number}")), None)


def _compress_one(path: str, number: int, backups: int) -> None:
    import gzip  # noqa: PLC0415  # only who asks for it pays for it

    with open(f"{path}.{number}", "rb") as plain:
        status = os.fstat(plain.fileno())
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        with open(os.open(path + PART, flags, 0o600), "wb") as part:
            os.fchmod(part.fileno(), status.st_mode & 0o777)
            with gzip.GzipFile(f"{path}.{number}", "wb", 6, part, status.st_mtime) as packed:
                shutil.copyfileobj(plain, packed, CHUNK)
            part.flush()  # else it is written later than that
            os.utime(part.fileno(), (status.st_atime, status.st_mtime))
        _put_in_place(path, backups, status)


def _put_in_place(path: str, backups: int, plain: os.stat_result) -> None:
    """Put the compressed file where the plain one is by now, if it still is."""
    with _renaming:
        for number in range(1, backups + 1):
            with suppress(FileNotFoundError):
                if os.path.samestat(os.stat(f"{path}.{number}"), plain):
                    os.replace(path + PART, f"{path}.{number}{GZIP}")
                    os.rename(f"{path}.{number}", path + PART)  # unlinking it would take longer
                    break
    unlink(path + PART)


def _step_back() -> None:
    """Let everything else go first: on Linux a thread has a niceness of its own."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def _rename(old: str, new: str) -> None:
    try:
        os.rename(old, new)
    except FileNotFoundError:  # fewer backups so far than there may be
        pass
