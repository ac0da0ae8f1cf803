"""Idle programs in numbers: one launch serves launch, status, memory, idle and shutdown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks import idle, launch, memory, requests, shutdown, status
from benchmarks.harness import open_running
from benchmarks.scenario import Scenario
from benchmarks.tools import Options, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.effort import Effort
    from benchmarks.harness import Workplace
    from benchmarks.rows import Sample
    from benchmarks.tools import Tool

FEW, MANY = 13, 100
SETTLED = 2.2  # after this a program with startsecs=1 is RUNNING for both


def _with_13(tool: Tool, effort: Effort) -> Iterator[Sample]:
    with open_running(tool, lambda place: _sleepers(place, 13)) as running:
        yield from launch.measure(running)
        time.sleep(SETTLED)
        yield from status.measure(running, effort.commands)
        yield from memory.measure(running)


def _with_100(tool: Tool, _effort: Effort) -> Iterator[Sample]:
    with open_running(tool, lambda place: _sleepers(place, 100)) as running:
        yield from launch.measure(running)


def _with_1000(tool: Tool, effort: Effort) -> Iterator[Sample]:
    with open_running(tool, lambda place: _sleepers(place, 1000)) as running:
        yield from launch.measure(running)
        yield from idle.measure(running, effort.idle)
        yield from status.measure(running, effort.commands // 2)
        yield from requests.measure_status(running, effort)
        yield from memory.measure(running)
        yield from shutdown.measure(running)


def _sleepers(place: Workplace, size: int) -> Plan:
    """Return sleeping programs: 13 with log files, 100 without, 1 000 as numprocs of one."""
    options: Options = {"redirect_stderr": True}
    if size > MANY:
        name = "%(program_name)s_%(process_num)04d"
        numbers: Options = {"numprocs": size, "process_name": name, "stdout_logfile": "NONE"}
        return Plan({"sleeper": place.sleeper}, options | numbers)
    if size > FEW:
        options |= {"stdout_logfile": "NONE"}
    return Plan({f"sleeper{number:04}": place.sleeper for number in range(size)}, options)


SCENARIOS = (
    Scenario((launch.FIRST, status.STATUS[13], memory.MEMORY[13]), _with_13),
    Scenario((launch.ALL[100],), _with_100),
    Scenario(
        (
            launch.ALL[1000],
            launch.BARE,
            idle.CPU,
            idle.SWITCHES,
            memory.MEMORY[1000],
            status.STATUS[1000],
            requests.XMLRPC_STATUS,
            shutdown.SHUTDOWN,
        ),
        _with_1000,
    ),
)
