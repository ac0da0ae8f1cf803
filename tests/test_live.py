"""Events for open pages, in this process: what is told, and how many may be told it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from served import serving

from trio_supervisor.daemon import control, http, live, memory, viewers
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import EventKind

if TYPE_CHECKING:
    from pathlib import Path

    from served import Served


class Page:
    """The stream of one page."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._text = ""
        self._last = b""

    async def block(self) -> str:
        """Return the next block that is not empty, without the framing of HTTP."""
        while "\n\n" not in self._text:
            data = await self.stream.receive_some()
            assert data, "the stream has ended"
            self._last = data
            lines = data.decode().split("\r\n")
            self._text += "".join(line for line in lines if ":" in line and "HTTP/" not in line)
        block, _, self._text = self._text.partition("\n\n")
        return block

    async def is_complete(self) -> bool:
        """Wait for the end of the connection; say whether it was the end of the answer, too."""
        rest = b"".join([part async for part in self.stream])
        return (self._last + rest).endswith(b"0\r\n\r\n")

    async def event(self) -> tuple[str, Any]:
        """Return kind and value of the next event."""
        while "event:" not in (block := await self.block()):
            pass
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        return fields["event"], json.loads(fields["data"])


async def open_page(served: Served, after: str | None = None) -> Page:
    """Open a stream, as a page that has seen all until now, or what ``after`` says."""
    if after is None:
        after = live.seen(served.server._viewers.run, served.supervisor.events)
    client = await served.connect()
    await client.send(f"GET /events?after={after} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += await client.stream.receive_some(1)
    assert b" 200 " in answer
    return Page(client.stream)


def publish(served: Served, name: str = "x") -> None:
    states = (ProcessState.STARTING, ProcessState.RUNNING)
    served.supervisor.events.transition(("g", name), states, cause=None, pid=1, detail="")


async def test_changes_come_as_rows_and_changes_of_groups_as_a_new_page(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        page = await open_page(served)
        assert await page.block() == "retry: 2000"
        publish(served)
        first = await page.event()
        served.supervisor.events.publish(EventKind.GROUP, group="g", detail="added")
        second = await page.event()

    assert first == ("rows", [])  # the process is gone already
    assert second == ("page", None)


async def test_a_page_is_told_what_it_has_missed(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        after = live.seen(served.server._viewers.run, served.supervisor.events)
        publish(served)
        page = await open_page(served, after)

        assert (await page.event())[0] == "rows"


@pytest.mark.parametrize("missed", [1, 30])
async def test_a_page_that_has_missed_too_much_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missed: int
) -> None:
    monkeypatch.setattr(memory, "NEWEST", 3)
    async with serving(tmp_path) as served:
        after = live.seen(served.server._viewers.run, served.supervisor.events)
        for _ in range(missed):
            publish(served)
        page = await open_page(served, after)

        assert (await page.event())[0] == ("rows" if missed == 1 else "page")


async def test_a_page_that_has_seen_an_absurd_number_begins_anew(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        page = await open_page(served, f"{served.server._viewers.run}-{'9' * 5000}")

        assert (await page.event())[0] == "page"


async def test_what_no_page_shows_is_not_told(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        page = await open_page(served)
        await page.block()
        bus = served.supervisor.events
        for _ in range(2000):
            bus.publish(EventKind.OUTPUT, group="g", name="x", data=b"x")
        bus.publish(EventKind.REQUEST, detail="start x (by somebody)")
        bus.publish(EventKind.REQUEST, detail="reread (by somebody)")

        assert await page.event() == ("page", None)


async def test_what_changes_often_is_gathered(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        page = await open_page(served)
        await page.block()
        for _ in range(5000):
            publish(served)

        assert (await page.event())[0] == "rows"
        with trio.move_on_after(3 * live.PAUSE) as patience:
            await page.event()
    assert patience.cancelled_caught


async def test_an_open_page_is_kept_while_nothing_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewers, "BEAT", 0.02)
    monkeypatch.setattr(http, "KEEP_ALIVE", 0.01)
    monkeypatch.setattr(http, "REQUEST_WITHIN", 0.05)
    async with serving(tmp_path) as served:
        page = await open_page(served)
        await page.block()

        assert [await page.block() for _ in range(5)] == [":"] * 5


async def test_open_pages_leave_room_for_others(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        pages = [await open_page(served) for _ in range(control.CONNECTIONS)]
        places = served.server._viewers._places

        for page in pages[: -viewers.MOST_STREAMS]:
            assert await page.event() == ("full", None)
            assert await page.is_complete()
        assert len(places) == viewers.MOST_STREAMS
        publish(served)
        assert (await pages[-1].event())[0] == "rows"
        assert (await pages[-viewers.MOST_STREAMS].event())[0] == "rows"


async def test_a_page_that_is_closed_gives_its_place_back(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        before = set(served.supervisor.events._subscribers)
        page = await open_page(served)
        await page.block()
        await page.stream.aclose()
        while served.server._viewers._places:
            await trio.testing.wait_all_tasks_blocked()

        assert served.supervisor.events._subscribers == before


def test_notices_are_forgotten() -> None:
    found = viewers.Viewers()
    keys = [found.leave(viewers.Notice(str(i), is_good=True)) for i in range(viewers.NOTICES + 1)]

    assert found.notice(keys[0]) is None
    assert found.notice(keys[-1]) == (str(viewers.NOTICES), True)
