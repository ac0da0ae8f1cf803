"""Capturing what programs print: one as loud as it can be, and thirteen that just talk."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

from benchmarks import proc
from benchmarks.harness import BenchError, open_running
from benchmarks.requests import latencies
from benchmarks.rows import Must, Row
from benchmarks.scenario import Scenario
from benchmarks.tools import Options, Plan, script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.effort import Effort
    from benchmarks.harness import Running, Workplace
    from benchmarks.rows import Sample
    from benchmarks.tools import Tool

MIB = 2**20
WRITER = Path(__file__).with_name("writer.py")
RATE = Row(
    name="capture-rate",
    title="capture of one loud child into 50 MB rotated files",
    unit="MiB/s",
    must=Must.AT_LEAST_TIMES,
    bound=1.4,
)
COST = Row(
    name="capture-cpu",
    title="the same: CPU of the supervisor",
    unit="s/GiB",
    must=Must.AT_MOST_TIMES,
    bound=0.75,
)
CONTROL = Row(
    name="capture-control",
    title="the same: control requests meanwhile, p99",
    unit="ms",
    must=Must.AT_MOST,
    bound=10,
)
STEADY = Row(
    name="steady",
    title="13 programs of 2 000 lines a second: CPU",
    unit="% of a core",
    must=Must.AT_MOST_TIMES,
    bound=0.5,
)
WARM = 1.0  # the first file has rotated, pipes have their size


def _loud(tool: Tool, effort: Effort) -> Iterator[Sample]:
    with open_running(tool, lambda place: _writers(place, "loud", 1)) as running:
        running.await_programs()
        seconds, size, cpu = _window(running, effort.stream)
        _check_rotation(running)
        yield RATE, tool.side, size / MIB / seconds
        yield COST, tool.side, cpu / (size / 1024 / MIB)
        taken = latencies(tool, running, seconds=effort.stream, in_flight=1, pause=0.002)
        yield CONTROL, tool.side, quantiles(taken, n=100)[-1] * 1000


def _steady(tool: Tool, effort: Effort) -> Iterator[Sample]:
    with open_running(tool, lambda place: _writers(place, "steady", 13)) as running:
        running.await_programs()
        seconds, size, cpu = _window(running, effort.stream * 2)
        if abs(size / seconds / (13 * 200_000) - 1) > 0.1:
            raise BenchError(f"the writers managed {size / seconds / 100:.0f} lines a second")
        yield STEADY, tool.side, cpu / seconds * 100


def _writers(place: Workplace, manner: str, count: int) -> Plan:
    command = script(WRITER, manner, place.mark)
    log = str(place.directory / "%(program_name)s.log")
    options: Options = {
        "stdout_logfile": log,
        "stdout_logfile_maxbytes": "50MB",
        "redirect_stderr": True,
    }
    return Plan({f"writer{number}": command for number in range(count)}, options)


def _window(running: Running, seconds: float) -> tuple[float, int, float]:
    """Return the seconds, bytes written by the programs, and CPU seconds of a while."""
    time.sleep(WARM)
    writers, supervisors = running.place.programs(), running.place.supervisors()
    begin, size, cpu = time.monotonic(), proc.written(writers), proc.cpu(supervisors)
    time.sleep(seconds)
    size, cpu = proc.written(writers) - size, proc.cpu(supervisors) - cpu
    return time.monotonic() - begin, size, cpu


def _check_rotation(running: Running) -> None:
    files = list(running.place.directory.glob("writer0.log*"))
    if len(files) < 3 or any(file.stat().st_size > 52 * MIB for file in files):
        raise BenchError(f"the log did not rotate at 50 MB: {sorted(f.name for f in files)}")


SCENARIOS = (Scenario((RATE, COST, CONTROL), _loud), Scenario((STEADY,), _steady))
