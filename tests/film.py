"""Films terminals, and draws the film as one SVG that plays wherever a picture is shown.

Nothing in it is a script or comes from elsewhere: each row of a screen is text that CSS shows for
as long as the row was so. Who wants no motion, or has no CSS animations, sees the end of it.
"""

from __future__ import annotations

import time
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape, quoteattr

import pyte

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from terminal import Terminal

TICK = 0.04
"""Seconds between two looks at the screens."""
KEY = 0.05
"""Seconds between two keys of somebody who types."""
REST = 6.0
"""Seconds for which the end is shown, before it begins again."""
WIDE, HIGH, MARGIN, BAR = 8.0, 18, 16, 30
"""Pixels: a character's width and a row's height, around the text, and the bar of a window."""
FAINT = b"\x1b[2m", b"\x1b[90m"
"""SGR 2, which the emulator does not know, and the grey that most terminals make of it."""
STYLE = """
svg { color-scheme: light dark; --paper: #ffffff; --ink: #1f2328; --bar: #f1f3f5; --edge: #d0d7de;
  --grey: #6e7781; --red: #cf222e; --green: #1a7f37; --yellow: #8a5a00; --blue: #0969da;
  --magenta: #8250df; --cyan: #0b7285 }
@media (prefers-color-scheme: dark) { svg { --paper: #0d1117; --ink: #e6edf3; --bar: #161b22;
  --edge: #30363d; --grey: #8b949e; --red: #ff7b72; --green: #56d364; --yellow: #e3b341;
  --blue: #79c0ff; --magenta: #d2a8ff; --cyan: #56d4dd } }
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
  fill: var(--ink); white-space: pre }
.window { fill: var(--paper); stroke: var(--edge) } .bar { fill: var(--bar) }
.dot { fill: var(--edge) } .title { fill: var(--grey); text-anchor: middle }
.brightblack { fill: var(--grey) } .red { fill: var(--red) } .green { fill: var(--green) }
.brown { fill: var(--yellow) } .blue { fill: var(--blue) } .magenta { fill: var(--magenta) }
.cyan { fill: var(--cyan) } .bold { font-weight: bold } .cursor { fill: var(--grey) }
.row { animation-duration: %.2fs; animation-iteration-count: infinite;
  animation-timing-function: step-end }
.past { opacity: 0 }
@media (prefers-reduced-motion: reduce) { .row { animation-name: none !important } }
"""


class Run(NamedTuple):
    """Characters of one look, side by side; columns count from 0."""

    column: int
    text: str
    look: str


class Shown(NamedTuple):
    """A row of a screen, and the seconds from which and until which it was so."""

    row: int
    begin: float
    end: float
    runs: tuple[Run, ...]


class Window:
    """A terminal that is filmed, and what there was to see on it."""

    def __init__(self, terminal: Terminal, title: str, rows: int, columns: int) -> None:
        terminal.resize(rows, columns)
        self.title = title
        self.rows = rows
        self._terminal = terminal
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._read = 0
        self._now: list[tuple[float, tuple[Run, ...]]] = [(0.0, ())] * rows
        self._past: list[Shown] = []

    def look(self, now: float) -> None:
        """Take what has come; what is on the screen is so from now on."""
        new = self._terminal.shown[self._read :]
        self._read += len(new)
        self._stream.feed(new.replace(*FAINT))
        for row in range(self.rows):
            begin, runs = self._now[row]
            if (current := self._runs(row)) != runs:
                self._past.append(Shown(row, begin, now, runs))
                self._now[row] = now, current

    def film(self, end: float) -> list[Shown]:
        """Return all that was shown, up to a time."""
        last = [Shown(row, begin, end, runs) for row, (begin, runs) in enumerate(self._now)]
        return [one for one in (*self._past, *last) if one.runs]

    def _runs(self, row: int) -> tuple[Run, ...]:
        cells = [self._screen.buffer[row][column] for column in range(self._screen.columns)]
        looks = [f"{cell.fg} bold" if cell.bold else cell.fg for cell in cells]
        column, found = 0, []
        for look, group in groupby(looks):
            size = len(list(group))
            text = "".join(cell.data for cell in cells[column : column + size])
            if text.strip():
                found.append(Run(column, text.rstrip(), look))
            column += size
        if self._screen.cursor.y == row and found:
            found.append(Run(self._screen.cursor.x, "█", "cursor"))
        return tuple(found)


