"""The command logs: what all programs wrote, merged by the time when it came."""

from __future__ import annotations

import os
import re
import sys
import time

from trio_supervisor.client.commands import command
from trio_supervisor.client.logs import Escaper
from trio_supervisor.client.render import namespec
from trio_supervisor.client.words import WordsError, moment, parse_options
from trio_supervisor.errors import Fault, ProtocolError
from trio_supervisor.protocol.messages import Done, GetLogs, LogPart, Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trio_supervisor.client.session import Session

    Key = tuple[str, str, int]

LAST = 20
"""Lines of each log that are shown when nothing says how much."""
COLOURS = ("36", "33", "32", "35", "31", "34", "36;1", "33;1", "32;1", "35;1", "31;1", "34;1")
_NAMES = ["grep=", "since=", "timestamps", "no-color", "color"]


@command(
    "logs",
    "logs [NAME ...]      the last 20 lines of each log, merged by time: NAME, GROUP:NAME, GROUP:*",
    "logs -n N ...        the last N lines of each",
    "logs --since T ...   what came since: 5m (ago), 14:30, 2026-11-22T14:30",
    "logs --grep RE ...   only lines in which a regular expression is found; of all there are",
    "logs -f ...          and what comes from now on; Ctrl-C ends it",
    "logs -t ...          the time before each line; --color, --no-color",
    keeps_words=True,
)
def logs(session: Session, words: list[str]) -> None:
    given, names = parse_options(words, "fn:t", _NAMES)
    request = _request(given, names)
    view = _View(given)
    try:
        _show(session, view, request, _lines_after_grep(given))
    except KeyboardInterrupt:
        if not request.follow:
            raise
    except ProtocolError:
        if not request.follow:
            raise
        session.hint("supervisord has ended")
    view.finish()


def follow(session: Session, given: dict[str, str], when_ready: Callable[[], None]) -> None:
    """Show what comes to any log from now on; call something as soon as nothing is missed."""
    view = _View(given)
    try:
        _show(session, view, GetLogs(lines=0, follow=True), None, when_ready)
    finally:
        view.finish()


def _request(given: dict[str, str], names: list[str]) -> GetLogs:
    since = moment("--since", given["--since"]) if "--since" in given else None
    lines = _count(given["-n"]) if "-n" in given else None
    if lines is None and since is None and "--grep" not in given:
        lines = LAST
    asked = None if "--grep" in given else lines
    return GetLogs(tuple(names), asked, since, "-f" in given)


def _lines_after_grep(given: dict[str, str]) -> int | None:
    return _count(given["-n"]) if "--grep" in given and "-n" in given else None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise WordsError(f"-n {text}: no number of lines (example: -n 100)")
    return int(text[:9])


class Line:
    """One line, or its beginning, and when that came (0: nobody knows)."""

    def __init__(self, key: Key, time_: float) -> None:
        self.key = key
        self.time = time_
        self.data = b""

    @property
    def text(self) -> str:
        """Without its end."""
        data = self.data.removesuffix(b"\n").removesuffix(b"\r")
        return data.decode(errors="surrogateescape")


class Lines:
    """Puts the pieces of several logs together to lines."""

    def __init__(self) -> None:
        self._open: dict[Key, Line] = {}

    def of(self, part: LogPart) -> Iterator[Line]:
        """Yield the lines that a piece completes; keep what is unfinished."""
        key = part.group, part.name, int(part.channel)
        for piece in _cut(part.data):
            line = self._open.setdefault(key, Line(key, part.time or 0.0))
            line.data += piece
            if piece.endswith(b"\n"):
                yield self._open.pop(key)

    def rest(self) -> Iterator[Line]:
        """Yield the lines that have no end."""
        while self._open:
            yield self._open.popitem()[1]


