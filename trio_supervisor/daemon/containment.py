"""Which processes belong to a program, and the proof that none is left.

The daemon is a child subreaper: whoever loses its parent becomes our direct child. So if we have
no direct child that we did not start ourselves, nothing has outlived its leader. That look takes a
quarter of a millisecond with 500 children; /proc is read further only when there are strays.
All signals go through `send`, which uses pidfds: a number may have been given to a stranger
meanwhile.
"""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.proc import (
    Process,
    children_of,
    pid_list,
    process_of,
    stat_of,
    variable,
    with_descendants,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

log = logging.getLogger(__name__)

LAST_SWEEP = 2.0
"""Seconds for killing strays at the end."""
SWEEP_PAUSE = 0.02
HAS_PIDFD = hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal")
HAS_PROC = os.path.exists(f"/proc/self/task/{os.getpid()}/children")


def degradations() -> list[str]:
    """Say what this system cannot do for containment, one sentence each."""
    found = []
    if not HAS_PROC:
        found.append(
            "no /proc with children lists: only the process itself is stopped, not its tree"
        )
    if not HAS_PIDFD:
        found.append("no pidfds: signals go to process numbers, which may have been reused")
    return found


MARK = "TRIO_SUPERVISOR_UNIT"
"""The variable that tells whose a process is, however far it has run from its parents."""


class Unit:
    """The processes of one run: its leader, what descends from it, what carries its mark.

    ``daemon`` names this daemon among all; what is left of it is found by that.
    """

    def __init__(self, daemon: str, group: str, name: str) -> None:
        self.leader: int | None = None
        self._first: Process | None = None
        self.key = group, name
        self.mark = f"{daemon}:{group}:{name}"
        self.known: frozenset[Process] = frozenset()
        """Seen below the leader: a member may leave the session and scrub the mark later."""

    def first(self) -> Process:
        """Return the leader, named for good; only looked up when somebody wants to know."""
        assert self.leader is not None
        if self._first is None:
            self._first = process_of(self.leader)
        return self._first


class Containment:
    """Knows the processes we started and finds the others."""

    def __init__(self) -> None:
        self._owned: dict[int, Unit] = {}
        self._units: set[Unit] = set()
        self._spawning = 0
        self._may_have_orphans = False
        self._look: trio.Event | None = None
        self._strays: dict[int, Unit | None] = {}
        self._known: dict[Process, Unit] = {}
        self.units_changed = trio.Event()
        """Set, and replaced, when `leaders` has changed."""
        self.changed = trio.Event()
        """Set, and replaced, when a child of ours has ended. Take it before you look."""

    # ── bookkeeping of what we start ──

    def expect(self) -> None:
        """A spawn begins: from now on a new child may be ours without being known yet."""
        self._spawning += 1

    def claim(self, unit: Unit, pid: int | None) -> None:
        """End a spawn: the child is the unit's leader, or (None) there is none."""
        self._spawning -= 1
        if pid is not None:
            unit.leader = pid
            self._owned[pid] = unit
            self._units.add(unit)
            self._tell_units_changed()
        self._reap_what_waited()

    def release(self, unit: Unit) -> None:
        """Forget an ended leader, which has been waited for."""
        if unit.leader is not None and self._owned.get(unit.leader) is unit:
            del self._owned[unit.leader]
        self._reap_what_waited()

    def forget(self, unit: Unit) -> None:
        """Forget a unit of which nothing is left, or nothing that can be stopped."""
        self._units.discard(unit)
        for process in unit.known:
            self._known.pop(process, None)
        self._tell_units_changed()

    def leaders(self) -> dict[tuple[str, str], Process]:
        """Return the leader of each program of which something lives, the leader itself or not."""
        return {unit.key: unit.first() for unit in self._units}

    def _tell_units_changed(self) -> None:
        self.units_changed.set()
        self.units_changed = trio.Event()

    # ── orphans ──

    def reap(self) -> None:
        """Take the exit statuses of orphans. A child of our own is left to who waits for it.

        Peek, then reap: waitpid(-1) would steal the exit codes of programs. While one of those, or
        a spawn, stands before an orphan, that waits until `release` or `claim`.
        """
        self._may_have_orphans = False
        while hasattr(os, "waitid"):
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                break
            if ended is None:
                break
            if ended.si_pid in self._owned or self._spawning:
                self._may_have_orphans = True
                break
            os.waitid(os.P_PID, ended.si_pid, os.WEXITED | os.WNOHANG)
        self.wake()

    def _reap_what_waited(self) -> None:
        if self._may_have_orphans and not self._spawning:
            self.reap()

    def wake(self) -> None:
        """Let everybody look again."""
        self.changed.set()
        self.changed = trio.Event()

    # ── who is left ──

    async def strays(self) -> dict[int, Unit | None]:
        """Return the live children that we did not start, each with the unit whose it is, if any.

        All who ask at one moment share a look, and the reading of /proc that it takes. The caller
        must be shielded or ready to be cancelled at once.
        """
        if self._look is not None:
            await self._look.wait()
            return self._strays
        self._look = done = trio.Event()
        try:
            await trio.lowlevel.cancel_shielded_checkpoint()  # whoever asks meanwhile joins
        finally:
            self._look = None
            self._strays = self._attribute(self._find_strays())
            done.set()
        return self._strays

    def _attribute(self, strays: Iterable[int]) -> dict[int, Unit | None]:
        """Say whose each is: as seen before, by session, group or mark."""
        by_leader = {unit.leader: unit for unit in self._units}
        by_mark = {unit.mark.encode(): unit for unit in self._units}
        found: dict[int, Unit | None] = {}
        for pid in strays:
            if (status := stat_of(pid)) is None:
                continue
            found[pid] = (
                self._known.get(Process(pid, status.starttime))
                or by_leader.get(status.session)
                or by_leader.get(status.group)
                or by_mark.get(variable(pid, MARK) or b"")
            )
        return found

    def _find_strays(self) -> set[int]:
        """Look until no ended orphan hides what it left: its children come after it in the list."""
        found: set[int] = set()
        for _ in range(100):
            found = {pid for pid in children_of(os.getpid()) if pid not in self._owned}
            ended = [p for p in found if not ((status := stat_of(p)) and status.is_alive)]
            if not ended or self._spawning:
                return found.difference(ended)
            for pid in ended:
                with suppress(ChildProcessError):
                    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)
        return found

    async def members(self, unit: Unit) -> set[int]:
        """Return the live processes of a unit whose leader may have ended."""
        found = {pid for pid, owner in (await self.strays()).items() if owner is unit}
        if unit.leader in self._owned:
            found.add(unit.leader)
        if found:
            found = with_descendants(found)
            self._remember(unit, found - {unit.leader})
        return found

    async def owns(self, key: tuple[str, str], pid: int) -> bool:
        """Say whether a process is a member of the program that a unit's key names."""
        units = [unit for unit in self._units if unit.key == key]
        if self._owned.get(pid) in units:
            return True
        return any([pid in await self.members(unit) for unit in units])

    def _remember(self, unit: Unit, pids: Iterable[int]) -> None:
        unit.known |= frozenset(map(process_of, pids))
        self._known.update(dict.fromkeys(unit.known, unit))

    async def census(self) -> tuple[dict[tuple[str, str], set[int]], set[int]]:
        """Return the live members of each program that has any, and strays that nobody owns."""
        roots: dict[Unit | None, set[int]] = {unit: set() for unit in self._units}
        for pid, owner in (await self.strays()).items():
            roots.setdefault(owner, set()).add(pid)
        for leader, unit in self._owned.items():
            roots.setdefault(unit, set()).add(leader)
        nobodys = roots.pop(None, set())
        members = {unit.key: with_descendants(pids) for unit, pids in roots.items() if unit}
        return members, with_descendants(nobodys)

    async def empty(self) -> set[int]:
        """Kill whatever of our descendants is left; return what cannot be killed."""
        with trio.move_on_after(LAST_SWEEP):
            while left := with_descendants(set(await self.strays())):
                log.warning("killing strays (pid %s) with SIGKILL", pid_list(left))
                send(left, signal.SIGSTOP)
                send(left, signal.SIGKILL)
                await trio.sleep(SWEEP_PAUSE)
        return set(await self.strays())


def send(pids: Iterable[int], *signals: int) -> None:
    """Send signals to processes, each through its pidfd; those that are gone do not matter."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            _signal(pid, signals)


def _signal(pid: int, signals: Iterable[int]) -> None:
    try:
        descriptor = os.pidfd_open(pid) if HAS_PIDFD else None
    except ProcessLookupError:
        raise
    except OSError:  # no descriptor left, or a seccomp filter that does not know the call
        descriptor = None  # better by number than a process that is never told
    try:
        for number in signals:
            if descriptor is None:
                os.kill(pid, number)
            else:
                signal.pidfd_send_signal(descriptor, number)
    finally:
        if descriptor is not None:
            os.close(descriptor)
