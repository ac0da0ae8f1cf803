"""A generated configuration on its way to the disk: judged first, then written whole.

It is read exactly as the daemon will read it, from a draft beside the output. The directories
of the logs are made before, since a configuration is refused without them, and are removed
again when it is refused for anything else.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from trio_supervisor.config import load
from trio_supervisor.config.paths import NO_FILES, absolute
from trio_supervisor.config.writing import write_toml
from trio_supervisor.errors import ConfigError, SupervisorError
from trio_supervisor.source import read, values
from trio_supervisor.source.expansion import expand, names_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_supervisor.cli.template import Template
    from trio_supervisor.source.tree import Source
    from trio_supervisor.spec import Configuration


def generate(
    template: Template, document: dict[str, Any], comment: str, output: str
) -> tuple[Configuration, bool]:
    """Write a filled template; say what is in it, and whether the file had to be written.

    Raise ConfigError with places in the template, or SupervisorError when the disk refuses; then
    nothing is left behind.
    """
    with contextlib.ExitStack() as undo:
        with _draft_beside(output) as draft:
            write_toml(draft, document, comment)
            try:
                configuration = _judged(draft, undo)
            except ConfigError as error:
                raise ConfigError(
                    template.problem(found.key, found.text) if found.file == draft else found
                    for found in error.problems
                ) from None
        try:
            is_new = write_toml(output, document, comment)
        except OSError as error:
            raise _unwritable(output, error) from None
        undo.pop_all()
    named = tuple(text.replace(draft, output) for text in configuration.warnings)
    return replace(configuration, warnings=named), is_new


def _judged(draft: str, undo: contextlib.ExitStack) -> Configuration:
    source = read(draft, os.environ)
    for directory in sorted(set(_log_directories(source))):
        _make_directory(directory, undo)
    return load(source)


@contextlib.contextmanager
def _draft_beside(output: str) -> Iterator[str]:
    """Lend a file in the directory of the output, so that ``%(here)s`` means the same in it."""
    try:
        if Path(output).is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        handle, draft = tempfile.mkstemp(".toml", ".configure-", Path(output).absolute().parent)
    except OSError as error:
        raise _unwritable(output, error) from None
    os.close(handle)
    try:
        yield draft
    finally:
        Path(draft).unlink()


def _log_directories(source: Source) -> Iterator[Path]:
    """Find the directories of all logs; what cannot be understood is left to the judge."""
    daemon = _table(source.tree, "supervisord")
    base = absolute(str(Path.cwd()), str(daemon.get("directory", "")))
    logs = [daemon.get("logfile"), daemon.get("pidfile")]
    if isinstance(daemon.get("childlogdir"), str):
        yield Path(absolute(base, daemon["childlogdir"]))
    for names, section in _processes(source):
        for option in ("stdout_logfile", "stderr_logfile"):
            with contextlib.suppress(ValueError):
                logs.append(expand(str(section.get(option, "NONE")), names))
    for log in logs:
        if isinstance(log, str) and log.strip() not in NO_FILES:
            yield Path(absolute(base, log)).parent


def _processes(source: Source) -> Iterator[tuple[dict[str, object], dict[str, Any]]]:
    """Give each process's section, with the names that its values may use."""
    groups = _table(source.tree, "group")
    for program in (programs := _table(source.tree, "program")):
        section = _table(programs, program)
        listing = [name for name in groups if program in _members(_table(groups, name))]
        first, count = _number(section, "numprocs_start", 0), _number(section, "numprocs", 1)
        for group in listing or [program]:
            for number in range(first, first + count):
                named = {"program_name": program, "group_name": group}
                numbered = {"process_num": number, "numprocs": count}
                yield {**names_of(source.environment), **named, **numbered}, section


def _members(group: dict[str, Any]) -> list[str]:
    programs = group.get("programs", [])
    if isinstance(programs, str):
        return [name.strip() for name in programs.split(",")]
    return programs if isinstance(programs, list) else []


def _number(section: dict[str, Any], option: str, default: int) -> int:
    try:
        return values.integer(str(section.get(option, default)))
    except ValueError:
        return default


def _table(tree: dict[str, Any], name: str) -> dict[str, Any]:
    table = tree.get(name)
    return table if isinstance(table, dict) else {}


def _make_directory(directory: Path, undo: contextlib.ExitStack) -> None:
    if directory.is_dir():
        return
    _make_directory(directory.parent, undo)
    try:
        directory.mkdir()
    except OSError as error:
        raise SupervisorError(
            f"{directory} cannot be made for the logs: {error.strerror} "
            "(make it, or choose another place for the logs)"
        ) from None
    undo.callback(_remove_directory, directory)


def _remove_directory(directory: Path) -> None:
    with contextlib.suppress(OSError):  # somebody uses it already
        directory.rmdir()


def _unwritable(output: str, error: OSError) -> SupervisorError:
    return SupervisorError(
        f"{output} cannot be written: {error.strerror} (choose another file with -o)"
    )
