"""Events that time makes: every five seconds, every minute, every hour of the wall clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import trio

from trio_supervisor.protocol.happenings import TICKS
from trio_supervisor.protocol.messages import EventKind

if TYPE_CHECKING:
    from trio_supervisor.daemon.events import EventBus

SHORTEST = min(TICKS)


async def tick(events: EventBus) -> None:
    """Publish ticks while somebody wants them: a daemon that nobody asks sleeps."""
    last = 0
    while True:
        await events.ticks_wanted.wait()
        now = time.time()
        due = int(now) // SHORTEST * SHORTEST + SHORTEST
        if due == last:  # the two clocks differ a little: it was early
            due += SHORTEST
        await trio.sleep(due - now)
        last = due
        if events.ticks_wanted.is_set():
            _publish(events, due)


def _publish(events: EventBus, moment: int) -> None:
    for seconds in TICKS:
        if moment % seconds == 0:
            data = f"when:{moment}".encode()
            events.publish(EventKind.TICK, detail=str(seconds), data=data)
