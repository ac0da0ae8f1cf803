"""``trio-supervisor completion``: scripts for shells, and what they ask at each Tab.

The scripts are a few lines; what can come next is found here, from the help of the commands, so
that it is never behind them, and from the daemon. argparse, on which generators such as shtab
stand, knows nothing of most of our commands.
"""

from __future__ import annotations

import io
import os
import re
import signal
import sys
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout, suppress
from importlib import import_module

from trio_supervisor.cli.shells import SCRIPTS
from trio_supervisor.errors import SupervisorError
from trio_supervisor.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

USAGE = """\
usage: trio-supervisor completion bash|zsh|fish

Print what makes a shell complete trio-supervisor and supervisorctl: commands, options, and the
names of what the daemon of this directory runs.

  bash   source <(trio-supervisor completion bash)          in ~/.bashrc
  zsh    source <(trio-supervisor completion zsh)           in ~/.zshrc, after compinit
  fish   trio-supervisor completion fish | source           in ~/.config/fish/config.fish
"""
SUGGEST = "suggest"
FILES = 3
"""Exit code that asks the shell for names of files."""
_WORD = 2
"""Where the words begin after ``suggest --``."""
_CONFIGURATION = ("-c", "--configuration")
_ALL = "all"
_OF_ONE = frozenset({"attach", "fg", "run", "tail"})
"""Commands that take the name of one process."""

_OPTION = re.compile(r"(?<![\w\]-])(?:(-[a-z?]), )?(--?[a-z][a-z-]*)(?:[ =]([A-Z]+)\b)?")

Suggestion = tuple[str, str]


def main(arguments: list[str]) -> int:
    """Print a script, or what can come next; return the exit code."""
    if arguments in (["-h"], ["--help"]):
        print(USAGE, end="")
        return 0
    if arguments[:_WORD] == [SUGGEST, "--"] and len(arguments) > _WORD + 1:
        return _suggest(arguments[_WORD:])
    if len(arguments) != 1 or arguments[0] not in SCRIPTS:
        print(USAGE, end="", file=sys.stderr)
        return 2
    print(SCRIPTS[arguments[0]], end="")
    return 0


def _suggest(words: list[str]) -> int:
    """Print a line for each word that the last one may become, with a tab before its meaning."""
    found = Line(words).suggestions()
    if found is None:
        return FILES
    for word, meaning in found:
        if word.startswith(words[-1]):
            print(f"{word}\t{meaning}")
    return 0


class Line:
    """What was typed: the program, options, perhaps a command, and the beginning of a word."""

    def __init__(self, words: list[str]) -> None:
        self._is_launcher = os.path.basename(words[0]) == "trio-supervisor"
        self._typed = words[1:-1]
        self._beginning = words[-1]
        self._options = _global_options()
        self._command = self._find_command()

    def suggestions(self) -> Iterable[Suggestion] | None:
        """Return what the last word may become; None: a file."""
        help_ = _help_of(self._command, is_launcher=self._is_launcher) if self._command else ""
        options = self._options_of(help_) if self._command else self._options
        value = options.get(self._typed[-1], "") if self._typed else ""
        if value == "FILE":
            return None
        if value and value != "NAME":
            return ()
        if self._beginning.startswith("-") and not value:
            return ((option, "") for option in options)
        if not self._command:
            return _commands(is_launcher=self._is_launcher)
        return self._arguments(help_)

    def _options_of(self, help_: str) -> dict[str, str]:
        """Return the options of the command, and the one of supervisorctl that may follow it."""
        from trio_supervisor.cli.launcher import COMMANDS as OWN
        from trio_supervisor.client.words import LONG_SPELLINGS

        found = parse_help(help_)
        if self._is_launcher and self._command in OWN:
            return found
        if self._command == "logs":
            found |= {long: found[short] for short, long in LONG_SPELLINGS.items()}
        return {**found, **dict.fromkeys(_CONFIGURATION, "FILE")}

    def _find_command(self) -> str:
        """Return the first word that is neither an option nor the value of one."""
        words = iter(self._typed)
        for word in words:
            if not word.startswith("-"):
                return word
            if self._options.get(word):
                next(words, "")
        return ""

    def _arguments(self, help_: str) -> Iterable[Suggestion] | None:
        """Return what the command takes, as its help says."""
        match self._command:
            case "help":
                return _commands(is_launcher=False)
            case "completion":
                return ((shell, "") for shell in SCRIPTS)
            case "run" if self._typed[-1] not in {"-e", "--environment"}:
                return None
            case "signal" if self._typed[-1] == "signal":
                return ((one.name.removeprefix("SIG"), "") for one in signal.Signals)
        return self._targets(help_)

    def _targets(self, help_: str) -> Iterable[Suggestion]:
        """Return the names that the command takes: of one process, of any, or of groups."""
        configuration = self._configuration()
        if self._command in _OF_ONE or self._typed[-1] == "--exit-code-from":
            return _names_of_one(configuration)
        if "NAME" in help_:
            return _names(configuration)
        return _groups(configuration) if "GROUP" in help_ else ()

    def _configuration(self) -> str | None:
        given = [
            value
            for option, value in zip(self._typed, self._typed[1:], strict=False)
            if option in _CONFIGURATION
        ]
        return os.path.expanduser(given[-1]) if given else None


