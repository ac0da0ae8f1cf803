"""The log files of one process, under the names that its configuration gives them.

They are opened when the process becomes known, so that they can be followed before it starts,
and stay open from run to run.
"""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from trio_supervisor.console.escapes import Stripped, only_colours
from trio_supervisor.daemon.capture import Capture, Teller
from trio_supervisor.daemon.distant import log_file
from trio_supervisor.daemon.formats import Formatted, LineSink, as_json, prefixed
from trio_supervisor.daemon.mounts import Mounts
from trio_supervisor.daemon.syslog import Syslog, SyslogSink
from trio_supervisor.daemon.terminal import Newlines, Screen
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.protocol.messages import Channel, EventKind
from trio_supervisor.source.address import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trio_supervisor.daemon.logfile import LogFile, Sink
    from trio_supervisor.spec import ProgramSpec

log = logging.getLogger(__name__)

PUBLIC, PRIVATE = 0o666, 0o600
"""Modes of new files, before the umask."""
WITHOUT_FILE = frozenset({"NONE", "syslog"})


def _tell_nobody(_kind: EventKind, _channel: Channel, _data: bytes) -> None:
    """Nobody is told what is written."""


@dataclass(frozen=True, kw_only=True)
class LogSettings:
    """Where logs without a name of their own go: ``childlogdir``.

    They are named after ``identifier``, which most daemons leave as it is, and after the path of
    the configuration: of each there is one daemon at most, so only it removes them. ``syslog`` is
    the one that all of the daemon share, ``mounts`` knows which files may hang.
    """

    childlogdir: str
    identifier: str
    configuration: str
    syslog: Syslog = field(default_factory=Syslog)
    mounts: Mounts = field(default_factory=Mounts)

    def new_auto_log(self, name: str, channel: str) -> str:
        """Create a file for this run of the daemon, readable by its user only."""
        prefix = f"{name}-{channel}{self._mark}"
        descriptor, path = tempfile.mkstemp(prefix=prefix, suffix=".log", dir=self.childlogdir)
        os.close(descriptor)
        return path

    def remove_auto_logs(self) -> None:
        """Remove what earlier daemons of this configuration left, rotated files too."""
        with suppress(OSError):
            for name in os.listdir(self.childlogdir):
                if self._mark in name and ".log" in name:
                    with suppress(OSError):
                        os.unlink(os.path.join(self.childlogdir, name))

    @property
    def _mark(self) -> str:
        return f"---{self.identifier}-{identity(self.configuration)}-"


