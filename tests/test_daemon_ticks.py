"""Events that time makes, on a wall clock that goes with Trio's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import trio

from trio_supervisor.daemon import ticks
from trio_supervisor.daemon.events import EventBus

if TYPE_CHECKING:
    from trio.testing import MockClock

    from trio_supervisor.protocol.messages import Event

NOON = 1795348800
"""A whole hour."""


class Clock:
    """A subscriber that wants the time."""

    wants_ticks = True

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []

    def offer(self, event: Event) -> None:
        """Keep it."""
        self.heard.append((event.detail, event.data))


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Let the wall clock go with Trio's; ``ahead`` sets it."""
    clock = {"ahead": 0.0, "begun": math.nan}

    def now() -> float:
        if math.isnan(clock["begun"]):
            clock["begun"] = trio.current_time()
        return NOON - 7.25 + clock["ahead"] + trio.current_time() - clock["begun"]

    monkeypatch.setattr("trio_supervisor.daemon.ticks.time.time", now)
    return clock


async def test_each_period_ticks_at_its_multiples(
    autojump_clock: MockClock, wall: dict[str, float]
) -> None:
    bus, clock = EventBus(), Clock()
    bus.attach(clock)

    with trio.move_on_after(68):
        await ticks.tick(bus)

    assert clock.heard[:5] == [
        ("5", f"when:{NOON - 5}".encode()),
        ("5", f"when:{NOON}".encode()),
        ("60", f"when:{NOON}".encode()),
        ("3600", f"when:{NOON}".encode()),
        ("5", f"when:{NOON + 5}".encode()),
    ]
    assert clock.heard[-1] == ("60", f"when:{NOON + 60}".encode())


async def test_a_clock_that_is_set_makes_no_tick_twice_and_no_flood(
    autojump_clock: MockClock, wall: dict[str, float]
) -> None:
    bus, clock = EventBus(), Clock()
    bus.attach(clock)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ticks.tick, bus)
        await trio.sleep(20)
        wall["ahead"] = -3600.0
        await trio.sleep(20)
        wall["ahead"] = 3600.0
        await trio.sleep(20)
        nursery.cancel_scope.cancel()

    fives = [data for detail, data in clock.heard if detail == "5"]
    assert 11 <= len(fives) <= 13
    assert len(set(fives)) == len(fives)


async def test_nobody_who_asks_means_no_ticks(
    autojump_clock: MockClock, wall: dict[str, float]
) -> None:
    bus, clock = EventBus(), Clock()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ticks.tick, bus)
        await trio.sleep(60)
        bus.attach(clock)
        await trio.sleep(11)
        bus.detach(clock)
        await trio.sleep(60)
        nursery.cancel_scope.cancel()

    assert [detail for detail, _ in clock.heard].count("5") == 2
