"""`trio-supervisor`: the launcher and its tools, each importing only what it needs."""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = {
    "up": "run the configuration in the foreground, every line on the console",
    "run": "run a command in the environment of the programs",
    "configure": "make a supervisord.toml from a template",
    "check": "report everything that is wrong with a configuration",
    "doctor": "report what containment rests on here, with remedies",
    "schema": "print the JSON Schema of supervisord.toml",
    "completion": "print what makes bash, zsh or fish complete commands and names",
}
"""The launcher's own commands; every other word is a supervisorctl command."""

STACK = {
    "down": "stop everything that runs of it, and wait",
    "ps": "show all processes: state, pid, uptime, restarts, CPU, memory, ports",
    "logs": "show what all programs wrote, merged by time",
    "wait": "wait until programs are ready",
}
"""Commands of the client that belong to `up`."""

USAGE = "usage: trio-supervisor COMMAND [ARGUMENT ...]"


def main(arguments: list[str] | None = None) -> int:
    """Run one command of the launcher; return its exit code."""
    words = _with_command_first(sys.argv[1:] if arguments is None else arguments)
    if len(words) > 1 and words[0] == "help" and words[1] in COMMANDS:
        words = [words[1], "--help"]
    if not words or words[0] in {"-h", "--help"} or words == ["help"]:
        print(_help())
        return 0 if words else 2
    if words[0] in {"-v", "--version"}:
        from trio_supervisor import __version__

        print(__version__)
        return 0
    if words[0] in COMMANDS:
        command: Callable[[list[str]], int]
        command = import_module(f"trio_supervisor.cli.{words[0]}").main
        return command(words[1:])
    from trio_supervisor.cli import supervisorctl

    return supervisorctl.main(words, also=tuple(COMMANDS))


def _with_command_first(words: list[str]) -> list[str]:
    """Let ``-c FILE up`` be ``up -c FILE``; commands of supervisorctl find it in both places."""
    count = 2 if words[:1] in (["-c"], ["--configuration"]) else 1
    option, command = words[:count], words[count : count + 1]
    is_option = option != [] and option[0].startswith(("-c", "--configuration"))
    if is_option and command and command[0] in COMMANDS:
        return [*command, *option, *words[count + 1 :]]
    return words


def _help() -> str:
    own = "\n".join(f"  {name:<12}{text}" for name, text in {**COMMANDS, **STACK}.items())
    return (
        f"{USAGE}\n\n{own}\n\n"
        "Every supervisorctl command works here too: status, start, stop, restart, tail, …\n"
        "Details of a command: trio-supervisor COMMAND --help"
    )
