"""One name on the launcher's console: its label, its lines, and those that have no end yet.

A line without an end (a prompt) is shown after a moment, and the cursor stays behind it until the
same output goes on, or anything else is to be shown: that begins a line of its own.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.formats import without_ansi
from trio_supervisor.daemon.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.daemon.console import Console

COLOURS = ("36", "33", "32", "35", "31", "34", "36;1", "33;1", "32;1", "35;1", "31;1", "34;1")
"""The order of honcho."""
_BAR = " | "
QUIET = "2"
"""What is no output of a program is shown faint."""
LONGEST_LINE = 64 * 1024
"""Bytes of an unfinished line that are held back for its end."""
REMEMBERED = 512
"""Bytes of the last output that are kept for `Speaker.last_line`."""


class Style:
    """How lines look: coloured or not, behind the time or not, names padded to a width."""

    def __init__(self, *, is_coloured: bool, has_times: bool, width: int) -> None:
        self._is_coloured = is_coloured
        self._has_times = has_times
        self._width = width

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
        """Return the time now as ``10:16:40.325``, or nothing."""
        if not self._has_times:
            return b""
        now = time.time()
        return time.strftime(f"%H:%M:%S.{int(now % 1 * 1000):03d} ", time.localtime(now)).encode()

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._is_coloured else text


class Speaker:
    """A name, and what both outputs of its process have shown last."""

    def __init__(self, style: Style, label: bytes) -> None:
        self.style = style
        self._label = label
        self._shown = b""

    @property
    def label(self) -> bytes:
        """What stands before a line that is shown now."""
        return self.style.stamp() + self._label

    def remember(self, text: bytes) -> None:
        """Keep the end of what is shown."""
        self._shown = text if len(text) > REMEMBERED else (self._shown + text)[-REMEMBERED:]

    @property
    def last_line(self) -> str:
        """The last line that is not empty, without colours."""
        text = without_ansi(self._shown[-REMEMBERED:]).decode(errors="replace")
        lines = [line for line in text.splitlines() if line.strip()]
        return "".join(filter(str.isprintable, lines[-1].strip())) if lines else ""


class ConsoleSink:
    """Lines of one output of a process."""

    def __init__(self, console: Console, speaker: Speaker) -> None:
        self.speaker = speaker
        self.held_since = 0.0
        """Moment of Trio's clock at which the line that is held back began."""
        self._console = console
        self._lines = Lines(LONGEST_LINE)
        self._has_begun = False

    def write(self, data: bytes | memoryview) -> None:
        """Show the whole lines; hold back what comes after the last of them."""
        had_rest = self._lines.has_rest
        lines = self._lines.take(data)
        if lines:
            self._show(lines)
        if self._lines.has_rest:
            if self._console.is_behind(self):
                self.show_part()
            elif lines or not had_rest:
                self.held_since = trio.current_time()
                self._console.note_unfinished(self)

    def show_part(self) -> None:
        """Show what is held back, and stay behind it."""
        if part := self._lines.part():
            self._show(part)
            self._has_begun = True

    def finish_line(self) -> None:
        """Show what is held back as a line: nothing follows."""
        self._show(self._lines.rest() or b"\n" * self._console.is_behind(self))

    def _show(self, text: bytes) -> None:
        """Show whole lines, or the beginning of one."""
        if self._has_begun and not self._console.is_behind(self):
            text = text.removeprefix(b"\n")  # that line has been ended for it
        self._has_begun = False
        if text:
            self.speaker.remember(text)
            self._console.show(self, text)


def wants_colour(descriptor: int, environ: Mapping[str, str], asked: bool | None) -> bool:
    """Follow what was asked for, then https://no-color.org, then what terminals say of themselves.

    Without an order: NO_COLOR, else FORCE_COLOR, if they are set and not empty, else a terminal
    has colours unless TERM is ``dumb``.
    """
    if asked is not None:
        return asked
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or (
        os.isatty(descriptor) and environ.get("TERM") != "dumb"
    )
