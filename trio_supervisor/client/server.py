"""Commands about the daemon and about supervisorctl itself."""

from __future__ import annotations

from trio_supervisor.client.commands import COMMANDS, HEADER, command, run, show_help
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.protocol.messages import Done, GetInfo, Info, Reload, Shutdown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trio_supervisor.client.session import Session

_WAIT = "--wait"


@command(
    "version",
    "version              version of supervisord",
    "version --json       as one JSON object",
    accepts_words=False,
    has_json=True,
)
def version(session: Session, _words: list[str]) -> None:
    info = session.ask(GetInfo(), Info)
    if session.wants_json:
        from trio_supervisor.client.objects import to_text, version_object

        session.say(to_text(version_object(info)))
    else:
        session.say(info.version)


@command(
    "shutdown",
    "shutdown             stop everything and end supervisord",
    "shutdown --wait      and wait until everything is down",
    unreachable_code=1,
)
def shutdown(session: Session, words: list[str]) -> None:
    if words not in ([], [_WAIT]):
        session.say("Error: shutdown accepts no arguments")
        show_help(session, "shutdown")
        session.fail()
    elif _is_confirmed(session, "Really shut the remote supervisord process down y/N? "):
        try:
            session.ask(Shutdown(wait=bool(words)), Done)
        except RequestError as error:
            if error.fault != Fault.SHUTDOWN_STATE:
                raise
            session.say("ERROR: already shutting down")
        else:
            session.say("Shut down")


@command(
    "reload",
    "reload               read the configuration again, supervisord's own part too, and restart",
    accepts_words=False,
    unreachable_code=1,
)
def reload(session: Session, _words: list[str]) -> None:
    if _is_confirmed(session, "Really restart the remote supervisord process y/N? "):
        session.ask(Reload(), Done)
        session.say("Restarted supervisord")


@command(
    "open",
    "open URL             talk to another supervisord: unix:///path or http://host:port",
)
def open_(session: Session, words: list[str]) -> None:
    url = " ".join(words)
    if not url.startswith(("http://", "unix://")):
        session.say("ERROR: url must be http:// or unix://")
        session.fail()
        return
    session.address = session.address.replace(serverurl=url)
    session.configuration, session.is_lost = None, False
    run(session, "status")


@command(
    "help",
    "help                 list of commands",
    "help COMMAND         what a command does",
)
def help_(session: Session, words: list[str]) -> None:
    if not words:
        from cmd import Cmd

        session.say("")
        Cmd().print_topics(HEADER, sorted(COMMANDS.keys() - {"help"}), 15, 80)
    elif (topic := " ".join(words)) in COMMANDS:
        show_help(session, topic)
    else:
        session.say(f"*** No help on {topic}")


@command("quit", "quit                 leave the shell")
def quit_(session: Session, _words: list[str]) -> None:
    session.hint("")


@command("exit", "exit                 leave the shell")
def exit_(session: Session, _words: list[str]) -> None:
    session.hint("")


def _is_confirmed(session: Session, question: str) -> bool:
    """Ask an interactive person; an end of input is a no."""
    if not session.is_interactive:
        return True
    try:
        return input(question).lower().startswith("y")
    except EOFError:
        return False
