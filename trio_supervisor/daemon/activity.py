"""The activity log: the daemon's own, in the format and the levels of supervisord's."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

from trio_supervisor.console.labels import Labels
from trio_supervisor.daemon.console import Console
from trio_supervisor.daemon.distant import log_file
from trio_supervisor.daemon.mounts import Mounts
from trio_supervisor.daemon.syslog import Syslog, SyslogHandler
from trio_supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from trio_supervisor.daemon.logfile import LogFile, Sink
    from trio_supervisor.spec import SupervisordSpec

log = logging.getLogger(__name__)

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
SYSLOG = "syslog"
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


class ActivityLog:
    """Where the daemon's own log goes: its file or syslog, in the foreground stdout, a console."""

    def __init__(
        self,
        spec: SupervisordSpec,
        *,
        console: Sink | None = None,
        quiet: frozenset[str] = frozenset(),
    ) -> None:
        """Open it; ``quiet`` names loggers that the console need not show."""
        self._console = console
        self._quiet = quiet
        shows = spec.nodaemon and not spec.silent and console is None
        self._echo = [Console(1, Labels(), os.environ)] if shows else []
        self.file: LogFile | None = None
        self.syslog = Syslog()
        self._open(spec)

    def probe(self, spec: SupervisordSpec) -> None:
        """Raise SupervisorError if `adopt` could not open the file."""
        if file := _opened(spec):
            file.close()

    @property
    def path(self) -> str:
        """The file, empty if there is none."""
        return "" if self.file is None else self.file.path

    def adopt(self, spec: SupervisordSpec) -> None:
        """Go on as another specification says; SupervisorError, and as before, if that fails."""
        old = self.file
        self._open(spec)
        if old is not None:
            old.close()

    def reopen(self) -> None:
        """Open the file again, as after somebody moved it."""
        self.syslog.close()
        if self.file is not None:
            try:
                self.file.reopen()
            except OSError as problem:
                log.error("cannot reopen the activity log: %s", problem)  # noqa: TRY400

    def close(self) -> None:
        """Close the file, and let stdout take what it has not taken yet."""
        for echo in self._echo:
            echo.close()
        if self.file is not None:
            self.file.close()
        self.syslog.close()

    def _open(self, spec: SupervisordSpec) -> None:
        file = _opened(spec)
        self.file = file
        for handler in list(_root.handlers):
            _root.removeHandler(handler)
        _root.addHandler(ActivityHandler(*([file] if file else []), *self._echo))
        if spec.logfile == SYSLOG:
            _root.addHandler(SyslogHandler(self.syslog))
        _root.setLevel(LEVELS[spec.loglevel])
        _root.propagate = False
        if self._console is not None:
            _root.addHandler(_console_handler(self._console, self._quiet))


def _opened(spec: SupervisordSpec) -> LogFile | None:
    """Open the file of a specification, if it names one; SupervisorError if that fails."""
    if spec.logfile == SYSLOG:
        return None
    file = log_file(
        spec.logfile,
        Mounts(),
        maxbytes=spec.logfile_maxbytes,
        backups=spec.logfile_backups,
        compress=spec.logfile_compress,
    )
    try:
        file.open()
    except OSError as problem:
        raise SupervisorError(
            f"cannot open the log {spec.logfile}: {problem.strerror} (logfile)"
        ) from problem
    return file


def _console_handler(sink: Sink, quiet: frozenset[str]) -> logging.Handler:
    """Show what happens, without the times."""
    handler = ActivityHandler(sink)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.setLevel(logging.INFO)
    handler.addFilter(lambda record: record.name not in quiet)
    return handler
