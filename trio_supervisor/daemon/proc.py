"""What /proc says of a process. Everything here may be stale when it returns: ask again."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_COMMAND = 200
"""Bytes of a command line that are shown."""
LOOKS = 100
BETWEEN_LOOKS = 0.0005
"""Seconds; all looks together take no longer than the daemon may be busy with one thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """A process as proc(5) describes it in ``stat``; ``starttime`` in clock ticks since boot."""

    state: str
    parent: int
    group: int
    session: int
    starttime: int
    has_memory: bool
    """False for threads of the kernel."""
    environment: tuple[int, int]
    """Where it begins and ends in memory: 0 while there is none, or if it is not ours to know."""

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
        has_memory=fields[20] != b"0",
        environment=(int(fields[47]), int(fields[48])),
    )


class Process(NamedTuple):
    """What names a process for good: numbers are used again, start times (clock ticks) are not."""

    pid: int
    starttime: int


def pid_list(pids: Iterable[int]) -> str:
    """Name processes in a message: ``7, 12``."""
    return ", ".join(map(str, sorted(pids)))


def process_of(pid: int) -> Process:
    """Return what names a process for good; start time 0 if it has gone, or without /proc."""
    found = stat_of(pid)
    return Process(pid, found.starttime if found else 0)


def children_of(pid: int) -> list[int]:
    """Return the direct children of all threads of a process, ended ones that wait included."""
    found: list[int] = []
    with suppress(OSError):  # the process has gone
        for thread in os.listdir(f"/proc/{pid}/task"):
            path = f"/proc/{pid}/task/{thread}/children"
            with suppress(OSError), open(path, "rb") as file:  # or only this thread has
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


def processes() -> list[int]:
    """Return the pids of all processes there are; none without /proc."""
    with suppress(OSError):
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    return []


def ancestors_of(pid: int) -> set[int]:
    """Return a process and all above it."""
    found: set[int] = set()
    while pid and pid not in found:
        found.add(pid)
        status = stat_of(pid)
        pid = status.parent if status else 0
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


def variable(pid: int, name: str) -> bytes | None:
    """Return a variable of the environment the process was started with, None without it."""
    try:
        _, assigned, rest = (b"\0" + _environment(pid)).partition(b"\0%b=" % name.encode())
    except OSError:  # gone, or another user's
        return None
    return rest.partition(b"\0")[0] if assigned else None


def _environment(pid: int) -> bytes:
    """Return the environment of a process; wait a moment for one in the middle of execve(2).

    Its old one is gone then, and the new one is not there yet: only what is empty, and at the same
    place in memory when looked at again, is an empty environment.
    """
    place = None
    for _ in range(LOOKS):
        with open(f"/proc/{pid}/environ", "rb") as file:
            found = file.read()
        status = stat_of(pid)
        if found or status is None or not (status.is_alive and status.has_memory):
            return found
        begin, end = status.environment
        if begin == end != 0 and place == status.environment:
            return b""
        place = status.environment
        time.sleep(BETWEEN_LOOKS)
    return b""
