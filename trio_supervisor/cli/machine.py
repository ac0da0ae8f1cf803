"""What containment rests on in this machine or container, found out by trying it.

An orphan is made, and treated as the daemon treats what has escaped from a program. It ends with
the pipe that it reads from, so nothing of it is left even where it could not be signalled. The
limits are raised for this process as the daemon raises them for itself.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from trio_supervisor.cli.findings import of_error, ok, problem, warning
from trio_supervisor.daemon.containment import HAS_PIDFD, MARK
from trio_supervisor.daemon.guardian import has_terminal
from trio_supervisor.daemon.kernel import become_subreaper
from trio_supervisor.daemon.limits import (
    DescriptorBudget,
    descriptors_for,
    process_count,
    raise_limits,
)
from trio_supervisor.daemon.proc import children_of, command_line, stat_of, variable
from trio_supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_supervisor.cli.findings import Finding
    from trio_supervisor.spec import Configuration

INIT = 1
OVERHEAD = 12
"""Processes and threads of daemon and guardian themselves."""
ORPHAN = """\
import os
child = os.fork()
if child:
    print(child, flush=True)
else:
    os.read(0, 1)
"""
"""Leaves a child behind that lives until its standard input ends."""


def containment() -> list[Finding]:
    """Try on an orphan whether it comes to us, can be found, recognized and signalled."""
    become_subreaper()
    mark = "doctor:"
    try:
        with _orphan(f"{MARK}={mark}:") as pid:
            return [
                _subreaper(pid),
                _children_lists(pid),
                _environ((variable(pid, MARK) or b"").startswith(mark.encode())),
                _hidden(),
                _pidfds(pid),
            ]
    except (OSError, ValueError) as error:  # a child that could not fork says no number
        text = f"{sys.executable} cannot be started by this user: {error}"
        remedy = "let the user read and execute it; allow more processes"
        return [problem("python", text, remedy)]


@contextmanager
def _orphan(assignment: str) -> Iterator[int]:
    """Start a process whose parent ends; give its pid."""
    name, _, value = assignment.partition("=")
    with subprocess.Popen(  # noqa: S603  # our own words
        [sys.executable, "-I", "-S", "-c", ORPHAN],
        env={name: value},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.wait()
        try:
            yield pid
        finally:
            parent.stdin.close()
            with suppress(ChildProcessError):  # not ours where there are no subreapers
                os.waitpid(pid, 0)


def _subreaper(orphan: int) -> Finding:
    try:
        os.waitpid(orphan, os.WNOHANG)
    except ChildProcessError:
        return problem(
            "subreaper",
            "orphans do not come to the daemon: what escapes from a program outlives it",
            "use Linux 3.4 or later; a seccomp filter has to allow prctl",
        )
    return ok("subreaper", "orphans come to the daemon")


def _children_lists(orphan: int) -> Finding:
    if orphan in children_of(os.getpid()):
        return ok("/proc", "it has lists of children")
    return problem(
        "/proc",
        "it has no lists of children: only the process itself is stopped, not its tree",
        "mount -t proc proc /proc; the kernel needs CONFIG_PROC_CHILDREN",
    )


def _environ(is_readable: bool) -> Finding:
    if is_readable:
        return ok("marks", "the mark of a process can be read in its environment")
    return problem(
        "marks",
        "the environment of our own processes cannot be read: what leaves its session and its "
        "parents is not recognized",
        "mount -t proc proc /proc; run as the user of the programs, or with CAP_SYS_PTRACE",
    )


def _hidden() -> Finding:
    options = _mount_options("/proc")
    hiding = next((one for one in options if one.startswith("hidepid=")), "hidepid=0")
    if hiding in {"hidepid=0", "hidepid=off"}:
        return ok("hidepid", "the processes of all users can be seen")
    return warning(
        "hidepid",
        f"/proc is mounted with {hiding}: programs that become another user are not found",
        "mount -o remount,hidepid=0 /proc",
    )


def _mount_options(point: str) -> list[str]:
    """Return the options of what is mounted last at a place; proc_pid_mountinfo(5)."""
    found: list[str] = []
    with suppress(OSError), open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            fields = line.split()
            if fields[4] == point:
                found = [*fields[5].split(","), *fields[-1].split(",")]
    return found


def _pidfds(pid: int) -> Finding:
    remedy = "use Linux 5.3 or later; a seccomp filter has to allow pidfd_open, pidfd_send_signal"
    if not HAS_PIDFD:
        text = "there are none: signals go to process numbers, which may have been reused"
        return warning("pidfds", text, remedy)
    try:
        descriptor = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(descriptor, 0)
        finally:
            os.close(descriptor)
    except OSError as error:
        return problem("pidfds", f"processes cannot be signalled through them: {error}", remedy)
    return ok("pidfds", "signals reach exactly who they are meant for")


def init() -> Finding:
    """Look at the first process of this machine or container."""
    if os.getpid() == INIT:
        return ok("init", "supervisord would be PID 1: it reaps all orphans")
    name = command_line(INIT).partition(" ")[0]  # arguments may hold secrets
    zombies = [
        pid for pid in children_of(INIT) if (stat := stat_of(pid)) is not None and not stat.is_alive
    ]
    if zombies:
        return warning(
            "init",
            f"PID 1 ({name}) leaves {len(zombies)} zombies",
            "let supervisord -n be PID 1, or give the container an init (docker run --init)",
        )
    return ok("init", f"PID 1 is {name or 'hidden'}: supervisord would not be it")


def terminal() -> Finding:
    """Say whether there is a terminal whose closing would end a daemon in the foreground."""
    if has_terminal():
        return ok("terminal", "there is one: with -n its closing stops the daemon in order")
    return ok("terminal", "there is none")


def descriptors(configuration: Configuration) -> Finding:
    """Reserve descriptors as the daemon does."""
    subject, spec = "descriptors", configuration.supervisord
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    needed = descriptors_for(configuration)
    budget = DescriptorBudget()
    try:
        raise_limits(spec.minfds, 0)
        budget.reserve(configuration)
    except SupervisorError as error:
        return of_error(subject, error)
    text = f"needed: {max(needed, spec.minfds)}; allowed: {_limit(soft)}"
    raised = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if raised == soft:
        return ok(subject, text)
    text += f", raised to {raised}"
    if raised > spec.minfds and not budget.prefix:
        return warning(
            subject, f"{text}; programs get that limit, too", "install prlimit (util-linux)"
        )
    return ok(subject, text)


def processes(configuration: Configuration) -> Finding:
    """Compare the number of processes with the limits of user and container."""
    subject, count = "processes", process_count(configuration)
    try:
        raise_limits(0, configuration.supervisord.minprocs)
    except SupervisorError as error:
        return of_error(subject, error)
    room = _room()
    if room is not None and room < count + OVERHEAD:
        return warning(
            subject,
            f"configured: {count}; the container has room for {room} more",
            "raise its pids limit (docker run --pids-limit, TasksMax= of systemd)",
        )
    soft = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    more = "" if room is None else f"; the container has room for {room} more"
    return ok(subject, f"configured: {count}; allowed to this user: {_limit(soft)}{more}")


def _limit(value: int) -> str:
    return "any number" if value == resource.RLIM_INFINITY else str(value)


def _room() -> int | None:
    """Return how many more processes our control group may have, None if as many as it likes."""
    rooms: list[int] = []
    with suppress(OSError), open("/proc/self/cgroup", encoding="utf-8") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            base = {"": "/sys/fs/cgroup", "pids": "/sys/fs/cgroup/pids"}.get(controllers)
            for directory in (f"{base}{path}", base) if base else ():  # the host's path, or ours
                with suppress(OSError, ValueError):  # no such file; or it says "max"
                    most = _number(f"{directory}/pids.max")
                    rooms.append(most - _number(f"{directory}/pids.current"))
    return min(rooms, default=None)


def _number(path: str) -> int:
    with open(path, encoding="ascii") as file:
        return int(file.read())