class _View:
    """How lines are shown: behind the names of their programs, in the colours of those."""

    def __init__(self, given: dict[str, str]) -> None:
        try:
            self._wanted = re.compile(given["--grep"]) if "--grep" in given else None
        except re.error as problem:
            raise WordsError(f"--grep {given['--grep']}: {problem}") from None
        self._has_times = "-t" in given or "--timestamps" in given
        is_terminal = sys.stdout.isatty()
        self._has_colours = "--no-color" not in given and (
            "--color" in given or _wants_colour(is_terminal)
        )
        self._is_terminal = is_terminal
        self._width = 0
        self._colours: dict[tuple[str, str], str] = {}
        self.lines = Lines()

    def name(self, keys: Iterable[tuple[str, str]]) -> None:
        """Learn which programs there are, in the order of their colours."""
        for group, name in keys:
            self._width = max(self._width, len(name))
            self._colours.setdefault((group, name), COLOURS[len(self._colours) % len(COLOURS)])

    def has(self, line: Line) -> bool:
        """Say whether a line is wanted."""
        return self._wanted is None or bool(self._wanted.search(line.text))

    def show(self, line: Line) -> None:
        """Print a line."""
        group, name, _ = line.key
        self.name([(group, name)])
        label = f"{name:<{self._width}} | "
        if self._has_colours:
            label = f"\x1b[{self._colours[group, name]}m{label}\x1b[0m"
        text = line.text
        if self._is_terminal:
            text = Escaper().escape(text.encode(errors="surrogateescape"), final=True)
        stamp = f"{_clock(line.time)} " if self._has_times else ""
        sys.stdout.buffer.write(f"{stamp}{label}{text}\n".encode(errors="surrogateescape"))

    def finish(self) -> None:
        """Print what has no end."""
        for line in self.lines.rest():
            if self.has(line):
                self.show(line)
        sys.stdout.buffer.flush()


def _show(
    session: Session,
    view: _View,
    request: GetLogs,
    last: int | None,
    when_ready: Callable[[], None] = lambda: None,
) -> None:
    past: list[Line] | None = []
    for reply in session.stream(request):
        match reply:
            case Outcome():
                _report(session, reply)
            case LogPart() if past is not None:
                past += filter(view.has, view.lines.of(reply))
            case LogPart():
                if reply.lost:
                    session.hint(
                        f"[lost {reply.lost} bytes: this terminal is slower than the logs]"
                    )
                for line in filter(view.has, view.lines.of(reply)):
                    view.show(line)
                sys.stdout.buffer.flush()
            case Done():
                _show_past(view, past or [], last)
                past = None
                when_ready()
            case _:
                pass
    if past is not None:
        past += filter(view.has, view.lines.rest())
        _show_past(view, past, last)


def _show_past(view: _View, lines: list[Line], last: int | None) -> None:
    """Print what there was, by time; what has none comes first, program by program."""
    view.name(sorted({line.key[:2] for line in lines}))
    if last is not None:
        lines = _last_of_each(lines, last)
    lines.sort(key=lambda line: line.time)  # stable: lines of one moment keep their order
    for line in lines:
        view.show(line)
    sys.stdout.buffer.flush()


def _last_of_each(lines: list[Line], count: int) -> list[Line]:
    of_each: dict[Key, list[Line]] = {}
    for line in lines:
        of_each.setdefault(line.key, []).append(line)
    return [line for found in of_each.values() for line in found[max(0, len(found) - count) :]]


def _report(session: Session, outcome: Outcome) -> None:
    name = namespec(outcome.group, outcome.name)
    if outcome.fault is Fault.BAD_NAME:
        session.say(f"{name}: ERROR (no such process)")
        session.fail()
        if outcome.detail:
            session.hint(f"{name}: {outcome.detail}")
    else:
        session.hint(f"{name}: {outcome.detail}")


def _cut(data: bytes) -> list[bytes]:
    """Split at line feeds only."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _clock(moment_: float) -> str:
    if not moment_:
        return "--:--:--.---"
    whole = time.strftime("%H:%M:%S", time.localtime(moment_))
    return f"{whole}.{int(moment_ % 1 * 1000):03d}"


def _wants_colour(is_terminal: bool) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (is_terminal and os.environ.get("TERM") != "dumb")
