"""Who may spawn next: in the order of priorities and names, a few of equal priority at once.

More than a few spawns at once only queue up at the interpreter's lock, and delay everything else.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from typing import Protocol

import trio

AT_ONCE = 8


@dataclass(order=True, frozen=True)
class Rank:
    """A place in the order of starts and, reversed, of stops."""

    group_priority: int
    group: str
    priority: int
    name: str

    @property
    def namespec(self) -> str:
        """What names the process: ``group:name``, or ``name`` when both are equal."""
        return self.name if self.name == self.group else f"{self.group}:{self.name}"

    @property
    def tier(self) -> tuple[int, int]:
        """Processes of one tier need not wait for one another."""
        return self.group_priority, self.priority


class Candidate(Protocol):
    """Who is to be spawned, as the queue sees it."""

    rank: Rank

    @property
    def has_all_it_needs(self) -> bool:
        """True while `may_spawn` would return at once."""

    async def may_spawn(self) -> None:
        """Return when everything that must be there before this program is there."""


class Turn:
    """A place in the queue; whoever holds it gives it back."""

    def __init__(self, turns: Turns, rank: Rank) -> None:
        self._turns = turns
        self.rank = rank
        self.called = trio.Event()

    def give_back(self) -> None:
        """Let the next one go; a second call does nothing."""
        self._turns.remove(self)


class Turns:
    """A queue sorted by rank, from whose front AT_ONCE of one tier may go together."""

    def __init__(self) -> None:
        self._queue: list[Turn] = []

    async def take_for(self, candidate: Candidate) -> Turn:
        """Wait for a turn; whoever has lost something meanwhile waits for it outside the queue."""
        while True:
            turn = await self.take(candidate.rank)
            if candidate.has_all_it_needs:
                return turn
            turn.give_back()
            await candidate.may_spawn()

    async def take(self, rank: Rank) -> Turn:
        """Wait for a turn."""
        turn = Turn(self, rank)
        insort(self._queue, turn, key=lambda queued: queued.rank)
        is_ours = False
        try:
            # whoever was woken together with us gets into the queue before anybody is called
            await trio.lowlevel.checkpoint()
            self._call()
            await turn.called.wait()
            is_ours = True
        finally:
            if not is_ours:
                turn.give_back()
        return turn

    def remove(self, turn: Turn) -> None:
        """Take a turn out of the queue, if it is there."""
        if turn in self._queue:
            self._queue.remove(turn)
            self._call()

    def _call(self) -> None:
        for turn in self._queue[:AT_ONCE]:
            if turn.rank.tier != self._queue[0].rank.tier:
                return
            turn.called.set()
