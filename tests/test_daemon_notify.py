"""What programs tell by themselves: datagrams, who may send them, and where."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from trio_supervisor.daemon import notify
from trio_supervisor.daemon.notify import Notices, NotifySocket
from trio_supervisor.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Told:
    """Notices, and what was called because of them."""

    def __init__(self) -> None:
        self.extended: list[float] = []
        self.stops = 0
        self.said: list[str] = []
        self.heard = trio.Event()
        self.notices = Notices(extend=self.extended.append, stop=self._stop, say=self._say)

    def _stop(self) -> None:
        self.stops += 1

    def _say(self, text: str) -> None:
        self.said.append(text)
        self.heard.set()


async def everybody(_pid: int) -> bool:
    """Take everybody for a member."""
    return True


@asynccontextmanager
async def listening(told: Told, is_member: Any = everybody) -> AsyncIterator[socket.socket]:
    """Listen; give a socket that sends there."""
    made = NotifySocket(None)
    try:
        with trio.fail_after(20), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(made.path)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(made.listen, told.notices, is_member)
                yield sender
                made.close()
    finally:
        made.close()
    assert not await trio.Path(made.path).parent.exists()


def test_lines_have_their_meanings_and_others_none() -> None:
    told = Told()

    told.notices.take("MAINPID=7\nREADY=1\nSTATUS=1 of 3\nEXTEND_TIMEOUT_USEC=2500000\nX\n\n")

    assert told.notices.is_ready.is_set()
    assert (told.said, told.extended, told.stops) == (["1 of 3"], [2.5], 0)
    told.notices.take("STOPPING=1\nWATCHDOG=1")
    assert told.stops == 1
    assert told.notices.watchdog.is_set()


@pytest.mark.parametrize("text", ["READY=0", "READY", "EXTEND_TIMEOUT_USEC=-1", "STOPPING=11"])
def test_what_is_not_quite_so_has_none(text: str) -> None:
    told = Told()

    told.notices.take(text)

    assert not told.notices.is_ready.is_set()
    assert (told.extended, told.stops) == ([], 0)


def test_a_status_cannot_act_on_a_terminal_and_is_not_long() -> None:
    told = Told()

    told.notices.take(f"STATUS=\x1b[2Jgone {'x' * 900}")

    assert told.said[0].startswith("[2Jgone xxx")
    assert len(told.said[0]) == notify.LONGEST_STATUS


async def test_a_datagram_of_a_member_is_heard() -> None:
    told = Told()
    async with listening(told) as sender:
        sender.send(b"READY=1\nSTATUS=up")
        await told.heard.wait()

        assert told.notices.is_ready.is_set()


async def test_one_of_somebody_else_is_not(caplog: pytest.LogCaptureFixture) -> None:
    told, asked = Told(), list[int]()

    async def is_member(pid: int) -> bool:
        asked.append(pid)
        return len(asked) > 2

    async with listening(told, is_member) as sender:
        for text in (b"STATUS=one", b"STATUS=two", b"STATUS=three"):
            sender.send(text)
        await told.heard.wait()

    assert told.said == ["three"]
    assert asked == [os.getpid()] * 3
    assert caplog.text.count("is no member: ignored") == 1


async def test_descriptors_that_come_along_are_closed_when_it_was_heard() -> None:
    told = Told()
    async with listening(told) as sender:
        reading, writing = os.pipe()
        socket.send_fds(sender, [b"STATUS=x\nBARRIER=1"], [writing])
        os.close(writing)
        await trio.lowlevel.wait_readable(reading)

        assert os.read(reading, 1) == b""  # the end: nobody holds the other end
        assert told.said == ["x"]
        os.close(reading)


async def test_who_sends_after_the_end_is_refused_at_once() -> None:
    made = NotifySocket(None)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(made.path)
        made.close()

        with pytest.raises(ConnectionRefusedError):
            sender.send(b"STOPPING=1")


async def test_the_place_is_the_runtime_directory_unless_the_path_would_be_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tempfile.TemporaryDirectory() as base:
        long = os.path.join(base, "x" * 99)
        os.mkdir(long)
        for directory, is_there in ((base, True), (long, False)):
            monkeypatch.setattr(notify, "runtime_directory", lambda given=directory: given)
            made = NotifySocket(None)
            try:
                assert made.path.startswith(f"{directory}/notify-") is is_there
                assert stat.S_IMODE(os.stat(made.path).st_mode) == 0o600
                assert stat.S_IMODE(Path(made.path).parent.stat().st_mode) == 0o700
            finally:
                made.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root makes sockets for others")
async def test_another_user_gets_through_to_a_socket_of_its_own() -> None:
    made = NotifySocket("nobody")
    try:
        found = os.stat(made.path)
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (65534, 0o600)
        assert stat.S_IMODE(Path(made.path).parent.stat().st_mode) == 0o711
    finally:
        made.close()


async def test_a_socket_that_cannot_be_made_is_a_spawn_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(RequestError, match="cannot make its notify socket: "):
        NotifySocket("no-such-user")
