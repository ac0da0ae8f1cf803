"""How lines on a console look: their labels, colours and times."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COLOURS = ("36", "33", "32", "35", "31", "34", "36;1", "33;1", "32;1", "35;1", "31;1", "34;1")
"""The order of honcho."""
_BAR = " | "
QUIET = "2"
"""What is no output of a program is shown faint."""


class Style:
    """How lines look: coloured or not, behind the time or not, names padded to a width.

    ``now`` returns the time of what is shown, in Unix seconds; 0 when nobody knows it.
    """

    def __init__(
        self,
        *,
        is_coloured: bool,
        has_times: bool,
        width: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._is_coloured = is_coloured
        self._has_times = has_times
        self._width = width
        self._now = now

    @property
    def indent(self) -> int:
        """How many columns stand before a line."""
        return self._width + len(_BAR) + len(self.stamp())

    def label(self, name: str, place: int | None) -> bytes:
        """Return what stands before the lines of a name, in the colour of its place, or in none."""
        label = f"{name:<{self._width}}{_BAR}"
        if place is None:
            return label.encode()
        return self._painted(label, COLOURS[place % len(COLOURS)]).encode()

    def quiet(self, text: str) -> bytes:
        """Return a text that is no output."""
        return self._painted(f"-- {text}", QUIET).encode()

    def stamp(self) -> bytes:
        """Return the time as ``10:16:40.325``, or nothing."""
        if not self._has_times:
            return b""
        now = self._now()
        if not now:
            return b"--:--:--.--- "
        return time.strftime(f"%H:%M:%S.{int(now % 1 * 1000):03d} ", time.localtime(now)).encode()

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._is_coloured else text


def wants_colour(is_terminal: bool, environ: Mapping[str, str], asked: bool | None) -> bool:
    """Follow what was asked for, then https://no-color.org, then what terminals say of themselves.

    Without an order: NO_COLOR, else FORCE_COLOR, if they are set and not empty, else a terminal
    has colours unless TERM is ``dumb``.
    """
    if asked is not None:
        return asked
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or (is_terminal and environ.get("TERM") != "dumb")
