"""What the unexpected end of one process does to the others of its group, as in OTP's supervisors.

Those that are restarted with it are not to blame: their ends count nowhere, and restart nobody.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from trio_supervisor.daemon.program import Program
    from trio_supervisor.spec import GroupSpec, Intensity

log = logging.getLogger(__name__)


class Strategy:
    """The strategy and the intensity of one group; ``give_up`` lets all of it be FATAL."""

    def __init__(
        self,
        spec: GroupSpec,
        programs: Collection[Program],
        give_up: Callable[[str, int | None], None],
    ) -> None:
        self._name = spec.strategy
        self._group = spec.name
        self._programs = programs
        self._give_up = give_up
        self._intensity = spec.intensity
        self._ends: deque[float] = deque()

    def take_note(self, program: Program, how: str) -> None:
        """Do what follows an unexpected end of a process, besides its own restart."""
        cause = program.history.cause
        intensity = self._intensity
        if intensity is not None and self._is_too_much(intensity):
            count = len(self._ends)
            ends = f"{count} unexpected end{'s' if count > 1 else ''}"
            period = f"within {intensity.seconds:g} s"
            self._ends.clear()
            why = f"its group had {ends} {period}, the last of {program.rank.namespec} ({how})"
            log.error("giving up on group %s: %s", self._group, why)
            self._give_up(why, cause)
        elif not program.condition.is_over:
            why = f"{program.rank.namespec} has ended unexpectedly ({how})"
            for other in self._others(program):
                other.restart_nowait(why, cause, at=program.condition.again_at or 0.0)

    def others(self, program: Program) -> list[str]:
        """Name the others of the group."""
        return [other.rank.namespec for other in self._programs if other is not program]

    def leaving(self, program: Program) -> dict[str, str]:
        """Return the others that are still to end before they run again, each in words."""
        return {
            other.rank.namespec: f"{other.rank.namespec} (down)"
            for other in self._programs
            if other is not program and other.is_being_replaced
        }

    def _is_too_much(self, intensity: Intensity) -> bool:
        """Count an end; forget those that are older than the period."""
        now = trio.current_time()
        self._ends.append(now)
        while now - self._ends[0] > intensity.seconds:
            self._ends.popleft()
        return len(self._ends) > intensity.times

    def _others(self, program: Program) -> list[Program]:
        """Return who is restarted when a process is."""
        others = [one for one in self._programs if one is not program]
        match self._name:
            case "one_for_one":
                return []
            case "one_for_all":
                return others
            case "rest_for_one":
                return [one for one in others if self._is_after(one, program)]

    def _is_after(self, one: Program, program: Program) -> bool:
        """Say whether one depends on another; where no member does, whether it is behind it."""
        members = {each.rank.namespec for each in self._programs}
        if members.isdisjoint(need for each in self._programs for need in each.spec.depends_on):
            return one.rank > program.rank
        assert program.order is not None
        return one in program.order.all_dependants(program)
