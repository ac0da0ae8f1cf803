"""The command: which launchers go through which cases how often, and how that is told."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from conformance import peers, report
from conformance.cases import CASES
from conformance.report import Rounds
from conformance.run import Cell, perform
from conformance.tools import OUR_OWN, TOOLS, Tool, template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.cases import Case


def main() -> int:
    """Return 0 when every cell is green, else 1."""
    options = _options()
    # a terminated suite cleans up like an interrupted one
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tools = _chosen(options.tool, options.cmd)
    cases = [case for case in CASES if not options.case or case.name in options.case]
    results = try_all(tools, cases, options.rounds, options.jobs)
    print(report.as_json(results, tools) if options.json else report.table(results))  # noqa: T201
    if options.write:
        matrix = report.matrix(results, tools, cases)
        report.write(options.write, f"{matrix}\n\n{report.machine(options.rounds)}")
    return 0 if all(one.is_green for one in results) else 1


def try_all(tools: Sequence[Tool], cases: Sequence[Case], rounds: int, jobs: int) -> list[Rounds]:
    """Put every launcher through every case, some at a time: most of a case is waiting."""
    pool = ThreadPoolExecutor(jobs)
    try:
        tried = [
            [pool.submit(_try, tool, case) for _ in range(rounds)]
            for tool in tools
            for case in cases
        ]
        return [Rounds(tuple(future.result() for future in futures)) for futures in tried]
    finally:
        pool.shutdown(cancel_futures=True)


def _try(tool: Tool, case: Case) -> Cell:
    cell = perform(tool, case)
    verdict = "green" if cell.is_green else "red"
    sys.stderr.write(f"{tool.name}, {case.name}: {verdict}\n")  # whole, among other threads' lines
    return cell


def _chosen(names: list[str], commands: list[str]) -> list[Tool]:
    if "all" in names:
        names = [*TOOLS]
        if not shutil.which("npm"):
            print("no npm on PATH: without", *peers.NPM, file=sys.stderr)  # noqa: T201
            names = [name for name in names if name not in peers.NPM]
    elif not (names or commands):
        names = [*OUR_OWN]
    return [*(TOOLS[name] for name in names), *map(template, commands)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.conformance", description=main.__doc__)
    add = parser.add_argument
    add(
        "--tool",
        action="append",
        default=[],
        choices=[*TOOLS, "all"],
        help=f"a launcher that is known here; may be repeated (default: {' and '.join(OUR_OWN)})",
    )
    add(
        "--cmd",
        action="append",
        default=[],
        metavar="COMMAND",
        help="any other launcher: its command line with {worker} for the words of the worker's "
        "command, {quoted} for each command as one word, or {procfile} for a Procfile",
    )
    add(
        "--case",
        action="append",
        default=[],
        choices=[case.name for case in CASES],
        help="only this case; may be repeated",
    )
    add("--rounds", type=_count, default=1, metavar="N", help="each case N times (default 1)")
    add("--jobs", type=_count, default=4, metavar="N", help="so many at a time (default 4)")
    add("--json", action="store_true", help="every round, as JSON")
    add("--write", type=Path, metavar="PAGE", help="put the table into this page")
    return parser.parse_args()  # fmt: skip


def _count(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of times (example: 20)")
    return int(text)
