"""The start of a daemon: lock, fork, readiness; it must never import trio.

The process that was started takes the lock of the configuration and forks the daemon into a
session of its own before anything large is imported; then it becomes the guardian. Daemonizing,
its parent waits on the readiness pipe.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from contextlib import suppress
from functools import partial

from trio_supervisor.daemon import guardian
from trio_supervisor.daemon.identity import drop_privileges
from trio_supervisor.daemon.kernel import become_subreaper, die_with_parent
from trio_supervisor.daemon.launch import Launch, necessities
from trio_supervisor.errors import SupervisorError
from trio_supervisor.source.address import ensure_runtime_directory, lock_path, state_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn

    from trio_supervisor.source.tree import Source

    Daemon = Callable[[Launch, "Handover", int, Callable[[], None]], int]

STDOUT, STDERR = 1, 2
INTERNAL_ERROR = 70
LAST_STEPS = 0.5
"""Seconds that a daemon which has told of its end may take until it is gone."""


class Handover:
    """A source that its taker alone holds: kept by a caller, it would stay in memory for life."""

    def __init__(self, source: Source) -> None:
        self._source: Source | None = source

    @property
    def tree(self) -> Mapping[str, Any]:
        """What it holds, to look at."""
        assert self._source is not None
        return self._source.tree

    def take(self) -> Source:
        """Return it, once."""
        assert self._source is not None
        source, self._source = self._source, None
        return source


def start(launch: Launch, daemon: Daemon) -> int:
    """Start a daemon for a configuration, in the foreground or not; return the exit code.

    Raises SupervisorError when it cannot even be tried: bad file, lock held, no such user.
    """
    _open_standard_streams()
    handover = Handover(launch.read())
    needs = necessities(launch, handover.tree)
    if needs.user is not None:
        become(needs.user)
    lock = _lock(launch.configuration, needs.pidfile)
    ready = None if needs.nodaemon else _daemonize()
    path = lock_path(launch.configuration)
    _sign(lock)
    be_daemon = partial(_be_daemon, daemon, launch, handover, ready, lock=path)
    if not launch.has_guardian:
        be_daemon(main_pid=os.getpid(), pidfile=needs.pidfile)
    signal.pthread_sigmask(signal.SIG_SETMASK, guardian.WAITED_FOR)
    os.set_inheritable(lock, True)  # the guardian holds it, too
    become_subreaper()
    child = os.fork()
    if child == 0:
        os.set_inheritable(lock, False)
        parent = os.getppid()
        os.setsid()
        die_with_parent(parent)
        be_daemon(main_pid=parent)
    if ready is not None:
        _detach(ready)
    files = path, needs.pidfile, state_path(launch.configuration)
    return guardian.become(sys.executable, child, *files)


def _open_standard_streams() -> None:
    """Let there be 0, 1 and 2: whatever else got one of these numbers would be written over."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for number, name in ((STDOUT, "stdout"), (STDERR, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w", encoding="utf-8"))  # noqa: SIM115


def become(user: str) -> None:
    """Become the user of a configuration, for good; SupervisorError when we may not."""
    try:
        drop_privileges(user)
    except KeyError:
        return  # the daemon reports it, with its place
    os.environ.pop("XDG_RUNTIME_DIR", None)  # it belongs to who we were
    if not os.access(os.__file__, os.R_OK):
        raise SupervisorError(
            f"user={user} cannot read the Python that runs this ({os.path.dirname(os.__file__)}): "
            "install it where every user can read it"
        )


def _lock(configuration: str, pidfile: str) -> int:
    """Take the lock of a configuration for life; the daemon inherits it, and may outlive us.

    Somebody may have cleaned up the lock of a daemon that lives, or it may have another runtime
    directory: its pidfile names it, too.
    """
    ensure_runtime_directory()
    path = lock_path(configuration)
    descriptor, owner = _take(path)
    state = os.path.basename(state_path(configuration))
    if not owner and (owner := guardian.pid_of_living(pidfile, state)):
        os.unlink(path)  # it is ours, and of no use
    if owner:
        raise SupervisorError(
            f"supervisord is already running for {configuration} (pid {owner}): "
            f"shut it down first, or use it (supervisorctl -c {configuration})"
        )
    return descriptor


def _take(path: str) -> tuple[int, str]:
    """Open and take a lock; return its descriptor, and who has it if that is somebody else.

    Whoever ends takes the file away while the lock is held, so who has waited for that file has
    nothing: the next one makes another.
    """
    while True:
        descriptor = _open_lock(path)
        if not _locked(descriptor):
            owner = os.read(descriptor, 32).decode(errors="replace").strip()
            return descriptor, owner or "unknown"
        if _is_at(path, descriptor):
            return descriptor, ""
        os.close(descriptor)


def _open_lock(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as problem:
        raise SupervisorError(
            f"cannot open the lock {path}: {problem.strerror} "
            "(remove it, make room, or set XDG_RUNTIME_DIR to a directory of yours)"
        ) from None


def _is_at(path: str, descriptor: int) -> bool:
    """Say whether a path leads to an open file, and not to another, or nowhere."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _locked(descriptor: int) -> bool:
    """Take the lock, if need be when a daemon that says goodbye at this moment has left."""
    deadline = time.monotonic() + LAST_STEPS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(LAST_STEPS / 20)
        else:
            return True


def _sign(lock: int) -> None:
    """Write down whose the lock is, for who finds it taken."""
    with suppress(OSError):  # a full disk: it is taken even so, by an owner unknown
        os.ftruncate(lock, 0)
        os.write(lock, b"%d\n" % os.getpid())


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
    code = 0 if os.read(reading, 1) else guardian.exit_code(os.waitpid(child, 0)[1])
    os._exit(code)


def _be_daemon(
    daemon: Daemon,
    launch: Launch,
    source: Handover,
    ready: int | None,
    *,
    lock: str,
    main_pid: int,
    pidfile: str = "",
) -> NoReturn:
    """Run the daemon to its end; without a guardian it removes pidfile and lock itself."""
    code = INTERNAL_ERROR
    try:
        code = daemon(launch, source, main_pid, partial(_say_ready, ready))
    finally:
        guardian.remove_signed(pidfile, os.getpid())
        if os.getppid() != main_pid:  # there is none, or it was killed
            guardian.remove_signed(lock, main_pid)
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
