"""Options that follow a command, and the times among their values."""

from __future__ import annotations

import time

from trio_supervisor.errors import SupervisorError
from trio_supervisor.source.duration import duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from getopt import GetoptError

LONG_SPELLINGS = {"-f": "--follow", "-n": "--tail", "-t": "--timestamps"}
"""What these letters may be spelled like, wherever they are options, as with docker compose."""


class WordsError(SupervisorError):
    """The words after a command are not what it takes; its text says what is wrong."""


def parse_options(
    words: list[str], letters: str, names: list[str]
) -> tuple[dict[str, str], list[str]]:
    """Split words into options, anywhere among them, and the others; WordsError if one is wrong.

    An option of several spellings is returned as its letter.
    """
    from getopt import GetoptError, gnu_getopt

    letter_of = {long: one for one, long in LONG_SPELLINGS.items() if one[1] in letters}
    spelled = [f"{long[2:]}{'=' * (f'{one[1]}:' in letters)}" for long, one in letter_of.items()]
    known = [*names, *spelled]
    try:
        pairs, rest = gnu_getopt(words, letters, known)
    except GetoptError as problem:
        raise WordsError(complaint(problem, known)) from None
    return {letter_of.get(option, option): value for option, value in pairs}, rest


def complaint(problem: GetoptError, names: list[str]) -> str:
    """Say what is wrong with an option, and which of these was perhaps meant."""
    if not problem.msg.endswith("not recognized"):
        return problem.msg
    return problem.msg + meant(f"--{problem.opt}", [f"--{name.rstrip('=')}" for name in names])


def meant(option: str, known: Iterable[str]) -> str:
    """Ask, in parentheses, for the nearest of what is known; empty when nothing is near."""
    from difflib import get_close_matches

    near = get_close_matches(option.partition("=")[0], list(known), 1, cutoff=0.7)
    return f" (did you mean {near[0]}?)" if near else ""


def seconds(option: str, text: str) -> float:
    """Return the seconds of ``90``, ``1.5`` or ``1h30m``; WordsError for anything else."""
    try:
        return duration(text)
    except ValueError:
        raise WordsError(f"{option} {text}: no such time (examples: 30, 1.5, 1h30m)") from None


def moment(option: str, text: str) -> float:
    """Return the Unix time of a clock time, a date and time, or so long ago as ``5m``."""
    from datetime import date, datetime
    from datetime import time as clock

    try:
        if ":" in text and "-" not in text:
            return datetime.combine(date.today(), clock.fromisoformat(text)).timestamp()  # noqa: DTZ011
        if "-" in text:
            return datetime.fromisoformat(text).timestamp()
        return time.time() - seconds(option, text)
    except (ValueError, WordsError):
        examples = "5m, 14:30, 2026-11-22T14:30:00"
        raise WordsError(f"{option} {text}: no such time (examples: {examples})") from None
