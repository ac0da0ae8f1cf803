"""The whole command `supervisorctl status`, as a person waits for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.harness import BenchError
from benchmarks.rows import Must, Row, for_each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.harness import Running
    from benchmarks.rows import Sample

STATUS = for_each(
    {13: 0.3, 1000: 0.04},
    Row(
        name="status-{}",
        title="`status`, whole command, {} programs",
        unit="ms",
        must=Must.AT_MOST_TIMES,
    ),
)


def measure(running: Running, commands: int) -> Iterator[Sample]:
    """Run the command several times; the first, with cold caches, does not count."""
    for count in range(commands + 1):
        begin = time.monotonic()
        lines = running.control("status").splitlines()
        taken = time.monotonic() - begin
        if len(lines) != running.size:
            raise BenchError(f"status printed {len(lines)} lines for {running.size} programs")
        if count:
            yield STATUS[running.size], running.tool.side, taken * 1000
