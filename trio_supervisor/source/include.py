"""``[include] files``: which files a configuration takes in, in which order.

As in supervisord, patterns are relative to the including file, the matches of each are sorted,
a later file overrides option by option (one that matches twice counts where it matches last), and
an included file includes nothing itself.
"""

from __future__ import annotations

import os

from trio_supervisor.errors import ConfigError, Problem
from trio_supervisor.source.expansion import expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.source.tree import Document


def included_files(main: Document, names: Mapping[str, object]) -> tuple[list[str], list[Problem]]:
    """Give the files to read and a warning for each pattern without a match."""
    section = main.tree.get("include")
    if not isinstance(section, dict):
        return [], []
    files: dict[str, None] = {}
    warnings: list[Problem] = []
    for pattern in _patterns(main, section, names):
        matches = _matches(pattern)
        for file in matches:
            files.pop(file, None)
            files[file] = None
        if not matches:
            text = f"{pattern!r} matches no file (nothing was included)"
            warnings.append(_problem(main, text))
    return list(files), warnings


def _patterns(main: Document, section: dict[str, object], names: Mapping[str, object]) -> list[str]:
    written = section.get("files")
    if isinstance(written, str):
        written = written.split()
    if not isinstance(written, list) or not all(isinstance(item, str) for item in written):
        raise ConfigError([_problem(main, "names no files (example: files = conf.d/*.conf)")])
    base = os.path.dirname(main.file)
    try:
        return [os.path.join(base, expand(item, names)) for item in written]
    except ValueError as error:
        raise ConfigError([_problem(main, str(error))]) from None


def _matches(pattern: str) -> list[str]:
    import glob

    return sorted(os.path.abspath(file) for file in glob.glob(pattern))


def _problem(main: Document, text: str) -> Problem:
    path = ("include", "files") if ("include", "files") in main.places else ("include",)
    place = main.places[path]
    return Problem(place.file, place.line, ".".join(path), text)
