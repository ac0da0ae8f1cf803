"""`python -m benchmarks`: measure the chosen rows on both sides in turn and print the table."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import console, crash, fleet, order, output, requests, table
from benchmarks.effort import QUICK, WHOLE
from benchmarks.harness import BenchError
from benchmarks.rows import Result
from benchmarks.tools import Original, Ours

if TYPE_CHECKING:
    from benchmarks.effort import Effort
    from benchmarks.rows import Row
    from benchmarks.scenario import Scenario
    from benchmarks.tools import Tool

SCENARIOS: tuple[Scenario, ...] = (
    *fleet.SCENARIOS,
    *crash.SCENARIOS,
    *output.SCENARIOS,
    *console.SCENARIOS,
    *order.SCENARIOS,
    *requests.SCENARIOS,
)
ROWS = [row for scenario in SCENARIOS for row in scenario.rows]


def main() -> int:
    """Return 0 when every row that was asked for is held, else 1."""
    options = _options()
    effort = QUICK if options.quick else WHOLE
    effort = replace(effort, runs=options.runs) if options.runs else effort
    # a terminated benchmark cleans up like an interrupted one
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results = {row: Result(row) for row in _chosen(options.rows)}
    tools = (Original(), Ours())
    for scenario in SCENARIOS:
        if not results.keys().isdisjoint(scenario.rows):
            _run(scenario, tools, effort, results)
    text = table.table(results.values())
    print(text)
    if options.write:
        table.write(options.write, f"{text}\n\n{table.machine(effort.runs)}")
    return 0 if all(result.verdict in {"held", "-"} for result in results.values()) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    names = ", ".join(row.name for row in ROWS)
    parser.add_argument("--rows", default="", help=f"only these, by prefix, with commas: {names}")
    parser.add_argument("--runs", type=int, help="runs of each side (default 3; quick: 1)")
    parser.add_argument("--quick", action="store_true", help="one short run: a look, no proof")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page")
    return parser.parse_args()


def _chosen(prefixes: str) -> list[Row]:
    wanted = [prefix for prefix in prefixes.split(",") if prefix] or [""]
    for prefix in wanted:
        if not any(row.name.startswith(prefix) for row in ROWS):
            names = ", ".join(row.name for row in ROWS)
            raise SystemExit(f"--rows {prefix}: no row begins so; there are {names}")
    return [row for row in ROWS if row.name.startswith(tuple(wanted))]


def _run(
    scenario: Scenario, tools: tuple[Tool, ...], effort: Effort, results: dict[Row, Result]
) -> None:
    """Take the sides in turn, so that a drifting machine drifts for both; a failing side rests."""
    failed: set[Tool] = set()
    for count in range(effort.runs):
        for tool in tools:
            if tool not in failed:
                name = scenario.rows[0].name
                print(f"{name} …: {tool.side.value}, run {count + 1}", file=sys.stderr, flush=True)
                try:
                    _collect(scenario, tool, effort, results)
                except (BenchError, OSError, subprocess.SubprocessError) as problem:
                    failed.add(tool)
                    _note(scenario, f"{name}, {tool.side.value}: {problem}", results)


def _collect(scenario: Scenario, tool: Tool, effort: Effort, results: dict[Row, Result]) -> None:
    for row, side, value in scenario.measure(tool, effort):
        if row in results:
            results[row].samples[side].append(value)


def _note(scenario: Scenario, reason: str, results: dict[Row, Result]) -> None:
    print(reason, file=sys.stderr)
    for row in scenario.rows:
        if row in results:
            results[row].failures.append(reason)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
