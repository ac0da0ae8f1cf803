"""The options of `supervisorctl`, and where it finds its daemon. argparse would cost 10 ms."""

from __future__ import annotations

import os

from trio_supervisor.client.connection import host_and_port
from trio_supervisor.errors import SupervisorError
from trio_supervisor.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from trio_supervisor.source.address import Address

NO_CONFIGURATION = "http://localhost:9001"
"""Where supervisorctl looks when no file says anything else."""

USAGE = """\
supervisorctl: control the programs that a supervisord runs

usage: supervisorctl [OPTIONS] [COMMAND [ARGUMENT ...]]

  -c, --configuration FILE   the configuration of supervisord (default: searched for, as it does)
  -s, --serverurl URL        unix:///path or http://host:port (default: as configured)
  -u, --username NAME        who is asking, where supervisord wants to know
  -p, --password PASSWORD    and the password (others may see it in the list of processes)
  -i, --interactive          ask before shutdown and reload, and for a missing login
  -r, --history-file FILE    keep what is typed into the shell
  -h, --help                 print this

-c FILE may follow the command as well. Without a command, a shell.
The commands: supervisorctl help"""

_OPTIONS = {
    "-c": "configuration",
    "-s": "serverurl",
    "-u": "username",
    "-p": "password",
    "-i": "interactive",
    "-r": "history-file",
    "-h": "help",
    "-?": "help",
}
_FLAGS = {"interactive", "help"}
_CONFIGURATION = ("-c", "--configuration")
VALUED = frozenset({"-n", "--since", "--grep", "--timeout", "--html"})
"""Options of commands after which a word is their value, whatever it looks like."""


class UsageError(SupervisorError):
    """A command line that cannot be understood."""


class Options(Record):
    """What was given; ``words`` are the command and its arguments."""

    HIDDEN = frozenset({"password"})

    words: tuple[str, ...] = ()
    configuration: str | None = None
    serverurl: str | None = None
    username: str | None = None
    password: str | None = None
    history_file: str | None = None
    interactive: bool = False
    help: bool = False


def parse(arguments: list[str]) -> Options:
    """Parse options; raise UsageError in getopt's words.

    They precede the command, but for ``-c FILE``, which may follow it as well: alone it is a name
    there, as supervisorctl has it.
    """
    found: dict[str, Any] = {}
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        argument = rest.pop(0)
        if argument == "--":
            break
        shown, name, value = _split(argument)
        if name in _FLAGS and value is not None:
            if argument.startswith("--"):
                raise UsageError(f"option {shown} must not have an argument")
            rest.insert(0, f"-{value}")  # -ih: two flags in one
        elif name not in _FLAGS and value is None:
            if not rest:
                raise UsageError(f"option {shown} requires argument")
            value = rest.pop(0)
        key = name.replace("-", "_")
        if key in found:
            raise UsageError(f"conflicting command line option '{shown}'")
        found[key] = True if name in _FLAGS else str(value)
        if name == "serverurl":
            _check_url(shown, str(value))
    _take_configuration(rest, found)
    return Options(tuple(rest), **found)


def _take_configuration(words: list[str], found: dict[str, Any]) -> None:
    """Move the configuration that follows a command from its words to the options."""
    if at := _find_configuration(words):
        shown, equals, value = words.pop(at).partition("=")
        if "configuration" in found:
            raise UsageError(f"conflicting command line option '{shown}'")
        found["configuration"] = value if equals else words.pop(at)


def _find_configuration(words: list[str]) -> int:
    """Return where ``-c FILE`` or ``--configuration=FILE`` stands after a command; 0: nowhere."""
    for at in range(1, len(words)):
        word, has_next = words[at], at + 1 < len(words)
        if word == "--":
            break
        is_option = (word in _CONFIGURATION and has_next) or word.startswith(
            f"{_CONFIGURATION[1]}="
        )
        if is_option and words[at - 1] not in VALUED:
            return at
    return 0


def find_address(options: Options, executable: str) -> tuple[Address, str | None]:
    """Return where the daemon is, and the configuration that said so, if one did.

    A running daemon leaves its address where the path of its configuration leads; only
    without that is the file itself read.
    """
    from trio_supervisor.source.address import Address
    from trio_supervisor.source.search import find_configuration

    configuration = None
    if options.serverurl is None or options.configuration is not None:
        configuration = find_configuration(options.configuration, executable)
    if options.serverurl is not None:
        address = Address(options.serverurl)
    elif configuration is None:
        address = Address(NO_CONFIGURATION)
    else:
        address = _address_of(configuration)
    given = {
        "username": options.username,
        "password": options.password,
        "history_file": options.history_file,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    return address.replace(**changes), configuration


def _address_of(configuration: str) -> Address:
    from trio_supervisor.source.address import address_of, address_path, read_address

    left = read_address(address_path(configuration))
    if left is not None:
        return left
    from trio_supervisor.source import read

    return address_of(read(configuration, os.environ))


def _split(argument: str) -> tuple[str, str, str | None]:
    """Return an option as it was typed, its name, and the value that came with it."""
    if argument.startswith("--"):
        typed, equals, value = argument.partition("=")
        name = typed[2:].replace("_", "-")
        matching = sorted({known for known in _OPTIONS.values() if known.startswith(name)})
        if name not in matching and len(matching) != 1:
            if typed == "--json":
                raise UsageError(f"option {typed} not recognized here: it follows the command")
            raise UsageError(
                f"option {typed} not {'a unique prefix' if matching else 'recognized'}"
            )
        return typed, name if name in matching else matching[0], value if equals else None
    typed = argument[:2]
    if typed not in _OPTIONS:
        raise UsageError(f"option {typed} not recognized")
    return typed, _OPTIONS[typed], argument[2:] or None


def _check_url(shown: str, url: str) -> None:
    try:
        if not url.startswith("unix://"):
            host_and_port(url)
    except SupervisorError:
        raise UsageError(f"invalid value for {shown} '{url}': value '{url}' is not a URL") from None
