"""Whole lines out of pieces that end anywhere."""

from __future__ import annotations


def shown(text: str, limit: int) -> str:
    """Return what may stand in a line of ours: nothing that a terminal acts on, and not more."""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:limit]


class Lines:
    """Holds back what has no end yet, at most ``limit`` bytes of it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = b""

    @property
    def has_rest(self) -> bool:
        """True while a line is held back."""
        return bool(self._held)

    def take(self, data: bytes | memoryview) -> bytes:
        """Return the whole lines there are now, with their ends."""
        lines, end, self._held = (self._held + bytes(data)).rpartition(b"\n")
        if len(self._held) > self._limit:
            return lines + end + self.rest()
        return lines + end

    def rest(self) -> bytes:
        """Return what is held back as a line, nothing if there is none."""
        held = self.part()
        return held + b"\n" if held else b""

    def part(self) -> bytes:
        """Return what is held back as it is, without an end; it is held back no longer."""
        held, self._held = self._held, b""
        return held
