"""Who waits for something of some processes, and which of these may have changed since they looked.

A change wakes only those it may matter to, and once however much happens at a moment: a hundred
programs that need a hundred others would keep the daemon busy for seconds otherwise.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Interest:
    """The processes that somebody waits for, by their namespecs."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        self._changed: set[str] = set()
        self._has_news = trio.Event()

    def note(self, names: Iterable[str]) -> None:
        """Take note that some of them may have changed."""
        self._changed.update(names)
        self._has_news.set()

    async def changed(self) -> set[str]:
        """Wait until some of them may have changed; return which."""
        await self._has_news.wait()
        self._has_news = trio.Event()
        changed, self._changed = self._changed, set()
        return changed


class Interests:
    """All that wait."""

    def __init__(self) -> None:
        self._all: set[Interest] = set()
        self._by_name: dict[str, set[Interest]] = {}

    @contextmanager
    def open(self, names: Iterable[str]) -> Iterator[Interest]:
        """Tell of changes of these processes from now on."""
        interest = Interest(names)
        self._all.add(interest)
        for name in interest.names:
            self._by_name.setdefault(name, set()).add(interest)
        try:
            yield interest
        finally:
            self._all.discard(interest)
            for name in interest.names:
                self._by_name[name].discard(interest)
                if not self._by_name[name]:
                    del self._by_name[name]

    def tell(self, name: str) -> None:
        """Tell that a process may have changed."""
        for interest in self._by_name.get(name, ()):
            interest.note((name,))

    def tell_all(self) -> None:
        """Tell that any process may have changed."""
        for interest in self._all:
            interest.note(interest.names)
