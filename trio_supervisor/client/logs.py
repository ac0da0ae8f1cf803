"""Commands about logs: tail and maintail. Bytes go to stdout as they are, except to a terminal."""

from __future__ import annotations

import re
import sys
from codecs import getincrementaldecoder

from trio_supervisor.client.commands import command, usage_error
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.protocol.messages import Channel, Output, Tail
from trio_supervisor.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from trio_supervisor.client.session import Session

ENDED = "supervisord has ended"
"""The end of what would go on for ever."""
BANNER = "==> Press Ctrl-C to exit <=="
LAST = 1600
"""Bytes that tail shows unless told otherwise."""
LAST_FOLLOWED = 1024
"""Bytes that ``tail -f`` shows before it follows."""

_CHANNELS = {"stdout": Channel.STDOUT, "stderr": Channel.STDERR}
_MOST_WORDS = 3
_COLOUR = r"\x1b\[[0-9;:]*m"
# C0 but tab and line feed, DEL, C1, and bytes that are no UTF-8
_CONTROL = re.compile(rf"({_COLOUR})|[\x00-\x08\x0b-\x1f\x7f-\x9f\udc80-\udcff]")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;:]{0,30})?\Z")


class Wanted(Record):
    """What the words after tail or maintail ask for."""

    name: str
    channel: Channel
    size: int
    follow: bool


@command(
    "tail",
    "tail [-N] NAME [stdout|stderr]   the last N bytes (1600) of what a process wrote",
    "tail -f NAME [stdout|stderr]     and what it writes from now on; Ctrl-C ends it",
)
def tail(session: Session, words: list[str]) -> None:
    if not words:
        usage_error(session, "tail", "too few arguments")
    elif len(words) > _MOST_WORDS:
        usage_error(session, "tail", "too many arguments")
    elif isinstance(wanted := _wanted_tail(words), str):
        session.say(f"Error: {wanted}")
        session.fail()
    else:
        _show(session, wanted)


@command(
    "maintail",
    "maintail [-N]        the last N bytes (1600) of supervisord's own log",
    "maintail -f          and what it writes from now on; Ctrl-C ends it",
)
def maintail(session: Session, words: list[str]) -> None:
    if len(words) > 1:
        usage_error(session, "maintail", "too many arguments")
        return
    option = words[0] if words else f"-{LAST}"
    amount = _amount(option)
    if amount is None:
        session.say(f"Error: bad argument {option}")
        session.fail()
    else:
        _show(session, Wanted("", Channel.MAIN, *amount))


class Escaper:
    """Makes output harmless for a terminal: colours pass, all other controls are spelled out.

    A program's log may hold anything, also what makes a terminal type commands.
    """

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")("surrogateescape")
        self._unfinished = ""

    def escape(self, data: bytes, *, final: bool = False) -> str:
        """Return the text to show; the beginning of a colour or a letter waits for its rest."""
        text = self._unfinished + self._decoder.decode(data, final)
        cut = None if final else _UNFINISHED.search(text)
        self._unfinished = cut[0] if cut else ""
        return _CONTROL.sub(_spell, text[: cut.start()] if cut else text)


class Printer:
    """Writes what a program wrote to a stream: as it is, but to a terminal without its controls."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._escaper = Escaper() if stream.isatty() else None

    def show(self, data: bytes, *, final: bool = False) -> None:
        """Write bytes at once, after what was said before them."""
        if self._escaper is not None:
            data = self._escaper.escape(data, final=final).encode()
        self._stream.flush()
        self._stream.buffer.write(data)
        self._stream.buffer.flush()

    def finish(self) -> None:
        """Write the beginning of a colour or a letter that nothing completed."""
        self.show(b"", final=True)


def _spell(match: re.Match[str]) -> str:
    if match[1]:
        return match[1]
    return f"\\x{ord(match[0]) & 0xFF:02x}"


def _wanted_tail(words: list[str]) -> Wanted | str:
    """Return what is asked for, or what is wrong; ``[-option] name [channel]``."""
    option = words[0] if words[0].startswith("-") else f"-{LAST}"
    names = words[1:] if words[0].startswith("-") else words
    if not names:
        return "tail requires process name"
    word = names[-1].lower() if len(names) > 1 else "stdout"
    if word not in _CHANNELS:
        return f"bad channel '{names[-1]}'"
    amount = _amount(option)
    if amount is None:
        return f"bad argument {option}"
    return Wanted(names[0], _CHANNELS[word], *amount)


def _amount(option: str) -> tuple[int, bool] | None:
    """Return size and follow of ``-100`` or ``-f``."""
    if option == "-f":
        return LAST_FOLLOWED, True
    digits = option.removeprefix("-")
    if option.startswith("-") and digits.isascii() and digits.isdecimal():
        return int(digits[:18]), False
    return None


def _show(session: Session, wanted: Wanted) -> None:
    """Write a log to stdout; Ctrl-C is the orderly end of following one."""
    if wanted.follow:
        session.say(BANNER)
        sys.stdout.flush()
    try:
        _copy(session, wanted)
    except RequestError as error:
        _report(session, wanted, error)
    except KeyboardInterrupt:
        if not wanted.follow:
            raise


def _copy(session: Session, wanted: Wanted) -> None:
    printer = Printer(sys.stdout)
    for reply in session.stream(Tail(wanted.channel, wanted.name, wanted.size, wanted.follow)):
        if isinstance(reply, Output):
            tell_losses(session, reply)
            printer.show(reply.data)
    printer.finish()
    if not wanted.follow:
        session.say("")


def tell_losses(session: Session, output: Output) -> None:
    """Say how much was skipped before some output."""
    if output.lost:
        session.hint(f"[lost {output.lost} bytes: this terminal is slower than the log]")


def _report(session: Session, wanted: Wanted, error: RequestError) -> None:
    """Say why there is no log; as by supervisorctl, following one that is not there exits 0."""
    words = {Fault.BAD_NAME: "no such process name", Fault.NO_FILE: "no log file"}
    if error.fault not in {*words, Fault.FAILED}:
        raise error
    name = wanted.name or "supervisord"
    line = f"{name}: ERROR ({words.get(error.fault, error.detail)})"
    if wanted.follow:
        session.hint(line)
    else:
        session.say(line)
        session.fail()
    if error.fault == Fault.BAD_NAME and error.detail:
        session.hint(f"{name}: {error.detail}")
