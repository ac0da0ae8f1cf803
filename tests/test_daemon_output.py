"""The pump: real pipes, no processes. What is written arrives, whoever else is loud or late."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import trio

from trio_supervisor.daemon import output
from trio_supervisor.daemon.output import BUFFER, DRAIN, LARGE_PIPE, Pump

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trio_supervisor.daemon.feed import Feed
    from trio_supervisor.daemon.logfile import Sink
    from trio_supervisor.daemon.output import Pipe


class Heard:
    """A sink that keeps everything, and can be waited for."""

    def __init__(self) -> None:
        self.data = b""
        self.writes = 0
        self._news = trio.Event()

    def write(self, data: bytes | memoryview) -> None:
        """Keep it."""
        self.data += bytes(data)
        self.writes += 1
        self._news.set()

    async def until(self, size: int) -> None:
        """Wait until so many bytes have come."""
        with trio.fail_after(5):
            while len(self.data) < size:
                self._news = trio.Event()
                await self._news.wait()


def open_pipe(pump: Pump, sinks: tuple[Sink, ...]) -> tuple[Pipe, int]:
    """Open a pipe that is read at once."""
    pipe, writing = pump.open_pipe(sinks)
    pump.begin(pipe)
    return pipe, writing


@pytest.fixture
async def pump(nursery: trio.Nursery) -> AsyncIterator[Pump]:
    """Runs; is finished at the end."""
    running = Pump()
    nursery.start_soon(running.run)
    yield running
    nursery.cancel_scope.cancel()
    running.finish()


class Asker:
    """A sink that writes something back, as one that talks with an event listener does."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def write(self, data: bytes | memoryview) -> None:
        """Ask for more."""
        assert self._feed.offer(b"next")


async def test_a_conversation_waits_for_nothing_to_gather(
    pump: Pump, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "GATHER", 1000.0)
    heard = Heard()
    feed, reading = pump.open_feed()
    pipe, writing = open_pipe(pump, (Asker(feed), heard))

    for size in range(1, 6):
        os.write(writing, b"x")
        await heard.until(size)

    assert heard.writes == 5
    feed.close()
    pump.close(pipe)
    for descriptor in (reading, writing):
        os.close(descriptor)


async def test_what_is_written_goes_to_every_sink(pump: Pump) -> None:
    one, two = Heard(), Heard()
    _, writing = open_pipe(pump, (one, two))

    os.write(writing, b"line\n")
    await two.until(5)

    assert one.data == two.data == b"line\n"
    os.close(writing)


async def test_a_pipe_closes_when_its_last_writer_has(pump: Pump) -> None:
    heard = Heard()
    pipe, writing = open_pipe(pump, (heard,))
    os.write(writing, b"last words")

    os.close(writing)
    with trio.fail_after(5):
        await pump.drain(pipe)

    assert heard.data == b"last words"
    assert pipe.closed.is_set()


async def test_draining_does_not_wait_for_ever_for_who_holds_the_pipe(
    pump: Pump, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "DRAIN", 0.05)
    heard = Heard()
    pipe, writing = open_pipe(pump, (heard,))
    os.write(writing, b"last words")

    with trio.fail_after(5):
        await pump.drain(pipe)

    assert heard.data == b"last words"
    with pytest.raises(BrokenPipeError):
        os.write(writing, b"nobody reads")
    os.close(writing)


class Echo(Heard):
    """A sink whose every write makes the holder of the pipe write again: it never runs dry."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.writing = -1
        self._limit = limit

    def write(self, data: bytes | memoryview) -> None:
        """Keep it, and fill the pipe again."""
        super().write(data)
        assert len(self.data) < self._limit, "it is read for ever"
        os.write(self.writing, bytes(data))


async def test_draining_does_not_read_for_ever_from_a_loud_holder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output, "DRAIN", 0.0)
    pump = Pump()
    echo = Echo(limit=4 * LARGE_PIPE)
    pipe, echo.writing = open_pipe(pump, (echo,))
    os.write(echo.writing, b"x" * 32_768)

    await pump.drain(pipe)

    assert pipe.closed.is_set()
    os.close(echo.writing)
    pump.finish()


async def test_draining_is_not_cut_short_by_a_cancellation(pump: Pump) -> None:
    heard = Heard()
    pipe, writing = open_pipe(pump, (heard,))
    os.write(writing, b"last words")
    os.close(writing)

    with trio.CancelScope() as scope:
        scope.cancel()
        await pump.drain(pipe)

    assert heard.data == b"last words"


async def test_when_the_pump_has_ended_draining_takes_what_is_there_without_waiting() -> None:
    pump, heard = Pump(), Heard()
    pipe, writing = open_pipe(pump, (heard,))
    with trio.CancelScope() as scope:
        scope.cancel()
        await pump.run()
    os.write(writing, b"last words")

    begun = trio.current_time()
    await pump.drain(pipe)

    assert trio.current_time() - begun < DRAIN
    assert heard.data == b"last words"
    os.close(writing)
    pump.finish()


async def test_a_loud_pipe_gets_a_larger_buffer(pump: Pump) -> None:
    heard = Heard()
    pipe, writing = open_pipe(pump, (heard,))

    os.write(writing, b"x" * 65_536)
    await heard.until(65_536)

    assert not pipe.may_grow
    os.close(writing)


async def test_a_loud_pipe_does_not_keep_a_quiet_one_waiting() -> None:
    pump = Pump()
    loud, quiet = Heard(), Heard()
    loud_pipe, loud_end = open_pipe(pump, (loud,))
    loud_pipe.grow()
    _, quiet_end = open_pipe(pump, (quiet,))
    size = os.write(loud_end, b"x" * LARGE_PIPE)
    os.write(quiet_end, b"here")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pump.run)
        await quiet.until(4)
        assert loud.writes <= 2  # one read a round, of at most the buffer
        await loud.until(size)
        nursery.cancel_scope.cancel()

    assert loud.writes >= size // BUFFER
    os.close(loud_end)
    os.close(quiet_end)
    pump.finish()


async def test_a_slow_console_is_given_a_rest_after_each_round(nursery: trio.Nursery) -> None:
    rested = trio.Event()

    async def relieve() -> None:
        rested.set()

    pump = Pump(relieve)
    nursery.start_soon(pump.run)
    _, writing = open_pipe(pump, ())

    os.write(writing, b"one")
    with trio.fail_after(5):
        await rested.wait()

    os.close(writing)
    nursery.cancel_scope.cancel()
    pump.finish()


async def test_at_the_end_all_that_was_written_is_taken() -> None:
    pump = Pump()
    heard = Heard()
    pipe, writing = open_pipe(pump, (heard,))
    os.write(writing, b"x" * 60_000)

    pump.finish()

    assert len(heard.data) == 60_000
    assert pipe.closed.is_set()
    os.close(writing)
