"""Who has the web page open: what makes their requests theirs, and how many may follow events.

Imports nothing of HTTP: every daemon has one, also the one that is never asked in HTTP.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import trio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

MOST_STREAMS = 16
"""Pages that follow events at a time; one more takes the place of the one that came first."""
NOTICES = 64
"""Notices that are kept until their page comes for them."""
BEAT = 25.0
"""Seconds without an event after which a stream shows that it lives, so that no proxy cuts it."""


class Notice(NamedTuple):
    """What became of a request, in words."""

    text: str
    is_good: bool


class Place:
    """The place of one page among those that follow events."""

    def __init__(self) -> None:
        self.is_taken = False
        self._scope: trio.CancelScope | None = None

    def take(self) -> None:
        """Give it to another page: this one is told at the next chance."""
        self.is_taken = True
        if self._scope:
            self._scope.cancel()

    async def wait(self, arrived: Callable[[], Awaitable[None]]) -> None:
        """Wait for what there is to tell, until it is time for a sign of life, or to go."""
        with trio.move_on_after(BEAT) as self._scope:
            await arrived()
        self._scope = None


class Viewers:
    """What the pages of one daemon share.

    ``token`` is in every form of a page: who can say it has read the page, as only its own
    origin can. ``run`` tells the events of this daemon from those of one before it.
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(24)
        self.run = secrets.token_hex(4)
        self._places: dict[Place, None] = {}
        self._notices: OrderedDict[str, Notice] = OrderedDict()

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Be one of those who follow events; the oldest makes room if need be."""
        place = Place()
        self._places[place] = None
        if len(self._places) > MOST_STREAMS:
            oldest = next(iter(self._places))
            del self._places[oldest]
            oldest.take()
        try:
            yield place
        finally:
            self._places.pop(place, None)

    def leave(self, notice: Notice) -> str:
        """Keep a notice for the page that is about to be asked for; return its key."""
        key = secrets.token_urlsafe(6)
        self._notices[key] = notice
        while len(self._notices) > NOTICES:
            self._notices.popitem(last=False)
        return key

    def notice(self, key: str) -> Notice | None:
        """Return what was kept under a key."""
        return self._notices.get(key)
