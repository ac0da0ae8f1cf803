"""From the launch of the supervisor to its first child, and to its last."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from benchmarks import proc
from benchmarks.harness import open_workplace
from benchmarks.rows import Must, Row, Side, for_each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.harness import Running
    from benchmarks.rows import Sample

FIRST = Row(
    name="launch-first",
    title="launch to first child, 13 programs",
    unit="s",
    must=Must.AT_MOST_TIMES,
    bound=0.25,
)
ALL = for_each(
    {100: 0.3, 1000: 0.2},
    Row(name="launch-{}", title="launch to all of {} programs", unit="s", must=Must.AT_MOST_TIMES),
)
# start-up is paid once: only the large one can be held against a loop that has none
BARE = Row(
    name="launch-1000-bare",
    title="the same",
    unit="s",
    must=Must.AT_MOST_TIMES,
    bound=2.2,
    reference="a bare posix_spawn loop",
)


def measure(running: Running) -> Iterator[Sample]:
    """Wait for all programs, then look when they were forked."""
    times = running.began(running.await_programs())
    side = running.tool.side
    if running.size not in ALL:
        yield FIRST, side, times[0]
        return
    yield ALL[running.size], side, times[-1]
    if running.size == max(ALL):
        last = times[-1] if side is Side.OURS else _bare_loop(running.size)
        yield BARE, side, last


def _bare_loop(size: int) -> float:
    """Return the seconds from the first to the last of so many plain spawns."""
    with open_workplace() as place:
        environment = os.environ | {"BENCH_MARK": place.mark}
        begin = time.clock_gettime(time.CLOCK_BOOTTIME)
        words = place.sleeper.split()
        pids = [os.posix_spawn(words[0], words, environment) for _ in range(size)]
        last = max(proc.began(pid) or 0 for pid in pids) + proc.TICK / 2
        place.clear()
        for pid in pids:
            os.waitpid(pid, 0)
    return last - begin
