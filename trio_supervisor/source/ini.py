"""supervisord.conf: INI as supervisord reads it, with the line of every key.

The grammar is that of its parser (Python's RawConfigParser with inline comments, not strict),
rebuilt because that one forgets where things stand: options are lower-cased, ``=`` or ``:``
delimits, indented lines continue, a ``;`` or ``#`` after whitespace starts a comment even
inside quotes. The last is followed, but said aloud when it cuts a quoted text.
"""

from __future__ import annotations

from itertools import zip_longest

from trio_supervisor.errors import ConfigError, Problem
from trio_supervisor.source.tree import FAMILIES, SERVERS, Document, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NO_SECTION = "stands before the first [section] (is this a supervisord.conf?)"
_NAME_TAKEN = "has the name of an option of the plain section (rename it)"
_NO_DELIMITER = "is neither option=value nor [section] (a value goes on in indented lines)"


def parse(text: str, file: str) -> Document:
    """Read a file; raise ConfigError with everything that is no INI."""
    reader = _Reader(file)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate(lines, start=1):
        reader.feed(number, line)
    reader.end_option()
    if reader.problems:
        raise ConfigError(reader.problems)
    return Document(file, reader.tree, reader.places, tuple(reader.warnings))


def section_path(header: str) -> tuple[str, ...]:
    """Turn ``program:web`` into its path in the tree; ``program`` alone names nothing there."""
    family, colon, name = header.partition(":")
    if colon and family in FAMILIES | SERVERS:
        return family, name.strip()
    return (f"{header}:" if header in FAMILIES else header,)


def comment_start(line: str) -> int:
    """Find where a comment starts: at a ``;`` or ``#`` with nothing or whitespace before it.

    As Python's parser does, the n-th of each mark are looked at together, so that an early mark
    that starts none hides a later one from it: ``a;b ;c #d`` is cut at the ``#``.
    """
    marks = ([at for at, char in enumerate(line) if char == mark] for mark in ";#")
    for pair in zip_longest(*marks):
        starts = [at for at in pair if at is not None and not line[at - 1 : at].strip()]
        if starts:
            return min(starts)
    return len(line)


def open_quote(text: str) -> str:
    """Name the quote that is still open at the end of a text, if any."""
    quote = ""
    for char in text:
        if char in "\"'" and quote in ("", char):
            quote = "" if quote else char
    return quote


class _Reader:
    """The state between lines: the section and the option that an indented line continues."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.tree: dict[str, Any] = {}
        self.places: dict[tuple[str, ...], Place] = {}
        self.warnings: list[Problem] = []
        self.problems: list[Problem] = []
        self._path: tuple[str, ...] = ()
        self._options: dict[str, Any] | None = None
        self._option = ""
        self._lines: list[str] = []
        self._indent = 0

    def feed(self, number: int, line: str) -> None:
        end = comment_start(line)
        value = line[:end].strip()
        if not value:
            if self._option and end == len(line):
                self._lines.append("")
            return
        indent = len(line) - len(line.lstrip())
        if self._option and indent > self._indent:
            self._lines.append(value)
        else:
            self._indent = indent
            self._start(number, value)
        if end < len(line):
            self._warn_of_cut(number, line[end:])

    def end_option(self) -> None:
        if self._options is not None and self._option:
            self._options[self._option] = "\n".join(self._lines).rstrip()
        self._option = ""

    def _start(self, number: int, value: str) -> None:
        self.end_option()
        if value.startswith("[") and value.rfind("]") > 1:
            self._open_section(number, value[1 : value.rfind("]")])
        elif self._options is None:
            self._refuse(number, value, _NO_SECTION)
        else:
            self._open_option(number, value)

    def _open_section(self, number: int, header: str) -> None:
        self._path = section_path(header)
        options = self.tree
        for part in self._path:
            options = options.setdefault(part, {})
            if not isinstance(options, dict):
                self._refuse(number, f"[{header}]", _NAME_TAKEN)
                return
        self._options = options
        self.places.setdefault(self._path, Place(self.file, number))

    def _open_option(self, number: int, value: str) -> None:
        at = min((i for i in (value.find("="), value.find(":")) if i >= 0), default=0)
        name = value[:at].strip().lower()
        if not name:
            self._refuse(number, value, _NO_DELIMITER)
            return
        self._option, self._lines = name, [value[at + 1 :].strip()]
        self.places[*self._path, name] = Place(self.file, number)

    def _refuse(self, number: int, value: str, why: str) -> None:
        self.problems.append(Problem(self.file, number, "", f"{value!r} {why}"))

    def _warn_of_cut(self, number: int, comment: str) -> None:
        """As the original's parser, quotes do not protect; unlike it, nobody has to guess."""
        if not self._option or not open_quote(self._lines[-1]):
            return
        text = (
            f"the comment {comment!r} starts inside quotes and cuts the value "
            f"(remove the space before {comment[0]!r})"
        )
        key = ".".join((*self._path, self._option))
        self.warnings.append(Problem(self.file, number, key, text))
