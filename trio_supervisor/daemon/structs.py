"""The structs of supervisor's XML-RPC interface, key for key (its rpcinterface.py)."""

from __future__ import annotations

import pwd
import shlex
import time
from typing import TYPE_CHECKING

from trio_supervisor.errors import Fault, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trio_supervisor.daemon.xmlrpc import Value
    from trio_supervisor.protocol.messages import Outcome, ProcessStatus
    from trio_supervisor.spec import GroupSpec, ProgramSpec

CHANNEL_OPTIONS = (
    "capture_maxbytes",
    "events_enabled",
    "logfile_backups",
    "logfile_maxbytes",
    "syslog",
)
NAMED = frozenset(
    {
        Fault.BAD_NAME,
        Fault.ALREADY_STARTED,
        Fault.NOT_RUNNING,
        Fault.SPAWN_ERROR,
        Fault.ABNORMAL_TERMINATION,
        Fault.ALREADY_ADDED,
        Fault.STILL_RUNNING,
    }
)
"""Faults whose text is the name that was given, and nothing else: tools compare it."""

LONGEST_DETAIL = 200


def process_info(row: ProcessStatus) -> dict[str, Value]:
    """Return what getProcessInfo tells of a process."""
    code = 0 if row.pid else row.returncode or 0
    return {
        "name": row.name,
        "group": row.group,
        "start": int(row.started or 0),
        "stop": int(row.stopped or 0),
        "now": int(time.time()),
        "state": int(row.state),
        "statename": row.state.name,
        "spawnerr": row.spawn_error,
        "exitstatus": max(code, -1),  # -1 for every signal
        "logfile": row.stdout_logfile,
        "stdout_logfile": row.stdout_logfile,
        "stderr_logfile": row.stderr_logfile,
        "pid": row.pid or 0,
        "description": row.description,
    }


def config_info(group: GroupSpec, spec: ProgramSpec, *, in_use: bool) -> dict[str, Value]:
    """Return what getAllConfigInfo tells of a configured process."""
    command = spec.command if isinstance(spec.command, str) else shlex.join(spec.command)
    return {
        "autostart": spec.autostart,
        "directory": spec.directory or "none",
        "uid": "none" if spec.user is None else _uid(spec.user),
        "command": command,
        "exitcodes": list(spec.exitcodes),
        "group": group.name,
        "group_prio": group.priority,
        "inuse": in_use,
        "killasgroup": spec.stopasgroup if spec.killasgroup is None else spec.killasgroup,
        "name": spec.process_name,
        "process_prio": spec.priority,
        "redirect_stderr": spec.redirect_stderr,
        "startretries": spec.startretries,
        "startsecs": int(spec.startsecs),
        "stopsignal": int(spec.stopsignal),
        "stopwaitsecs": int(spec.stopwaitsecs),
        "serverurl": spec.serverurl or "none",
        **dict(_channel(spec, "stdout")),
        **dict(_channel(spec, "stderr")),
    }


def _channel(spec: ProgramSpec, channel: str) -> Iterator[tuple[str, Value]]:
    for name in CHANNEL_OPTIONS:
        yield f"{channel}_{name}", getattr(spec, f"{channel}_{name}")
    path = getattr(spec, f"{channel}_logfile")
    yield f"{channel}_logfile", path.lower() if path in {"AUTO", "NONE"} else path


def _uid(user: str) -> Value:
    try:
        return int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
    except KeyError:
        return user


def refused(fault: Fault, name: str, detail: str = "") -> RequestError:
    """Return the refusal of what was asked about a name, in the interface's words."""
    return RequestError(fault, name if fault in NAMED else detail)


def result(outcome: Outcome, detail: str) -> dict[str, Value]:
    """Return the entry of one process in the answer of a call that is about several.

    Each repeats the detail, which a client has sent: of a long one, the beginning.
    """
    name = outcome.name if outcome.name == outcome.group else f"{outcome.group}:{outcome.name}"
    is_done = outcome.fault is Fault.SUCCESS
    return {
        "name": outcome.name,
        "group": outcome.group,
        "status": int(outcome.fault),
        "description": "OK"
        if is_done
        else str(refused(outcome.fault, name, detail[:LONGEST_DETAIL])),
    }


def changes(added: Iterable[str], changed: Iterable[str], removed: Iterable[str]) -> list[Value]:
    """Return the answer of reloadConfig."""
    return [[list(added), list(changed), list(removed)]]
