"""What is between the marks is told, all else is passed on, however it comes in pieces."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from trio_supervisor.daemon.capture import BEGIN, END, Capture


class Kept:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes | memoryview) -> None:
        """Keep it."""
        self.data += bytes(data)


def captured(data: bytes, *cuts: int, limit: int = 1000) -> tuple[bytes, list[bytes]]:
    """Return what is passed on and what is told of data that comes in pieces."""
    kept, told = Kept(), list[bytes]()
    capture = Capture([kept], limit, told.append)
    places = sorted({0, *cuts, len(data)})
    for start, end in itertools.pairwise(places):
        capture.write(memoryview(data)[start:end])
    capture.finish_line()
    return kept.data, told


plain = st.lists(st.sampled_from([b"a\n", b"<", b"<!--", b"\xff", BEGIN[:-1], END[:9]])).map(
    b"".join
)
messages = st.lists(st.tuples(plain, plain), max_size=4)


@given(messages, plain, st.lists(st.integers(0, 400), max_size=20))
def test_messages_are_told_and_the_rest_is_passed_on(
    messages: list[tuple[bytes, bytes]], last: bytes, cuts: list[int]
) -> None:
    # a mark between text that may itself end like the beginning of one
    text = b"".join(before + b"\n" + BEGIN + inside + b"\n" + END for before, inside in messages)
    data = text + last

    found = captured(data, *(cut for cut in cuts if cut < len(data)))

    outside = b"".join(before + b"\n" for before, _ in messages) + last
    assert found == (outside, [inside + b"\n" for _, inside in messages])


def test_the_newest_of_a_long_message_is_kept() -> None:
    assert captured(BEGIN + b"0123456789" + END, limit=4) == (b"", [b"6789"])


def test_a_message_without_end_is_no_message() -> None:
    assert captured(b"one " + BEGIN + b"two <!--X") == (b"one " + BEGIN + b"two <!--X", [])


def test_an_end_without_beginning_is_text() -> None:
    assert captured(b"one" + END) == (b"one" + END, [])
