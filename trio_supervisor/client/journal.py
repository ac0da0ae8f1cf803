"""The command logs: what all programs wrote, merged by the time when it came."""

from __future__ import annotations

import re

from trio_supervisor.client.commands import command
from trio_supervisor.client.logs import ENDED
from trio_supervisor.client.render import namespec
from trio_supervisor.client.view import open_view
from trio_supervisor.client.words import WordsError, moment, parse_options
from trio_supervisor.errors import Fault, ProtocolError
from trio_supervisor.protocol.messages import Done, Event, GetLogs, LogPart, Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from trio_supervisor.client.session import Session
    from trio_supervisor.client.view import Key, View

LAST = 20
"""Lines of each log that are shown when nothing says how much."""
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
    wanted, last = _wanted(given), _lines_after_grep(given)
    view = open_view(session, given, request.targets)
    reader = _Reader(view, wanted, last)
    has_left = False
    try:
        _read(session, reader, request)
    except KeyboardInterrupt:
        if not request.follow:
            raise
        has_left = True
    except ProtocolError:  # it was killed
        if not request.follow:
            raise
    reader.finish()
    if request.follow and not has_left:
        session.hint(ENDED)


def follow(session: Session, given: Mapping[str, str], when_ready: Callable[[], None]) -> None:
    """Show what comes to any log from now on, and what becomes of the processes.

    Calls something as soon as nothing is missed.
    """
    reader = _Reader(open_view(session, given), None, None)
    try:
        _read(session, reader, GetLogs(lines=0, follow=True, events=True), when_ready)
    finally:
        reader.finish()


def _request(given: dict[str, str], names: list[str]) -> GetLogs:
    since = moment("--since", given["--since"]) if "--since" in given else None
    lines = _count(given["-n"]) if "-n" in given else None
    if lines is None and since is None and "--grep" not in given:
        lines = LAST
    asked = None if "--grep" in given else lines
    return GetLogs(tuple(names), asked, since, "-f" in given)


def _wanted(given: Mapping[str, str]) -> re.Pattern[str] | None:
    try:
        return re.compile(given["--grep"]) if "--grep" in given else None
    except re.error as problem:
        raise WordsError(f"--grep {given['--grep']}: {problem}") from None


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
    def text(self) -> bytes:
        """What is left to be seen of it: without its end, and what a progress bar overwrote."""
        whole = self.data.removesuffix(b"\n").removesuffix(b"\r")
        return whole.rpartition(b"\r")[2]


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


class _Reader:
    """Puts what comes before a person: first what logs have, merged by time, then at once.

    ``wanted`` is what lines must match, ``last`` how many of those that logs have are shown.
    """

    def __init__(self, view: View, wanted: re.Pattern[str] | None, last: int | None) -> None:
        self.view = view
        self._wanted = wanted
        self._last = last
        self._past: list[Line] | None = []
        self._lines = Lines()

    def take(self, part: LogPart) -> None:
        """Keep or show a piece of a log."""
        if self._past is None and self._wanted is None:
            key = part.group, part.name, int(part.channel)
            self.view.take(key, part.time or 0.0, part.data)
            return
        for line in self._lines.of(part):
            if self._past is not None:
                self._past.append(line)
            elif self._has(line):
                self._show(line)

    def show_past(self) -> None:
        """Show what there was; what has no end yet may go on with what comes."""
        self._show_past([])
        if self._wanted is None:
            for line in self._lines.rest():
                self.view.take(line.key, line.time, line.data)

    def finish(self) -> None:
        """Show what was held back: nothing more will come."""
        rest = list(self._lines.rest())
        if self._past is not None:
            self._show_past(rest)
        else:
            for line in filter(self._has, rest):
                self._show(line)
        self.view.finish()

    def _has(self, line: Line) -> bool:
        """Say whether a line is wanted."""
        text = line.text.decode(errors="surrogateescape")
        return self._wanted is None or bool(self._wanted.search(text))

    def _show(self, line: Line) -> None:
        self.view.take(line.key, line.time, line.text + b"\n")

    def _show_past(self, rest: Iterable[Line]) -> None:
        """Show what there was, by time; what has none comes first, program by program."""
        lines = [line for line in (*(self._past or ()), *rest) if self._has(line)]
        self._past = None
        if self._last is not None:
            lines = _last_of_each(lines, self._last)
        lines.sort(key=lambda line: line.time)  # stable: lines of one moment keep their order
        for line in lines:
            self._show(line)


def _read(
    session: Session,
    reader: _Reader,
    request: GetLogs,
    when_ready: Callable[[], None] = lambda: None,
) -> None:
    """Let a reader take what the daemon tells, until it ends."""
    for reply in session.stream(request):
        match reply:
            case Outcome():
                _report(session, reply)
            case LogPart():
                if reply.lost:
                    _tell_losses(session, reader.view, reply.lost)
                reader.take(reply)
            case Event():
                reader.view.tell(reply)
            case Done():
                reader.show_past()
                when_ready()
            case _:
                pass
        reader.view.wait(session.connection())


def _tell_losses(session: Session, view: View, lost: int) -> None:
    view.begin_line()
    session.hint(f"[lost {lost} bytes: this terminal is slower than the logs]")


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
