"""The queue of one who follows a log: bounded, and honest about what it lost."""

from __future__ import annotations

import trio
import trio.testing

from trio_supervisor.daemon.follower import LIMIT, Follower


async def test_a_reader_waits_for_news(nursery: trio.Nursery) -> None:
    follower = Follower()
    taken: list[tuple[bytes, int]] = []

    async def take() -> None:
        taken.append(await follower.take())

    nursery.start_soon(take)
    await trio.testing.wait_all_tasks_blocked()
    assert not taken

    follower.offer(b"news")
    await trio.testing.wait_all_tasks_blocked()

    assert taken == [(b"news", 0)]


async def test_a_slow_reader_loses_the_oldest_and_is_told_how_much() -> None:
    follower = Follower()
    half = LIMIT // 2

    for letter in (b"a", b"b", b"c"):
        follower.offer(letter * half)

    assert await follower.take() == (b"b" * half + b"c" * half, half)


async def test_what_was_lost_is_told_once() -> None:
    follower = Follower()
    follower.offer(b"x" * (LIMIT + 1))
    assert await follower.take() == (b"", LIMIT + 1)

    follower.offer(b"new")

    assert await follower.take() == (b"new", 0)


async def test_closing_wakes_the_reader() -> None:
    follower = Follower()

    follower.close()

    assert await follower.take() == (b"", 0)
    assert follower.is_closed
