"""Messages on the wire: one pinned literal for each, and the table of codes that are used up.

A literal is frame length, request id (7), code and the fields, in hex. One that has to change
is a broken protocol: append a field instead, or take a new code.
"""

from __future__ import annotations

import pytest

from trio_supervisor.errors import Fault, ProtocolError
from trio_supervisor.lifecycle import ProcessState, SupervisorState
from trio_supervisor.protocol import REPLY_LIMIT, Deframer, Frame, from_frame, to_bytes
from trio_supervisor.protocol.messages import (
    MESSAGES,
    Action,
    Add,
    Available,
    AvailableProcess,
    Cancel,
    Changes,
    Channel,
    Clear,
    Done,
    End,
    Error,
    Event,
    EventKind,
    FollowEvents,
    GetAvailable,
    GetInfo,
    GetLogs,
    GetStatus,
    GroupChange,
    Hello,
    Info,
    Kill,
    LogPart,
    Member,
    Message,
    Outcome,
    Output,
    ProcessStatus,
    Reload,
    Remove,
    Reopen,
    Reread,
    Resize,
    Restart,
    Rotate,
    Shutdown,
    Signal,
    Start,
    Statuses,
    Stop,
    Strays,
    Tail,
    Update,
    Wait,
    Write,
)

_S = ProcessState

USED_CODES = {
    0x0001: Hello,
    0x0002: Error,
    0x0003: Cancel,
    0x0004: End,
    0x0005: Done,
    0x0010: GetInfo,
    0x0011: Info,
    0x0012: GetStatus,
    0x0013: Statuses,
    0x0014: GetAvailable,
    0x0015: Available,
    0x0016: Strays,
    0x0020: Outcome,
    0x0021: Start,
    0x0022: Stop,
    0x0023: Restart,
    0x0024: Signal,
    0x0025: Clear,
    0x0026: Kill,
    0x0027: Rotate,
    0x0028: Reopen,
    0x0029: Write,
    0x002A: Resize,
    0x002B: Wait,
    0x0030: Reread,
    0x0031: Changes,
    0x0032: Update,
    0x0033: Add,
    0x0034: Remove,
    0x0035: Reload,
    0x0036: Shutdown,
    0x0040: Tail,
    0x0041: Output,
    0x0042: FollowEvents,
    0x0043: Event,
    0x0044: GetLogs,
    0x0045: LogPart,
}
"""Codes are for good: a row may be added, none may change or go."""

MEMBER = Member(7, "a")
ROW = ProcessStatus(
    *("g", "n", _S.RUNNING, "pid 7", 7, True, 1.5, None, -9, "", 2, True, "/o", "", (MEMBER,), 3),
    *(True, "healthy"),
)

