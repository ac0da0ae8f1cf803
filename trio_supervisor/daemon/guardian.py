"""The process above the daemon, as a program of its own: small, and alive until the end.

`start` replaces itself with this once the daemon is forked: what it imported and read until then
would stay in memory for life. So nothing is imported here but a few modules of the standard
library, and the file is run by its path, in an interpreter without site-packages. It alone gets
the terminal's signals and forwards all of them, stops what a daemon that broke has left, and
passes the exit code on. Its signals are blocked by whoever executes it; the pidfile has its pid.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

HALT = frozenset({signal.SIGRTMIN + 3} if hasattr(signal, "SIGRTMIN") else ())
"""What systemd takes as a request to halt: so do those who stop containers with it."""
FORWARDED = (
    frozenset(
        getattr(signal, f"SIG{name}")
        for name in ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "ALRM", "WINCH")
    )
    | HALT
)
ABNORMAL = 70
"""Exit codes from here on mean that the daemon did not end in order."""
KILL_PAUSE = 0.02
LAST_ROUNDS = 5.0
"""Seconds of killing after which what cannot be killed is left to init."""
GRACE = 10.0
"""Seconds that processes get to end which a broken daemon has left."""
WAITED_FOR = FORWARDED | {signal.SIGCHLD}


def main(daemon: int, pidfile: str) -> int:
    """Watch over a daemon, which is a child of this process; return its exit code."""
    had_terminal = has_terminal()
    code = None
    while code is None:
        number = signal.sigwait(WAITED_FOR)
        if number == signal.SIGCHLD:
            code = _reap(daemon)
            continue
        if number == signal.SIGHUP and had_terminal and not has_terminal():
            number = signal.SIGTERM  # the terminal was closed: stop; any other HUP is a reload
        os.kill(daemon, number)  # not reaped yet: the number is still the daemon's
    if code >= ABNORMAL:
        _clean_up()
    _remove_pidfile(pidfile)
    return code


def become(python: str, daemon: int, pidfile: str) -> int:
    """Replace this process with a small one that watches; return only if that cannot be."""
    try:
        os.execv(python, [python, "-I", "-S", __file__, str(daemon), pidfile])  # noqa: S606
    except OSError:
        return main(daemon, pidfile)


def exit_code(status: int) -> int:
    """Return what a shell would say of a wait status: 128 + n for signal n."""
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


def has_terminal() -> bool:
    """Say whether there is a controlling terminal that can still be opened."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError as problem:
        return problem.errno != errno.ENXIO
    return True


def _clean_up() -> None:
    """Ask all that the daemon has left to end, then kill, until the kernel says there is nobody.

    They are our children now: this process is a subreaper. Who dies leaves its children to us.
    """
    _signal_all(signal.SIGTERM, signal.SIGCONT)
    grace = time.monotonic() + GRACE
    while _has_children() and time.monotonic() < grace + LAST_ROUNDS:
        left = grace - time.monotonic()
        if left <= 0:
            _signal_all(signal.SIGSTOP, signal.SIGKILL)
        signal.sigtimedwait({signal.SIGCHLD}, max(left, KILL_PAUSE))


def _signal_all(*numbers: int) -> None:
    family = _descendants(os.getpid())
    for number in numbers:
        for pid in family:
            try:
                os.kill(pid, number)
            except OSError:
                pass  # gone meanwhile, or another user's


def _descendants(pid: int) -> list[int]:
    """Return all processes below one, parents first; without Linux's /proc nobody."""
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                for child in map(int, file.read().split()):
                    found += [child, *_descendants(child)]
    except OSError:
        pass  # it ended while we looked
    return found


def _has_children() -> bool:
    """Take exit statuses; say whether there is still somebody to wait for."""
    for _ in _ended():
        pass
    return bool(_descendants(os.getpid()))


def _reap(daemon: int) -> int | None:
    """Take exit statuses; return the daemon's exit code when it is among them."""
    code = None
    for pid, status in _ended():
        if pid == daemon:
            code = exit_code(status)
    return code


def _ended() -> Iterable[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status


def _remove_pidfile(path: str) -> None:
    """Remove the pidfile, if it is still ours."""
    try:
        with open(path, encoding="ascii") as file:
            is_ours = file.read().strip() == str(os.getpid())
        if is_ours:
            os.unlink(path)
    except OSError:
        pass  # somebody took it away


def _name_process() -> None:
    """Keep the name under which it was started, for ps and pgrep."""
    try:
        with open("/proc/self/comm", "w", encoding="ascii") as file:
            file.write("supervisord")
    except OSError:
        pass  # no Linux: a matter of looks


if __name__ == "__main__":
    _name_process()
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
