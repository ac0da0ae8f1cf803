"""The table as Markdown, what it was measured on, and the page of the documentation it goes to."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import PINNED
from benchmarks.rows import Side

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.rows import Result

BEGIN, END = "<!-- measured: written by the benchmark -->", "<!-- end of measured -->"
HEAD = ("measure", "reference", "unit", "there", "ours", "ratio", "must", "verdict")


def table(results: Iterable[Result]) -> str:
    """Return the rows in columns that line up, and the reasons why some are missing."""
    results = list(results)
    cells = [HEAD, *(_cells(result) for result in results)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD))]
    lines = [_line(row, widths) for row in cells]
    lines.insert(1, _line(tuple("-" * width for width in widths), widths))
    reasons = dict.fromkeys(reason for result in results for reason in result.failures)
    return "\n".join([*lines, *(f"\nNot measured: {reason}" for reason in reasons)])


def machine(runs: int) -> str:
    """Return what the numbers were measured on, in sentences."""
    model = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Measured on {time.strftime('%Y-%m-%d')}: {os.cpu_count()} cores "
        f"({model[0] if model else platform.machine()}), {memory:.0f} GiB of memory, "
        f"Linux {platform.release()}, Python {platform.python_version()}, "
        f"trio {version('trio')}; against {', '.join(PINNED)}. Medians of {runs} "
        f"{'run' if runs == 1 else 'runs'} a side, the sides in turn."
    )


def write(page: Path, text: str) -> None:
    """Put the text between the marks of a page; SystemExit if it has none."""
    old = page.read_text()
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{page}: no place for the table; add the lines {BEGIN} and {END}")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")


def _cells(result: Result) -> tuple[str, ...]:
    row = result.row
    ratio = f"{result.ratio:.3g} x" if result.ratio is not None else "-"
    there, ours = (_number(result.middle(side)) for side in Side)
    return (row.title, row.reference, row.unit, there, ours, ratio, row.required, result.verdict)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}".replace(",", " ") if value >= 1000 else f"{value:.3g}"


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"
