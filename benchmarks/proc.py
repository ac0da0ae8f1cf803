"""What /proc says about processes: who carries a mark, when they began, what they used.

A process that ends while it is looked at counts as absent; nothing here raises for that.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TICK = 1 / os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
GONE = (FileNotFoundError, ProcessLookupError)


def carriers(mark: str, where: str) -> list[int]:
    """Return the pids with the mark in ``where``: "cmdline" or "environ"."""
    wanted = mark.encode()
    return [pid for pid in _pids() if wanted in _read(f"{pid}/{where}")]


def children(pid: int) -> list[int]:
    """Return the direct children of all threads of a process: one small read a thread."""
    threads = _list(f"{pid}/task")
    return [int(child) for tid in threads for child in _read(f"{pid}/task/{tid}/children").split()]


def began(pid: int) -> float | None:
    """Return when the process was forked, in CLOCK_BOOTTIME seconds, to one clock tick."""
    fields = _stat(pid)
    return int(fields[19]) * TICK if fields else None


def cpu(pids: Iterable[int]) -> float:
    """Return the CPU seconds used so far, to one clock tick a process."""
    stats = [fields for pid in pids if (fields := _stat(pid))]
    return sum(int(fields[11]) + int(fields[12]) for fields in stats) * TICK


def cpu_exact(pids: Iterable[int]) -> float:
    """Return the CPU seconds used so far by the threads that live, to the nanosecond."""
    return sum(int((_read(f"{task}/schedstat") or b"0").split()[0]) for task in _tasks(pids)) / 1e9


def switches(pids: Iterable[int]) -> int:
    """Return the context switches so far, voluntary and forced, of the threads that live."""
    lines = [line for task in _tasks(pids) for line in _read(f"{task}/status").splitlines()]
    return sum(int(line.split()[1]) for line in lines if b"ctxt_switches" in line)


def pss(pids: Iterable[int]) -> int:
    """Return the proportional share of memory in bytes."""
    lines = [line for pid in pids for line in _read(f"{pid}/smaps_rollup").splitlines()]
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(b"Pss:"))


def written(pids: Iterable[int]) -> int:
    """Return the bytes handed to write(2) so far."""
    lines = [line for pid in pids for line in _read(f"{pid}/io").splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith(b"wchar:"))


def kill_carriers(mark: str) -> int:
    """Kill every process with the mark in its environment; return how many there were."""
    found = carriers(mark, "environ")
    for pid in found:
        _kill(pid, mark)
    return len(found)


def _kill(pid: int, mark: str) -> None:
    """Kill through a descriptor opened before the last look, so that no stranger is hit."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if mark.encode() in _read(f"{pid}/environ"):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it ended by itself
    finally:
        os.close(handle)


def _pids() -> Iterator[int]:
    own = os.getpid()
    return (int(name) for name in _list("") if name.isdigit() and int(name) != own)


def _tasks(pids: Iterable[int]) -> list[str]:
    return [f"{pid}/task/{tid}" for pid in pids for tid in _list(f"{pid}/task")]


def _stat(pid: int) -> list[bytes]:
    """Return the fields of /proc/PID/stat from the third on: proc(5) counts from 1."""
    return _read(f"{pid}/stat").rpartition(b")")[2].split()


def _list(path: str) -> list[str]:
    try:
        return os.listdir(PROC / path)  # names only: no Path object a process
    except GONE:
        return []


def _read(path: str) -> bytes:
    try:
        return (PROC / path).read_bytes()
    except (*GONE, PermissionError):
        return b""
