"""What a supervisor costs while nothing happens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks import proc
from benchmarks.rows import Must, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.harness import Running
    from benchmarks.rows import Sample

CPU = Row(
    name="idle-cpu",
    title="idle, 1 000 programs: CPU",
    unit="ms/s",
    must=Must.AT_MOST,
    bound=0,
)
SWITCHES = Row(
    name="idle-switches",
    title="idle, 1 000 programs: context switches in 10 s",
    unit="times",
    must=Must.AT_MOST,
    bound=0,
)
REST = 11.0  # after the last spawn: startsecs has passed for every program


def measure(running: Running, window: float) -> Iterator[Sample]:
    """Let it come to rest, then watch it for a while without touching it."""
    pids = running.place.supervisors()
    time.sleep(REST)
    cpu, switches = proc.cpu_exact(pids), proc.switches(pids)
    time.sleep(window)
    side = running.tool.side
    yield CPU, side, (proc.cpu_exact(pids) - cpu) * 1000 / window
    yield SWITCHES, side, (proc.switches(pids) - switches) * 10 / window
