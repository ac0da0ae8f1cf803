"""Bodies: messages survive the way there and back, between versions too; nonsense is refused."""

from __future__ import annotations

import tracemalloc
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import body_of, counted, fields_of
from strategies import ALL_MESSAGES, messages, of_record

from trio_supervisor.errors import ProtocolError
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol import Frame, from_frame
from trio_supervisor.protocol.codec import decode, encode
from trio_supervisor.protocol.messages import (
    Available,
    AvailableProcess,
    Changes,
    Error,
    GetStatus,
    GroupChange,
    Info,
    Output,
    ProcessStatus,
    Start,
    Statuses,
    Tail,
)

if TYPE_CHECKING:
    from trio_supervisor.record import Record

EVERY_KIND: list[type[Record]] = [*ALL_MESSAGES, ProcessStatus, AvailableProcess, GroupChange]


def whole_fields(message: Record) -> list[int]:
    """Return the length of a body that holds the first 0, 1, 2, … fields."""
    return list(accumulate(map(len, fields_of(message)), initial=0))


@given(messages())
def test_every_message_has_the_bytes_of_the_specification(message: Record) -> None:
    assert encode(message) == body_of(message)


@given(messages())
def test_every_message_survives_the_way_there_and_back(message: Record) -> None:
    assert decode(type(message), encode(message)) == message


@given(messages())
def test_equal_messages_have_one_body(message: Record) -> None:
    assert encode(decode(type(message), encode(message))) == encode(message)


def test_decoded_numbers_are_members_of_their_enumeration() -> None:
    status = decode(ProcessStatus, encode(ProcessStatus("g", "n", ProcessState.FATAL)))

    assert status.state is ProcessState.FATAL


# ── older and newer peers ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: kind.__name__)
@settings(max_examples=20)
@given(data=st.data())
def test_a_body_of_an_older_peer_ends_early_and_defaults_fill_it(
    kind: type[Record], data: st.DataObject
) -> None:
    message = data.draw(of_record(kind))
    body = encode(message)

    for count, length in enumerate(whole_fields(message)):
        left_out = kind.FIELDS[count:]
        if kind.DEFAULTS.keys() >= set(left_out):
            defaults = {name: kind.DEFAULTS[name] for name in left_out}
            assert decode(kind, body[:length]) == message.replace(**defaults)
        else:
            with pytest.raises(ProtocolError, match=f"not a {kind.__name__}: it ends before"):
                decode(kind, body[:length])


@pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: kind.__name__)
@settings(max_examples=10)
@given(data=st.data())
def test_a_cut_inside_a_field_is_refused(kind: type[Record], data: st.DataObject) -> None:
    message = data.draw(of_record(kind))
    body = encode(message)

    for length in set(range(len(body))).difference(whole_fields(message)):
        with pytest.raises(ProtocolError, match=f"not a {kind.__name__}: "):
            decode(kind, body[:length])


@given(messages(), st.binary(min_size=1, max_size=20))
def test_the_surplus_of_a_newer_peer_is_skipped_in_every_record(
    message: Record, surplus: bytes
) -> None:
    assert decode(type(message), body_of(message, surplus)) == message


@settings(max_examples=20)
@given(st.lists(of_record(ProcessStatus), min_size=1, max_size=3))
def test_rows_of_an_older_peer_take_the_defaults(rows: list[ProcessStatus]) -> None:
    short = b""
    for row in rows:
        short += counted(encode(row)[: whole_fields(row)[3]])
    body = len(rows).to_bytes(4, "big") + short

    expected = tuple(ProcessStatus(row.group, row.name, row.state) for row in rows)
    assert decode(Statuses, body) == Statuses(expected)


# ── nonsense ─────────────────────────────────────────────────────────────────────────────────


@given(st.sampled_from(EVERY_KIND), st.binary(max_size=300))
def test_arbitrary_bytes_are_a_message_or_a_protocol_error(kind: type[Record], body: bytes) -> None:
    try:
        message = decode(kind, body)
    except ProtocolError:
        pass
    else:
        assert type(message) is kind


@given(messages(), st.data())
def test_a_damaged_body_is_a_message_or_a_protocol_error(
    message: Record, data: st.DataObject
) -> None:
    body = bytearray(encode(message) or b"\0")
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))

    try:
        decode(type(message), bytes(body))
    except ProtocolError:
        pass


@given(st.integers(0, 0xFFFF), st.binary(max_size=100))
def test_a_frame_with_any_code_is_a_message_or_a_protocol_error(code: int, body: bytes) -> None:
    try:
        message = from_frame(Frame(1, code, body))
    except ProtocolError:
        pass
    else:
        assert message.code == code


@pytest.mark.parametrize(
    ("kind", "body", "complaint"),
    [
        (Error, b"\0\0\0\0\0\0\0\x05", "5 is no Fault"),
        (Start, b"\0\0\0\0\x02", "2 is no bool"),
        (Start, b"\0\0\0\x01\0\0\0\x01\xff", "can't decode byte 0xff"),
        (Start, b"\0\0\0\x09\0\0\0\0", "9 items are announced, 4 bytes are left"),
        (Output, b"\0\0\0\x09abc", "a field of 9 bytes is announced, 3 are left"),
        (Output, b"\0\0", "it ends inside a field"),
        (Statuses, b"\0\0\0\x01\0\0\0\x09abc", "a record of 9 bytes is announced, 3 are left"),
        (Statuses, b"\0\0\0\x01\0\0\0\0", "it ends before group"),
        (Statuses, b"", "it ends before processes"),
    ],
)
def test_the_complaint_says_what_is_wrong(kind: type[Record], body: bytes, complaint: str) -> None:
    with pytest.raises(ProtocolError, match=f"not a {kind.__name__}: .*{complaint}"):
        decode(kind, body)


def test_a_field_cannot_reach_beyond_its_record() -> None:
    row = b"\0\0\0\x05" + b"\0\0\0\x02a"  # the text goes on in the bytes after the record
    body = b"\0\0\0\x01" + row + b"b" * 40

    with pytest.raises(ProtocolError, match="a field of 2 bytes is announced, 1 are left"):
        decode(Statuses, body)


@pytest.mark.parametrize("kind", [GetStatus, Statuses, Available, Changes, Output, Start, Info])
def test_announced_counts_and_lengths_cost_no_memory(kind: type[Record]) -> None:
    body = b"\xff\xff\xff\xff" + bytes(100)
    with pytest.raises(ProtocolError):
        decode(kind, body)  # builds the coder: not what is measured

    tracemalloc.start()
    with pytest.raises(ProtocolError):
        decode(kind, body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 50_000


def test_a_number_beyond_64_bits_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ProtocolError, match="no Tail can carry that"):
        encode(Tail(channel=0, size=2**63))  # type: ignore[arg-type]  # an int is enough here


def test_text_that_is_no_unicode_travels_with_marks() -> None:
    body = encode(Start(("a\udcff",)))

    assert decode(Start, body).targets == ("a?",)
