"""What one run of a supervisor measures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.effort import Effort
from benchmarks.rows import Row, Sample
from benchmarks.tools import Tool


@dataclass(frozen=True)
class Scenario:
    """Rows that are answered together; ``measure`` yields a sample as soon as it has one."""

    rows: tuple[Row, ...]
    measure: Callable[[Tool, Effort], Iterable[Sample]]
