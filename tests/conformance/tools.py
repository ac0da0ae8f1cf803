"""The launchers: for each, how it is told to run some commands, and what it is started with.

Each gets the options that make it stop as well as it can, and two seconds of grace where it
knows such a thing. Its configuration goes to the directory of the case.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from terminal import CTRL_C

from conformance import peers

GRACE = 2
OURS = Path(sys.executable).parent


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A launcher that can be tried."""

    name: str
    prepare: Callable[[list[str], Path], list[str]]
    """From the commands of the workers and a directory to the words that start it there."""
    version: Callable[[], str]
    interrupt: str = CTRL_C
    """The keys that end it."""
    takes_many: bool = True


def named(commands: list[str]) -> dict[str, str]:
    """Name the workers."""
    return {f"w{number}": command for number, command in enumerate(commands)}


def supervisord_conf(commands: list[str], directory: Path, *options: str) -> str:
    """Write the same configuration for supervisor and for us; return its path."""
    lines = ["[supervisord]", f"logfile = {directory}/supervisord.log",
             f"pidfile = {directory}/supervisord.pid"]  # fmt: skip
    for name, command in named(commands).items():
        lines += [f"[program:{name}]", f"command = {command}", f"stopwaitsecs = {GRACE}",
                  "autorestart = false", "redirect_stderr = true", "stdout_logfile = /dev/stdout",
                  "stdout_logfile_maxbytes = 0", *options]  # fmt: skip
    path = directory / "supervisord.conf"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def our_supervisord(commands: list[str], directory: Path) -> list[str]:
    path = supervisord_conf(commands, directory)
    return [str(OURS / "supervisord"), "-n", "-c", path]


def our_up(commands: list[str], directory: Path) -> list[str]:
    path = supervisord_conf(commands, directory)
    return [str(OURS / "trio-supervisor"), "up", "-c", path]


def supervisor(commands: list[str], directory: Path) -> list[str]:
    path = supervisord_conf(commands, directory, "stopasgroup = true", "killasgroup = true")
    return [peers.from_pypi("supervisor", "supervisord"), "-n", "-c", path]


def procfile(commands: list[str], directory: Path) -> str:
    """Write a Procfile; return its path."""
    path = directory / "Procfile"
    path.write_text(
        "".join(f"{name}: exec {command}\n" for name, command in named(commands).items())
    )
    return str(path)


def honcho(commands: list[str], directory: Path) -> list[str]:
    return [peers.from_pypi("honcho", "honcho"), "-f", procfile(commands, directory), "start"]


def circus(commands: list[str], directory: Path) -> list[str]:
    lines = [
        "[circus]",
        f"endpoint = ipc://{directory}/end",
        f"pubsub_endpoint = ipc://{directory}/pub",
    ]
    for name, command in named(commands).items():
        lines += [f"[watcher:{name}]", f"cmd = {command}", f"graceful_timeout = {GRACE}",
                  "stop_children = True", "copy_env = True", "respawn = False",
                  "stdout_stream.class = StdoutStream"]  # fmt: skip
    path = directory / "circus.ini"
    path.write_text("\n".join(lines) + "\n")
    return [peers.from_pypi("circus", "circusd"), str(path)]


def pm2(commands: list[str], directory: Path) -> list[str]:
    applications = [
        {"name": name, "script": words[0], "args": words[1:], "interpreter": "none",
         "kill_timeout": GRACE * 1000, "autorestart": False}
        for name, words in ((name, shlex.split(line)) for name, line in named(commands).items())
    ]  # fmt: skip
    path = directory / "ecosystem.json"
    path.write_text(json.dumps({"apps": applications}))
    return [peers.from_npm("pm2", "pm2-runtime"), "start", str(path)]


def concurrently(commands: list[str], directory: Path) -> list[str]:
    script = peers.from_npm("concurrently", "concurrently")
    return [script, "--kill-others", "--kill-timeout", str(GRACE * 1000), *commands]


def nodemon(commands: list[str], directory: Path) -> list[str]:
    script = peers.from_npm("nodemon", "nodemon")
    return [
        script,
        "--signal",
        "SIGTERM",
        "--watch",
        str(directory / "nothing"),
        "--exec",
        *commands,
    ]


def mprocs(commands: list[str], directory: Path) -> list[str]:
    names = ",".join(named(commands))
    return [peers.from_npm("mprocs", "mprocs"), "--names", names, *commands]


def template(text: str) -> Tool:
    """Make a launcher of a command line with a place for the worker's command."""
    places = ("{worker}", "{quoted}", "{procfile}")
    if not any(place in text for place in places):
        raise SystemExit(f"--cmd {text!r}: the worker has no place in it; write one of {places}")

    def prepare(commands: list[str], directory: Path) -> list[str]:
        filled = text.replace("{procfile}", procfile(commands, directory))
        filled = filled.replace("{quoted}", shlex.join(commands))
        return shlex.split(filled.replace("{worker}", commands[0]))

    many = "{worker}" not in text
    name = Path(shlex.split(text)[0]).name
    return Tool(name=name, prepare=prepare, version=lambda: "", takes_many=many)


def ours() -> str:
    return version("trio-supervisor")


OUR_OWN = ("supervisord", "up")
TOOLS = {
    tool.name: tool
    for tool in (
        Tool(name="supervisord", prepare=our_supervisord, version=ours),
        Tool(name="up", prepare=our_up, version=ours),
        Tool(name="supervisor", prepare=supervisor, version=lambda: peers.version("supervisor")),
        Tool(name="honcho", prepare=honcho, version=lambda: peers.version("honcho")),
        Tool(name="circus", prepare=circus, version=lambda: peers.version("circus")),
        Tool(name="pm2", prepare=pm2, version=lambda: peers.version("pm2")),
        Tool(name="concurrently", prepare=concurrently,
             version=lambda: peers.version("concurrently")),
        Tool(name="nodemon", prepare=nodemon, version=lambda: peers.version("nodemon"),
             takes_many=False),
        Tool(name="mprocs", prepare=mprocs, version=lambda: peers.version("mprocs"),
             interrupt="q"),
    )
}  # fmt: skip
