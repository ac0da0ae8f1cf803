"""A workplace for real daemons: a directory, the executables, and the proof that nothing is left.

Everything a rig starts carries one mark in its environment, by which it is found again whatever
becomes of parents, sessions and names.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from leaks import marked

from trio_supervisor.client.connection import Connection
from trio_supervisor.daemon.proc import command_line, stat_of, with_descendants
from trio_supervisor.errors import SupervisorError
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import (
    GetInfo,
    GetStatus,
    Info,
    Outcome,
    ProcessStatus,
    Statuses,
    Stop,
)
from trio_supervisor.source.address import Address, identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


T = TypeVar("T")

PATIENCE = 20.0
"""Seconds after which what has not come will not come, on however busy a machine."""
ASLEEP = "sleep 1000 & until [ $(cat /proc/$!/comm) = sleep ]; do :; done"
"""Shell: a child in the background, no longer with the traps it was forked with."""
ORPHANS = "for i in 1 2 3 4 5 6 7 8 9; do (/bin/sleep 0.0$i & exit 98) & done; wait"
"""Shell: children end with a code of their own, and leave children that end a little later."""
SCRIPTS = Path(sys.executable).parent


def has_ended(pid: int) -> bool:
    """Say whether a process is gone, or only waits for a parent to take its exit status."""
    return not ((status := stat_of(pid)) and status.is_alive)


def below(daemon: subprocess.Popen[bytes]) -> set[str]:
    """Return the commands of all that descends from a process."""
    return set(map(command_line, with_descendants({daemon.pid})))


def until(predicate: Callable[[], T | None], what: str = "it", patience: float = PATIENCE) -> T:
    """Wait until a predicate says something true; return that."""
    deadline = time.monotonic() + patience
    while not (found := predicate()):
        assert time.monotonic() < deadline, f"{what} did not happen within {patience} s"
        time.sleep(0.01)
    return found


class Rig:
    """One directory with one configuration, and what runs on it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.mark = f"RIG_MARK={uuid.uuid4().hex}"
        self.configuration = directory / "supervisord.toml"
        self.runtime = directory / "run"
        self.runtime.mkdir(0o700)
        name, _, value = self.mark.partition("=")
        self.environment = {**os.environ, name: value, "XDG_RUNTIME_DIR": str(self.runtime)}
        self.daemons: list[subprocess.Popen[bytes]] = []

    # ── files ──

    def write(self, programs: str, daemon: str = "", name: str = "supervisord.toml") -> Path:
        """Write a configuration: tables of programs, and options of [supervisord]."""
        head = '[supervisord]\ndirectory = "%(here)s"\nchildlogdir = "%(here)s"\n'
        path = self.directory / name
        path.write_text(f"{head}{dedent(daemon)}\n{dedent(programs)}", encoding="utf-8")
        return path

    def text(self, name: str) -> str:
        """Return what a file of the directory holds, nothing if there is none."""
        try:
            return (self.directory / name).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    @property
    def log(self) -> str:
        """What the activity log says."""
        return self.text("supervisord.log")

    @property
    def state_file(self) -> Path:
        """Where the daemon writes down what runs."""
        name = identity(str(self.configuration))
        return self.runtime / "trio-supervisor" / f"{name}.state"

    def left_files(self) -> list[str]:
        """Name sockets, pidfiles, addresses, states and locks that are still there."""
        runtime = self.runtime / "trio-supervisor"
        found = [*self.directory.glob("*.pid"), *self.directory.glob("*.sock")]
        suffixes = ("sock", "address", "state", "lock")
        found += (path for suffix in suffixes for path in runtime.glob(f"*.{suffix}"))
        return sorted(map(str, found))

    # ── executables ──

    def command(self, name: str, *arguments: str) -> list[str]:
        """Return a command line of one of our executables, on this configuration."""
        return [str(SCRIPTS / name), *arguments]

    def run(self, name: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run one of our executables to its end."""
        return subprocess.run(
            self.command(name, *arguments),
            **{"env": self.environment, "cwd": self.directory, **options},
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def ctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run supervisorctl on the daemon of this rig."""
        return self.run("supervisorctl", "-c", str(self.configuration), *words)

    def launch(self, *command: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start any command; its output goes to the file ``console``."""
        with (self.directory / "console").open("ab") as console:
            process = subprocess.Popen(
                command,
                **{
                    "env": self.environment,
                    "cwd": self.directory,
                    "stdin": subprocess.DEVNULL,
                    "stdout": console,
                    "stderr": console,
                    **options,
                },
            )
        self.daemons.append(process)
        return process

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start supervisord in the foreground; return when it answers."""
        daemon = self.launch(
            *self.command("supervisord", "-n", "-c", str(self.configuration), *arguments), **options
        )
        self.wait_for_answers(daemon)
        return daemon

    def start_with_fault(self, code: str) -> subprocess.Popen[bytes]:
        """Start supervisord in a process in which some code has run before; as `start`."""
        daemon = self.launch_with_fault(code)
        self.wait_for_answers(daemon)
        return daemon

    def launch_with_fault(self, code: str) -> subprocess.Popen[bytes]:
        """Start it so, and do not wait: the fault may come first."""
        run = (
            "import sys; from trio_supervisor.cli import supervisord; sys.exit(supervisord.main())"
        )
        return self.launch(
            sys.executable, "-c", f"{dedent(code)}\n{run}", "-n", "-c", str(self.configuration)
        )

    def wait_for_answers(self, daemon: subprocess.Popen[bytes]) -> None:
        """Return when a daemon answers; say what it said when it has ended instead."""

        def answers() -> bool:
            assert daemon.poll() is None, self.text("console")
            with suppress(SupervisorError):
                return bool(self.info())
            return False

        until(answers, "an answer")

    def finish(self, daemon: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
        """Ask a daemon to end; return its exit code."""
        daemon.send_signal(number)
        return daemon.wait(PATIENCE)

    def kill_both(self) -> None:
        """Kill guardian and daemon so that neither can do anything about it."""
        daemon = self.info().daemon_pid
        os.kill(daemon, signal.SIGSTOP)
        self.daemons[-1].kill()
        self.daemons[-1].wait(PATIENCE)
        os.kill(daemon, signal.SIGKILL)
        until(lambda: has_ended(daemon), "the end of the daemon")

    # ── questions ──

    def connect(self) -> Connection:
        """Open a connection to the daemon, as supervisorctl does."""
        runtime = self.runtime / "trio-supervisor"
        for path in runtime.glob("*.address"):
            with suppress(FileNotFoundError):  # its daemon has just gone
                return Connection.open(Address(path.read_text().splitlines()[0]))
        raise SupervisorError("no daemon has left an address")

    def info(self) -> Info:
        """Ask the daemon about itself."""
        with self.connect() as connection:
            return connection.ask(GetInfo(), Info)

    def rows(self) -> dict[str, ProcessStatus]:
        """Return the snapshot of every process, by its name."""
        with self.connect() as connection:
            replies = list(connection.stream(GetStatus()))
        tables = [reply.processes for reply in replies if isinstance(reply, Statuses)]
        return {row.name: row for table in tables for row in table}

    def states(self) -> dict[str, str]:
        """Return the name of the state of every process."""
        return {name: row.state.name for name, row in self.rows().items()}

    def settle(self, state: ProcessState = ProcessState.RUNNING, *names: str) -> dict[str, int]:
        """Wait until processes (all, unless named) are in a state; return their pids."""

        def rows() -> dict[str, ProcessStatus]:
            found = self.rows()
            there = all(found[name].state is state for name in names or found)
            return found if there else {}

        return {name: row.pid or 0 for name, row in until(rows, f"{state.name} {names}").items()}

    def marked(self, mark: str | None = None) -> set[int]:
        """Return the live processes that carry the mark, or another assignment."""
        return marked(mark or self.mark)

    def close(self) -> None:
        """End what runs, the hard way if need be; fail when anything was left behind."""
        for daemon in self.daemons:
            if daemon.poll() is None:
                daemon.terminate()
        for daemon in self.daemons:
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(PATIENCE)
        processes, files = self.marked(), self.left_files()
        told = [_command_line(pid) for pid in processes]
        while alive := self.marked():
            for pid in alive:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for daemon in self.daemons:
            daemon.wait()
        assert (told, files) == ([], []), f"left behind: {told} {files}"


def _command_line(pid: int) -> str:
    with suppress(OSError):
        return f"{pid}: {Path(f'/proc/{pid}/cmdline').read_bytes()!r}"
    return f"{pid}: gone meanwhile"


@pytest.fixture(name="rig")
def open_rig(tmp_path: Path) -> Iterator[Rig]:
    """Give a rig, and prove at the end that nothing of it is left."""
    rig = Rig(tmp_path)
    try:
        yield rig
    finally:
        rig.close()


IGNORE = "trap '' TERM; while :; do /bin/sleep 1000; done"
"""A script that must be killed."""
STUBBORN = """
    [program.stubborn]
    command = ["/bin/sh", "-c", "trap '' TERM; while :; do /bin/sleep 1000 & wait; done"]
    startsecs = 0
    stopwaitsecs = 1000
    """


def shell(name: str, script: str, options: str = "") -> str:
    """Return the table of a program that runs a script in /bin/sh."""
    return (
        f"[program.{name}]\ncommand = ['/bin/sh', '-c', '''{script}''']\n"
        f'stdout_logfile = "{name}.log"\n{options}\n'
    )


def up_at_once(name: str, script: str, options: str = "") -> str:
    """Return a table whose program counts as started at once and has a second to stop."""
    return shell(name, script, f"startsecs = 0\nstopwaitsecs = 0.5\n{options}")


def stop(rig: Rig, *names: str) -> list[str]:
    """Stop programs; return what is told of each, once nothing of them is left."""
    with rig.connect() as connection:
        outcomes = list(connection.stream(Stop(names)))
    return [f"{o.name} {o.fault.name}" for o in outcomes if isinstance(o, Outcome)]
