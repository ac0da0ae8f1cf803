"""One thing that `trio-supervisor doctor` has looked at, and how it is."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from trio_supervisor.record import Record

if TYPE_CHECKING:
    from trio_supervisor.errors import SupervisorError


class Level(StrEnum):
    """How bad it is: with a problem something will not start, or may be left behind."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(Record):
    """What was looked at, and what was seen; what is not ok has a remedy."""

    subject: str
    level: Level
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        end = f" ({self.remedy})" if self.remedy else ""
        return f"{self.level:<7}  {self.subject}: {self.text}{end}"


def ok(subject: str, text: str) -> Finding:
    return Finding(subject, Level.OK, text)


def warning(subject: str, text: str, remedy: str) -> Finding:
    return Finding(subject, Level.WARNING, text, remedy)


def problem(subject: str, text: str, remedy: str) -> Finding:
    return Finding(subject, Level.PROBLEM, text, remedy)


def of_error(subject: str, error: SupervisorError) -> Finding:
    """Make a problem of an error, whose text ends with its remedy."""
    text = str(error)
    if text.endswith(")"):
        what, _, remedy = text[:-1].rpartition(" (")
    else:
        what, _, remedy = text.rpartition(".  " if ".  " in text else ": ")
    return problem(subject, what, remedy)