PINNED: list[tuple[Message, str]] = [
    (
        Hello(1, 0, "ctl", "amy", "pw"),
        (
            "00000024 00000007 0001 0000000000000001 0000000000000000 0000000363746c "
            "00000003616d79 000000027077"
        ),
    ),
    (Error(Fault.BAD_NAME, "web"), "0000000f 00000007 0002 000000000000000a 00000003776562"),
    (Cancel(), "00000000 00000007 0003"),
    (End(), "00000000 00000007 0004"),
    (Done(), "00000000 00000007 0005"),
    (GetInfo(), "00000000 00000007 0010"),
    (
        Info("1.2", "sv", SupervisorState.SHUTDOWN, 5, 6, "/c", "b"),
        (
            "00000030 00000007 0011 00000003312e32 000000027376 ffffffffffffffff "
            "0000000000000005 0000000000000006 000000022f63 "
            "00000001 62"
        ),
    ),
    (GetStatus(("web", "g:*")), "00000013 00000007 0012 000000020000000377656200000003673a2a00"),
    (
        Statuses((ROW,)),
        (
            "00000080 00000007 0013 "
            "00000001000000780000000167000000016e0000000000000014000000057069 "
            "64203701000000000000000701013ff80000000000000001fffffffffffffff7 "
            "00000000000000000000000201000000022f6f00000000 00000001 0000000d 0000000000000007 "
            "00000001 61 0000000000000003 01 00000007 6865616c746879"
        ),
    ),
    (
        Strays((MEMBER,)),
        "00000015 00000007 0016 00000001 0000000d 0000000000000007 00000001 61",
    ),
    (Kill(("g:n",)), "0000000c 00000007 0026 0000000100000003673a6e 01"),
    (GetAvailable(), "00000000 00000007 0014"),
    (
        Available((AvailableProcess("g", "n", True, False, 999, -1, program="p", chosen=True),)),
        (
            "0000002f 00000007 0015 "
            "00000001000000270000000167000000016e010000000000000003e7ffffffff ffffffff00000000"
            "00000001 70 0101"
        ),
    ),
    (
        Outcome(Action.STOPPED, "g", "n", Fault.NOT_RUNNING, "x"),
        (
            "0000001f 00000007 0020 0000000000000002 0000000167 000000016e 0000000000000046 "
            "0000000178"
        ),
    ),
    (Start(("all",), False), "0000000c 00000007 0021 0000000100000003616c6c 00"),
    (Stop(("web",)), "0000000c 00000007 0022 0000000100000003776562 01"),
    (Restart(("g:n",)), "0000000c 00000007 0023 0000000100000003673a6e 01"),
    (Signal("HUP", ("web",)), "00000012 00000007 0024 00000003485550 0000000100000003776562"),
    (Clear(("web",)), "0000000b 00000007 0025 0000000100000003776562"),
    (Rotate(("web",)), "0000000b 00000007 0027 0000000100000003776562"),
    (Reopen(("web",)), "0000000b 00000007 0028 0000000100000003776562"),
    (Write("web", b"hi"), "0000000d 00000007 0029 00000003776562 000000026869"),
    (
        Resize("web", 24, 80),
        "00000017 00000007 002a 00000003776562 0000000000000018 0000000000000050",
    ),
    (
        Wait(("web",), True, 1.5),
        "00000015 00000007 002b 0000000100000003776562 01 013ff8000000000000",
    ),
    (Reread(), "00000000 00000007 0030"),
    (
        Changes(("a",), (GroupChange("b", ("umask", "user")),), (), ("w",)),
        (
            "00000038 00000007 0031 000000010000000161 "
            "000000010000001a00000001620000000200000005756d61736b000000047573 6572 00000000 "
            "000000010000000177"
        ),
    ),
    (Update(("g",), True), "0000000a 00000007 0032 000000010000000167 01"),
    (Add(("g",)), "00000009 00000007 0033 000000010000000167"),
    (Remove(("g",)), "00000009 00000007 0034 000000010000000167"),
    (Reload(), "00000000 00000007 0035"),
    (Shutdown(True), "00000001 00000007 0036 01"),
    (
        Tail(Channel.STDERR, "web", 100, True),
        "00000018 00000007 0040 0000000000000002 00000003776562 0000000000000064 01",
    ),
    (Output(b"\xff\n", 258), "0000000e 00000007 0041 00000002ff0a 0000000000000102"),
    (
        GetLogs(("web",), 10, None, True, True),
        "00000017 00000007 0044 0000000100000003776562 01000000000000000a 00 01 01",
    ),
    (
        LogPart("g", "web", Channel.STDERR, 2.0, b"hi", 3),
        (
            "0000002b 00000007 0045 0000000167 00000003776562 0000000000000002 "
            "014000000000000000 000000026869 0000000000000003"
        ),
    ),
    (FollowEvents(True, True), "00000003 00000007 0042 010101"),
    (
        Event(
            9,
            EventKind.PROCESS,
            1.5,
            0.25,
            8,
            "g",
            "n",
            _S.STARTING,
            _S.RUNNING,
            77,
            "",
            2,
            1,
            True,
            b"x",
        ),
        (
            "00000068 00000007 0043 0000000000000009 0000000000000001 3ff8000000000000 "
            "3fd0000000000000 010000000000000008 0000000167 000000016e 01000000000000000a "
            "010000000000000014 01000000000000004d 00000000 0000000000000002 "
            "0000000000000001 01 0000000178"
        ),
    ),
]


def test_every_code_is_in_the_table_of_used_codes() -> None:
    assert MESSAGES == USED_CODES


def test_every_message_is_pinned() -> None:
    assert {type(message) for message, _ in PINNED} == set(USED_CODES.values())


@pytest.mark.parametrize(
    ("message", "literal"), PINNED, ids=[type(message).__name__ for message, _ in PINNED]
)
def test_a_message_has_its_pinned_bytes(message: Message, literal: str) -> None:
    assert to_bytes(7, message).hex() == literal.replace(" ", "")


@pytest.mark.parametrize(
    ("message", "literal"), PINNED, ids=[type(message).__name__ for message, _ in PINNED]
)
def test_pinned_bytes_are_read_as_their_message(message: Message, literal: str) -> None:
    (frame,) = Deframer(REPLY_LIMIT).feed(bytes.fromhex(literal))

    assert (frame.request, from_frame(frame)) == (7, message)


def test_an_unknown_code_is_an_unknown_method() -> None:
    with pytest.raises(ProtocolError, match="no message has the code 0xbeef") as caught:
        from_frame(Frame(1, 0xBEEF, b""))

    assert caught.value.fault is Fault.UNKNOWN_METHOD


def test_the_password_is_not_in_the_repr() -> None:
    assert "secret" not in repr(Hello(1, password="secret"))


def test_a_code_cannot_be_taken_twice() -> None:
    with pytest.raises(AssertionError, match="code 0x1 is taken by Hello"):
        type("Other", (Message,), {}, code=Hello.code)
