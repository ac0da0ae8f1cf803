"""docs/protocol.md says what the code does: its tables and its example are checked here."""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from trio_supervisor.errors import Fault
from trio_supervisor.lifecycle import ProcessState, SupervisorState
from trio_supervisor.protocol import (
    REPLY_LIMIT,
    REQUEST_LIMIT,
    Deframer,
    from_frame,
    messages,
    to_bytes,
)
from trio_supervisor.protocol.messages import (
    MESSAGES,
    Action,
    AvailableProcess,
    Channel,
    End,
    EventKind,
    GetStatus,
    GroupChange,
    Hello,
    Member,
    Message,
    ProcessStatus,
    Statuses,
)

if TYPE_CHECKING:
    from trio_supervisor.record import Record

PAGE = (Path(__file__).parent.parent / "docs" / "protocol.md").read_text()
SECTIONS = dict(re.findall(r"^##+ (.+?)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
NESTED: list[type[Record]] = [Member, ProcessStatus, AvailableProcess, GroupChange]
ENUMERATIONS: list[type[IntEnum]] = [
    ProcessState,
    SupervisorState,
    Action,
    Channel,
    EventKind,
]


def rows(section: str) -> list[list[str]]:
    """Return the cells of the table in a section, without its head."""
    lines = [line for line in SECTIONS[section].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def type_in_words(annotation: str) -> str:
    if annotation.endswith(" | None"):
        return "optional " + annotation.removesuffix(" | None")
    if annotation.startswith("tuple["):
        return "list of " + annotation.removeprefix("tuple[").removesuffix(", ...]")
    return annotation


def default_in_words(kind: type[Record], name: str) -> str:
    if name not in kind.DEFAULTS:
        return ""
    match kind.DEFAULTS[name]:
        case IntEnum() as member:
            return member.name
        case None | bool() as value:
            return str(value).lower()
        case str(text):
            return f'"{text}"'
        case ():
            return "empty"
        case value:
            return str(value)


def fields_in_words(kind: type[Record]) -> list[list[str]]:
    return [
        [name, type_in_words(kind.__annotations__[name]), default_in_words(kind, name)]
        for name in kind.FIELDS
    ]


def test_the_table_of_codes_is_complete() -> None:
    listed = {row[0]: row[1] for row in rows("7. Codes")}

    assert listed == {f"0x{code:04x}": kind.__name__ for code, kind in MESSAGES.items()}


def test_answers_are_messages() -> None:
    names = {kind.__name__ for kind in MESSAGES.values()}
    for _, message, origin, answer in rows("7. Codes"):
        words = {word.removesuffix("s") for word in re.findall(r"[A-Z]\w+", answer)}
        assert bool(answer) == ("C" in origin), message
        assert words <= {name.removesuffix("s") for name in names}, message


@pytest.mark.parametrize("kind", MESSAGES.values(), ids=lambda kind: kind.__name__)
def test_every_message_is_described(kind: type[Message]) -> None:
    section = f"0x{kind.code:04x} {kind.__name__}"

    assert [row[:3] for row in rows(section)] == fields_in_words(kind)
    assert ("No fields." in SECTIONS[section]) == (not kind.FIELDS)


@pytest.mark.parametrize("kind", NESTED, ids=lambda kind: kind.__name__)
def test_every_record_is_described(kind: type[Record]) -> None:
    assert [row[:3] for row in rows(f"record {kind.__name__}")] == fields_in_words(kind)


def test_no_section_describes_what_is_not_there() -> None:
    described = {name.split(" ", 1)[1] for name in SECTIONS if name.startswith(("0x", "record "))}

    known = [kind.__name__ for kind in (*MESSAGES.values(), *NESTED)]
    assert described == set(known)


@pytest.mark.parametrize("kind", ENUMERATIONS, ids=lambda kind: kind.__name__)
def test_every_enumeration_is_listed(kind: type[IntEnum]) -> None:
    listed = rows(f"enumeration {kind.__name__}")

    assert listed == [[str(member.value), member.name] for member in kind]


def test_every_enumeration_of_a_field_is_described() -> None:
    used = set()
    for kind in (*MESSAGES.values(), *NESTED):
        for annotation in kind.__annotations__.values():
            named: Any = getattr(messages, annotation.removesuffix(" | None"), None)
            if isinstance(named, type) and issubclass(named, IntEnum):
                used.add(named)

    assert used == {Fault, *ENUMERATIONS}


def test_every_fault_is_listed() -> None:
    listed = [row[:2] for row in rows("6. Faults")]

    assert listed == [[str(fault.value), fault.name] for fault in Fault]


def test_limits_are_those_of_the_code() -> None:
    limits = {row[0]: row[1] for row in rows("5. Limits")}

    assert limits["body of a frame to the daemon"] == f"{REQUEST_LIMIT} bytes"
    assert limits["body of a frame to the client"] == f"{REPLY_LIMIT} bytes"


# ── the example ──────────────────────────────────────────────────────────────────────────────

ROW = ProcessStatus(
    group="web",
    name="web",
    state=ProcessState.RUNNING,
    description="pid 3449, uptime 0:00:15",
    pid=3449,
    wanted=True,
    started=1795343195.0,
    spawns=1,
    ready=True,
)
EXAMPLE: list[list[tuple[int, Message]]] = [
    [(0, Hello(1, 5, "demo")), (1, GetStatus(("web",)))],
    [(0, Hello(1, 5, "trio-supervisor 0.1")), (1, Statuses((ROW,))), (1, End())],
]


def example_bytes(number: int) -> bytes:
    block = re.findall(r"```hex\n(.*?)```", PAGE, re.DOTALL)[number]
    return bytes.fromhex(" ".join(line.split(";")[0] for line in block.splitlines()))


@pytest.mark.parametrize("number", [0, 1], ids=["client", "daemon"])
def test_the_example_is_decoded(number: int) -> None:
    frames = Deframer(REPLY_LIMIT).feed(example_bytes(number))

    assert [(frame.request, from_frame(frame)) for frame in frames] == EXAMPLE[number]


@pytest.mark.parametrize("number", [0, 1], ids=["client", "daemon"])
def test_the_example_is_what_the_code_writes(number: int) -> None:
    written = b"".join(to_bytes(request, message) for request, message in EXAMPLE[number])

    assert written == example_bytes(number)
