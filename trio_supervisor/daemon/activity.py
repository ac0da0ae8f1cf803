"""The activity log: the daemon's own, in the format and the levels of supervisord's."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trio_supervisor.daemon.logfile import Sink

TRACE, BLATHER = 5, 3
LEVELS = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": TRACE,
    "blather": BLATHER,
}
"""Numbers of the levels that ``loglevel`` names."""
_CODES = {
    logging.CRITICAL: "CRIT",
    logging.ERROR: "ERRO",
    logging.WARNING: "WARN",
    logging.INFO: "INFO",
    logging.DEBUG: "DEBG",
    TRACE: "TRAC",
    BLATHER: "BLAT",
}
_root = logging.getLogger("trio_supervisor")


class _Formatter(logging.Formatter):
    """``2026-11-22 10:16:40,325 INFO supervisord started with pid 9439``, local time."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        code = _CODES.get(record.levelno, record.levelname[:4])
        text = f"{moment},{int(record.msecs):03d} {code} {record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


class ActivityHandler(logging.Handler):
    """Writes every record to sinks, which neither raise nor wait."""

    def __init__(self, *sinks: Sink) -> None:
        super().__init__()
        self.setFormatter(_Formatter())
        self._sinks = sinks

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        line = (self.format(record) + "\n").encode(errors="replace")
        for sink in self._sinks:
            sink.write(line)


def open_activity_log(level: str, *sinks: Sink) -> None:
    """Send what the daemon logs to the sinks, and to no others, from a level on."""
    for handler in list(_root.handlers):
        _root.removeHandler(handler)
    _root.addHandler(ActivityHandler(*sinks))
    _root.setLevel(LEVELS[level])
    _root.propagate = False


def show_on_console(sink: Sink, *, but_not: str) -> None:
    """Show what happens, without the times, also on a console; not what a logger says."""
    handler = ActivityHandler(sink)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.setLevel(logging.INFO)
    handler.addFilter(lambda record: record.name != but_not)
    _root.addHandler(handler)
