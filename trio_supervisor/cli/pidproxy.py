"""`pidproxy`: run a command, and pass signals on to the process that a pidfile names.

For programs that fork, so that whoever supervises them signals the right process. As the
original's, but it waits instead of looking every five seconds, and ends with the command's code.
"""

from __future__ import annotations

import os
import signal
import sys

USAGE = """\
pidproxy PIDFILE COMMAND [ARGUMENT ...]

Run a command; pass signals (TERM, INT, QUIT, HUP, USR1, USR2) on to the process that the
pidfile names. TERM, INT and QUIT also end pidproxy; else it ends with the command."""

ENDING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
PASSED_ON = ENDING | {signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}
CANNOT_EXECUTE = 127
LARGEST = 2**31 - 1


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code of the command, 0 after a signal that ends us, 1 for wrong usage."""
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) < 2:  # noqa: PLR2004  # the pidfile and the command
        print(USAGE)
        return 1
    pidfile, *command = words
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # sigaction(2): ignored, it tells of no end
    # from here on they wait until they are asked for: none can come too early
    signal.pthread_sigmask(signal.SIG_BLOCK, {*PASSED_ON, signal.SIGCHLD})
    try:
        child = os.posix_spawnp(_path(command[0]), command, os.environ, setsigmask=())
    except OSError as problem:
        print(f"pidproxy: cannot execute {command[0]}: {problem.strerror}", file=sys.stderr)
        return CANNOT_EXECUTE
    return _pass_on(pidfile, child)


def _path(command: str) -> str:
    """Prefer what is in the current directory, as the original does; else search the PATH."""
    path = os.path.abspath(command)
    return path if os.path.isfile(path) else command


def _pass_on(pidfile: str, child: int) -> int:
    """Pass signals on until the command ends, or one of them ends us."""
    while True:
        number = signal.sigwait({*PASSED_ON, signal.SIGCHLD})
        if number == signal.SIGCHLD:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
        elif _send(pidfile, number) and number in ENDING:
            return 0


def _send(pidfile: str, number: int) -> bool:
    """Send a signal to whom the pidfile names; say why that fails, and False, if it does."""
    try:
        with open(pidfile, encoding="ascii") as file:
            pid = int(file.read())
        if not 0 < pid <= LARGEST:  # kill(2): that would be a group, or everybody, or no pid_t
            raise ValueError(f"{pid} is no pid")
    except (OSError, ValueError):
        print(f"Can't read child pidfile {pidfile}!", flush=True)
        return False
    try:
        os.kill(pid, number)
    except OSError as problem:
        print(f"Can't signal pid {pid} of {pidfile}: {problem.strerror}", flush=True)
        return number in ENDING
    return True
