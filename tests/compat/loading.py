"""What both make of one configuration file: each value under a key, in supervisor's terms.

A deployment speaks of absolute paths, as real ones do; a copy of it lives below a directory of its
own, in which everything that it speaks of exists.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict
from original_values import CLIENT, DAEMON, SERVER

from trio_supervisor.config import load
from trio_supervisor.config.unserved import UNSERVED_FAMILIES
from trio_supervisor.errors import ConfigError
from trio_supervisor.source import read
from trio_supervisor.source.address import address_of
from trio_supervisor.spec import ListenerSpec

if TYPE_CHECKING:
    from trio_supervisor.source.address import Address
    from trio_supervisor.spec import Configuration, ProgramSpec, UnixServerSpec

Values = dict[str, Any]

DEPLOYMENTS = Path(__file__).parent / "deployments"
DUMP = Path(__file__).parent / "original_values.py"
PATHS = re.compile(r"(?<![\w.)~/-])/(?=(?:app|data|etc|home|opt|run|srv|tmp|var)/)")
PATHS_OF_OPTIONS = {"childlogdir", "stdout_logfile", "stderr_logfile"}
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "USER": "deploy",
    "APP_ENV": "production",
    "PORT": "8080",
    "WORKERS": "3",
    "QUEUE": "outer",
    "DISPLAY_NUM": "99",
    "AIRFLOW_HOME": "/opt/airflow",
    "REDIS_URL": "redis://:p%40ss@cache:6379/0",
    "SECRET": "s3cr3t-Value.1",
}
LEVELS = {
    "critical": 50, "error": 40, "warn": 30, "info": 20, "debug": 10, "trace": 5, "blather": 3
}  # fmt: skip
RESTARTS = {
    True: "RestartUnconditionally",
    False: False,
    "unexpected": "RestartWhenExitUnexpected",
}
KINDS = {
    "EventListenerPoolConfig": "eventlistener",
    "FastCGIGroupConfig": "fcgi-program",
    "ProcessGroupConfig": "program",
}


class Deployment:
    """A copy of a deployment below a directory."""

    def __init__(self, name: str, root: Path) -> None:
        source = DEPLOYMENTS / name
        self.name, self.root = name, root
        self.environment = {**ENVIRONMENT, "HOME": str(root / "home")}
        shutil.copytree(source, root) if source.is_dir() else root.mkdir()
        self.file = root / "supervisord.conf"
        if source.is_file():
            shutil.copy(source, self.file)
        for path in root.rglob("*.*"):
            if path.is_file():
                self._move_below(path)
        for directory in ("home/log", "home/run", "log", "logs", "run"):
            (root / directory).mkdir(parents=True, exist_ok=True)

    def _move_below(self, file: Path) -> None:
        """Let a file speak of paths below the root, and make the directories of these."""
        with file.open(newline="", encoding="utf-8") as opened:
            text = PATHS.sub(f"{self.root}/", opened.read())
        file.write_text(text, encoding="utf-8", newline="")
        for found in re.findall(rf"{re.escape(str(self.root))}/[\w./-]*", text):
            path = Path(found)
            (path.parent if path.suffix else path).mkdir(parents=True, exist_ok=True)

    def theirs(self, python: Path) -> Values:
        """Return what supervisor loads; fail with what it says of a file that it refuses."""
        done = subprocess.run(
            [str(python), "-W", "ignore", str(DUMP), str(self.file)],
            env=self.environment,
            cwd=self.root,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            return {"refused": done.stderr.splitlines()[0].replace(str(self.root), "ROOT")}
        told = json.loads(done.stdout)
        for group in told["groups"]:
            if KINDS[group["kind"]] in UNSERVED_FAMILIES:
                group["programs"] = []
        values = _flat(told)
        base = values["supervisord.directory"] or str(self.root)
        return {key: _made_plain(key, value, base) for key, value in values.items()}

    def ours(self) -> Values:
        """Return what we load, as supervisor would have it."""
        source = read(str(self.file), self.environment)
        try:
            loaded = load(source, directory=str(self.root))
        except ConfigError as error:
            return {"refused": str(error.problems[0]).replace(str(self.root), "ROOT")}
        return _flat(_in_their_terms(loaded, address_of(source)))


def _made_plain(key: str, value: Any, base: str) -> Any:
    """Say what they leave to the moment of use: relative paths, and what is unset."""
    option = key.rpartition(".")[2]
    if option == "directory" and not key.startswith("supervisord."):
        return os.path.normpath(os.path.join(base, value or ""))
    if option in PATHS_OF_OPTIONS and value not in (None, "Automatic"):
        return os.path.normpath(os.path.join(base, value))
    return value or None if option == "serverurl" else value


def _flat(told: Values) -> Values:
    values: Values = {f"supervisord.{name}": one for name, one in told["supervisord"].items()}
    for number, server in enumerate(told["servers"]):
        values |= {f"server {number}.{name}": one for name, one in server.items()}
    for group in told["groups"]:
        for program in group["programs"]:
            name = f"{group['name']}:{program['name']}"
            values |= {f"{name}.{option}": one for option, one in program.items()}
        if group["programs"]:
            values[f"{group['name']}.priority"] = group["priority"]
    values["order"] = [group["name"] for group in told["groups"] if group["programs"]]
    values |= {f"supervisorctl.{name}": one for name, one in (told["supervisorctl"] or {}).items()}
    return values


def _in_their_terms(loaded: Configuration, address: Address) -> Values:
    daemon = asdict(loaded.supervisord)
    groups = [
        {
            "name": group.name,
            "priority": group.priority,
            "programs": [_program(spec) for spec in group.programs],
        }
        for group in loaded.groups
    ]
    return {
        "supervisord": {
            **{name: daemon[name] for name in DAEMON},
            "environment": daemon["environment"],
            "loglevel": LEVELS[daemon["loglevel"]],
        },
        "servers": [
            *(
                {name: one for name, one in asdict(server).items() if name in SERVER}
                for server in loaded.inet_servers
            ),
            *(_unix_server(server) for server in loaded.unix_servers),
        ],
        "groups": groups,
        "supervisorctl": {name: getattr(address, name) or None for name in CLIENT},
    }


def _unix_server(spec: UnixServerSpec) -> Values:
    return {**asdict(spec), "chown": [-1, -1] if spec.chown is None else _owner(spec.chown)}


def _owner(text: str) -> list[int]:
    user, _, group = text.partition(":")
    return [_uid(user), grp.getgrnam(group).gr_gid if group else -1]


def _uid(user: str) -> int:
    return _entry(user).pw_uid


def _entry(user: str) -> pwd.struct_passwd:
    return pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)


def _program(spec: ProgramSpec) -> Values:
    told = asdict(spec)
    told["name"] = spec.process_name
    told["uid"] = None if spec.user is None else _uid(spec.user)
    told["autorestart"] = RESTARTS[spec.autorestart]
    told["exitcodes"] = list(spec.exitcodes)
    if isinstance(spec, ListenerSpec):
        told["events"] = sorted(spec.events)
    if spec.killasgroup is None:
        told["killasgroup"] = spec.stopasgroup
    for channel in ("stdout", "stderr"):
        file = told[f"{channel}_logfile"]
        told[f"{channel}_logfile"] = {"AUTO": "Automatic", "NONE": None, "syslog": None}.get(
            file, file
        )
        told[f"{channel}_syslog"] |= file == "syslog"
    return told
