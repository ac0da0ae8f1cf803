"""One name on a console: its label, its lines, and those that have no end yet.

A line without an end (a prompt) is shown after a moment, and the cursor stays behind it until the
same output goes on, or anything else is to be shown: that begins a line of its own.
"""

from __future__ import annotations

from trio_supervisor.console.escapes import without_ansi
from trio_supervisor.console.lines import Lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trio_supervisor.console.board import Board
    from trio_supervisor.console.style import Style

LONGEST_LINE = 64 * 1024
"""Bytes of an unfinished line that are held back for its end."""
REMEMBERED = 512
"""Bytes of the last output that are kept for `Speaker.last_line`."""


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

    def __init__(self, board: Board, speaker: Speaker) -> None:
        self.speaker = speaker
        self.held_since = 0.0
        """Moment of the board's clock at which the line that is held back began."""
        self._board = board
        self._lines = Lines(LONGEST_LINE)
        self._has_begun = False

    def write(self, data: bytes | memoryview) -> None:
        """Show the whole lines; hold back what comes after the last of them."""
        had_rest = self._lines.has_rest
        lines = self._lines.take(data)
        if lines:
            self._show(lines)
        if self._lines.has_rest:
            if self._board.is_behind(self):
                self.show_part()
            elif lines or not had_rest:
                self.held_since = self._board.clock()
                self._board.note_unfinished(self)

    def show_part(self) -> None:
        """Show what is held back, and stay behind it."""
        if part := self._lines.part():
            self._show(part)
            self._has_begun = True

    def finish_line(self) -> None:
        """Show what is held back as a line: nothing follows."""
        self._show(self._lines.rest() or b"\n" * self._board.is_behind(self))

    def _show(self, text: bytes) -> None:
        """Show whole lines, or the beginning of one."""
        if self._has_begun and not self._board.is_behind(self):
            text = text.removeprefix(b"\n")  # that line has been ended for it
        self._has_begun = False
        if text:
            self.speaker.remember(text)
            self._board.show(self, text)