class ProgramLogs:
    """stdout and stderr of one process: each a file, syslog, both, or none.

    ``also`` get everything, too, one stdout and one stderr, and ``tell`` what is to be an event.
    """

    def __init__(
        self,
        spec: ProgramSpec,
        settings: LogSettings,
        also: tuple[LineSink, LineSink] | None = None,
        *,
        group: str = "",
    ) -> None:
        """Open them; ``group`` is the one of the process, as what is logged may name it."""
        self.tell: Callable[[EventKind, Channel, bytes], None] = _tell_nobody
        self.screen: Screen | None = None
        self._settings = settings
        self._also = dict(zip((Channel.STDOUT, Channel.STDERR), also or (), strict=False))
        self._group = group
        self._files: dict[Channel, LogFile] = {}
        self._sinks: dict[Channel, tuple[Sink, ...]] = {}
        self._unfinished: list[LineSink] = []
        self._open(spec)

    @property
    def sinks(self) -> tuple[tuple[Sink, ...], tuple[Sink, ...]]:
        """Where stdout and stderr go."""
        return self._sinks[Channel.STDOUT], self._sinks[Channel.STDERR]

    @property
    def stdout_path(self) -> str:
        """Path of the file, empty when there is none."""
        return self._path(Channel.STDOUT)

    @property
    def stderr_path(self) -> str:
        """Path of the file, empty when there is none."""
        return self._path(Channel.STDERR)

    @property
    def files(self) -> Mapping[Channel, LogFile]:
        """The files there are."""
        return self._files

    def file(self, channel: Channel) -> LogFile:
        """Return the file of a channel; RequestError NO_FILE when there is none."""
        if channel not in self._files:
            raise RequestError(Fault.NO_FILE, f"no {channel.name.lower()} log file")
        return self._files[channel]

    def adopt(self, spec: ProgramSpec) -> None:
        """Write to what another specification names."""
        self.close()
        self._open(spec)

    def finish_lines(self) -> None:
        """Take as lines what has no end: the process has ended, its output is complete."""
        for sink in reversed(self._unfinished):  # each may write to those before it
            sink.finish_line()

    def reopen(self) -> None:
        """Open all files again, as after somebody moved them; RequestError if that fails."""
        self._each(lambda file: file.reopen())

    def rotate(self) -> None:
        """Begin new files, whatever the size of the old ones; RequestError if that fails."""
        self._each(lambda file: file.rotate())

    def clear(self) -> None:
        """Empty all files, whether anything writes to them or not; RequestError if that fails."""
        self._each(lambda file: file.clear())

    def _each(self, act: Callable[[LogFile], None]) -> None:
        """Do something with all files, also when it fails with one of them."""
        problems = []
        for file in self._files.values():
            try:
                act(file)
            except OSError as problem:
                problems.append(str(problem))
        if problems:
            raise RequestError(Fault.FAILED, "; ".join(problems))

    def close(self) -> None:
        """Close all files, and end those who follow them."""
        for file in self._files.values():
            file.close()
            for follower in file.followers:
                follower.close()
        if self.screen is not None:
            self.screen.close()

    def _open(self, spec: ProgramSpec) -> None:
        self.screen = None
        self._files = {}
        self._sinks = {Channel.STDERR: ()}
        self._unfinished = list(self._also.values())
        self._add(Channel.STDOUT, spec)
        if not spec.redirect_stderr:
            self._add(Channel.STDERR, spec)

        if spec.tty:
            self.screen = Screen()
            logged = Newlines(self._sinks[Channel.STDOUT])
            self._sinks[Channel.STDOUT] = (self.screen, self._noted(logged))

    def _add(self, channel: Channel, spec: ProgramSpec) -> None:
        """Make what a channel is written to."""
        path = _option(spec, channel, "logfile")
        sinks: list[Sink] = []
        if path not in WITHOUT_FILE:
            self._add_file(channel, spec, path)
            if channel in self._files:
                sinks.append(self._shaped(spec, channel))
        if path == "syslog" or _option(spec, channel, "syslog"):
            sinks.append(self._noted(SyslogSink(self._settings.syslog, spec.process_name)))
        if _option(spec, channel, "events_enabled"):
            sinks.append(Teller(partial(self._tell, EventKind.OUTPUT, channel)))
        if spec.strip_ansi and sinks:
            sinks = [self._noted(Stripped(sinks))]
        if channel in self._also:
            # what is meant for a screen of its own would spoil one that is shared
            sinks.append(self._noted(Stripped([self._also[channel]], only_colours)))
        if limit := _option(spec, channel, "capture_maxbytes"):
            tell = partial(self._tell, EventKind.CAPTURE, channel)
            sinks = [self._noted(Capture(sinks, limit, tell))]
        self._sinks[channel] = tuple(sinks)

    def _tell(self, kind: EventKind, channel: Channel, data: bytes) -> None:
        self.tell(kind, channel, data)

    def _shaped(self, spec: ProgramSpec, channel: Channel) -> Sink:
        """Return what puts lines into the file of a channel as its format wants them."""
        file, name = self._files[channel], spec.process_name
        group = self._group or name
        match spec.log_format:
            case "raw":
                return file
            case "prefixed":
                shown = name if group == name else f"{group}:{name}"
                return self._noted(Formatted(file, prefixed(shown)))
            case "json":
                shape = as_json(group, name, channel.name.lower())
                return self._noted(Formatted(file, shape))

    def _noted(self, sink: LineSink) -> Sink:
        """Remember a sink that must hear when nothing more comes."""
        self._unfinished.append(sink)
        return sink

    def _add_file(self, channel: Channel, spec: ProgramSpec, path: str) -> None:
        """Make the file of a channel; one that cannot be opened is tried again when written."""
        mode = PRIVATE if path == "AUTO" else PUBLIC
        try:
            if path == "AUTO":
                path = self._settings.new_auto_log(spec.process_name, channel.name.lower())
            file = log_file(
                path,
                self._settings.mounts,
                maxbytes=_option(spec, channel, "logfile_maxbytes"),
                backups=_option(spec, channel, "logfile_backups"),
                compress=_option(spec, channel, "logfile_compress"),
                mode=mode,
            )
            self._files[channel] = file
            file.open()
        except OSError as problem:
            log.error("cannot open %s of %s: %s", path, spec.process_name, problem)  # noqa: TRY400

    def _path(self, channel: Channel) -> str:
        file = self._files.get(channel)
        return file.path if file else ""


def _option(spec: ProgramSpec, channel: Channel, name: str) -> Any:
    """Return an option that each channel has of its own."""
    return getattr(spec, f"{channel.name.lower()}_{name}")
