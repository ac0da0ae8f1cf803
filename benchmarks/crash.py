"""From the death of a settled program to the first act of its replacement."""

from __future__ import annotations

import os
import select
import shlex
import signal
import time
from typing import TYPE_CHECKING

from benchmarks.harness import PATIENCE, BenchError, open_running
from benchmarks.rows import Must, Row
from benchmarks.scenario import Scenario
from benchmarks.tools import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.effort import Effort
    from benchmarks.harness import Workplace
    from benchmarks.rows import Sample
    from benchmarks.tools import Tool

CRASH = Row(
    name="crash",
    title="crash of a settled program to its replacement",
    unit="ms",
    must=Must.AT_MOST_TIMES,
    bound=0.01,
)
SETTLED = 2.3
FIFO = "up.fifo"


def _measure(tool: Tool, effort: Effort) -> Iterator[Sample]:
    with open_running(tool, _reporter) as running:
        fifo = os.open(running.place.directory / FIFO, os.O_RDWR | os.O_NONBLOCK)
        try:
            pid = _next_report(fifo)
            for _ in range(effort.crashes):
                time.sleep(SETTLED)
                begin = time.monotonic()
                os.kill(pid, signal.SIGKILL)
                pid = _next_report(fifo)
                yield CRASH, tool.side, (time.monotonic() - begin) * 1000
        finally:
            os.close(fifo)


def _reporter(place: Workplace) -> Plan:
    """Return a program whose first act is to write its pid into a FIFO."""
    fifo, code = place.directory / FIFO, place.directory / "report.sh"
    os.mkfifo(fifo)
    code.write_text(f"echo $$ > {shlex.quote(str(fifo))}\nexec {place.sleeper}\n")
    command = f"/bin/sh {shlex.quote(str(code))} {place.mark}"
    return Plan({"reporter": command}, {"autorestart": True})


def _next_report(fifo: int) -> int:
    if not select.select([fifo], [], [], PATIENCE)[0]:
        raise BenchError(f"no replacement within {PATIENCE:g} s")
    return int(os.read(fifo, 64))


SCENARIOS = (Scenario((CRASH,), _measure),)
