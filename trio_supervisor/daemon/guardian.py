"""The process that was started: it stays above the daemon, and must never import trio.

It takes the lock of the configuration, forks the daemon into a session of its own before
anything large is imported, owns the pidfile, alone gets the terminal's signals and forwards all
of them, and ends with the daemon's exit code. Daemonizing, its parent waits on the readiness pipe.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import sys
from contextlib import suppress

from trio_supervisor.daemon.identity import drop_privileges
from trio_supervisor.daemon.kernel import become_subreaper, die_with_parent
from trio_supervisor.daemon.launch import Launch, necessities
from trio_supervisor.errors import SupervisorError
from trio_supervisor.source.address import ensure_runtime_directory, lock_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_supervisor.source.tree import Source

    Daemon = Callable[[Launch, Source, int, Callable[[], None]], int]

USAGE_ERROR = 2
INTERNAL_ERROR = 70
FORWARDED = (
    *(getattr(signal, f"SIG{name}") for name in ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2")),
    *(getattr(signal, f"SIG{name}") for name in ("ALRM", "WINCH")),
)
GRACE = 10
"""Seconds that processes get which a broken daemon has left."""


def start(launch: Launch, daemon: Daemon) -> int:
    """Start a daemon for a configuration, in the foreground or not; return the exit code.

    Raises SupervisorError when it cannot even be tried: bad file, lock held, no such user.
    """
    source = launch.read()
    needs = necessities(launch, source.tree)
    if needs.user is not None:
        _become(needs.user)
    lock = _lock(launch.configuration)
    ready = None if needs.nodaemon else _daemonize()
    signal.pthread_sigmask(signal.SIG_SETMASK, {*FORWARDED, signal.SIGCHLD})
    os.ftruncate(lock, 0)
    os.write(lock, b"%d\n" % os.getpid())
    become_subreaper()
    child = os.fork()
    if child == 0:
        _run_daemon(launch, source, daemon, ready)
    if ready is not None:
        _detach(ready)
    _write_pidfile(needs.pidfile)
    code = _watch(child)
    _remove_pidfile(needs.pidfile)
    return code


def _become(user: str) -> None:
    try:
        drop_privileges(user)
    except KeyError:
        return  # the daemon reports it, with its place
    os.environ.pop("XDG_RUNTIME_DIR", None)  # it belongs to who we were


def _lock(configuration: str) -> int:
    """Take the lock of a configuration for life; the daemon inherits it, and may outlive us."""
    ensure_runtime_directory()
    path = lock_path(configuration)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        raise SupervisorError(
            f"supervisord is already running for {configuration} (pid {owner}): "
            f"shut it down first, or use it (supervisorctl -c {configuration})"
        ) from None
    return descriptor


def _daemonize() -> int:
    """Fork; the parent ends when the child says that it is ready, or with the child's exit code.

    Returns, in the child only, the descriptor to say it on.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.setsid()
        return writing
    os.close(writing)
    code = 0 if os.read(reading, 1) else _exit_code(os.waitpid(child, 0)[1])
    os._exit(code)


def _run_daemon(launch: Launch, source: Source, daemon: Daemon, ready: int | None) -> None:
    """Be the daemon: in a session of its own, dying with the guardian."""
    guardian = os.getppid()
    code = INTERNAL_ERROR
    try:
        os.setsid()
        die_with_parent(guardian)
        code = daemon(launch, source, guardian, lambda: _say_ready(ready))
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)  # everything is closed: the interpreter has nothing left to do


def _say_ready(ready: int | None) -> None:
    """Let the parent of a daemon go, and leave the terminal."""
    if ready is not None:
        os.write(ready, b"+")
        _detach(ready)


def _detach(ready: int) -> None:
    os.close(ready)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)


def _watch(child: int) -> int:
    """Forward signals until the daemon has ended; return the exit code to pass on."""
    had_terminal = _has_terminal()
    while True:
        number = signal.sigwait({*FORWARDED, signal.SIGCHLD})
        if number == signal.SIGCHLD:
            code = _reap(child)
            if code is not None:
                return code
        else:
            if number == signal.SIGHUP and had_terminal and not _has_terminal():
                number = signal.SIGTERM  # the terminal was closed: stop; any other HUP is a reload
            with suppress(ProcessLookupError):
                os.kill(child, number)


def _reap(child: int) -> int | None:
    """Take exit statuses; return the daemon's exit code when it is among them."""
    code = None
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == child:
                code = _exit_code(status)
    return code


def _exit_code(status: int) -> int:
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


def _has_terminal() -> bool:
    """Say whether there is a controlling terminal that can still be opened."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError as problem:
        return problem.errno != errno.ENXIO
    return True


def _write_pidfile(path: str) -> None:
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
    except OSError as problem:
        print(f"could not write pidfile {path}: {problem.strerror}", file=sys.stderr)  # noqa: T201


def _remove_pidfile(path: str) -> None:
    """Remove the pidfile, if it is still ours."""
    with suppress(OSError, ValueError):
        with open(path, encoding="ascii") as file:
            is_ours = int(file.read()) == os.getpid()
        if is_ours:
            os.unlink(path)
