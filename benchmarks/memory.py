"""Memory of the supervisor alone: its proportional share, guardian included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import proc
from benchmarks.rows import Must, Row, for_each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.harness import Running
    from benchmarks.rows import Sample

MEMORY = for_each(
    {13: 32, 1000: 50},
    Row(name="memory-{}", title="memory (PSS), {} programs", unit="MB", must=Must.AT_MOST),
)


def measure(running: Running) -> Iterator[Sample]:
    """Read it once everything has settled and a few requests were answered."""
    size = proc.pss(running.place.supervisors())
    yield MEMORY[running.size], running.tool.side, size / 1e6
