"""The supervisors under measurement: their executables, and one plan in each one's own dialect."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import tomli_w

from benchmarks.peers import ours_bin, peers_bin
from benchmarks.rows import Side

if TYPE_CHECKING:
    from pathlib import Path

SOCKET = "control.sock"
Options = dict[str, str | int | bool]


@dataclass(frozen=True)
class Plan:
    """Programs by name with their commands, and the options that all of them share."""

    commands: Mapping[str, str]
    options: Mapping[str, str | int | bool] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many processes it means."""
        return len(self.commands) * int(self.options.get("numprocs", 1))

    def sections(self, directory: Path) -> dict[str, Options]:
        """Return the configuration, which is the same for every supervisor."""
        socket = str(directory / SOCKET)
        programs: dict[str, Options] = {
            f"program:{name}": {"command": command, **self.options}
            for name, command in self.commands.items()
        }
        # the original needs three descriptors a program, and five with log files
        minfds = max(1024, 6 * self.size + 100)
        own: dict[str, Options] = {
            "supervisord": {
                "logfile": str(directory / "supervisord.log"),
                "pidfile": str(directory / "supervisord.pid"),
                "childlogdir": str(directory),
                "minfds": minfds,
            },
            "unix_http_server": {"file": socket},
            "supervisorctl": {"serverurl": f"unix://{socket}"},
        }
        return own | programs


class Tool(Protocol):
    """One supervisor: where its numbers go, and how it is configured and called."""

    side: Side

    def configure(self, plan: Plan, directory: Path) -> None:
        """Write its configuration file."""

    def daemon(self, directory: Path) -> list[str]:
        """Return the command that supervises in the foreground."""

    def control(self, directory: Path, *arguments: str) -> list[str]:
        """Return the command that asks the daemon of that directory."""

    def configure_console(self, plan: Plan, directory: Path) -> None:
        """Write what the launcher reads."""

    def console(self) -> list[str]:
        """Return the command that runs all programs and prints their lines with a prefix."""


class Original:
    """supervisor 4.3.0, and honcho where supervisor has nothing like it."""

    side = Side.REFERENCE

    def __init__(self) -> None:
        self.bin = peers_bin()

    def configure(self, plan: Plan, directory: Path) -> None:
        factory = "supervisor.rpcinterface:make_main_rpcinterface"
        sections = plan.sections(directory)
        sections["rpcinterface:supervisor"] = {"supervisor.rpcinterface_factory": factory}
        text = "\n".join(f"[{name}]\n{_ini(options)}" for name, options in sections.items())
        (directory / "supervisord.conf").write_text(text)

    def daemon(self, directory: Path) -> list[str]:
        return [str(self.bin / "supervisord"), "-n", "-c", str(directory / "supervisord.conf")]

    def control(self, directory: Path, *arguments: str) -> list[str]:
        configuration = str(directory / "supervisord.conf")
        return [str(self.bin / "supervisorctl"), "-c", configuration, *arguments]

    def configure_console(self, plan: Plan, directory: Path) -> None:
        lines = [f"{name}: exec {command}\n" for name, command in plan.commands.items()]
        (directory / "Procfile").write_text("".join(lines))

    def console(self) -> list[str]:
        return [str(self.bin / "honcho"), "start"]


class Ours:
    """trio-supervisor, of the sources that run the benchmark."""

    side = Side.OURS

    def __init__(self) -> None:
        self.bin = ours_bin()

    def configure(self, plan: Plan, directory: Path) -> None:
        document: dict[str, Options | dict[str, Options]] = {}
        for section, options in plan.sections(directory).items():
            kind, _, name = section.partition(":")
            table = document.setdefault(kind, {})
            table |= {name: options} if name else options  # type: ignore[operator]  # by kind
        (directory / "supervisord.toml").write_text(tomli_w.dumps(document))

    def daemon(self, directory: Path) -> list[str]:
        return [str(self.bin / "supervisord"), "-n", "-c", str(directory / "supervisord.toml")]

    def control(self, directory: Path, *arguments: str) -> list[str]:
        configuration = str(directory / "supervisord.toml")
        return [str(self.bin / "supervisorctl"), "-c", configuration, *arguments]

    def configure_console(self, plan: Plan, directory: Path) -> None:
        self.configure(plan, directory)

    def console(self) -> list[str]:
        return [str(self.bin / "trio-supervisor"), "up"]


def script(path: Path, *arguments: str) -> str:
    """Return the command of a Python child that starts as fast as Python can."""
    return shlex.join([sys.executable, "-ISE", str(path), *arguments])


def _ini(options: Options) -> str:
    def text(value: str | int | bool) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    return "".join(f"{key} = {text(value)}\n" for key, value in options.items())
