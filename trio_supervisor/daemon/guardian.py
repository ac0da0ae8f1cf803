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
    from collections.abc import Iterable, Mapping
    from typing import Any

HALT = frozenset({signal.SIGRTMIN + 3} if hasattr(signal, "SIGRTMIN") else ())
"""What systemd takes as a request to halt: so do those who stop containers with it."""
FORWARDED = (
    frozenset(
        getattr(signal, f"SIG{name}")
        for name in ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "ALRM", "WINCH")
    )
    | HALT
)
EXIT = HALT | {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
"""What asks for the end of everything."""
INTERNAL_ERROR = 70
"""The exit code of a daemon that met a bug."""
KILL_PAUSE = 0.02
LAST_ROUNDS = 5.0
"""Seconds of killing after which what cannot be killed is left to init."""
GRACE = 10.0
"""Seconds that processes get to end when the state file does not say how many."""
SOCKET = "notify"
"""The name of a notify socket in its directory."""
WAITED_FOR = FORWARDED | {signal.SIGCHLD}


def main(daemon: int, lock: str, pidfile: str, state: str) -> int:
    """Watch over a daemon, which is a child of this process; return its exit code.

    Of the daemon's end the state file tells whether it was in order: then it is gone. The lock is
    the last to go: who finds none may start.
    """
    had_terminal = has_terminal()
    status = None
    while status is None:
        number = signal.sigwait(WAITED_FOR)
        if number == signal.SIGCHLD:
            status = _reap(daemon)
            continue
        if number == signal.SIGHUP and had_terminal and not has_terminal():
            number = signal.SIGTERM  # the terminal was closed: stop; any other HUP is a reload
        os.kill(daemon, number)  # not reaped yet: the number is still the daemon's
    code = exit_code(status)
    run = _read_state(state)
    if os.WIFSIGNALED(status) or code == INTERNAL_ERROR or run:
        _clean_up(daemon, status, run)
        remove_sockets(os.path.dirname(state), *run.get("daemon", (daemon, 0)))
        if run and not _descendants(os.getpid()):
            _remove(state)
    remove_signed(pidfile, os.getpid())
    remove_signed(lock, os.getpid())
    return code


def become(python: str, daemon: int, lock: str, pidfile: str, state: str) -> int:
    """Replace this process with a small one that watches; return only if that cannot be."""
    command = [python, "-I", "-S", __file__, str(daemon), lock, pidfile, state]
    try:
        os.execv(python, command)  # noqa: S606
    except OSError:
        return main(daemon, lock, pidfile, state)


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


def _clean_up(daemon: int, status: int, run: Mapping[str, Any]) -> None:
    """Ask all that the daemon has left to end, then kill, until the kernel says there is nobody.

    They are our children now: this process is a subreaper. Who dies leaves its children to us.
    """
    grace, log = run.get("grace", GRACE), run.get("log", "")
    found = _descendants(os.getpid())
    how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {exit_code(status)}"
    _tell(log, f"supervisord (pid {daemon}) failed: {how}; {len(found)} processes to stop")
    _signal_all(signal.SIGTERM, signal.SIGCONT)
    end = time.monotonic() + grace
    killed: set[int] = set()
    while _has_children() and time.monotonic() < end + LAST_ROUNDS:
        left = end - time.monotonic()
        if left <= 0:
            killed.update(_signal_all(signal.SIGSTOP, signal.SIGKILL))
        heard = signal.sigtimedwait(WAITED_FOR, max(left, KILL_PAUSE))
        if heard is not None and heard.si_signo in EXIT:
            end = min(end, time.monotonic())  # somebody insists: no more grace
    if killed:
        _tell(log, f"killed with SIGKILL: pid {_list(killed)}")
    remaining = _descendants(os.getpid())
    _tell(
        log, f"{len(remaining)} processes left" + (f": pid {_list(remaining)}" if remaining else "")
    )


def _read_state(path: str) -> dict[str, Any]:
    """Return the state of our own run (`daemon.state`), empty if it has ended in order."""
    import json  # noqa: PLC0415  # only now: for years it would take memory for nothing

    try:
        with open(path, encoding="utf-8") as file:
            state: dict[str, Any] = json.load(file)
        return state if state["guardian"][0] == os.getpid() else {}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def remove_sockets(runtime: str, daemon: int, starttime: int) -> None:
    """Remove the notify sockets of a daemon that was killed from its runtime directory."""
    prefix = sockets_prefix(daemon, starttime)
    try:
        found = [name for name in os.listdir(runtime) if name.startswith(prefix)]
    except OSError:
        return
    for name in found:
        path = os.path.join(runtime, name)
        _remove(os.path.join(path, SOCKET))
        try:
            os.rmdir(path)
        except OSError:
            pass  # somebody has put something there


def sockets_prefix(daemon: int, starttime: int) -> str:
    """Return how the names of the directories begin in which a daemon has its notify sockets."""
    return f"notify-{daemon}.{starttime}-"


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # somebody took it away


def _tell(log: str, text: str) -> None:
    """Tell on stderr and in the activity log, in its format."""
    now = time.time()
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    _append(log, f"{moment},{int(now % 1 * 1000):03d} CRIT {text}\n")
    # opened anew it does not wait for a terminal that is held (Ctrl-S); a socket cannot be
    _append("/dev/stderr", f"supervisord: {text}\n", otherwise=2)


def _append(path: str, line: str, otherwise: int | None = None) -> None:
    """Write a line, or not: on a full disk, to a closed terminal, cleaning up matters more."""
    descriptor = otherwise
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        pass
    if descriptor is None:
        return
    try:
        os.write(descriptor, line.encode())
    except OSError:
        pass
    if descriptor != otherwise:
        os.close(descriptor)


def _list(pids: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(pids)))


