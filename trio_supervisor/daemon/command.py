"""From a program's specification to what is executed: its arguments, or why it cannot be.

The words are supervisord's (options.py: readable error texts of get_execv_args and spawn).
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
from typing import TYPE_CHECKING

from trio_supervisor.errors import Fault, RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.spec import ProgramSpec

FALLBACK_PATH = "/bin:/usr/bin:/usr/local/bin"


def arguments_of(spec: ProgramSpec, environment: Mapping[str, str]) -> list[str]:
    """Return the words of the command, the first one the path of an executable file.

    Raises RequestError: NO_FILE when there is none, NOT_EXECUTABLE when it cannot be executed.
    """
    words = _split(spec.command)
    words[0] = _find(words[0], environment)
    if spec.directory is not None and not os.path.isdir(spec.directory):
        raise RequestError(Fault.NO_FILE, f"can't change to directory '{spec.directory}'")
    return [*_taking_terminal(), *words] if spec.tty else words


def _taking_terminal() -> list[str]:
    """Return what goes before a command to give it the terminal that is its stdin.

    setsid(1) makes a session and takes the terminal, without a fork where the caller leads no
    process group.
    """
    try:
        return [_find("setsid", os.environ), "-c"]
    except RequestError as problem:
        text = "tty = true needs setsid(1) (install util-linux, or take tty out)"
        raise RequestError(Fault.NO_FILE, text) from problem


def _split(command: str | tuple[str, ...]) -> list[str]:
    try:
        words = shlex.split(command) if isinstance(command, str) else list(command)
    except ValueError as problem:
        text = f"can't parse command {_quoted(command)}: {problem}"
        raise RequestError(Fault.NOT_EXECUTABLE, text) from problem
    if not words:
        raise RequestError(Fault.NOT_EXECUTABLE, "command is empty")
    return words


def _quoted(command: object) -> str:
    escaped = str(command).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _find(program: str, environment: Mapping[str, str]) -> str:
    """Look a bare name up on the PATH of the program; judge a path as it is."""
    if "/" in program:
        candidates = [program]
    else:
        path = environment.get("PATH", FALLBACK_PATH)
        candidates = [os.path.join(directory, program) for directory in path.split(":")]
    for candidate in candidates:
        try:
            mode = os.stat(candidate).st_mode
        except (OSError, ValueError):  # ValueError: a NUL in the name
            continue
        if len(candidates) == 1 or (stat.S_ISREG(mode) and os.access(candidate, os.X_OK)):
            _judge(candidate, mode)
            return candidate
    raise RequestError(Fault.NO_FILE, f"can't find command '{program}'")


def _judge(path: str, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise RequestError(Fault.NOT_EXECUTABLE, f"command at '{path}' is a directory")
    if not mode & 0o111:
        raise RequestError(Fault.NOT_EXECUTABLE, f"command at '{path}' is not executable")
    if not os.access(path, os.X_OK):
        raise RequestError(Fault.NOT_EXECUTABLE, f"no permission to run command '{path}'")


def spawn_error(problem: Exception, name: str) -> str:
    """Say in words why a spawn failed: no descriptor, no process, no thread, no such user, …"""
    if isinstance(problem, OSError):
        return _os_error(problem, name)
    if isinstance(problem, KeyError):
        return f"couldn't setuid: no such user {problem}"
    if isinstance(problem, RuntimeError):
        return f"no thread to spawn '{name}': {problem}"
    return f"couldn't spawn '{name}': {problem}"


def _os_error(problem: OSError, name: str) -> str:
    match problem.errno:
        case errno.EMFILE | errno.ENFILE:
            return f"too many open files to spawn '{name}'"
        case errno.EAGAIN:
            return f"Too many processes in process table to spawn '{name}'"
        case number:
            code = errno.errorcode.get(number or 0, str(number))
            hint = " (its first line must name an interpreter)" if code == "ENOEXEC" else ""
            return f"couldn't exec {problem.filename or name}: {code}{hint}"
