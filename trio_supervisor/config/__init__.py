"""From the nested dict of a file to frozen specs, with every error and its place.

`load` is the whole way; `changes` compares two results, `writing` writes TOML, `schema` tells
editors what a file may hold. Nothing here may import trio.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from trio_supervisor.config.env_files import env_files
from trio_supervisor.config.judge import Judge, all_options, near
from trio_supervisor.config.paths import absolute, existing_directory, log_path
from trio_supervisor.config.programs import groups_of
from trio_supervisor.config.servers import inet_servers, unix_servers
from trio_supervisor.config.unserved import UNSERVED_FAMILIES, warn_of_unserved
from trio_supervisor.errors import ConfigError
from trio_supervisor.record import Record
from trio_supervisor.source import DEFAULT
from trio_supervisor.spec import (
    SECTIONS,
    Configuration,
    SupervisorctlSpec,
    SupervisordSpec,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.errors import Problem
    from trio_supervisor.source.tree import Source

_SECTION = "supervisord"
_FLAGS = {"env_file": "--env-file"}
"""Options of the command line that are not spelled like those of the file."""


class Findings(Record):
    """What became of a source: a configuration, which counts only if there are no errors."""

    configuration: Configuration
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def load(
    source: Source,
    *,
    overrides: Mapping[str, object] | None = None,
    directory: str | None = None,
    strict: bool = False,
) -> Configuration:
    """Make the configuration; raise ConfigError with all that is wrong, in the order of the files.

    ``overrides`` are typed values of the command line for [supervisord], which beat the file's.
    ``directory`` is where the daemon was started (default: the current one). ``strict`` makes
    every warning an error.
    """
    found = examine(source, overrides=overrides, directory=directory)
    problems = (*found.errors, *(found.warnings if strict else ()))
    if problems:
        raise ConfigError(sorted(problems, key=source.rank))
    return replace(found.configuration, warnings=tuple(map(str, found.warnings)))


def examine(
    source: Source,
    *,
    overrides: Mapping[str, object] | None = None,
    directory: str | None = None,
) -> Findings:
    """Judge a source as `load` does, and tell everything instead of raising."""
    overrides = overrides or {}
    flags: dict[tuple[str, ...], str] = {
        (_SECTION, option): _FLAGS.get(option, f"--{option}") for option in overrides
    }
    judge = Judge(source, flags)
    _check_sections(judge)
    supervisord, base = _supervisord(judge, overrides, directory or str(Path.cwd()))
    configuration = Configuration(
        path=source.path,
        base=base,
        supervisord=supervisord,
        unix_servers=unix_servers(judge, base),
        inet_servers=inet_servers(judge),
        supervisorctl=_supervisorctl(judge),
        groups=groups_of(judge, base, supervisord),
        included=source.included,
    )
    _check_exit_with(judge, configuration)
    warn_of_unserved(judge)
    return Findings(configuration, tuple(judge.errors()), tuple(judge.warnings()))


def _check_sections(judge: Judge) -> None:
    """Blame sections that do not exist, and what stands outside of any."""
    known = (*SECTIONS, *UNSERVED_FAMILIES)
    for name, table in judge.source.tree.items():
        if name == DEFAULT and isinstance(table, dict):
            for option in table.keys() - all_options():
                text = f"is no option of any section{near(option, all_options())}"
                judge.blame((DEFAULT, option), text)
        elif name not in known:
            judge.blame((name,), f"is no section{near(name, known)}")
        elif not isinstance(table, dict):
            judge.error((name,), f"is not a table (write [{name}], then its options)")


def _supervisord(
    judge: Judge, overrides: Mapping[str, object], started: str
) -> tuple[SupervisordSpec, str]:
    """Make the daemon's own spec, and the base of all relative paths."""
    table = judge.source.tree.get(_SECTION)
    given = {**table, **overrides} if isinstance(table, dict) else dict(overrides)
    found = judge.values((_SECTION,), given, SupervisordSpec)
    spec = SupervisordSpec(**found)
    base = absolute(started, spec.directory or "")
    childlogdir = absolute(base, spec.childlogdir or tempfile.gettempdir())
    for option, path in (("directory", base), ("childlogdir", childlogdir)):
        if option in found:
            existing_directory(judge, (_SECTION, option), path)
    found["env_file"] = tuple(env_files(judge, (_SECTION, "env_file"), base, spec.env_file))
    found["directory"] = base if spec.directory else None
    found["childlogdir"] = childlogdir
    for option in ("logfile", "pidfile"):
        found[option] = log_path(judge, (_SECTION, option), base, getattr(spec, option))
    return SupervisordSpec(**found), base


def _check_exit_with(judge: Judge, configuration: Configuration) -> None:
    """Blame a name that no process has."""
    name = configuration.supervisord.exit_with
    known = [
        p.process_name if p.process_name == group.name else f"{group.name}:{p.process_name}"
        for group in configuration.groups
        for p in group.programs
    ]
    if name is not None and name not in known:
        text = f"{name!r} names no process{near(name, known)}"
        judge.error((_SECTION, "exit_with"), text)


def _supervisorctl(judge: Judge) -> SupervisorctlSpec:
    table = judge.source.tree.get("supervisorctl")
    given = table if isinstance(table, dict) else {}
    return SupervisorctlSpec(**judge.values(("supervisorctl",), given, SupervisorctlSpec))