def _signal_all(*numbers: int) -> list[int]:
    """Send signals to everybody below; return who that was."""
    family = _descendants(os.getpid())
    for number in numbers:
        for pid in family:
            try:
                os.kill(pid, number)
            except OSError:
                pass  # gone meanwhile, or another user's
    return family


def _descendants(pid: int) -> list[int]:
    """Return all processes below one, parents first; without Linux's /proc nobody."""
    found: list[int] = []
    unseen = [pid]
    while unseen:
        pid = unseen.pop(0)
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                    unseen += map(int, file.read().split())
        except OSError:
            pass  # it ended while we looked
        found.append(pid)
    return found[1:]


def _has_children() -> bool:
    """Take exit statuses; say whether there is still somebody to wait for."""
    for _ in _ended():
        pass
    return bool(_descendants(os.getpid()))


def _reap(daemon: int) -> int | None:
    """Take wait statuses; return the daemon's when it is among them."""
    found = None
    for pid, status in _ended():
        if pid == daemon:
            found = status
    return found


def _ended() -> Iterable[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status


def pid_of_living(pidfile: str, state_name: str) -> str:
    """Return the pid in a pidfile if it is that of a guardian with these arguments, else nothing.

    ``state_name`` is the name of its state file, without the directory.
    """
    try:
        with open(pidfile, encoding="ascii") as file:
            pid = file.read().strip()
        with open(f"/proc/{int(pid)}/cmdline", encoding="utf-8") as file:
            words = file.read().split("\0")
    except (OSError, ValueError):
        return ""
    is_ours = words[-3:-2] == [pidfile] and os.path.basename(words[-2]) == state_name
    return pid if is_ours else ""


def remove_signed(path: str, pid: int) -> None:
    """Remove a pidfile, or a lock that is held, if it still has this pid."""
    try:
        with open(path, encoding="ascii") as file:
            is_ours = file.read().strip() == str(pid)
    except OSError:
        return
    if is_ours:
        _remove(path)


def _name_process() -> None:
    """Keep the name under which it was started, for ps and pgrep."""
    try:
        with open("/proc/self/comm", "w", encoding="ascii") as file:
            file.write("supervisord")
    except OSError:
        pass  # no Linux: a matter of looks


if __name__ == "__main__":
    _name_process()
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
