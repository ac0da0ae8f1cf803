"""Options that follow a command, and the times among their values."""

from __future__ import annotations

import time

from trio_supervisor.errors import SupervisorError
from trio_supervisor.source.duration import duration

LONG_SPELLINGS = {"-t": "--timestamps"}
"""Options of logs by their letters, each with a word for it."""


class WordsError(SupervisorError):
    """The words after a command are not what it takes; its text says what is wrong."""


def parse_options(
    words: list[str], letters: str, names: list[str]
) -> tuple[dict[str, str], list[str]]:
    """Split words into options, anywhere among them, and the others; WordsError if one is wrong."""
    from getopt import GetoptError, gnu_getopt

    try:
        pairs, rest = gnu_getopt(words, letters, names)
    except GetoptError as problem:
        raise WordsError(problem.msg) from None
    return dict(pairs), rest


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
