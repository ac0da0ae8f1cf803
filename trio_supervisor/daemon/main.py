"""The daemon process, from its fork to its exit code: configuration, logs, sockets, then Trio."""

from __future__ import annotations

import logging
import os
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import trio

from trio_supervisor import config
from trio_supervisor.daemon.activity import open_activity_log, show_on_console
from trio_supervisor.daemon.console import Console
from trio_supervisor.daemon.containment import degradations
from trio_supervisor.daemon.kernel import become_subreaper
from trio_supervisor.daemon.launch import report
from trio_supervisor.daemon.limits import raise_limits, reserve_descriptors
from trio_supervisor.daemon.listeners import Listener, listen_inet, listen_unix
from trio_supervisor.daemon.logfile import LogFile, Sink
from trio_supervisor.daemon.logs import LogSettings
from trio_supervisor.daemon.root import Root
from trio_supervisor.daemon.selection import only
from trio_supervisor.daemon.signals import ignore_signals, take_signals
from trio_supervisor.errors import SupervisorError
from trio_supervisor.source.address import (
    address_of,
    address_path,
    default_socket_path,
    write_address,
)
from trio_supervisor.spec import UnixServerSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_supervisor.daemon.launch import Launch
    from trio_supervisor.source.tree import Source
    from trio_supervisor.spec import Configuration

log = logging.getLogger(__name__)

ORDERLY, SOMETHING_LEFT, USAGE_ERROR = 0, 1, 2
CONSOLE_NAME = "supervisord"


def run(launch: Launch, source: Source, guardian: int, say_ready: Callable[[], None]) -> int:
    """Be the daemon of a configuration; return the exit code."""
    take_signals()
    try:
        configuration = _load(launch, source)
        daemon = Daemon(launch, configuration, source)
        with daemon:
            return daemon.serve(guardian, say_ready)
    except SupervisorError as problem:
        report(launch.program, problem)
        return USAGE_ERROR


def _load(launch: Launch, source: Source) -> Configuration:
    configuration = config.load(source, overrides=launch.overrides, directory=launch.directory)
    if launch.only:
        return only(configuration, launch.only)
    return configuration


class Daemon:
    """What is open while the daemon runs: logs, sockets, the address that clients look for."""

    def __init__(self, launch: Launch, configuration: Configuration, source: Source) -> None:
        self._launch = launch
        self._configuration = configuration
        self._source = source
        self._listeners: list[Listener] = []
        self._main_log: LogFile | None = None
        self._console: Console | None = None
        self._prefix: tuple[str, ...] = ()
        self._address = ""

    def __enter__(self) -> Self:
        spec = self._configuration.supervisord
        os.chdir(self._configuration.base)
        os.umask(spec.umask)
        become_subreaper()
        try:
            self._listen()
            raise_limits(spec.minfds, spec.minprocs)
            self._prefix = reserve_descriptors(
                sum(len(group.programs) for group in self._configuration.groups)
            )
            self._open_logs()
        except BaseException:
            self._close_listeners()
            raise
        self._say_hello()
        return self

    def __exit__(self, *_: object) -> None:
        ignore_signals()
        self._close_listeners()
        if self._console is not None:
            self._console.close()
        if self._main_log is not None:
            self._main_log.close()

    def serve(self, guardian: int, say_ready: Callable[[], None]) -> int:
        """Run the supervision tree to its end; return the exit code."""
        root = Root(
            self._configuration,
            load=lambda: _load(self._launch, self._launch.read()),
            environment=self._environment(),
            mark=uuid.uuid4().hex,
            prefix=self._prefix,
            main_log=self._main_log,
            console=self._console,
        )
        log.info("supervisord started with pid %d", guardian)
        left = trio.run(root.run, self._listeners, guardian, say_ready)
        return self._say_goodbye(left)

    def _listen(self) -> None:
        """Open every configured listener; without any, a socket that both sides find."""
        configuration = self._configuration
        unix = configuration.unix_servers
        if not unix and not configuration.inet_servers:
            unix = (UnixServerSpec(file=default_socket_path(configuration.path)),)
        for unix_server in unix:
            self._listeners.append(listen_unix(unix_server))
        for inet_server in configuration.inet_servers:
            self._listeners.append(listen_inet(inet_server))
        self._leave_address()

    def _leave_address(self) -> None:
        """Spare clients the reading of the configuration, unless it takes a password to ask."""
        address = address_of(self._source)
        if not self._configuration.supervisorctl.serverurl:
            address = address.replace(serverurl=self._listeners[0].url)
        self._address = address_path(self._configuration.path)
        with suppress(OSError):
            os.unlink(self._address)
        if not address.password:
            write_address(self._address, address)

    def _close_listeners(self) -> None:
        for listener in self._listeners:
            listener.close()
        with suppress(OSError):
            os.unlink(self._address)

    def _open_logs(self) -> None:
        """Open the activity log, and show it in the foreground."""
        spec = self._configuration.supervisord
        sinks: list[Sink] = []
        if spec.logfile != "syslog":
            self._main_log = LogFile(
                spec.logfile, maxbytes=spec.logfile_maxbytes, backups=spec.logfile_backups
            )
            try:
                self._main_log.open()
            except OSError as problem:
                raise SupervisorError(
                    f"cannot open the log {spec.logfile}: {problem.strerror} (logfile)"
                ) from problem
            sinks.append(self._main_log)
        if spec.nodaemon and not spec.silent and not self._launch.console:
            sinks.append(LogFile("/dev/stdout"))
        open_activity_log(spec.loglevel, *sinks)
        if self._launch.console:
            names = [p.process_name for group in self._configuration.groups for p in group.programs]
            self._console = Console(1, (CONSOLE_NAME, *names), os.environ)
            show_on_console(self._console.sink(CONSOLE_NAME), but_not=__name__)
        if not spec.nocleanup:
            LogSettings(
                childlogdir=spec.childlogdir or "", identifier=spec.identifier
            ).remove_auto_logs()

    def _say_hello(self) -> None:
        for warning in (*self._configuration.warnings, *degradations()):
            log.warning("%s", warning)
        for path in self._configuration.included:
            log.info('Included extra file "%s" during parsing', path)
        if os.getuid() == 0 and self._configuration.supervisord.user is None:
            log.critical(
                "Supervisor is running as root.  Privileges were not dropped because no user is "
                "specified in the config file.  If you intend to run as root, you can set "
                "user=root in the config file to avoid this message."
            )
        for listener in self._listeners:
            if listener.server.username is None:
                log.critical(
                    "Server '%s' running without any HTTP authentication checking", listener.kind
                )

    def _environment(self) -> dict[str, str]:
        """Return what every process inherits."""
        return {
            "PYTHONUNBUFFERED": "1",  # else a Python program's lines come in blocks of 8 KiB
            **os.environ,
            "SUPERVISOR_ENABLED": "1",
            "SUPERVISOR_SERVER_URL": self._listeners[0].url,
        }

    def _say_goodbye(self, left: set[int]) -> int:
        """Tell what is left, which the kernel was asked for."""
        pids = ", ".join(map(str, sorted(left)))
        if left:
            log.error("%d processes cannot be killed: pid %s", len(left), pids)
        if self._console is not None:
            line = f"{len(left)} processes left" + (f": pid {pids}" if left else "")
            self._console.finish_lines()
            self._console.write(line.encode() + b"\n")
        return SOMETHING_LEFT if left else ORDERLY
