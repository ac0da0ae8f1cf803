"""What processes of this machine use: CPU time, memory, ports that they listen on. /proc only."""

from __future__ import annotations

import os

from trio_supervisor.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_LISTENING = "0A"
_STATE_AT, _INODE_AT = 3, 9
# proc(5): fields 14 and 15 of stat, counted from the one after the name
_USER_TIME, _SYSTEM_TIME = 11, 12


class Usage(Record):
    """Seconds of CPU time, resident bytes, and the TCP ports that somebody listens on."""

    cpu: float
    memory: int
    ports: tuple[int, ...]


class Looker:
    """Looks at processes; what everybody's sockets are is read once."""

    def __init__(self) -> None:
        self._tick = float(os.sysconf("SC_CLK_TCK"))
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._listening = {**_listening("/proc/net/tcp"), **_listening("/proc/net/tcp6")}

    def at(self, pids: Iterable[int]) -> Usage:
        """Add up what processes use; those that are gone, or not ours to look at, count nothing."""
        cpu, memory = 0.0, 0
        ports: set[int] = set()
        for pid in pids:
            fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
            if len(fields) > _SYSTEM_TIME:
                cpu += (int(fields[_USER_TIME]) + int(fields[_SYSTEM_TIME])) / self._tick
            pages = _read(f"/proc/{pid}/statm").split()
            memory += int(pages[1]) * self._page if pages else 0
            ports |= self._ports(pid)
        return Usage(cpu, memory, tuple(sorted(ports)))

    def _ports(self, pid: int) -> set[int]:
        directory = f"/proc/{pid}/fd"
        found = set()
        try:
            for name in os.listdir(directory):
                link = os.readlink(f"{directory}/{name}")
                if link.startswith("socket:[") and link[8:-1] in self._listening:
                    found.add(self._listening[link[8:-1]])
        except OSError:
            pass  # it is gone, or another user's
        return found


def _listening(path: str) -> dict[str, int]:
    """Return the ports of listening sockets by their inodes."""
    found = {}
    for line in _read(path).splitlines()[1:]:
        fields = line.split()
        if fields[_STATE_AT] == _LISTENING:
            found[fields[_INODE_AT]] = int(fields[1].rpartition(":")[2], 16)
    return found


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
