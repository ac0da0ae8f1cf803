"""``trio-supervisor run``: a command in the environment that the programs of a stack have."""

from __future__ import annotations

import getopt
import os
import sys
from typing import TYPE_CHECKING

from trio_supervisor.client.words import complaint
from trio_supervisor.daemon.launch import report
from trio_supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.spec import Configuration, ProgramSpec

USAGE = """\
usage: trio-supervisor run [-c FILE] [-e NAME] [--] COMMAND [ARGUMENT ...]

Run a command here, in this terminal, with the environment of the stack: what [supervisord]
sets, SUPERVISOR_ENABLED and SUPERVISOR_SERVER_URL, over what there is already. No daemon has to
run. The exit code is that of the command.

  -c, --configuration FILE   the configuration (default: searched for as supervisord does)
  -e, --environment NAME     the environment of a program as well: NAME or GROUP:NAME
"""
LONG_OPTIONS = ["configuration=", "environment=", "help"]
USAGE_ERROR, NOT_EXECUTABLE, NOT_FOUND = 2, 126, 127


def main(arguments: list[str]) -> int:
    """Become the command; return an exit code, as a shell's, only when that fails."""
    try:
        pairs, command = getopt.getopt(arguments, "c:e:h", LONG_OPTIONS)
    except getopt.GetoptError as problem:
        return _refuse(complaint(problem, LONG_OPTIONS))
    given = dict(pairs)
    if "-h" in given or "--help" in given:
        print(USAGE, end="")
        return 0
    if not command:
        return _refuse("no command (example: trio-supervisor run -- make migrate)")
    try:
        environment = _environment(
            given.get("-c", given.get("--configuration")),
            given.get("-e", given.get("--environment")),
        )
    except SupervisorError as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return USAGE_ERROR
    return _execute(command, environment)


def _refuse(text: str) -> int:
    report("trio-supervisor run", SupervisorError(text))
    return USAGE_ERROR


def _execute(command: list[str], environment: Mapping[str, str]) -> int:
    sys.stdout.flush()
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606  # what was asked for
    except FileNotFoundError:
        print(f"{command[0]}: not found", file=sys.stderr)
        return NOT_FOUND
    except OSError as problem:
        print(f"{command[0]}: {problem.strerror}", file=sys.stderr)
        return NOT_EXECUTABLE


def _environment(path: str | None, name: str | None) -> dict[str, str]:
    """Return the environment of the stack, or of one program; SupervisorError."""
    from trio_supervisor import config
    from trio_supervisor.cli.supervisord import configuration
    from trio_supervisor.config.env_files import filled
    from trio_supervisor.source import read
    from trio_supervisor.source.address import address_of

    source = read(configuration(path), os.environ)
    address = address_of(source)
    loaded = config.load(source, directory=os.getcwd())
    group, spec = _program(loaded, name) if name is not None else ("", None)
    own = (
        {"SUPERVISOR_PROCESS_NAME": spec.process_name, "SUPERVISOR_GROUP_NAME": group}
        if spec
        else {}
    )
    inherited = {
        "PYTHONUNBUFFERED": "1",
        **os.environ,
        "SUPERVISOR_ENABLED": "1",
        "SUPERVISOR_SERVER_URL": (spec.serverurl if spec else None) or address.serverurl,
        **own,
    }
    if spec is not None:
        return filled(inherited, spec.environment, spec.env_file, spec.own_environment)
    shared = loaded.supervisord
    return filled(inherited, shared.environment, shared.env_file)


def _program(loaded: Configuration, name: str) -> tuple[str, ProgramSpec]:
    """Return the one process that a name means, with its group."""
    found = [
        (group.name, spec)
        for group in loaded.groups
        for spec in group.programs
        if name in {spec.process_name, f"{group.name}:{spec.process_name}", spec.program}
    ]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{group}:{spec.process_name}" for group, spec in found) or ", ".join(
        spec.process_name for group in loaded.groups for spec in group.programs
    )
    what = "several processes are" if found else "no process is"
    raise SupervisorError(f"{what} called {name!r} (there are: {known})")
