"""The commands by name, how a typed line becomes a call of one, and what failures look like.

A command is a function of the session and its words. The modules that hold them register them
here when they are imported; nothing a person types or a daemon answers becomes a traceback.
"""

from __future__ import annotations

import os
import sys

from trio_supervisor.client.connection import DENIED, UnreachableError, VersionError
from trio_supervisor.client.words import WordsError
from trio_supervisor.errors import Fault, RequestError, SupervisorError
from trio_supervisor.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_supervisor.client.session import Session

    Run = Callable[[Session, list[str]], None]

JSON = "--json"
HELP = "--help"
"""After a command, alone or not: a stop of all is no answer to who asks what it would do."""
HEADER = "default commands (type help <topic>):"
"""Printed above the list of commands, as by supervisorctl."""

_ACCESS_HINT = "run it as the owner of the socket, or see chmod and chown in [unix_http_server]"
_LOST_HINT = (
    "give one with -c FILE, or an address with -s URL; or make one here: "
    "trio-supervisor configure TEMPLATE, or a Procfile"
)
_LOGIN_HINT = "give -u and -p, or username and password in [supervisorctl]"


class Command(Record):
    """One command: its help lines, what it accepts, and how its failures count.

    It gets its words as supervisorctl does, joined and split at spaces; with ``keeps_words`` as
    they were typed.
    """

    name: str
    help: tuple[str, ...]
    run: Run
    accepts_words: bool = True
    has_json: bool = False
    unreachable_code: int | None = None
    keeps_words: bool = False


COMMANDS: dict[str, Command] = {}
"""Every command by its name."""


def command(
    name: str,
    *help_lines: str,
    accepts_words: bool = True,
    has_json: bool = False,
    unreachable_code: int | None = None,
    keeps_words: bool = False,
) -> Callable[[Run], Run]:
    """Register a function as a command.

    ``unreachable_code`` is the exit code when there is no daemon, where it is not the cause
    that decides.
    """

    def register(run: Run) -> Run:
        COMMANDS[name] = Command(
            name, help_lines, run, accepts_words, has_json, unreachable_code, keeps_words
        )
        return run

    return register


def parse(line: str) -> tuple[str, str]:
    """Split a line into command and argument, as Python's cmd module does: ``?x`` is ``help x``.

    The command is empty when the line does not begin with a word.
    """
    line = line.strip()
    if line.startswith("?"):
        line = f"help {line[1:]}"
    end = 0
    while end < len(line) and (line[end].isalnum() or line[end] == "_"):
        end += 1
    return line[:end], line[end:].strip()


def run_words(session: Session, words: list[str]) -> None:
    """Run a command of a command line."""
    known = COMMANDS.get(words[0])
    if known is not None and known.keeps_words:
        _run_with(session, known, words[1:])
    else:
        run(session, " ".join(words))


def run(session: Session, line: str) -> None:
    """Run one line to its end; its failures are printed, and counted in the exit code."""
    name, argument = parse(line)
    known = COMMANDS.get(name)
    if known is None:
        if line.strip():
            session.say(f"*** Unknown syntax: {line.strip()}")
            session.hint(_hint_for(session, name))
            session.fail()
        return
    _run_with(session, known, argument.split())


def _run_with(session: Session, known: Command, words: list[str]) -> None:
    if HELP in words:
        show_help(session, known.name)
        return
    session.wants_json = known.has_json and JSON in words
    if session.wants_json:
        words = [word for word in words if word != JSON]
    if complaint := _complaint(known, words):
        usage_error(session, known.name, complaint)
        return
    try:
        _run_known(session, known, words)
    finally:
        session.close()


def _complaint(known: Command, words: list[str]) -> str:
    """Say what a command cannot be given, empty if all is well."""
    if JSON in words:
        from trio_supervisor.client import table  # noqa: F401  # all commands, not just this one

        having = ", ".join(sorted(other.name for other in COMMANDS.values() if other.has_json))
        return f"{known.name} has no {JSON} (these have it: {having})"
    if words and not known.accepts_words:
        return f"{known.name} accepts no arguments"
    return ""