def parse_help(text: str) -> dict[str, str]:
    """Return the options that a help names, each with the name of its value (empty: none)."""
    found: dict[str, str] = {}
    for short, option, value in _OPTION.findall(text):
        for name in filter(None, (short, option)):
            found[name] = found.get(name) or value
    return found


def _global_options() -> dict[str, str]:
    from trio_supervisor.client.options import USAGE as OF_THE_CLIENT

    return parse_help(OF_THE_CLIENT)


def _commands(*, is_launcher: bool) -> Iterator[Suggestion]:
    from trio_supervisor.cli.launcher import COMMANDS as OWN
    from trio_supervisor.client.table import COMMANDS

    found = {name: re.split(r"  +", one.help[0])[-1] for name, one in COMMANDS.items()}
    yield from sorted({**found, **(OWN if is_launcher else {})}.items())


def _help_of(command: str, *, is_launcher: bool) -> str:
    """Return what a command prints when it is asked for help."""
    from trio_supervisor.cli.launcher import COMMANDS as OWN

    if is_launcher and command in OWN:
        shown = io.StringIO()
        with redirect_stdout(shown), redirect_stderr(shown), suppress(SystemExit):
            import_module(f"trio_supervisor.cli.{command}").main(["--help"])
        return shown.getvalue()
    from trio_supervisor.cli.supervisorctl import load
    from trio_supervisor.client.commands import COMMANDS

    load((command,))
    return "\n".join(COMMANDS[command].help) if command in COMMANDS else ""


def _names(configuration: str | None) -> Iterator[Suggestion]:
    """Yield processes with their states, programs, and groups of several."""
    processes = list(_processes(configuration))
    shown = {one.namespec: one.state for one in processes}
    yield from shown.items()
    groups = {one.group for one in processes} - shown.keys()
    for program in sorted({one.program for one in processes} - shown.keys() - {""}):
        yield program, "program"
    for group in sorted(groups):
        yield f"{group}:*", "group"
    yield _ALL, "everything"


def _names_of_one(configuration: str | None) -> Iterator[Suggestion]:
    """Yield processes with their states, and programs of one."""
    processes = list(_processes(configuration))
    shown = {one.namespec: one.state for one in processes}
    yield from shown.items()
    for program, count in sorted(Counter(one.program for one in processes).items()):
        if program not in {"", *shown} and count == 1:
            yield program, "program"


def _groups(configuration: str | None) -> Iterator[Suggestion]:
    for group in sorted({one.group for one in _processes(configuration)}):
        yield group, "group"


class _Process(Record):
    """What is there to be named."""

    group: str
    name: str
    state: str
    program: str

    @property
    def namespec(self) -> str:
        return self.name if self.name == self.group else f"{self.group}:{self.name}"


def _processes(configuration: str | None) -> Iterator[_Process]:
    """Yield processes as the daemon tells them; without one, what the file names."""
    from trio_supervisor.client import options
    from trio_supervisor.client.processes import available, snapshot
    from trio_supervisor.client.session import Session

    given = options.Options(configuration=configuration)
    with suppress(SupervisorError):
        address, path = options.find_address(given, sys.argv[0])
        session = Session(address)
        try:
            rows = snapshot(session, ())[0]
            programs = {(one.group, one.name): one.program for one in available(session)}
        except SupervisorError:
            yield from _configured(path)
        else:
            for row in rows:
                program = programs.get((row.group, row.name), "")
                yield _Process(row.group, row.name, row.state.name, program)
        finally:
            session.close()


def _configured(path: str | None) -> Iterator[_Process]:
    """Yield the programs of a file under their own names, which `up` takes."""
    from trio_supervisor.source import read
    from trio_supervisor.source.procfile import type_of

    if path is None:
        return
    source = read(path, os.environ)
    for family in ("program", "eventlistener", "fcgi-program"):
        sections = source.tree.get(family)
        for name in sections if isinstance(sections, dict) else ():
            program = type_of(name) if source.dialect == "procfile" else name
            yield _Process(name, name, "", program)
