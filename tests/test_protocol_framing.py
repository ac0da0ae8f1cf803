"""Frames: however the bytes arrive, the same frames come out, and no length costs memory."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import messages

from trio_supervisor.errors import Fault, ProtocolError
from trio_supervisor.protocol import REPLY_LIMIT, REQUEST_LIMIT, Deframer, Frame, from_frame
from trio_supervisor.protocol.framing import HEADER, pack
from trio_supervisor.protocol.messages import Message, to_bytes

NUMBERED = st.lists(st.tuples(st.integers(0, 2**32 - 1), messages()), max_size=4)
FRAMES = st.lists(
    st.builds(
        Frame,
        request=st.integers(0, 2**32 - 1),
        code=st.integers(0, 2**16 - 1),
        body=st.binary(max_size=60),
    ),
    max_size=5,
)


def joined(frames: list[Frame]) -> bytes:
    return b"".join(pack(frame.request, frame.code, frame.body) for frame in frames)


@given(NUMBERED)
def test_messages_survive_a_stream(numbered: list[tuple[int, Message]]) -> None:
    stream = b"".join(to_bytes(request, message) for request, message in numbered)

    frames = Deframer(REPLY_LIMIT).feed(stream)

    assert [(frame.request, from_frame(frame)) for frame in frames] == numbered


@given(FRAMES)
def test_frames_survive_byte_by_byte(frames: list[Frame]) -> None:
    deframer = Deframer(REQUEST_LIMIT)

    found = [frame for byte in joined(frames) for frame in deframer.feed(bytes([byte]))]

    assert found == frames
    assert deframer.is_between_frames


@given(FRAMES, st.lists(st.integers(0, 400), max_size=8).map(sorted))
def test_frames_survive_any_cuts(frames: list[Frame], cuts: list[int]) -> None:
    stream, deframer = joined(frames), Deframer(REQUEST_LIMIT)

    found: list[Frame] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += deframer.feed(stream[start : max(start, end)])

    assert found == frames


@given(FRAMES, st.integers(0, 30), st.data())
def test_trailing_bytes_wait_for_the_rest(
    frames: list[Frame], size: int, data: st.DataObject
) -> None:
    last = pack(7, 8, bytes(size))
    cut = data.draw(st.integers(0, len(last) - 1))
    deframer = Deframer(REQUEST_LIMIT)

    assert list(deframer.feed(joined(frames) + last[:cut])) == frames
    assert deframer.is_between_frames == (cut == 0)
    assert list(deframer.feed(last[cut:])) == [Frame(7, 8, bytes(size))]


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_arbitrary_bytes_are_frames_or_one_protocol_error(chunks: list[bytes]) -> None:
    deframer = Deframer(REQUEST_LIMIT)

    try:
        frames = [frame for chunk in chunks for frame in deframer.feed(chunk)]
    except ProtocolError:
        pass
    else:
        assert b"".join(chunks).startswith(joined(frames))


def test_a_body_of_the_limit_is_taken() -> None:
    (frame,) = Deframer(100).feed(pack(1, 2, bytes(100)))

    assert len(frame.body) == 100


def test_the_limit_is_judged_on_the_header_alone() -> None:
    with pytest.raises(ProtocolError, match="a body of 101 bytes is announced; the limit is 100"):
        list(Deframer(100).feed(HEADER.pack(101, 1, 2)))


def test_nine_bytes_of_a_header_are_not_judged_yet() -> None:
    assert not list(Deframer(100).feed(HEADER.pack(101, 1, 2)[:9]))


def test_frames_before_one_that_is_too_large_are_given_first() -> None:
    frames = Deframer(10).feed(pack(1, 2, b"ok") + HEADER.pack(11, 1, 2))

    assert next(frames) == Frame(1, 2, b"ok")
    with pytest.raises(ProtocolError) as caught:
        next(frames)
    assert caught.value.fault is Fault.TOO_LARGE


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_a_request_line_of_http_is_no_frame(method: str) -> None:
    line = f"{method} /RPC2 HTTP/1.1\r\n".encode()

    with pytest.raises(ProtocolError) as caught:
        list(Deframer(REPLY_LIMIT).feed(line))

    assert caught.value.fault is Fault.TOO_LARGE
    assert HEADER.unpack_from(line)[0] > 2**30


def test_an_announced_length_costs_no_memory() -> None:
    deframer = Deframer(REPLY_LIMIT)
    header = HEADER.pack(REPLY_LIMIT, 1, 2)

    tracemalloc.start()
    assert not list(deframer.feed(header + b"a few bytes"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 50_000


def test_given_frames_are_not_kept() -> None:
    deframer = Deframer(REQUEST_LIMIT)
    chunk = pack(1, 2, bytes(REQUEST_LIMIT))

    tracemalloc.start()
    for _ in range(50):
        for _frame in deframer.feed(chunk):
            pass
    current, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert current < 4 * REQUEST_LIMIT
    assert deframer.is_between_frames
