"""The way down of all groups: by priority, the last to start first; those of one priority together.

As on the way up, where nobody of one priority waits for another: only what is said to be an order
is one. supervisord stops all groups one after the other, by name where priorities are equal.
"""

from __future__ import annotations

import logging
from itertools import groupby
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio_supervisor.daemon.group import Group

log = logging.getLogger(__name__)

REPORT_EVERY = 3.0
"""Seconds between two log lines that say who is still waited for."""


class Descent:
    """Groups that were told to stop, whose programs wait for their turn to be signalled."""

    def __init__(self, groups: Iterable[Group], cause: int | None) -> None:
        in_order = sorted(groups, key=lambda group: group.order, reverse=True)
        self._turns = [(group, group.wait_for_turn()) for group in in_order]
        for group in in_order:
            group.note_stop(cause)
            group.close()

    def hurry(self) -> None:
        """Let nobody wait for a turn."""
        for _, turns in self._turns:
            _call(turns)

    async def lead(self) -> None:
        """Call the groups of each priority when those before are down, or as far as they can be.

        Whoever leads no further, done or cancelled, lets nobody wait: they do so behind shields.
        """
        try:
            await self._call_in_turn()
        finally:
            self.hurry()

    async def _call_in_turn(self) -> None:
        said = -REPORT_EVERY
        for _, together in groupby(self._turns, key=lambda turns: turns[0].spec.priority):
            groups = []
            for group, turns in together:
                groups.append(group)
                _call(turns)
            while left := [group for group in groups if not group.down.is_set()]:
                if trio.current_time() >= said + REPORT_EVERY and (who := self._waited_for()):
                    log.info("waiting for %s to die", ", ".join(who))
                    said = trio.current_time()
                with trio.move_on_after(REPORT_EVERY):
                    await left[0].down.wait()

    def _waited_for(self) -> list[str]:
        programs = (p for group, _ in self._turns for p in group.programs.values())
        return sorted(p.rank.name for p in programs if not p.is_at_rest)


def _call(turns: Iterable[trio.Event]) -> None:
    for turn in turns:
        turn.set()
