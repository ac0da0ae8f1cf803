"""Thirteen loud programs on one console, each line behind the name of its program."""

from __future__ import annotations

import fcntl
import os
import select
import time
from typing import TYPE_CHECKING

from benchmarks import proc
from benchmarks.harness import PATIENCE, BenchError, open_workplace
from benchmarks.output import MIB, WRITER
from benchmarks.rows import Must, Row, Side
from benchmarks.scenario import Scenario
from benchmarks.tools import Plan, script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.effort import Effort
    from benchmarks.harness import Workplace
    from benchmarks.rows import Sample
    from benchmarks.tools import Tool

CONSOLE = Row(
    name="console",
    title="prefixed console, 13 loud programs of 100-byte lines",
    unit="MiB/s",
    must=Must.AT_LEAST_TIMES,
    bound=40,
    reference="honcho",
)
COST = Row(
    name="console-cpu",
    title="the same: CPU of the launcher",
    unit="s/GiB",
    must=Must.NOTHING,
    reference="honcho",
)
COUNT = 13
LINE = b"x" * 99 + b"\n"
# MiB a program: honcho would need minutes for what is over in two seconds on the other side
VOLUME = {Side.REFERENCE: 1, Side.OURS: 64}


def _measure(tool: Tool, _effort: Effort) -> Iterator[Sample]:
    volume = VOLUME[tool.side]
    with open_workplace() as place:
        command = script(WRITER, "loud", place.mark, str(volume))
        plan = Plan({f"writer{n}": command for n in range(COUNT)}, {"stdout_logfile": "NONE"})
        tool.configure_console(plan, place.directory)
        source, sink = os.pipe()
        fcntl.fcntl(source, fcntl.F_SETPIPE_SZ, MIB)
        try:
            process = place.popen(tool.console(), sink)
            os.close(sink)
            lines = COUNT * (volume * MIB // len(LINE))
            seconds, cpu = _drain(place, source, lines)
            place.clear()
            process.wait()
        finally:
            os.close(source)
    mebibytes = lines * len(LINE) / MIB
    yield CONSOLE, tool.side, mebibytes / seconds
    yield COST, tool.side, cpu / (mebibytes / 1024)


def _drain(place: Workplace, source: int, lines: int) -> tuple[float, float]:
    """Return the seconds and CPU seconds from the first line of a program to the last."""
    buffer, seen, begin, cpu = bytearray(MIB), 0, 0.0, 0.0
    while seen < lines:  # the launcher's own words count too: a dozen among so many
        size = _receive(place, source, buffer)
        seen += buffer.count(b"\n", 0, size)
        if not begin and LINE in buffer[:size]:
            begin, cpu = time.monotonic(), proc.cpu(place.supervisors())
            if buffer.startswith(LINE):
                raise BenchError("a line came without a prefix")
    return time.monotonic() - begin, proc.cpu(place.supervisors()) - cpu


def _receive(place: Workplace, source: int, buffer: bytearray) -> int:
    """Read once into the buffer; return the number of bytes, at least one."""
    is_ready = select.select([source], [], [], PATIENCE)[0]
    if is_ready and (size := os.readv(source, [buffer])):
        return size
    said = place.errors.read_text(errors="replace")[-500:]
    raise BenchError(f"the console {'ended' if is_ready else 'is silent'}: {said}")


SCENARIOS = (Scenario((CONSOLE, COST), _measure),)