class Camera:
    """Looks at windows for as long as something is done in them."""

    def __init__(self, *windows: Window) -> None:
        self.windows = windows
        self._began = time.monotonic()

    def hold(self, seconds: float) -> None:
        """Go on filming."""
        deadline = time.monotonic() + seconds
        while (now := time.monotonic()) < deadline:
            for window in self.windows:
                window.look(now - self._began)
            time.sleep(TICK)

    def until(self, terminal: Terminal, words: str) -> None:
        """Go on filming until words are shown that were not waited for before."""
        while not terminal.has(words):
            self.hold(TICK)
        terminal.expect(words)

    def type(self, terminal: Terminal, line: str) -> None:
        """Type a line, at the pace of a person."""
        for key in line:
            terminal.type(key)
            self.hold(KEY)
        self.hold(4 * KEY)
        terminal.type("\r")

    def draw(self, columns: int, description: str) -> str:
        """Return the film: an SVG with the windows one below the other."""
        end = time.monotonic() - self._began
        width = round(columns * WIDE) + 2 * MARGIN
        parts, rules, top = [], dict[str, str](), 0
        for window in self.windows:
            parts.append(_frame(window, top, width))
            for shown in window.film(end):
                name = _animation(shown, end, rules)
                parts.append(_row(shown, name, top + BAR + MARGIN, is_past=shown.end < end))
            top += _height(window) + MARGIN
        size = f'viewBox="0 0 {width} {top - MARGIN}" width="{width}" height="{top - MARGIN}"'
        style = STYLE % (end + REST) + "\n".join(rules.values())
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" '
            f"aria-label={quoteattr(description)}>\n<style>{style}\n</style>\n"
            + "\n".join(parts)
            + "\n</svg>\n"
        )


def _height(window: Window) -> int:
    return BAR + window.rows * HIGH + 2 * MARGIN


def _frame(window: Window, top: int, width: int) -> str:
    """Draw the window around a screen."""
    dots = "".join(
        f'<circle class="dot" cx="{MARGIN + 4 + 18 * i}" cy="{top + BAR / 2}" r="5.5"/>'
        for i in range(3)
    )
    return (
        f'<rect class="window" x=".5" y="{top + 0.5}" width="{width - 1}" '
        f'height="{_height(window) - 1}" rx="8"/>'
        f'<path class="bar" d="M1 {top + BAR}V{top + 8.5}a7.5 7.5 0 0 1 7.5-7.5H{width - 8.5}'
        f'a7.5 7.5 0 0 1 7.5 7.5V{top + BAR}z"/>{dots}'
        f'<text class="title" x="{width / 2}" y="{top + 20}">{escape(window.title)}</text>'
    )


def _animation(shown: Shown, end: float, rules: dict[str, str]) -> str:
    """Return the name of the keyframes of a row; those of the same time have the same."""
    steps = _steps(shown, end)
    name = f"t{len(rules)}"
    for known, rule in rules.items():
        if rule.endswith(steps):
            return known
    rules[name] = f"@keyframes {name} {steps}"
    return name


def _steps(shown: Shown, end: float) -> str:
    begin, gone = (f"{100 * moment / (end + REST):.2f}%" for moment in (shown.begin, shown.end))
    before = "" if shown.begin == 0 else "0% { opacity: 0 } "
    after = f" {gone} {{ opacity: 0 }}" if shown.end < end else ""
    return f"{{ {before}{begin} {{ opacity: 1 }}{after} }}"


def _row(shown: Shown, name: str, top: int, *, is_past: bool) -> str:
    y = top + shown.row * HIGH + 13
    runs = "".join(_spans(shown.runs))
    look = "row past" if is_past else "row"
    return f'<text class="{look}" y="{y}" style="animation-name: {name}">{runs}</text>'


def _spans(runs: Sequence[Run]) -> Iterator[str]:
    for column, text, look in runs:
        # the length keeps columns together, whatever font there is
        at = f'x="{MARGIN + column * WIDE:g}" textLength="{len(text) * WIDE:g}"'
        style = "" if look == "default" else f' class="{look}"'
        yield f"<tspan {at}{style}>{escape(text)}</tspan>"