def _hint_for(session: Session, name: str) -> str:
    """Say what may have been meant with a command that does not exist."""
    from difflib import get_close_matches

    from trio_supervisor.client import table  # noqa: F401  # all commands

    known = [*session.also, *COMMANDS]
    close = get_close_matches(name.lower(), known, 1, cutoff=0.7)
    return (
        f"did you mean {close[0]}? (help lists the commands)"
        if close
        else "help lists the commands"
    )


def usage_error(session: Session, name: str, text: str, exit_code: int = 1) -> None:
    """Say what a command lacks, with its help, as supervisorctl does."""
    session.say(f"Error: {text}")
    show_help(session, name)
    session.fail(exit_code)


def show_help(session: Session, name: str) -> None:
    for line in COMMANDS[name].help:
        session.say(line)


def _run_known(session: Session, known: Command, words: list[str]) -> None:
    """Run a command, again after each login that an interactive session gives."""
    while True:
        try:
            known.run(session, words)
        except RequestError as error:
            if error.fault == Fault.UNAUTHORIZED and session.is_interactive and _log_in(session):
                continue
            _report_refusal(session, known, error)
        except UnreachableError as error:
            _report_absence(session, known, error)
        except WordsError as error:
            usage_error(session, known.name, str(error), 2)
        except SupervisorError as error:
            _report(session, "PROTOCOL", str(error), f"ERROR: {error}")
            session.fail(5 if isinstance(error, VersionError) else 1)
        return


def _log_in(session: Session) -> bool:
    """Ask for name and password; False when the person would rather not."""
    from getpass import getpass

    session.close()
    session.say("Server requires authentication")
    try:
        username, password = input("Username:"), getpass("Password:")
    except EOFError:
        return False
    session.say("")
    session.address = session.address.replace(username=username, password=password)
    return True


def _report_refusal(session: Session, known: Command, error: RequestError) -> None:
    session.fail()
    match error.fault:
        case Fault.UNAUTHORIZED:
            _report(session, error.fault.name, error.detail, "Server requires authentication")
            session.hint(_LOGIN_HINT)
        case Fault.SHUTDOWN_STATE:
            who = "already" if known.name == "update" else "supervisor"  # as supervisorctl says it
            _report(session, error.fault.name, error.detail, f"ERROR: {who} shutting down")
            if error.detail:
                session.hint(error.detail)  # it may be reloading, too
        case _:
            _report(session, error.fault.name, error.detail, f"ERROR: {error}")


def _report_absence(session: Session, known: Command, error: UnreachableError) -> None:
    text = str(error)
    if known.name == "shutdown":
        text = f"ERROR: {error} (already shut down?)"
    _report(session, "UNREACHABLE", str(error), text)
    session.hint(_ACCESS_HINT if error.reason == DENIED else _absence_hint(session))
    code = known.unreachable_code
    session.fail(error.exit_code if code is None else code)


def _absence_hint(session: Session) -> str:
    """Say what to do where no daemon answers."""
    if session.is_lost:
        from trio_supervisor.source.search import sought

        return f"no configuration was found ({sought(sys.argv[0])})\n{_LOST_HINT}"
    has_launcher = os.path.basename(sys.argv[0]) == "trio-supervisor"
    name, words = ("trio-supervisor", " up") if has_launcher else ("supervisord", "")
    if session.configuration is None:
        return f"is supervisord running there? (start it with: {name} -c FILE{words})"
    from trio_supervisor.source.shown import command as shown

    start = shown(name, session.configuration, sys.argv[0])
    return f"supervisord is not running; start it with: {start}{words}"


def _report(session: Session, fault: str, detail: str, line: str) -> None:
    """Say what went wrong, as an object to those who asked for one."""
    if session.wants_json:
        from trio_supervisor.client.objects import error_object, to_text

        line = to_text(error_object(fault, detail))
    session.say(line)
