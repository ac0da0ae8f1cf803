"""How the daemon of one configuration is contained, or what its last run has left.

Everything is only looked at. The lock is tried for a moment, shared, which a start that comes
meanwhile waits for.
"""

from __future__ import annotations

import fcntl
import os
import shlex
from typing import TYPE_CHECKING

from trio_supervisor.cli.findings import of_error, ok, problem, warning
from trio_supervisor.daemon import leftovers, state
from trio_supervisor.daemon.containment import MARK
from trio_supervisor.daemon.doors import servers_of
from trio_supervisor.daemon.listeners import is_stale
from trio_supervisor.daemon.proc import pid_list, processes, stat_of
from trio_supervisor.errors import SupervisorError
from trio_supervisor.pids import boot_id
from trio_supervisor.source.address import (
    check_runtime_directory,
    lock_path,
    runtime_directory,
    state_path,
)
from trio_supervisor.spec import UnixServerSpec

if TYPE_CHECKING:
    from trio_supervisor.cli.findings import Finding
    from trio_supervisor.daemon.proc import Process
    from trio_supervisor.daemon.state import State
    from trio_supervisor.spec import Configuration

LOOK_AGAIN = "look again in a moment"


def of(path: str, configuration: Configuration | None) -> list[Finding]:
    """Look at what the daemon of a configuration is, or was; None if that has errors."""
    directory = _runtime_directory()
    if directory.remedy:
        return [directory]
    try:
        owner = _owner(lock_path(path))
    except OSError as error:
        text = f"{lock_path(path)} cannot be looked at: {error.strerror}"
        return [directory, problem("lock", text, "remove it when no daemon runs")]
    found = [directory, *(_of_running(path, owner) if owner else _of_ended(path)), *_bad(path)]
    if configuration is not None:
        if not owner:
            found += _sockets(configuration)
        found += _pidfile(configuration.supervisord.pidfile, owner)
    return found


def _runtime_directory() -> Finding:
    subject, path = "runtime directory", runtime_directory()
    if os.path.lexists(path):
        try:
            check_runtime_directory(path)
        except SupervisorError as error:
            return of_error(subject, error)
        return ok(subject, f"{path} is ours alone")
    above = os.path.dirname(path)
    if not os.access(above, os.W_OK | os.X_OK):
        text = f"{path} cannot be made: {above} does not exist or cannot be written"
        return problem(subject, text, "set XDG_RUNTIME_DIR to a directory that you can write to")
    return ok(subject, f"{path} will be made")


def _owner(path: str) -> str:
    """Return what the lock says of who holds it, empty if nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
    finally:
        os.close(descriptor)
    return ""


# ── while a daemon runs ──


def _of_running(path: str, owner: str) -> list[Finding]:
    lock = ok("lock", f"a daemon runs for {path}: pid {owner}")
    try:
        found = state.read(state_path(path))
    except SupervisorError as error:
        remedy = "the daemon writes it anew when a program starts or ends"
        return [lock, warning("state file", str(error), remedy)]
    if found is None or str(found.guardian.pid) != owner:
        return [lock, warning("state file", "it is not this daemon's yet", LOOK_AGAIN)]
    return [lock, ok("state file", _said(found)), _guardian(found)]


def _guardian(found: State) -> Finding:
    subject = "guardian"
    guardian, daemon = found.guardian, found.daemon
    if not _is_alive(daemon):
        text = f"the daemon (pid {daemon.pid}) has ended: pid {guardian.pid} stops what it left"
        return warning(subject, text, "wait for its end")
    if guardian == daemon:
        return ok(
            subject,
            f"none, as --no-guardian says: if pid {daemon.pid} is killed, the next start stops "
            "what is left",
        )
    status = stat_of(daemon.pid)
    if not _is_alive(guardian) or status is None or status.parent != guardian.pid:
        text = f"pid {guardian.pid} has ended: the daemon (pid {daemon.pid}) stops everything"
        return warning(subject, text, "wait for its end, then start supervisord again")
    return ok(subject, f"pid {guardian.pid} watches over the daemon, pid {daemon.pid}")


def _is_alive(process: Process) -> bool:
    status = stat_of(process.pid)
    return status is not None and status.is_alive and status.starttime == process.starttime


# ── when none runs ──


def _of_ended(path: str) -> list[Finding]:
    lock = ok("lock", f"no daemon runs for {path}")
    try:
        found = state.read(state_path(path))
    except SupervisorError as error:
        remedy = (
            f"look for what still runs (grep -l {MARK} /proc/[0-9]*/environ); the next start puts "
            "the file aside"
        )
        return [lock, problem("state file", str(error), remedy)]
    if found is not None and not processes():
        text = f"{_said(found)}; who of it still lives cannot be known without /proc"
        return [lock, warning("state file", text, "mount -t proc proc /proc")]
    if found is None:
        return [lock, ok("state file", "none: the last run, if any, ended in order"), _left(path)]
    if found.boot != boot_id():
        return [lock, ok("state file", "of a boot before this one"), _left(path)]
    return [
        lock,
        ok("state file", f"{_said(found)}, which was killed"),
        _left(path, *sorted(leftovers.of(found))),
    ]


def _left(path: str, *pids: int) -> Finding:
    if not pids:
        return ok("leftovers", "nothing is left of an earlier run")
    shown = " ".join(map(str, pids))
    return problem(
        "leftovers",
        f"{len(pids)} processes of an earlier run still live: pid {pid_list(pids)}",
        f"supervisord -c {shlex.quote(path)} stops them before it starts anything; without a "
        f"start: kill -KILL {shown}",
    )


def _said(found: State) -> str:
    return f"version {found.version}, of pid {found.daemon.pid}"


def _bad(path: str) -> list[Finding]:
    bad = state.bad_path(state_path(path))
    if not os.path.lexists(bad):
        return []
    text = f"{bad} was put aside by a start: what the run before had left was not known"
    return [warning("state file", text, f"rm {shlex.quote(bad)}")]


def _sockets(configuration: Configuration) -> list[Finding]:
    found = []
    for server in servers_of(configuration):
        if isinstance(server, UnixServerSpec):
            try:
                is_dead = is_stale(server.file)
            except SupervisorError as error:
                found.append(of_error("socket", error))
                continue
            if is_dead:
                text = f"{server.file} is dead; the next start makes it anew"
                found.append(warning("socket", text, f"rm {shlex.quote(server.file)}"))
    return found


def _pidfile(path: str, owner: str) -> list[Finding]:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            said = file.read(32).strip()
    except FileNotFoundError:
        return []
    except OSError as error:
        text = f"{path} cannot be read: {error.strerror}"
        return [warning("pidfile", text, "let this user read it")]
    if said == owner:
        return [ok("pidfile", f"{path} has pid {said}")]
    if owner:
        text = f"{path} has {said!r}, not {owner}: another daemon has written it"
        return [warning("pidfile", text, "give each configuration a pidfile of its own")]
    text = f"{path} has {said!r}, though no daemon runs; the next start writes it anew"
    return [warning("pidfile", text, f"rm {shlex.quote(path)}")]
