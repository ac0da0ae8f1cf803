"""Where the configuration is found and how it is read: files to one nested dict with places.

Standard library only, and every module that costs time is imported where it is needed:
`supervisorctl` comes through here. `read` judges nothing but syntax; `config.load` does.
"""

from __future__ import annotations

import os

from trio_supervisor.errors import ConfigError, Problem
from trio_supervisor.source.tree import (
    PROGRAMS,
    Document,
    Source,
    dialect_of,
    merge,
    only,
    sections,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

DEFAULT = "DEFAULT"
"""The section of INI whose options every other section has, unless it sets them itself."""

_NOT_PROCFILE = "is for a Procfile (set numprocs of a program in the configuration)"
_TEMPLATE = (
    "this file is a template, not a configuration "
    "(make one of it with: trio-supervisor configure {file})"
)


def read(
    path: str, environment: Mapping[str, str], concurrency: str = "", env_file: str = ""
) -> Source:
    """Read a configuration and what it includes; raise ConfigError with all syntax errors.

    The dialect of each file is decided by its name. ``environment`` is what ``%(ENV_X)s`` means.
    ``concurrency`` and ``env_file`` are what `procfile.parse` is to know.
    """
    if concurrency and dialect_of(path) != "procfile":
        raise ConfigError([Problem("command line", None, "--concurrency", _NOT_PROCFILE)])
    try:
        return _read(path, environment, concurrency, env_file)
    except RecursionError:
        file = os.path.abspath(path)
        raise only(file, None, "its values are nested too deeply (one level is enough)") from None


def _read(path: str, environment: Mapping[str, str], concurrency: str, env_file: str) -> Source:
    from trio_supervisor.source.expansion import names_of
    from trio_supervisor.source.include import included_files

    main = _read_document(os.path.abspath(path), environment, concurrency, env_file)
    names = names_of(environment)
    files, warnings = included_files(main, names)
    documents = [main, *_read_included(files, environment)]
    tree: dict[str, Any] = {}
    places = {path: place for one in documents for path, place in one.places.items()}
    for document in documents:
        merge(tree, document.tree)
    _apply_defaults(tree, places)
    source = Source(
        path=main.file,
        tree=tree,
        places=places,
        dialect=dialect_of(main.file),
        warnings=(*warnings, *(warning for one in documents for warning in one.warnings)),
        included=tuple(one.file for one in documents[1:]),
        problems=(),
        environment=environment,
    )
    return source.replace(problems=tuple(_expand_sections(source, names)))


def _read_document(
    file: str, environment: Mapping[str, str], concurrency: str = "", env_file: str = ""
) -> Document:
    """Read one file, with ``%(here)s`` in it replaced; raise ConfigError."""
    from trio_supervisor.source.expansion import expand_all, fix_here

    dialect = dialect_of(file)
    if dialect == "procfile":
        from trio_supervisor.source import procfile

        return procfile.parse(_text_of(file), file, environment, concurrency, env_file)
    if dialect == "toml":
        from trio_supervisor.source.toml import parse
    else:
        from trio_supervisor.source.ini import parse

    document = parse(_text_of(file), file)
    if "configure" in document.tree:
        place = document.places["configure",]
        raise only(file, place.line, _TEMPLATE.format(file=file))
    here = os.path.dirname(file)
    return document.replace(tree=expand_all(document.tree, lambda text: fix_here(text, here)))


def _text_of(file: str) -> str:
    try:
        with open(file, "rb") as opened:  # pathlib costs a third of our start
            content = opened.read()
    except OSError as error:
        raise only(file, None, f"cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise only(file, line, "is not UTF-8 text (save the file as UTF-8)") from None


def _read_included(files: list[str], environment: Mapping[str, str]) -> list[Document]:
    documents: list[Document] = []
    problems: list[Problem] = []
    for file in files:
        try:
            document = _read_document(file, environment)
        except ConfigError as error:
            problems += error.problems
        else:
            document.tree.pop("include", None)
            documents.append(document)
    if problems:
        raise ConfigError(problems)
    return documents


def _apply_defaults(tree: dict[str, Any], places: dict[tuple[str, ...], Any]) -> None:
    """Give every section the options of [DEFAULT], as Python's parser does; keep their places."""
    defaults = tree.get(DEFAULT)
    if not isinstance(defaults, dict):
        return
    for path, options in sections(tree):
        for option, value in defaults.items():
            if path != (DEFAULT,) and option not in options:
                options[option] = value
                places[*path, option] = places[DEFAULT, option]


def _expand_sections(source: Source, names: Mapping[str, object]) -> list[Problem]:
    """Expand, in place, what does not wait for the name of a process; give what went wrong."""
    from trio_supervisor.source.expansion import expand, expand_all

    problems = []
    for path, options in sections(source.tree):
        if path[0] in PROGRAMS or path == (DEFAULT,):
            continue
        for option, value in options.items():
            if isinstance(value, dict) and path[0] != "supervisord":
                continue  # a named server: a section of its own
            try:
                options[option] = expand_all(value, lambda text: expand(text, names))
            except ValueError as error:
                problems.append(source.problem((*path, option), str(error)))
    return problems
