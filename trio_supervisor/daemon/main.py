"""The daemon process, from its fork to its exit code: configuration, logs, sockets, then Trio."""

from __future__ import annotations

import gc
import logging
import os
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING

import trio

from trio_supervisor import config
from trio_supervisor.console.labels import Labels
from trio_supervisor.daemon import descent, leftovers, readiness
from trio_supervisor.daemon import run as runs
from trio_supervisor.daemon.activity import ActivityLog
from trio_supervisor.daemon.announce import Place
from trio_supervisor.daemon.console import Console
from trio_supervisor.daemon.containment import degradations
from trio_supervisor.daemon.doors import Doors
from trio_supervisor.daemon.guardian import remove_signed
from trio_supervisor.daemon.kernel import become_subreaper
from trio_supervisor.daemon.launch import report
from trio_supervisor.daemon.limits import DescriptorBudget, raise_limits
from trio_supervisor.daemon.proc import pid_list
from trio_supervisor.daemon.root import Root, settings_of
from trio_supervisor.daemon.selection import aborting, only
from trio_supervisor.daemon.signals import ignore_signals, take_signals
from trio_supervisor.daemon.state import StateFile
from trio_supervisor.daemon.stream import LAST_WORDS
from trio_supervisor.daemon.worker import finish_all
from trio_supervisor.errors import SupervisorError
from trio_supervisor.source import address
from trio_supervisor.source.procfile import make_logs

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from trio_supervisor.daemon.launch import Launch
    from trio_supervisor.daemon.start import Handover
    from trio_supervisor.source.tree import Source
    from trio_supervisor.spec import Configuration

log = logging.getLogger(__name__)

ORDERLY, SOMETHING_LEFT, USAGE_ERROR, INTERNAL_ERROR = 0, 1, 2, 70
CONSOLE_NAME = "supervisord"
TOLD_OTHERWISE = frozenset({__name__, runs.__name__, descent.__name__, readiness.__name__})
"""Loggers of what the console shows in its own way."""
GC_THRESHOLDS = 20_000, 50, 100
"""A thousand programs are so many long-lived objects that collecting them took a quarter of the
time of a shutdown; garbage cycles are rare here."""


def run(launch: Launch, source: Handover, guardian: int, say_ready: Callable[[], None]) -> int:
    """Be the daemon of a configuration; return the exit code."""
    take_signals()
    try:
        daemon = Daemon(launch, _load(launch, source.take()), guardian)
        try:
            return daemon.serve(say_ready)
        except Exception:
            log.exception("supervisord failed: everything was stopped")
            return INTERNAL_ERROR
        finally:
            daemon.close()
    except SupervisorError as problem:
        report(launch.program, problem)
        return USAGE_ERROR


def _load(launch: Launch, source: Source) -> Configuration:
    configuration = config.load(source, overrides=launch.settings, directory=launch.directory)
    if source.dialect == "procfile":
        make_logs(source.path)
    if launch.only:
        configuration = only(configuration, launch.only, no_deps=launch.no_deps)
    if launch.abort_on_exit:
        configuration = aborting(configuration, launch.exit_code_from)
    return configuration


class Daemon:
    """What is open while the daemon runs: sockets, logs, the launcher's console."""

    def __init__(self, launch: Launch, configuration: Configuration, guardian: int) -> None:
        self._launch = launch
        self._guardian = guardian
        self._mark = uuid.uuid4().hex
        self._configuration = configuration
        spec = configuration.supervisord
        self._place = Place.here(configuration.path) if launch.console else None
        os.chdir(configuration.base)
        os.umask(spec.umask)
        become_subreaper()
        raise_limits(spec.minfds, spec.minprocs)
        self._budget = DescriptorBudget()
        self._budget.reserve(configuration)
        self._console = _console(launch, configuration) if launch.console else None
        shown = self._console.sink(CONSOLE_NAME) if self._console else None
        self._activity = ActivityLog(spec, console=shown, quiet=TOLD_OTHERWISE)
        state_path = address.state_path(configuration.path)
        with ExitStack() as undo:
            undo.callback(self._activity.close)
            leftovers.clean_up(state_path)  # a port that is still held would make the doors fail
            self._doors = Doors(configuration)
            undo.callback(self._doors.close)
            self._state = StateFile(state_path, guardian=guardian, mark=self._mark)
            self._state.begin(_longest_grace(configuration), self._activity.path)
            undo.pop_all()
        if not spec.nocleanup:
            settings_of(configuration, self._activity.syslog).remove_auto_logs()
        self._say_hello()

    def serve(self, say_ready: Callable[[], None]) -> int:
        """Run the supervision tree to its end; return the exit code."""
        root = Root(
            self._configuration,
            load=self._load_again,
            doors=self._doors,
            activity=self._activity,
            mark=self._mark,
            budget=self._budget,
            state=self._state,
            console=self._console,
            place=self._place,
            abandon=self._abandon,
        )
        log.info("supervisord started with pid %d", self._guardian)
        gc.freeze()  # what is there now stays for life
        gc.set_threshold(*GC_THRESHOLDS)
        self._write_pidfile(self._guardian)
        left = trio.run(root.run, self._guardian, say_ready)
        return self._say_goodbye(left) or root.supervisor.exit_code

    def _abandon(self, left: set[int]) -> NoReturn:
        """End at once, in order but for the tasks that wait for what cannot be killed."""
        code = self._say_goodbye(left)
        self.close()
        os._exit(code)

    def _write_pidfile(self, pid: int) -> None:
        """Write the guardian's pid; it removes the file at the end."""
        path = self._configuration.supervisord.pidfile
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write(f"{pid}\n")
        except OSError as problem:
            log.critical("could not write pidfile %s: %s", path, problem.strerror)

    def _load_again(self) -> Configuration:
        configuration = _load(self._launch, self._launch.read())
        self._budget.reserve(configuration)
        return configuration

    def close(self) -> None:
        """Close everything; from now on no signal disturbs."""
        ignore_signals()
        self._doors.close()
        if self._console is not None:
            self._console.close()
        self._activity.close()
        finish_all(LAST_WORDS)

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
        for listener in self._doors.listeners:
            if listener.server.username is None:
                log.critical(
                    "Server '%s' running without any HTTP authentication checking", listener.kind
                )

    def _say_goodbye(self, left: set[int]) -> int:
        """Tell what is left, which the kernel was asked for: the end was in order."""
        self._state.remove()
        if self._guardian not in {os.getppid(), os.getpid()}:  # it was killed
            remove_signed(self._configuration.supervisord.pidfile, self._guardian)
        pids = pid_list(left)
        if left:
            log.error("%d processes cannot be killed: pid %s", len(left), pids)
        if self._console is not None:
            line = f"{len(left)} processes left" + (f": pid {pids}" if left else "")
            self._console.finish_lines()
            self._console.write(line.encode() + b"\n")
        return SOMETHING_LEFT if left else ORDERLY


def _longest_grace(configuration: Configuration) -> float:
    programs = [program for group in configuration.groups for program in group.programs]
    return max((program.stopwaitsecs for program in programs), default=0.0)


def _console(launch: Launch, configuration: Configuration) -> Console:
    labels = Labels(
        (group.name, p.process_name) for group in configuration.groups for p in group.programs
    )
    return Console(
        1,
        labels,
        os.environ,
        plain=(CONSOLE_NAME,),
        color=launch.color,
        timestamps=launch.timestamps,
    )
