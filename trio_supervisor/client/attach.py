"""The command attach; what a stay needs is imported by who stays, not by every command."""

from __future__ import annotations

import os
import sys

from trio_supervisor.client.commands import command, show_help
from trio_supervisor.client.foreground import fg
from trio_supervisor.errors import RequestError
from trio_supervisor.protocol.messages import Done, Resize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trio_supervisor.client.session import Session

ROWS, COLUMNS = 24, 80
"""The size of a terminal that does not know its own, as a serial line."""


@command(
    "attach",
    "attach NAME          the keyboard and the screen of a program that has a terminal (tty)",
    "Every key goes to the program; Ctrl-] leaves it running. Without a terminal on both sides",
    "it is fg.",
)
def attach(session: Session, words: list[str]) -> None:
    if not words:
        session.say("ERROR: no process name supplied")
        show_help(session, "attach")
        session.fail()
        return
    size = terminal_size()
    if len(words) != 1 or size is None:
        fg(session, words)
        return
    try:
        session.ask(Resize(words[0], *size), Done)
    except RequestError:  # no terminal, no process, no such name: fg tells, or does what it can
        fg(session, words)
        return
    from trio_supervisor.client.attachment import Attachment  # with termios, signal

    attachment = Attachment(session, words[0])
    try:
        attachment.run()
    finally:
        attachment.finish()


def terminal_size() -> tuple[int, int] | None:
    """Return rows and columns of our terminal; None unless both sides of us are one."""
    try:
        columns, rows = os.get_terminal_size(sys.stdin.fileno())
    except (OSError, AttributeError):
        return None
    return (rows or ROWS, columns or COLUMNS) if sys.stdout.isatty() else None
