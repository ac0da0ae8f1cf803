"""Which directories are on a network or in user space, where any call may hang for ever."""

from __future__ import annotations

import os
import re
import time

TABLE = "/proc/self/mountinfo"
KEPT = 1.0
"""Seconds that what was read counts."""
_KINDS = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse", "fuseblk", "gfs2", "glusterfs", "gpfs"}
    | {"lustre", "nfs", "nfs4", "ocfs2", "orangefs", "smb3", "smbfs", "virtiofs"}
)


class Mounts:
    """What is mounted where, read again when it is asked for after a while."""

    def __init__(self, table: str = TABLE) -> None:
        self._table = table
        self._kinds: dict[str, str] = {}
        self._known: dict[str, bool] = {}
        self._read_at = -float("inf")

    def is_remote(self, path: str) -> bool:
        """Say whether calls about a file may hang; a local one is all that this touches."""
        if time.monotonic() >= self._read_at + KEPT:
            self._kinds, self._known = _read(self._table), {}
            self._read_at = time.monotonic()
        folder = os.path.dirname(path)
        if folder not in self._known:
            # the plain path first: to resolve links below a dead mount would hang
            self._known[folder] = self._leads_away(folder) or self._leads_away(
                os.path.realpath(folder)
            )
        return self._known[folder]

    def _leads_away(self, folder: str) -> bool:
        while folder not in self._kinds and folder not in {"/", ""}:
            folder = os.path.dirname(folder)
        kind = self._kinds.get(folder, "")
        return kind in _KINDS or kind.startswith("fuse.")


def _read(table: str) -> dict[str, str]:
    """Return the kind of file system at each mount point; nothing where that cannot be known."""
    # proc_pid_mountinfo(5): 36 35 98:0 /root /point options ... - kind source options
    found = {}
    try:
        with open(table, encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                before, _, after = line.partition(" - ")
                found[_unescaped(before.split()[4])] = after.split()[0]
    except (OSError, IndexError):
        pass
    return found


def _unescaped(point: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point)
