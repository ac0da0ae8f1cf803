"""The table of a run: for a terminal, as JSON, and for a page of the documentation."""

from __future__ import annotations

import json
import os
import platform
import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from conformance.run import Cell

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from conformance.cases import Case
    from conformance.tools import Tool

BEGIN, END = "<!-- measured: written by the suite -->", "<!-- end of measured -->"
HEAD = ("tool", "case", "rounds", "left", "seconds", "exit code", "what else")


@dataclass(frozen=True)
class Rounds:
    """The same case, with the same launcher, some times."""

    cells: tuple[Cell, ...]

    @property
    def is_asked(self) -> bool:
        return self.cells[0].is_asked

    @property
    def is_green(self) -> bool:
        return all(cell.is_green for cell in self.cells)

    @property
    def worst(self) -> Cell:
        """Return the round to show: a red one if there is any, else the slowest."""
        return max(self.cells, key=lambda cell: (not cell.is_green, cell.seconds or 0.0))


def table(results: Iterable[Rounds]) -> str:
    """Return a line for each launcher and case, in columns that line up."""
    return _columns([HEAD, *(_row(rounds) for rounds in results)])


def as_json(results: Iterable[Rounds], tools: Iterable[Tool]) -> str:
    """Return every round of everything, and the versions."""
    cells = [asdict(cell) | {"is_green": cell.is_green} for one in results for cell in one.cells]
    versions = {tool.name: tool.version() for tool in tools}
    return json.dumps({"versions": versions, "cells": cells}, indent=2)


def matrix(results: Iterable[Rounds], tools: Iterable[Tool], cases: Iterable[Case]) -> str:
    """Return a page's table, a line for each case and a column for each launcher, in Markdown."""
    tools = list(tools)
    found = {(one.worst.case, one.worst.tool): one for one in results}
    rows = [("case", *(f"{tool.name} {tool.version()}".strip() for tool in tools))]
    rows += [
        (case.title, *(_brief(found[case.name, tool.name].worst) for tool in tools))
        for case in cases
    ]
    rows += [("**green, of those that apply**", *(_score(found.values(), tool) for tool in tools))]
    return _columns(rows)


def machine(rounds: int) -> str:
    """Return what it was measured on, in a sentence."""
    return (
        f"Measured on {time.strftime('%Y-%m-%d')}: {os.cpu_count()} cores, Linux "
        f"{platform.release()}, Python {platform.python_version()}; {rounds} "
        f"{'round' if rounds == 1 else 'rounds'}, the worst one shown."
    )


def write(page: Path, text: str) -> None:
    """Put the text between the marks of a page; SystemExit if it has none."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{page}: no place for the table; add the lines {BEGIN} and {END}")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")


def _row(rounds: Rounds) -> tuple[str, ...]:
    cell = rounds.worst
    good = sum(one.is_green for one in rounds.cells)
    verdict = f"{good}/{len(rounds.cells)} green" if rounds.is_asked else "-"
    seconds = "-" if cell.seconds is None else f"{cell.seconds:.2f}"
    code = "-" if cell.code is None else str(cell.code)
    words = "; ".join(filter(None, (*cell.faults, cell.note)))
    return (cell.tool, cell.case, verdict, _who(cell) or "nothing", seconds, code, words)


def _brief(cell: Cell) -> str:
    if not cell.is_asked:
        return "-"
    code = "" if cell.code is None else f"code {cell.code}"
    if cell.is_green:
        return ", ".join(filter(None, (f"{cell.seconds:.2f} s", code, cell.note)))
    left = f"left: {_who(cell)}" if cell.left else ""
    return f"**{'; '.join(filter(None, (left, *cell.faults)))}**" + (f", {code}" if code else "")


def _score(results: Iterable[Rounds], tool: Tool) -> str:
    asked = [one for one in results if one.worst.tool == tool.name and one.is_asked]
    return f"**{sum(one.is_green for one in asked)} of {len(asked)}**"


def _who(cell: Cell) -> str:
    counts = Counter(cell.left).items()
    return ", ".join(role if count == 1 else f"{count} {role}" for role, count in counts)


def _columns(rows: list[tuple[str, ...]]) -> str:
    cells = [tuple(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, tuple("-" * width for width in widths))
    lines = (
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in cells
    )
    return "\n".join(f"| {line} |" for line in lines)
