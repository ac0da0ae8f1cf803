"""supervisord.toml: TOML with the line of every key, which tomllib does not tell.

tomllib reads the values and refuses what is no TOML; `_Locator` then walks the same text,
which is known to be valid, and only notes at which line each key stands.
"""

from __future__ import annotations

from trio_supervisor.errors import ConfigError, Problem
from trio_supervisor.source.tree import Document, Place, only

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SERVER = "unix_http_server"
_CONTROL = "control"
_SHOWN = 40
_QUOTES = 'write text in quotes, name = "…", and booleans as true or false'
_ONCE = "keep one of them"
_REMEDIES = {
    "nvalid value": _QUOTES,
    "end of document after a statement": _QUOTES,
    "Expected '='": "write name = value",
    "table declaration": "write [table] or [table.name], where INI has [table:name]",
    "Invalid statement": "write name = value, [table] or # comment",
    "Unterminated string": "close the quote",
    "Illegal character": "close quotes on their line; write the character as \\u and its number",
    "Unclosed": "close the bracket",
    "twice": _ONCE,
    "overwrite": _ONCE,
    "Duplicate": _ONCE,
    "in a string": "double the backslash, or write the text in single quotes",
}
"""What to do about it, by words of tomllib's messages."""


def parse(text: str, file: str) -> Document:
    """Read a file; raise ConfigError where it is no TOML."""
    import tomllib

    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(str(error), text, file) from None
    places = {path: Place(file, line) for path, line in lines_of(text).items()}
    if _CONTROL in tree:
        _rename_control(tree, places)
    return Document(file, tree, places)


def lines_of(text: str) -> dict[tuple[str, ...], int]:
    """Map each key and table of a valid TOML text to its line, from 1."""
    locator = _Locator(text.replace("\r\n", "\n"))
    locator.document()
    return locator.lines


def _rename_control(tree: dict[str, Any], places: dict[tuple[str, ...], Place]) -> None:
    """Let ``[control]`` be the native name of ``[unix_http_server]``."""
    if _SERVER in tree:
        place = places[_CONTROL,]
        text = f"is another name of [{_SERVER}], which the file has, too (keep one of them)"
        raise ConfigError([Problem(place.file, place.line, _CONTROL, text)])
    tree[_SERVER] = tree.pop(_CONTROL)
    for path in [path for path in places if path[0] == _CONTROL]:
        places[(_SERVER, *path[1:])] = places.pop(path)


def _syntax_error(message: str, text: str, file: str) -> ConfigError:
    """Take the line out of tomllib's message, ``… (at line 3, column 7)`` or ``(at end …)``."""
    what, _, where = message.rpartition(" (at ")
    line = where.removeprefix("line ").partition(",")[0]
    number = int(line) if line.isdecimal() else text.rstrip().count("\n") + 1
    key, equals, _ = text.split("\n")[number - 1].strip().partition("=")
    shown = f"{key}= …" if equals else key[:_SHOWN]  # what follows may be a secret
    reason = what[:1].lower() + what[1:]
    return only(file, number, f"{shown!r} is not TOML: {reason} ({_remedy(what)})")


def _remedy(what: str) -> str:
    found = (remedy for words, remedy in _REMEDIES.items() if words in what)
    return next(found, "the grammar stands at https://toml.io/en/v1.0.0")


class _Locator:
    """Walks a valid document; ``lines`` fills up. ``at`` is where it stands in the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[tuple[str, ...], int] = {}
        self._line, self._counted = 1, 0

    def document(self) -> None:
        table: tuple[str, ...] = ()
        while self._skip_blank(" \t\n"):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> tuple[str, ...]:
        while self.text[self.at] in "[ \t":
            self.at += 1
        key = self._key(())
        self.at = self._end_of_line()
        return key

    def _pair(self, table: tuple[str, ...]) -> None:
        key = self._key(table)
        self.at += 1  # the equals sign, at which _key stopped
        self._skip_blank(" \t")
        self._value(key)

    def _key(self, table: tuple[str, ...]) -> tuple[str, ...]:
        """Read a dotted key up to what ends it, and note its line and its parents'."""
        line = self._current_line()
        path = table
        while True:
            path = (*path, self._key_part())
            self.lines.setdefault(path, line)
            self._skip_blank(" \t")
            if self.text[self.at] != ".":
                return path
            self.at += 1
            self._skip_blank(" \t")

    def _key_part(self) -> str:
        import tomllib

        start = self.at
        if self.text[start] in "\"'":
            self._string()
            part: str = tomllib.loads(f"key={self.text[start : self.at]}")["key"]
            return part
        while self.text[self.at] not in " \t.=]":
            self.at += 1
        return self.text[start : self.at]

    def _value(self, key: tuple[str, ...]) -> None:
        match self.text[self.at]:
            case '"' | "'":
                self._string()
            case "[":
                self._array(key)
            case "{":
                self._inline_table(key)
            case _:
                while self.at < len(self.text) and self.text[self.at] not in ",]}#\n":
                    self.at += 1

    def _array(self, key: tuple[str, ...]) -> None:
        self.at += 1
        while self._skip_blank(" \t\n,") and self.text[self.at] != "]":
            self._value(key)
        self.at += 1

    def _inline_table(self, key: tuple[str, ...]) -> None:
        self.at += 1
        while self._skip_blank(" \t\n,") and self.text[self.at] != "}":
            self._pair(key)
        self.at += 1

    def _string(self) -> None:
        quote = self.text[self.at]
        if self.text.startswith(quote * 3, self.at):
            self._find(quote * 3, self.at + 3)
            while self.text[self.at : self.at + 1] == quote:  # up to two may stand before the end
                self.at += 1
        else:
            self._find(quote, self.at + 1)

    def _find(self, end: str, start: int) -> None:
        """Go behind the end of a string; a backslash hides one only in basic strings."""
        self.at = start
        while not self.text.startswith(end, self.at):
            self.at += 2 if self.text[self.at] == "\\" and end[0] == '"' else 1
        self.at += len(end)

    def _skip_blank(self, blank: str) -> bool:
        """Skip blanks, and comments if lines may end; say whether anything follows."""
        while self.at < len(self.text):
            if self.text[self.at] == "#" and "\n" in blank:
                self.at = self._end_of_line()
            elif self.text[self.at] in blank:
                self.at += 1
            else:
                return True
        return False

    def _end_of_line(self) -> int:
        end = self.text.find("\n", self.at)
        return len(self.text) if end < 0 else end

    def _current_line(self) -> int:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line
