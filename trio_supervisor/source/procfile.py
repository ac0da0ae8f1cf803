"""Procfile: ``web: python app.py`` a line, read as honcho reads it, as a tree like any other.

Which lines count, the names of the processes, their ports and the shell that runs them are
honcho's (environ.py: parse_procfile and expand_processes); what it passes over, a warning names.
"""

from __future__ import annotations

import os

from trio_supervisor.errors import ConfigError, Problem
from trio_supervisor.source.tree import Document, Place, only

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LOGS = ".logs"
"""The directory beside a Procfile that has the logs; `make_logs` makes it."""
_FIRST_PORT = "5000"
_STEP = 100
_LINE = r"^([A-Za-z0-9_-]+):\s*(.+)$"
_PORT = r"^[ \t]*(?:export[ \t]+)?PORT[ \t]*=[ \t]*[\"']?([^\"'#\s]+)"
_EMPTY = "names no process (write a line for each, such as web: python app.py)"
_IGNORED = "is no process and is ignored (write NAME: COMMAND; letters, digits, _ and - in names)"


def parse(
    text: str,
    file: str,
    environment: Mapping[str, str],
    concurrency: str = "",
    env_file: str = "",
) -> Document:
    """Read a file; raise ConfigError for what is no Procfile, and for a bad PORT.

    ``concurrency`` says how many processes of a type there are, ``web=2,worker=0``; one unless set.
    ``env_file`` is read in place of the ``.env`` beside it. The daemon reads that; here only a PORT
    in it is looked for, from which the ports count.
    """
    lines, warnings = _lines(text, file)
    if not lines:
        raise only(file, None, _EMPTY)
    counts = _counts(concurrency, lines)
    variables = env_file or os.path.join(os.path.dirname(file), ".env")
    port = _first_port(variables, environment)
    logs = _literal(os.path.join(os.path.dirname(file), LOGS))
    daemon = {
        "directory": os.path.dirname(logs),
        "logfile": f"{logs}/supervisord.log",
        "pidfile": f"{logs}/supervisord.pid",
        "env_file": [_literal(variables if env_file else f"?{variables}")],
    }
    programs = {}
    places: dict[tuple[str, ...], Place] = {}
    for priority, (name, (number, command)) in enumerate(lines.items()):
        for instance in range(counts.get(name, 1)):
            process = f"{name}.{instance + 1}"
            options = _options(process, command, logs, port + priority * _STEP + instance)
            # they start, and have their colours, in the order of the file
            programs[process] = {**options, "priority": priority}
            places["program", process] = Place(file, number)
    return Document(file, {"supervisord": daemon, "program": programs}, places, tuple(warnings))


def _options(process: str, command: str, logs: str, port: int) -> dict[str, Any]:
    return {
        "command": ["/bin/sh", "-c", _literal(command)],
        "redirect_stderr": True,
        "stdout_logfile": f"{logs}/{process}.log",
        "environment": {"PORT": str(port), "PS": process, "HONCHO_PROCESS_NAME": process},
    }


def type_of(process: str) -> str:
    """Return the type of a process: ``web`` of ``web.1``."""
    return process.rpartition(".")[0]


def make_logs(file: str) -> None:
    """Make the directory of the logs of a Procfile, which version control is to pass over."""
    directory = os.path.join(os.path.dirname(file), LOGS)
    try:
        os.makedirs(directory, exist_ok=True)
        with open(os.path.join(directory, ".gitignore"), "w", encoding="ascii") as ignored:
            ignored.write("*\n")
    except OSError as error:
        text = f"the logs cannot be written to {directory}: {error.strerror} (make it writable)"
        raise only(file, None, text) from None


def _lines(text: str, file: str) -> tuple[dict[str, tuple[int, str]], list[Problem]]:
    """Find the line and the command of each type of process, and warn of what is neither."""
    import re

    found: dict[str, tuple[int, str]] = {}
    warnings = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = re.match(_LINE, line)
        if match is None:
            if line.strip() and not line.lstrip().startswith("#"):
                warnings.append(Problem(file, number, "", f"{line.strip()[:40]!r} {_IGNORED}"))
        elif match[1] in found:
            text = f"{match[1]!r} stands in line {found[match[1]][0]} already (rename one of them)"
            raise only(file, number, text)
        else:
            found[match[1]] = number, match[2]
    return found, warnings


def _counts(concurrency: str, known: Mapping[str, object]) -> dict[str, int]:
    """Read ``web=2,worker=0``; raise ConfigError for what is no count of a known type."""
    counts = {}
    for item in filter(None, concurrency.split(",")):
        name, _, count = item.partition("=")
        text = ""
        if not (count.isascii() and count.isdecimal()):
            text = f"{item!r} is not TYPE=NUMBER (example: {next(iter(known))}=2)"
        elif name not in known:
            text = f"{name!r} is no type of the Procfile (it has {', '.join(known)})"
        if text:
            raise ConfigError([Problem("command line", None, "--concurrency", text)])
        counts[name] = int(count)
    return counts


def _first_port(variables: str, environment: Mapping[str, str]) -> int:
    """Find PORT in a file of variables, else in the environment."""
    import re

    given, where = environment.get("PORT", _FIRST_PORT), "environment"
    text = ""
    try:
        if os.path.isfile(variables):
            with open(variables, encoding="utf-8-sig") as opened:
                text = opened.read()
    except (OSError, UnicodeDecodeError):
        pass  # whoever reads all of it will tell
    if found := re.findall(_PORT, text, re.MULTILINE):
        given, where = found[-1], variables
    try:
        return int(given)
    except ValueError:
        text = f"{given!r} is not the number of a port (example: PORT={_FIRST_PORT})"
        raise ConfigError([Problem(where, None, "PORT", text)]) from None


def _literal(text: str) -> str:
    """Protect a text from the expansions that values of the other dialects have."""
    return text.replace("%", "%%")
