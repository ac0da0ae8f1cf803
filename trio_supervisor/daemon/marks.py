"""When the bytes of a log came, although the log does not say so.

A mark is a time and a place. When there are too many, every second one goes, so that all of the
log stays covered: finely at its end, coarsely where it is old. 16 bytes each.
"""

from __future__ import annotations

import time
from array import array
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 512
CLOSEST = 0.01
"""Seconds between two marks, at the least."""


class Span(NamedTuple):
    """Bytes of a file that came at a time, or soon after it; None: before anybody took notes."""

    time: float | None
    begin: int
    end: int


class Marks:
    """Times and places in what was written to one log since the daemon started.

    Places are counted from the first byte, and found in a file from its end: so a rotated or
    emptied file needs no further care.
    """

    def __init__(self) -> None:
        self.written = 0
        self._last = 0.0
        self._times = array("d")
        self._places = array("q")

    def note(self, size: int) -> None:
        """Take note that so many bytes come now."""
        now = time.time()
        if abs(now - self._last) >= CLOSEST:
            self._last = now
            self._times.append(now)
            self._places.append(self.written)
            if len(self._times) > MOST:
                del self._times[1::2]
                del self._places[1::2]
        self.written += size

    def spans(self, begin: int, size: int) -> Iterator[Span]:
        """Yield what there is from a place of a file that has so many bytes."""
        shift = size - self.written
        moment: float | None = None
        for time_, place in zip(self._times, self._places, strict=True):
            if begin < (end := min(place + shift, size)):
                yield Span(moment, begin, end)
                begin = end
            moment = time_
        if begin < size:
            yield Span(moment, begin, size)

    def first_since(self, moment: float, size: int) -> int:
        """Return the place in a file of so many bytes where it goes on after a moment."""
        for time_, place in zip(self._times, self._places, strict=True):
            if time_ >= moment:
                return max(0, place + size - self.written)
        return size
