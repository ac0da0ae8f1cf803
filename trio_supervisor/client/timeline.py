"""`timeline`: the start-up and the shutdown as spans, in the terminal or as a picture."""

from __future__ import annotations

import os
import sys
from itertools import groupby

from trio_supervisor.client.commands import command, usage_error
from trio_supervisor.client.screen import ELLIPSIS, cut, room_for_names, terminal_width
from trio_supervisor.errors import SupervisorError
from trio_supervisor.protocol.messages import Event, FollowEvents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trio_supervisor.client.session import Session
    from trio_supervisor.client.spans import Chart, Row

HTML = "--html"
FOLLOW = "-f"
_COLOURS = {
    "waiting": "90",
    "starting": "33",
    "settling": "34",
    "probing": "36",
    "ready": "32",
    "pausing": "31",
    "draining": "35",
    "killed": "31;1",
}
_BLOCKS = dict(zip((*_COLOURS, ELLIPSIS), "·▒▄▓█-░✖…", strict=True))
_ASCII = dict(zip((*_COLOURS, ELLIPSIS), ".=+?#-~X~", strict=True))
_LEAST = 8  # columns of a chart, however narrow the terminal is
_GOOD = 20  # columns of a chart before names are cut
_USUAL = 80  # columns where nobody says how many there are
_FOLLOWS = "waiting for the end of supervisord; Ctrl-C draws what there is"
_NOTHING = "the start-up is no longer remembered: too much has happened since"


@command(
    "timeline",
    "timeline               the start-up as spans, with what it had to wait for",
    "timeline -f            wait until supervisord has ended; then the shutdown, too",
    "timeline --html FILE   as a picture, for a browser",
    "timeline --json        as one JSON object",
    has_json=True,
)
def timeline(session: Session, words: list[str]) -> None:
    wanted = _wanted(words)
    if isinstance(wanted, str):
        usage_error(session, "timeline", wanted)
        return
    follows, file = wanted
    from trio_supervisor.client.spans import charts

    found = charts(_events(session, follows=follows))
    if session.wants_json:
        from trio_supervisor.client.objects import timeline_object, to_text

        session.say(to_text(timeline_object(found)))
    elif not found:
        session.say(_NOTHING)
        session.fail()
    elif file:
        _write(session, found, file)
    else:
        for line in lines_of(found, _width(), sys.stdout.encoding, colours=_wants_colours()):
            session.say(line)


def _wanted(words: list[str]) -> tuple[bool, str] | str:
    """Read ``[-f] [--html FILE]``; of anything else, say what is wrong with it."""
    rest = [word for word in words if word != FOLLOW]
    match rest:
        case []:
            return FOLLOW in words, ""
        case [option, file] if option == HTML:
            return FOLLOW in words, file
        case [option] if option == HTML:
            return "timeline --html needs a FILE to write (example: --html start-up.html)"
        case _:
            return f"timeline does not understand: {' '.join(words)}"


def _events(session: Session, *, follows: bool) -> list[Event]:
    """Return what is remembered; with ``follows`` also what happens until the daemon ends."""
    found: list[Event] = []
    try:
        for event in session.stream(FollowEvents(past=True, all=True, follow=follows)):
            if follows and not found:
                session.hint(_FOLLOWS)
            found += [event] if isinstance(event, Event) else []
    except KeyboardInterrupt:
        session.hint("")
    except SupervisorError:
        if not found:  # else the daemon has ended meanwhile
            raise
    return found


def _write(session: Session, found: list[Chart], file: str) -> None:
    from trio_supervisor.client.picture import page

    try:
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(page(found))
    except OSError as error:
        session.say(f"Error: {file} cannot be written: {error.strerror}")
        session.fail()
    else:
        session.say(f"written: {file}")


def lines_of(found: list[Chart], width: int, encoding: str, *, colours: bool) -> list[str]:
    """Return the charts as lines of at most ``width`` columns."""
    signs = _BLOCKS if encoding.lower().startswith("utf") else _ASCII
    lines: list[str] = []
    for chart in found:
        lines += ["", *_lines(chart, width, signs, colours=colours)]
    used = {span.phase for chart in found for row in chart.rows for span in row.spans}
    legend = (f"{_shown(signs[p], p, colours=colours)} {p}" for p in _COLOURS if p in used)
    return [*lines[1:], "", "  ".join(legend)]


def _lines(chart: Chart, width: int, signs: dict[str, str], *, colours: bool) -> list[str]:
    afters = [f"{row.settled - chart.begin:6.2f} s {row.outcome}" for row in chart.rows]
    rest = 4 + max(map(len, afters))  # the mark, and a gap after the name
    longest = max(1, min(room_for_names(width, rest + _GOOD), width - rest - _LEAST))
    names = [cut(row.name, longest, signs[ELLIPSIS]) for row in chart.rows]
    room = max(map(len, names)) + 2
    columns = max(_LEAST, width - room - rest + 2)
    lines = [f"{chart.title}: {chart.duration:.2f} s", ""]
    for row, name, after in zip(chart.rows, names, afters, strict=True):
        bar = _bar(chart, row, columns, signs, colours=colours)
        mark = "*" if row.name in chart.critical else " "
        lines.append(f"{mark} {name:<{room}}{bar}{after}")
    path = " > ".join(chart.critical)
    lines += ["", f"* what it had to wait for: {path}"] if path else []
    return [*lines, *chart.gaps()]


def _bar(chart: Chart, row: Row, columns: int, signs: dict[str, str], *, colours: bool) -> str:
    """Draw a row; what is shorter than a column is seen all the same."""
    cells = [""] * columns
    scale = columns / (chart.duration or 1.0)
    for span in row.spans:
        first = min(int((span.begin - chart.begin) * scale), columns - 1)
        last = min(max(int((span.end - chart.begin) * scale), first + 1), columns)
        cells[first:last] = [span.phase] * (last - first)
    bar = ""
    for phase, run in groupby(cells):
        text = (signs[phase] if phase else " ") * len(list(run))
        bar += _shown(text, phase, colours=colours)
    return bar


def _shown(text: str, phase: str, *, colours: bool) -> str:
    return f"\x1b[{_COLOURS[phase]}m{text}\x1b[0m" if colours and phase else text


def _width() -> int:
    given = os.environ.get("COLUMNS", "")
    return terminal_width() or (int(given) if given.isdecimal() else _USUAL)


def _wants_colours() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()
