"""The control server on real sockets, in this process: who is answered, refused and cut off."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
import trio
from served import HELLO, Served, serving

from trio_supervisor.daemon import connection, control, wire
from trio_supervisor.daemon.listeners import listen_inet, listen_unix
from trio_supervisor.errors import Fault
from trio_supervisor.protocol import (
    REQUEST_LIMIT,
    to_bytes,
)
from trio_supervisor.protocol.framing import pack
from trio_supervisor.protocol.messages import (
    PROTOCOL_MAJOR,
    PROTOCOL_MINOR,
    Cancel,
    Channel,
    End,
    Error,
    FollowEvents,
    GetInfo,
    GetStatus,
    Hello,
    Info,
    Message,
    Output,
    Start,
    Tail,
)
from trio_supervisor.spec import InetServerSpec, UnixServerSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


BIG = 8 * 1024 * 1024
"""More than any socket buffers."""


async def test_hello_and_a_request_may_come_in_one_write(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await served.connect()
        await client.send(HELLO, to_bytes(7, GetInfo()))

        hello, info = await client.receive(), await client.receive()

    assert hello is not None
    assert isinstance(hello[1], Hello)
    assert info is not None
    assert info[0] == 7
    assert isinstance(info[1], Info)
    assert info[1].pid == 4711


async def test_a_frame_may_come_byte_by_byte(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await served.connect()
        for byte in HELLO + to_bytes(1, GetInfo()):
            await client.send(bytes([byte]))

        await client.receive()
        received = await client.receive()

    assert received is not None
    assert isinstance(received[1], Info)


GARBAGE = {
    "zeros": bytes(64),
    "noise": bytes(range(256)),
    "late noise": HELLO + b"\xff" * 64,
    "request before Hello": to_bytes(1, GetInfo()),
    "two Hellos": HELLO + HELLO,
    "an id that is nobody's": HELLO + to_bytes(0, GetInfo()),
    "a broken body": HELLO + pack(1, Start.code, b"\xff\xff\xff\xff"),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
async def test_garbage_gets_one_error_and_a_close(tmp_path: Path, garbage: bytes) -> None:
    async with serving(tmp_path) as served:
        client = await served.connect()
        await client.send(garbage)

        replies = await client.rest()

    errors = [reply for reply in replies if isinstance(reply, Error)]
    assert len(errors) == 1
    assert replies[-1] == errors[0]
    assert errors[0].fault in {Fault.BAD_FRAME, Fault.TOO_LARGE, Fault.UNKNOWN_METHOD}


async def test_an_oversized_frame_is_refused_by_its_header(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await served.connect()
        await client.send(HELLO, struct.pack("!IIH", REQUEST_LIMIT + 1, 1, GetInfo.code))

        replies = await client.rest()

    assert isinstance(replies[-1], Error)
    assert replies[-1].fault is Fault.TOO_LARGE


@pytest.mark.parametrize(
    "begun", [b"", HELLO[:5], HELLO + HELLO[:5]], ids=["nothing", "half a Hello", "half a frame"]
)
async def test_who_begins_and_does_not_go_on_is_sent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(connection, "HELLO_WITHIN", 0.05)
    monkeypatch.setattr(connection, "FRAME_WITHIN", 0.05)
    async with serving(tmp_path) as served:
        client = await served.connect()
        await client.send(begun)

        replies = await client.rest()

    assert isinstance(replies[-1], Error)
    assert "not finished in time" in replies[-1].detail


async def test_a_greeted_client_may_be_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HELLO_WITHIN", 0.02)
    monkeypatch.setattr(connection, "FRAME_WITHIN", 0.02)
    async with serving(tmp_path) as served:
        silent, other = await served.connect(), await served.connect()
        await silent.send(HELLO)
        await silent.receive()
        await other.rest()  # the other one, which never greeted, has been sent away

        await silent.send(to_bytes(1, GetInfo()))

        assert await silent.receive() is not None


async def test_another_major_version_is_refused_in_words(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await served.connect()
        await client.send(to_bytes(0, Hello(2)))

        replies = await client.rest()

    told = f"this is protocol {PROTOCOL_MAJOR}.{PROTOCOL_MINOR}, not 2"
    assert replies == [Error(Fault.UNSUPPORTED_VERSION, told)]


SHA = "{SHA}5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8"  # of "password"


@pytest.mark.parametrize("wanted", ["password", SHA])
async def test_only_the_right_name_and_password_are_let_in(tmp_path: Path, wanted: str) -> None:
    listener = listen_unix(UnixServerSpec(file=str(tmp_path / "s"), username="me", password=wanted))
    replies = []
    async with serving(tmp_path, listener) as served:
        for user, password in (("me", "password"), ("me", "wrong"), ("you", "password"), ("", "")):
            client = await served.connect()
            await client.send(to_bytes(0, Hello(1, 0, "", user, password)))
            replies.append(await client.receive())

    assert replies[0] is not None
    assert isinstance(replies[0][1], Hello)
    assert replies[1:] == [(0, Error(Fault.UNAUTHORIZED, "wrong username or password"))] * 3


async def _full_house(served: Served, *requests: bytes) -> None:
    """Connect as many clients as may be connected, one after the other."""
    for _ in range(control.CONNECTIONS):
        client = await served.connect()
        await client.send(HELLO, *requests)
        await client.receive()


async def test_a_new_client_takes_the_place_of_the_one_idle_longest(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        await _full_house(served)
        first, second, third, *_ = served.clients
        await first.send(to_bytes(1, GetInfo()))
        await first.receive()
        await second.send(to_bytes(1, Tail(Channel.MAIN, follow=True)), to_bytes(2, GetInfo()))
        await second.receive()
        late = await served.connect()

        await late.send(HELLO, to_bytes(1, GetInfo()))
        answers = [await late.receive(), await late.receive()]
        farewell = await third.rest()
        await first.send(to_bytes(2, GetInfo()))
        served.main_log.write(b"news")

        assert (await first.receive(), await second.receive()) == (
            (2, answers[1][1] if answers[1] else None),
            (1, Output(b"news")),
        )
    assert [type(answer[1]) for answer in answers if answer] == [Hello, Info]
    assert farewell == [Error(Fault.BUSY, wire.MAKE_ROOM)]


async def test_a_client_is_refused_while_all_others_have_requests_under_way(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        tail = Tail(Channel.MAIN, follow=True)
        await _full_house(served, to_bytes(1, tail), to_bytes(2, GetInfo()))
        late = await served.connect()

        refusal = await late.rest()
        await served.clients[0].stream.aclose()
        replies = await _until_let_in(served)

    assert refusal == [Error(Fault.BUSY, control.ALL_BUSY)]
    assert isinstance(replies, Hello)


async def test_clients_of_ports_leave_room_for_those_of_unix_sockets(tmp_path: Path) -> None:
    port = listen_inet(InetServerSpec(host="127.0.0.1", port=0))
    async with serving(tmp_path) as served, trio.open_nursery() as nursery:
        nursery.start_soon(served.server._serve, port, trio.CancelScope())
        strangers = [await served.connect(port) for _ in range(control.CONNECTIONS + 1)]
        await strangers[-1].rest()  # refused: nobody else has said a word yet

        local = await served.connect()
        await local.send(HELLO, to_bytes(1, GetInfo()))

        assert [type((await local.receive() or (0, None))[1]) for _ in range(2)] == [Hello, Info]
        nursery.cancel_scope.cancel()


async def _until_let_in(served: Served) -> Message:
    """Try again and again: the server hears a moment later that somebody has left."""
    while True:
        client = await served.connect()
        await client.send(HELLO)
        received = await client.receive()
        assert received is not None
        if not isinstance(received[1], Error):
            return received[1]


async def test_a_thousand_requests_at_once_are_all_answered_in_order(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await served.connect()
        requests = b"".join(to_bytes(number, GetStatus()) for number in range(1, 1001))
        answered: list[int] = []

        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.send, HELLO, requests)
            await client.receive()
            while len(answered) < 1000:
                received = await client.receive()
                assert received is not None
                answered += [received[0]] if isinstance(received[1], End) else []

    assert answered == list(range(1, 1001))


async def test_an_unknown_request_is_refused_and_the_next_one_answered(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await served.connect()
        await client.send(HELLO, pack(1, 0x7FFF, b"?"), to_bytes(2, GetInfo()))

        await client.receive()
        refused, answered = await client.receive(), await client.receive()

    assert refused is not None
    assert (refused[0], isinstance(refused[1], Error)) == (1, True)
    assert answered is not None
    assert (answered[0], isinstance(answered[1], Info)) == (2, True)


async def test_cancel_ends_a_tail_and_its_id_is_free_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        served.main_log.write(b"past")
        client = await served.connect()
        await client.send(HELLO, to_bytes(1, Tail(Channel.MAIN, follow=True)))
        await client.receive()
        past = await client.receive()
        served.main_log.write(b"news")
        news = await client.receive()

        await client.send(to_bytes(1, Cancel()))
        end = await client.receive()
        await client.send(to_bytes(1, GetInfo()))
        info = await client.receive()

        assert not served.main_log.followers
    assert (past, news, end) == ((1, Output(b"past")), (1, Output(b"news")), (1, End()))
    assert info is not None
    assert isinstance(info[1], Info)


async def test_a_client_that_will_ask_no_more_is_sent_the_end_of_what_it_follows(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as served:
        served.main_log.write(bytes(BIG))
        client = await served.connect()
        follow = Tail(Channel.MAIN, follow=True)
        await client.send(HELLO, to_bytes(1, follow), to_bytes(2, FollowEvents()))
        await client.send(to_bytes(3, Tail(Channel.MAIN, size=BIG)))
        await client.stream.send_eof()

        replies = []
        while (received := await client.receive()) is not None:
            replies.append(received)

        assert not served.main_log.followers
    parts = [one.data for number, one in replies if number == 3 and isinstance(one, Output)]
    assert len(b"".join(parts)) == BIG
    assert {number for number, one in replies if one == End()} == {1, 2, 3}


async def test_two_streams_and_requests_share_a_connection(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await served.connect()
        tail = Tail(Channel.MAIN, follow=True)
        await client.send(HELLO, to_bytes(1, FollowEvents()), to_bytes(2, tail))
        await client.send(to_bytes(3, GetInfo()))
        received = [await client.receive(), await client.receive()]
        served.main_log.write(b"a line")

        output = await client.receive()

    assert [one[0] for one in received if one] == [0, 3]
    assert output == (2, Output(b"a line"))


async def test_cancel_is_carried_out_when_a_connection_has_all_the_streams_it_may(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as served:
        last = connection.STREAMS + 2
        tail = Tail(Channel.MAIN, follow=True)
        client = await served.connect()
        await client.send(HELLO, *(to_bytes(number, tail) for number in range(1, last + 1)))
        await client.receive()

        await client.send(to_bytes(last, Cancel()))  # it waits for room
        waiting = await client.receive()
        await client.send(to_bytes(5, Cancel()))  # it makes room
        running = await client.receive()
        await _until(lambda: len(served.main_log.followers) == connection.STREAMS)
        served.main_log.write(b"news")
        told = {(await client.receive() or (0,))[0] for _ in range(connection.STREAMS)}

    assert (waiting, running) == ((last, End()), (5, End()))
    assert told == set(range(1, last)) - {5}


async def test_more_requests_than_can_be_kept_are_refused_and_the_connection_goes_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "REQUESTS", 2)
    async with serving(tmp_path) as served:
        tail = Tail(Channel.MAIN, follow=True)
        client = await served.connect()
        await client.send(HELLO, *(to_bytes(number, tail) for number in (1, 2, 3)))
        await client.receive()

        refused = await client.receive()
        await client.send(to_bytes(1, Cancel()))
        end = await client.receive()

    assert refused == (3, Error(Fault.BUSY, connection.TOO_MANY_REQUESTS))
    assert end == (1, End())


async def _until(predicate: Callable[[], bool]) -> None:
    while not predicate():
        await trio.lowlevel.checkpoint()


async def test_a_client_that_never_reads_is_cut_and_others_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "SEND_WITHIN", 0.05)
    async with serving(tmp_path) as served:
        served.main_log.write(bytes(BIG))
        deaf, other = await served.connect(), await served.connect()
        await deaf.send(HELLO, to_bytes(1, Tail(Channel.MAIN, size=BIG)))
        await other.send(HELLO, to_bytes(1, GetInfo()))
        await other.receive()
        answer = await other.receive()
        await _until(lambda: len(served.server._connections[served.listener.kind]) == 1)

        replies = await deaf.rest()

    assert answer is not None
    assert isinstance(answer[1], Info)
    assert sum(len(reply.data) for reply in replies if isinstance(reply, Output)) < BIG
    assert End() not in replies


async def test_a_client_that_goes_in_the_middle_of_an_answer_ends_alone(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        served.main_log.write(bytes(BIG))
        hasty, other = await served.connect(), await served.connect()
        await hasty.send(HELLO, to_bytes(1, Tail(Channel.MAIN, size=BIG)))
        await hasty.receive()
        await hasty.stream.aclose()
        await other.send(HELLO, to_bytes(1, GetInfo()))

        await other.receive()
        answer = await other.receive()

    assert answer is not None
    assert isinstance(answer[1], Info)
