"""Run by supervisor's own Python: print what supervisor makes of a file, as JSON.

Usage: ``python original_values.py FILE``. A file that it refuses ends it with 2, as its daemon.
"""

from __future__ import annotations

import json
import sys
from typing import Any

DAEMON = [
    "logfile", "logfile_maxbytes", "logfile_backups", "loglevel", "pidfile", "umask", "directory",
    "nodaemon", "silent", "user", "minfds", "minprocs", "nocleanup", "childlogdir", "strip_ansi",
    "identifier",
]  # fmt: skip
SERVER = ["file", "host", "port", "chmod", "chown", "username", "password"]
CLIENT = ["serverurl", "username", "password", "prompt", "history_file"]


def plain(value: Any) -> Any:
    """Return what JSON can hold: a class for its name, a list for a set."""
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value))
    return value


def program(config: Any) -> dict[str, Any]:
    names = [*config.req_param_names, *config.optional_param_names]
    return {name: plain(getattr(config, name)) for name in names}


def pool(config: Any) -> dict[str, Any]:
    """Return what the processes of an event listener share."""
    from supervisor import events  # type: ignore[import-not-found]  # not in our environment

    names = sorted(map(events.getEventNameByType, config.pool_events))
    return {"buffer_size": config.buffer_size, "events": names}


def group(config: Any) -> dict[str, Any]:
    kind = type(config).__name__
    shared = pool(config) if kind == "EventListenerPoolConfig" else {}
    programs = [{**program(one), **shared} for one in sorted(config.process_configs)]
    return {"kind": kind, "name": config.name, "priority": config.priority, "programs": programs}


def daemon(path: str) -> dict[str, Any]:
    from supervisor.options import ServerOptions  # type: ignore[import-not-found]  # not in our environment

    options = ServerOptions()
    options.realize(["-c", path])
    values = {name: getattr(options, name) for name in DAEMON}
    values["environment"] = options.configroot.supervisord.environment
    servers = [
        {name: one.get(name) for name in SERVER if name in one} for one in options.server_configs
    ]
    groups = [group(one) for one in options.process_group_configs]
    return {"supervisord": values, "servers": servers, "groups": groups}


def client(path: str) -> dict[str, Any] | None:
    with open(path) as file:
        if "[supervisorctl]" not in file.read():
            return None  # it would refuse the file
    from supervisor.options import ClientOptions

    options = ClientOptions()
    options.realize(["-c", path])
    return {name: getattr(options.configroot.supervisorctl, name) for name in CLIENT}


def main() -> None:
    path = sys.argv[1]
    json.dump({**daemon(path), "supervisorctl": client(path)}, sys.stdout)


if __name__ == "__main__":
    main()
