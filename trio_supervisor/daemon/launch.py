"""What a start of the daemon is given, and what the process above it needs of it.

Standard library only: the guardian, which lives as long as the daemon, must stay small.
"""

from __future__ import annotations

import os
import sys

from trio_supervisor import source
from trio_supervisor.errors import ConfigError, SupervisorError
from trio_supervisor.record import Record
from trio_supervisor.source import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from trio_supervisor.source.tree import Source


class Launch(Record):
    """One start: the configuration's path, typed command line values for [supervisord], where.

    ``console`` shows all output in the foreground, ``color`` (None: where it is usual) and
    ``timestamps`` say how; ``only`` names what starts (empty: as configured), ``concurrency`` says
    how many processes a type of a Procfile has. ``program`` is the executable's name, for messages.
    Without ``has_guardian`` the process that was started is the daemon itself. ``env_file`` is read
    in place of those of [supervisord]; ``no_deps`` starts nothing else for what is named;
    ``abort_on_exit`` and ``exit_code_from`` are those of a Configuration.
    """

    program: str
    configuration: str
    overrides: Mapping[str, object]
    directory: str
    console: bool = False
    only: tuple[str, ...] = ()
    color: bool | None = None
    timestamps: bool = False
    has_guardian: bool = True
    no_deps: bool = False
    abort_on_exit: bool = False
    exit_code_from: str = ""
    concurrency: str = ""
    env_file: str = ""

    @property
    def settings(self) -> Mapping[str, object]:
        """What the command line says about [supervisord]."""
        return {**self.overrides, "env_file": (self.env_file,)} if self.env_file else self.overrides

    def read(self) -> Source:
        """Read the configuration's files; ConfigError when they are no configuration at all."""
        return source.read(self.configuration, os.environ, self.concurrency, self.env_file)


class Necessities(Record):
    """The few options that the guardian itself carries out."""

    nodaemon: bool
    user: str | None
    pidfile: str


def necessities(launch: Launch, tree: Mapping[str, Any]) -> Necessities:
    """Read them from flags and file; a bad value counts as none, the daemon will report it."""
    table = tree.get("supervisord")
    given = {**(table if isinstance(table, dict) else {}), **launch.overrides}
    base = os.path.join(launch.directory, os.path.expanduser(_text(given.get("directory")) or ""))
    user = given.get("user")
    return Necessities(
        nodaemon=launch.console or _read(values.boolean, given.get("nodaemon")) is True,
        user=None if user is None else str(user),
        pidfile=os.path.join(
            base,
            os.path.expanduser(_text(given.get("pidfile")) or "supervisord.pid"),
        ),
    )


def report(program: str, problem: SupervisorError) -> None:
    """Tell on stderr what is wrong, each problem on a line, as supervisord does."""
    problems = problem.problems if isinstance(problem, ConfigError) else (problem,)
    lines = [*(f"Error: {one}" for one in problems), f"For help, use {program} -h"]
    sys.stderr.write("\n".join(lines) + "\n")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _read(convert: Callable[[str], object], value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return convert(value)
    except ValueError:
        return None
