"""What /proc says of a process. Everything here may be stale when it returns: ask again."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

LONGEST_COMMAND = 200
"""Bytes of a command line that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """A process as proc(5) describes it in ``stat``; ``starttime`` in clock ticks since boot."""

    state: str
    parent: int
    group: int
    session: int
    starttime: int

    @property
    def is_alive(self) -> bool:
        """False for what has exited and waits to be reaped."""
        return self.state not in "ZX"


def stat_of(pid: int) -> Stat | None:
    """Return what ``stat`` says, None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
    except OSError:
        return None
    return Stat(
        state=fields[0].decode(),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        starttime=int(fields[19]),
    )


def children_of(pid: int) -> list[int]:
    """Return the direct children of all threads of a process, ended ones that wait included."""
    found: list[int] = []
    with suppress(OSError):  # the process or one of its threads has gone
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
    return found


def with_descendants(pids: set[int]) -> set[int]:
    """Return the processes and all that descends from them."""
    found: set[int] = set()
    unseen = list(pids)
    while unseen:
        pid = unseen.pop()
        if pid not in found:
            found.add(pid)
            unseen += children_of(pid)
    return found


def command_line(pid: int) -> str:
    """Return what a process was started with as one line, shortened; its name if that is empty."""
    with suppress(OSError):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(LONGEST_COMMAND).replace(b"\0", b" ").decode(errors="replace")
        if text := " ".join(words.split()):
            return text
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return f"[{file.read().strip()}]"
    return ""


def carries(pid: int, mark: bytes) -> bool:
    """Say whether an assignment stands in the environment the process was started with."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return mark in file.read().split(b"\0")
    except OSError:  # gone, or another user's
        return False
