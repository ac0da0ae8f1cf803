"""Runs one supervisor in a directory of its own, and leaves nothing behind, whatever happens.

The supervisor and all it starts carry a mark in their environment; its programs also carry it
in their arguments, which tells the two apart.
"""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import proc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.tools import Plan, Tool

PATIENCE = 60.0  # for anything that is waited for, in seconds


class BenchError(Exception):
    """A supervisor did not do what the row needs; the text says what was seen."""


class Workplace:
    """A temporary directory and a mark that is also a duration for sleep(1)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.mark = f"3600.{random.SystemRandom().randrange(10**11, 10**12)}"
        self.sleeper = f"/bin/sleep {self.mark}"

    def popen(self, command: list[str], stdout: int | None = None) -> subprocess.Popen[bytes]:
        """Start a marked process in a session of its own; a terminal's Ctrl-C is ours alone."""
        directory = str(self.directory)
        environment = os.environ | {"BENCH_MARK": self.mark, "XDG_RUNTIME_DIR": directory}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody measures the compiler
        with self.errors.open("wb") as errors:
            return subprocess.Popen(
                command,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if stdout is None else stdout,
                stderr=errors,
                start_new_session=True,
            )

    @property
    def errors(self) -> Path:
        """The file that takes standard error."""
        return self.directory / "stderr"

    def programs(self) -> list[int]:
        """Return the pids of the programs that are up."""
        return proc.carriers(self.mark, "cmdline")

    def supervisors(self) -> list[int]:
        """Return the pids of the supervisor itself, guardian and helpers included."""
        programs = set(self.programs())
        return [pid for pid in proc.carriers(self.mark, "environ") if pid not in programs]

    def clear(self) -> int:
        """Kill all that is left; return how many there were."""
        left = found = proc.kill_carriers(self.mark)
        deadline = time.monotonic() + PATIENCE
        while left and time.monotonic() < deadline:
            time.sleep(0.05)
            left = proc.kill_carriers(self.mark)
        return found


@contextmanager
def open_workplace() -> Iterator[Workplace]:
    """Lend a workplace; at the end every process with its mark is killed."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        place = Workplace(Path(directory))
        try:
            yield place
        finally:
            place.clear()


class Running:
    """A supervisor in the foreground with the programs of a plan."""

    def __init__(self, tool: Tool, place: Workplace, size: int) -> None:
        self.tool, self.place, self.size = tool, place, size
        self.launched = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.process = place.popen(tool.daemon(place.directory))

    def await_programs(self) -> list[int]:
        """Wait until every program is up; return their pids."""
        what = f"{self.size} programs were up"
        self._until(lambda: self._offspring() >= self.size, what)
        self._until(lambda: len(self.place.programs()) == self.size, what)
        return self.place.programs()

    def began(self, pids: list[int]) -> list[float]:
        """Return when the programs were forked, in seconds after the launch, in order."""
        times = [began for pid in pids if (began := proc.began(pid))]
        return sorted(began + proc.TICK / 2 - self.launched for began in times)

    def control(self, *arguments: str) -> str:
        """Run one command of the control client to its end; return what it printed."""
        command = self.tool.control(self.place.directory, *arguments)
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        if done.returncode:
            raise BenchError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def stop(self) -> float:
        """Ask it to end; return the seconds until it has, or raise if it left anything behind."""
        begin = time.monotonic()
        self.process.terminate()
        self.process.wait(PATIENCE)
        taken = time.monotonic() - begin
        if left := self.place.clear():
            raise BenchError(f"{left} processes were left after the shutdown")
        return taken

    def _offspring(self) -> int:
        """Count cheaply: programs are children of the first process, or of its first child."""
        below = proc.children(self.process.pid)
        return max(len(below), *(len(proc.children(pid)) for pid in below[:1]), 0)

    def _until(self, is_so: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self.place.errors.read_text(errors="replace").strip()[-500:]
                state = "ended" if self.process.returncode is not None else "is slow"
                raise BenchError(f"the supervisor {state} before {what}: {said}")
            time.sleep(0.02)


@contextmanager
def open_running(tool: Tool, plan: Callable[[Workplace], Plan]) -> Iterator[Running]:
    """Configure and start a supervisor; at the end stop it, then kill what is left."""
    with open_workplace() as place:
        chosen = plan(place)
        tool.configure(chosen, place.directory)
        running = Running(tool, place, chosen.size)
        try:
            yield running
        finally:
            running.process.terminate()
            try:
                running.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                pass  # the workplace kills it
