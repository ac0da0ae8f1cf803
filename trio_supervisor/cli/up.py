"""`trio-supervisor up`: the same supervisor in the foreground, every line on the console."""

from __future__ import annotations

import getopt
import os
import sys

from trio_supervisor.cli.supervisord import USAGE_ERROR, configuration, daemon, take_early_signals

USAGE = """\
usage: trio-supervisor up [-c FILE] [--env-file FILE] [--concurrency TYPE=NUMBER,...]
                          [--timestamps] [--color|--no-color] [NAME ...]

Run a configuration in the foreground: every line of every process on the console behind its
name, log files as configured, the control socket open for supervisorctl in another terminal.
Ctrl-C stops everything in order; a second one, a second later, kills.

  -c, --configuration FILE   the configuration (default: searched for as supervisord does)
  --timestamps               the time before each line
  --color, --no-color        with colours, or without (default: NO_COLOR, FORCE_COLOR, else
                             colours on a terminal)
  --env-file FILE            variables for all programs, in place of env_file of [supervisord]
  --concurrency web=2,...    how many processes of a type to run; for a Procfile
  NAME                       start only these processes, groups or group:name (default: all that
                             have autostart)
"""

LONG_OPTIONS = [
    "configuration=",
    "env-file=",
    "concurrency=",
    "timestamps",
    "color",
    "no-color",
    "help",
]


def main(arguments: list[str]) -> int:
    """Run in the foreground until everything is down; return the exit code."""
    take_early_signals()
    from trio_supervisor.daemon.launch import Launch, report
    from trio_supervisor.daemon.start import start
    from trio_supervisor.errors import SupervisorError

    try:
        pairs, names = getopt.gnu_getopt(arguments, "c:h", LONG_OPTIONS)
    except getopt.GetoptError as problem:
        print(f"Error: {problem.msg}\n\n{USAGE}", end="", file=sys.stderr)
        return USAGE_ERROR
    given = dict(pairs)
    if "-h" in given or "--help" in given:
        print(USAGE, end="")
        return 0
    try:
        path = configuration(given.get("-c", given.get("--configuration")))
        launch = Launch(
            "trio-supervisor up",
            path,
            {"nodaemon": True},
            os.getcwd(),
            console=True,
            only=tuple(names),
            color=_color(pairs),
            timestamps="--timestamps" in given,
            env_file=_absolute(given.get("--env-file", "")),
            concurrency=given.get("--concurrency", ""),
        )
        return start(launch, daemon)
    except SupervisorError as problem:
        report("trio-supervisor up", problem)
        return USAGE_ERROR


def _color(pairs: list[tuple[str, str]]) -> bool | None:
    """Return what was asked for last."""
    asked = [option == "--color" for option, _ in pairs if option in {"--color", "--no-color"}]
    return asked[-1] if asked else None


def _absolute(path: str) -> str:
    return os.path.abspath(path) if path else ""
