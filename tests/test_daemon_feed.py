"""What processes get on their standard input: nothing, until somebody writes to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import trio

from trio_supervisor.daemon.feed import BACKLOG
from trio_supervisor.daemon.output import Pump

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture
def pump() -> Iterator[Pump]:
    made = Pump()
    yield made
    made.finish()


@pytest.fixture
async def running(pump: Pump) -> AsyncIterator[Pump]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pump.run)
        yield pump
        nursery.cancel_scope.cancel()


def test_each_process_has_a_pipe_of_its_own(pump: Pump) -> None:
    first, one = pump.open_feed()
    second, other = pump.open_feed()
    os.set_blocking(one, False)

    with pytest.raises(BlockingIOError):
        os.read(one, 1)  # no end of file, either
    assert os.get_blocking(other)
    for feed, reading in ((first, one), (second, other)):
        feed.close()
        assert os.read(reading, 1) == b""
        os.close(reading)


def test_what_is_written_arrives_in_order(pump: Pump) -> None:
    feed, reading = pump.open_feed()

    assert feed.offer(b"one ")
    assert feed.offer(b"two")

    assert os.read(reading, 100) == b"one two"
    feed.close()
    os.close(reading)


async def test_what_the_pipe_does_not_take_follows(running: Pump) -> None:
    feed, reading = running.open_feed()
    text = os.urandom(BACKLOG // 2)

    assert feed.offer(text)
    assert feed.offer(b"the end")
    with os.fdopen(reading, "rb") as file:
        found = await trio.to_thread.run_sync(file.read, len(text) + 7)

    assert found == text + b"the end"
    feed.close()


def test_a_process_that_does_not_read_is_left_with_a_bounded_backlog(pump: Pump) -> None:
    feed, reading = pump.open_feed()

    offers = [feed.offer(bytes(BACKLOG // 4)) for _ in range(8)]

    assert offers[0]
    assert not offers[-1]
    assert not feed.is_closed
    feed.close()
    os.close(reading)


def test_a_process_that_has_closed_its_stdin_is_no_failure(pump: Pump) -> None:
    feed, reading = pump.open_feed()
    os.close(reading)

    assert not feed.offer(b"hello")
    assert feed.is_closed
    assert not feed.offer(b"hello")
    feed.close()


async def test_a_reader_that_leaves_in_the_middle_ends_it(running: Pump) -> None:
    feed, reading = running.open_feed()
    assert feed.offer(bytes(BACKLOG))

    os.close(reading)
    with trio.fail_after(5):
        while not feed.is_closed:
            await trio.lowlevel.checkpoint()
