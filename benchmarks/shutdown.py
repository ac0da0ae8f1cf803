"""From the request to end to the end of the last process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.rows import Must, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.harness import Running
    from benchmarks.rows import Sample

SHUTDOWN = Row(
    name="shutdown-1000",
    title="shutdown of 1 000 idle programs",
    unit="s",
    must=Must.AT_MOST_TIMES,
    bound=0.2,
)


def measure(running: Running) -> Iterator[Sample]:
    """Send TERM as a service manager does; a process that is left is an error."""
    yield SHUTDOWN, running.tool.side, running.stop()
