"""What a console shows: lines of many names, none broken into by another, prompts left open.

Pure: how it gets to a terminal is the business of subclasses, those of daemon and client.
"""

from __future__ import annotations

import re

from trio_supervisor.console.speaker import ConsoleSink, Speaker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trio_supervisor.console.style import Style

PROMPT_AFTER = 0.2
"""Seconds after which an unfinished line (a prompt) is shown as it is."""
_RETURN = re.compile(rb"\r(?![\r\n])")
_COLOUR_TO_THE_END = re.compile(rb"\x1b\[(?!0*m)[0-9;:]*m[^\n\x1b]*(?=\n|\Z)")
"""What is still coloured where a line, or what is shown of it now, ends."""


class Board:
    """Puts lines behind their names, one `replace` and one write for a chunk.

    ``names`` get their colours in this order, ``plain`` ones have none. ``clock`` returns the
    seconds by which unfinished lines wait.
    """

    def __init__(
        self,
        style: Style,
        names: Iterable[str],
        *,
        plain: Iterable[str] = (),
        clock: Callable[[], float],
    ) -> None:
        self.clock = clock
        self._style = style
        self._number = {name: place for place, name in enumerate(names)}
        self._plain = frozenset(plain)
        self._speakers: dict[str, Speaker] = {}
        self._unfinished: set[ConsoleSink] = set()
        self._open: ConsoleSink | None = None
        self._is_at_start = True

    def sink(self, name: str) -> ConsoleSink:
        """Return where the lines of a name go; names unknown so far get the next colour."""
        return ConsoleSink(self, self._speaker(name))

    def last_line(self, name: str) -> str:
        """Return the last line that was shown of a name, without colours."""
        return self._speaker(name).last_line

    def say(self, name: str, text: str) -> None:
        """Show a line that is about a process, not of it, after all that it has written."""
        speaker = self._speaker(name)
        for sink in [sink for sink in self._unfinished if sink.speaker is speaker]:
            self._unfinished.discard(sink)
            sink.show_part()
        self._write(self._fresh + speaker.label + self._style.quiet(text) + b"\n")
        self._open = None

    @property
    def part_due(self) -> float | None:
        """The moment at which an unfinished line is to be shown, None while there is none."""
        since = min((sink.held_since for sink in self._unfinished), default=None)
        return None if since is None else since + PROMPT_AFTER

    def show_parts(self) -> None:
        """Show the lines that have no end yet, and have waited for it long enough."""
        now = self.clock()
        for sink in [one for one in self._unfinished if one.held_since + PROMPT_AFTER <= now]:
            self._unfinished.discard(sink)
            sink.show_part()

    def finish_lines(self) -> None:
        """Show all lines that have no end yet, and end them."""
        for sink in self._unfinished:
            sink.finish_line()
        self._unfinished.clear()
        self.begin_line()

    def begin_line(self) -> None:
        """End the line that the cursor stands behind, if it does."""
        if not self._is_at_start:
            self._write(b"\n")
            self._open = None

    def _speaker(self, name: str) -> Speaker:
        if name not in self._speakers:
            place = None
            if name not in self._plain:
                place = self._number.setdefault(name, len(self._number))
            self._speakers[name] = Speaker(self._style, self._style.label(name, place))
        return self._speakers[name]

    # ── what sinks ask ──

    def note_unfinished(self, sink: ConsoleSink) -> None:
        """Remember that a sink holds back a line."""
        self._unfinished.add(sink)

    def is_behind(self, sink: ConsoleSink) -> bool:
        """Say whether the cursor stands behind an unfinished line of a sink."""
        return self._open is sink

    def show(self, sink: ConsoleSink, text: bytes) -> None:
        """Show lines of a sink, the last of which may have no end yet."""
        label = sink.speaker.label
        if b"\x1b" in text:  # the colours of a program are not for those of others
            text = _COLOUR_TO_THE_END.sub(b"\\g<0>\x1b[0m", text)
        if b"\r" in text:  # as progress bars: back to the beginning is back to behind the name
            text = _RETURN.sub(lambda _: b"\r" + label, text)
        is_whole = text.endswith(b"\n")
        labelled = text[: len(text) - is_whole].replace(b"\n", b"\n" + label)
        first = b"" if self._open is sink else self._fresh + label
        is_shown = self._write(first + labelled + b"\n" * is_whole)
        self._open = sink if is_shown and not is_whole else None

    @property
    def _fresh(self) -> bytes:
        """What leads to the beginning of a line."""
        return b"" if self._is_at_start else b"\n"

    def _write(self, data: bytes) -> bool:
        """Write, now or later, and take note in `_is_at_start`; False when it is lost."""
        raise NotImplementedError
