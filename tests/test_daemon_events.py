"""The bus: numbers, causes, bounded subscribers, the past."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from trio_supervisor.daemon.events import QUEUE, WEIGHT, EventBus
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import EventKind

if TYPE_CHECKING:
    from trio_supervisor.daemon.events import Subscription
    from trio_supervisor.protocol.messages import Event


async def take(subscription: Subscription, count: int) -> list[Event]:
    """Read so many events."""
    found: list[Event] = []
    async with aclosing(aiter(subscription)) as events:
        async for event in events:
            found.append(event)
            if len(found) == count:
                break
    return found


async def test_ids_count_up_and_causes_are_kept() -> None:
    bus = EventBus()

    first = bus.publish(EventKind.REQUEST, detail="start web")
    second = bus.transition(
        ("web", "web"),
        (ProcessState.STOPPED, ProcessState.STARTING),
        cause=first,
        pid=7,
        detail="why",
    )

    event = bus.since()[-1]
    assert (first, second) == (1, 2)
    assert (event.id, event.cause, event.pid, event.detail) == (2, 1, 7, "why")
    assert (event.from_state, event.to_state) == (ProcessState.STOPPED, ProcessState.STARTING)


async def test_a_subscriber_gets_what_happens_from_then_on() -> None:
    bus = EventBus()
    bus.publish(EventKind.REQUEST, detail="before")

    with bus.subscribe() as subscription:
        bus.publish(EventKind.REQUEST, detail="after")

        assert [event.detail for event in await take(subscription, 1)] == ["after"]


async def test_the_past_comes_first_when_asked_for() -> None:
    bus = EventBus()
    bus.publish(EventKind.REQUEST, detail="before")

    with bus.subscribe(past=True) as subscription:
        bus.publish(EventKind.REQUEST, detail="after")

        assert [event.detail for event in await take(subscription, 2)] == ["before", "after"]


async def test_a_slow_subscriber_loses_events_and_is_told_how_many() -> None:
    bus = EventBus()
    with bus.subscribe() as subscription:
        for _ in range(QUEUE + 3):
            bus.publish(EventKind.REQUEST)

        first, second = await take(subscription, 2)
        assert (first.id, first.lost) == (4, 3)
        assert (second.id, second.lost) == (5, 0)


async def test_a_slow_subscriber_is_not_kept_much_output() -> None:
    bus = EventBus()
    with bus.subscribe() as subscription:
        for _ in range(3):
            bus.publish(EventKind.OUTPUT, data=bytes(WEIGHT // 2))

        (first,) = await take(subscription, 1)
        assert (first.id, first.lost) == (2, 1)


async def test_output_is_not_kept_for_those_who_come_later() -> None:
    bus = EventBus()
    bus.publish(EventKind.OUTPUT, data=b"hello")

    assert bus.since() == []


async def test_who_left_gets_nothing_and_disturbs_nobody() -> None:
    bus = EventBus()
    with bus.subscribe():
        pass

    assert bus.publish(EventKind.REQUEST) == 1


async def test_the_past_is_told_from_any_moment_on() -> None:
    bus = EventBus()
    for _ in range(5):
        bus.publish(EventKind.REQUEST)

    kept = bus.since()

    assert [event.id for event in kept] == [1, 2, 3, 4, 5]
    assert bus.since(kept[-1].clock + 1) == []


async def test_of_a_long_past_nothing_is_lost_and_what_comes_follows() -> None:
    bus = EventBus()
    for _ in range(QUEUE + 3):
        bus.publish(EventKind.REQUEST)

    with bus.subscribe(past=True) as subscription:
        bus.publish(EventKind.REQUEST)
        found = await take(subscription, QUEUE + 4)

    assert [event.id for event in found] == list(range(1, QUEUE + 5))
    assert not any(event.lost for event in found)
