"""What was read from configuration files: one nested dict, and where each of its keys stands.

Both dialects give the same tree: ``{"supervisord": {…}, "program": {"web": {…}}, …}``. INI has
strings only, TOML its own types. Nothing here knows an option.
"""

from __future__ import annotations

from trio_supervisor.errors import Problem
from trio_supervisor.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Literal

    from trio_supervisor.errors import ConfigError

    Path = tuple[str, ...]

FAMILIES = frozenset(
    {"program", "group", "fcgi-program", "eventlistener", "rpcinterface", "ctlplugin"}
)
"""Sections that exist under names only: ``[program:web]``, ``[program.web]``."""

SERVERS = frozenset({"unix_http_server", "inet_http_server"})
"""Sections that exist plainly and, additionally, under names."""

PROGRAMS = frozenset({"program", "fcgi-program", "eventlistener"})
"""Families whose values wait for the name and number of a process before they are expanded."""


class Place(Record):
    """Where a key stands; lines count from 1, None when it stands nowhere."""

    file: str
    line: int | None


class Document(Record):
    """One file, parsed; ``places`` has sections and options, each under its path in the tree."""

    file: str
    tree: dict[str, Any]
    places: dict[Path, Place]
    warnings: tuple[Problem, ...] = ()


class Source(Record):
    """A configuration with its included files, read but not judged.

    Everything but the families of programs is expanded. ``problems`` are values that could not
    be expanded (they stay as written in the tree); whoever judges the tree reports them, too.
    ``environment`` is what ``%(ENV_X)s`` means.
    """

    HIDDEN = frozenset({"environment"})

    path: str
    tree: dict[str, Any]
    places: dict[Path, Place]
    dialect: Literal["toml", "ini", "procfile"]
    warnings: tuple[Problem, ...]
    included: tuple[str, ...]
    problems: tuple[Problem, ...]
    environment: Mapping[str, str]

    def place(self, *path: str) -> Place:
        """Find the place of a key, or of the nearest table around it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(self.path, None))

    def problem(self, path: Path, text: str) -> Problem:
        place = self.place(*path)
        return Problem(place.file, place.line, ".".join(path), text)

    def rank(self, problem: Problem) -> tuple[int, int]:
        """Order problems as a person reads: file by file, from the top."""
        files = (self.path, *self.included)
        at = files.index(problem.file) if problem.file in files else len(files)
        return at, problem.line or 0


def dialect_of(file: str) -> Literal["toml", "ini", "procfile"]:
    """Tell it by the name: ``*.toml``, ``Procfile`` or ``Procfile.*``, and INI otherwise."""
    name = file.rpartition("/")[2]
    if name.endswith(".toml"):
        return "toml"
    return "procfile" if name.partition(".")[0] == "Procfile" else "ini"


def sections(tree: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Visit every table of options, ``[program:web]`` as ``("program", "web")``."""
    for name, table in tree.items():
        if not isinstance(table, dict):
            continue
        if name not in FAMILIES:
            yield (name,), table
        if name in FAMILIES or name in SERVERS:
            named = ((key, value) for key, value in table.items() if isinstance(value, dict))
            yield from (((name, key), value) for key, value in named)


def merge(into: dict[str, Any], new: dict[str, Any], path: Path = ()) -> None:
    """Add tables; an option that both have is the new one's, as a later file of the original."""
    for key, value in new.items():
        here = (*path, key)
        is_table = len(here) == 1 or (len(here) == 2 and here[0] in FAMILIES | SERVERS)  # noqa: PLR2004
        if is_table and isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value, here)
        else:
            into[key] = value


def only(file: str, line: int | None, text: str) -> ConfigError:
    """Make the error of a file in which one thing is wrong."""
    from trio_supervisor.errors import ConfigError

    return ConfigError([Problem(file, line, "", text)])
