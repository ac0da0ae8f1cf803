"""The interactive shell: readline, history, completion; every line runs as a command does.

Only this module loads cmd and readline.
"""

from __future__ import annotations

import os
import readline
from cmd import Cmd

from trio_supervisor.client.commands import COMMANDS, parse, run
from trio_supervisor.client.processes import snapshot
from trio_supervisor.client.render import namespec
from trio_supervisor.errors import SupervisorError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trio_supervisor.client.session import Session

_LEAVES = {"quit", "exit", "EOF"}
_TAKES_PROCESSES = {
    "start",
    "stop",
    "restart",
    "status",
    "pid",
    "signal",
    "tail",
    "fg",
    "kill",
    "logs",
    "ps",
    "wait",
    "attach",
    "clear",
    "rotate",
    "reopen",
}
_TAKES_GROUPS = {"update", "add", "remove"}


class Shell(Cmd):
    """Reads lines until one of them leaves."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.prompt = f"{session.address.prompt}> "
        self._targets: tuple[list[str], list[str]] | None = None

    def onecmd(self, line: str) -> bool:
        """Run a line; True when it leaves the shell."""
        self._targets = None
        name = parse(line)[0]
        if name in _LEAVES:
            self._session.hint("")
            return True
        run(self._session, line)
        return False

    def completenames(self, text: str, *_ignored: object) -> list[str]:
        return [f"{name} " for name in sorted(COMMANDS) if name.startswith(text)]

    def completedefault(self, text: str, line: str, *_ignored: object) -> list[str]:
        """Offer what the command of the line takes."""
        name = parse(line)[0]
        if name == "help":
            return self.completenames(text)
        if name not in _TAKES_PROCESSES | _TAKES_GROUPS:
            return []
        processes, groups = self._known_targets()
        offered = groups if name in _TAKES_GROUPS else processes
        return [f"{target} " for target in offered if target.startswith(text)]

    def _known_targets(self) -> tuple[list[str], list[str]]:
        """Return processes and groups, asked for once a line; nothing if there is no daemon."""
        if self._targets is None:
            try:
                found = snapshot(self._session, ())[0]
            except SupervisorError:
                found = []
            finally:
                self._session.close()
            groups = sorted({process.group for process in found})
            alone = {process.group for process in found if process.name == process.group}
            names = [namespec(process.group, process.name) for process in found]
            names += [f"{group}:*" for group in groups if group not in alone]
            self._targets = (sorted(names), groups)
        return self._targets


def run_shell(session: Session) -> None:
    """Show the status, then run what is typed; Ctrl-C and the end of input leave."""
    readline.set_completer_delims(" \t\n")
    _load_history(session)
    try:
        run(session, "status")
        Shell(session).cmdloop()
    except KeyboardInterrupt:
        session.hint("")
    finally:
        _save_history(session)


def _load_history(session: Session) -> None:
    if session.address.history_file:
        try:
            readline.read_history_file(session.address.history_file)
        except FileNotFoundError:
            pass  # the first shell
        except OSError as error:
            _complain(session, "read", error)


def _save_history(session: Session) -> None:
    if session.address.history_file:
        previous = os.umask(0o077)  # what was typed is nobody else's business
        try:
            readline.write_history_file(session.address.history_file)
        except OSError as error:
            _complain(session, "written", error)
        finally:
            os.umask(previous)


def _complain(session: Session, what: str, error: OSError) -> None:
    path = session.address.history_file
    session.hint(f"{path}: the history cannot be {what}: {error.strerror} (see history_file)")
