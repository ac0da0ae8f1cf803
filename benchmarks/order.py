"""Thirteen workers that need one another, from the launch of `up` until the last one is ready."""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

import tomli_w

from benchmarks.harness import PATIENCE, BenchError, open_workplace
from benchmarks.rows import Must, Row, Side
from benchmarks.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.effort import Effort
    from benchmarks.harness import Workplace
    from benchmarks.rows import Sample
    from benchmarks.tools import Tool

READY = Row(
    name="order",
    title="`up` of 13 programs in 4 layers, 0.75 s each to ready",
    unit="s",
    must=Must.AT_MOST_TIMES,
    bound=1.15,
    reference="one program of each layer after the other",
)
LAYERS = (2, 4, 4, 3)
STARTS_IN = 0.75
SAID = b"worker is ready"


def _measure(tool: Tool, _effort: Effort) -> Iterator[Sample]:
    with open_workplace() as place:
        worker = f"sleep {STARTS_IN}; echo {SAID.decode()}; exec {place.sleeper}"
        begin = time.monotonic()
        if tool.side is Side.REFERENCE:
            for _ in LAYERS:
                _await_lines(place, ["/bin/sh", "-c", worker], 1)
        else:
            document = tomli_w.dumps({"program": _programs(worker)})
            (place.directory / "supervisord.toml").write_text(document)
            _await_lines(place, tool.console(), sum(LAYERS))
        yield READY, tool.side, time.monotonic() - begin


def _programs(worker: str) -> dict[str, dict[str, object]]:
    """Let each program of a layer need all of the layer before."""
    programs: dict[str, dict[str, object]] = {}
    before: list[str] = []
    for number, size in enumerate(LAYERS):
        names = [f"layer{number}-{place}" for place in range(size)]
        for name in names:
            programs[name] = {
                "command": ["/bin/sh", "-c", worker],
                "depends_on": before,
                "ready": {"log": SAID.decode()},
                "stdout_logfile": "NONE",
            }
        before = names
    return programs


def _await_lines(place: Workplace, command: list[str], count: int) -> None:
    """Start a command, and wait until so many workers have said that they are ready."""
    source, sink = os.pipe()
    try:
        place.popen(command, sink)
        os.close(sink)
        said = b""
        while said.count(SAID) < count:
            if not select.select([source], [], [], PATIENCE)[0]:
                raise BenchError(f"only {said.count(SAID)} of {count} programs were ready")
            if not (data := os.read(source, 65536)):
                raise BenchError(f"it ended: {place.errors.read_text(errors='replace')[-500:]}")
            said += data
    finally:
        os.close(source)


SCENARIOS = (Scenario((READY,), _measure),)
