"""The stop ladder: stop signal, CONT, grace, then STOP-and-KILL until nothing is left.

One run of a process climbs it at most once, with one deadline: first for its leader, as the
`deliver_cancel` of `trio.run_process`, then for the members that the leader left behind.
"""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING, Protocol

import trio

from trio_supervisor.daemon.containment import send
from trio_supervisor.daemon.proc import pid_list

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trio_supervisor.daemon.containment import Containment, Unit
    from trio_supervisor.spec import ProgramSpec

log = logging.getLogger(__name__)

LAST_ROUNDS = 2.0
"""Seconds of killing after which what still lives is reported instead."""
ROUND = 0.02
"""Seconds between two kills: a killed child of a member dies without telling us."""


class Watched(Protocol):
    """The program whose run climbs: told what happens, asked when it may."""

    spec: ProgramSpec

    @property
    def hurry(self) -> trio.Event:
        """Set when there is no grace, or no more of it."""

    @property
    def more_until(self) -> float:
        """Until when its grace is to last at least, by its own word; on Trio's clock."""

    async def may_stop(self) -> None:
        """Return when everything that must be down before this program is down."""

    def stopping(self) -> None:
        """Take note that the stop signal goes out now."""

    def members_left(self, pids: set[int]) -> None:
        """Take note of members that outlive the leader; none means that all are gone."""

    def unkillable(self, pids: set[int]) -> None:
        """Take note of processes that live on after LAST_ROUNDS of SIGKILL."""


class Ladder:
    """One climb for one unit."""

    def __init__(self, containment: Containment, unit: Unit, watched: Watched) -> None:
        self._containment = containment
        self._unit = unit
        self._watched = watched
        self._deadline: float | None = None

    async def climb(self, process: trio.Process) -> None:
        """Stop the leader; Trio cancels this when it has gone. Must not raise."""
        await self._ask()
        await self._in_its_grace(self._watched.hurry.wait)
        log.warning("killing '%s' (%d) with SIGKILL", self._name, process.pid)
        await self._kill_all()
        await trio.sleep_forever()  # Trio waits for it, and cannot be told otherwise

    async def finish(self) -> None:
        """Stop what the leader left behind."""
        with trio.CancelScope(shield=True):  # bounded by grace and LAST_ROUNDS, or `unkillable`
            if await self._look():
                if self._deadline is None:
                    await self._ask()
                await self._in_its_grace(self.emptied)
                if left := await self._look():
                    log.warning(
                        "killing members of '%s' (%s) with SIGKILL", self._name, pid_list(left)
                    )
                    await self._kill_all()
                    await self._gone()

    async def _in_its_grace(self, wait: Callable[[], Awaitable[None]]) -> None:
        """Wait for something until the grace is over; the program may have asked for more."""
        assert self._deadline is not None
        is_over = False
        while (
            not is_over
            and (end := max(self._deadline, self._watched.more_until)) > trio.current_time()
        ):
            with trio.move_on_at(end):
                await wait()
                is_over = True

    async def _look(self) -> set[int]:
        """Return the members, and let the program know who they are."""
        members = await self._containment.members(self._unit)
        self._watched.members_left(members)
        return members

    async def _kill_all(self) -> None:
        """Kill until nobody is left, for LAST_ROUNDS; tell who is left even so."""
        with trio.move_on_after(LAST_ROUNDS):
            while await self._kill():
                pass
        if left := await self._containment.members(self._unit):
            log.error("'%s' cannot be killed: pid %s", self._name, pid_list(left))
            self._watched.unkillable(left)

    @property
    def _name(self) -> str:
        return self._watched.spec.process_name

    async def _ask(self) -> None:
        """Wait for its turn, and signal those who are there then: the grace begins.

        Whoever comes later may come because of it: a handler that forks would never end.
        """
        await self._watched.may_stop()
        self._watched.stopping()
        self._deadline = trio.current_time() + self._watched.spec.stopwaitsecs
        members = await self._containment.members(self._unit)
        # the leader first: a shell that loses its child before itself would start the next one
        in_order = sorted(members, key=lambda pid: (pid != self._unit.leader, pid))
        if not self._watched.hurry.is_set():
            # a stopped process takes the signal only when it is continued
            send(in_order, self._watched.spec.stopsignal, signal.SIGCONT)

    async def _gone(self) -> None:
        """Wait for the last member to go: nothing is started beside what cannot be killed."""
        while True:
            changed = self._containment.changed
            if not await self._look():
                return
            await changed.wait()

    async def emptied(self) -> None:
        """Wait for the last member to go, or for somebody to be in a hurry."""
        while True:
            changed = self._containment.changed
            if self._watched.hurry.is_set() or not await self._look():
                return
            await changed.wait()

    async def _kill(self) -> set[int]:
        """Freeze, then kill, all there are, and give it a moment; return whom."""
        members = await self._containment.members(self._unit)
        send(members, signal.SIGSTOP)
        send(members, signal.SIGKILL)
        await trio.sleep(ROUND)
        return members
