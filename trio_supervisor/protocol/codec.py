"""Message bodies to bytes and back, driven by the declared type of each field.

A body is the fields of one message in the order of their declaration:

==================  =========================================================
bool                one byte, 0 or 1
int, IntEnum        eight bytes, signed, big-endian
float               eight bytes, IEEE 754 double, big-endian
str, bytes          length (u32), then the bytes; text is UTF-8
X | None            a bool that says whether an X follows
tuple[X, ...]       number of items (u32), then the items
a record            length (u32), then its fields
==================  =========================================================

A body, nested ones too, may end after any field: the rest take their defaults. Bytes after the
last known field are skipped. So fields can be appended, and only appended, for ever.
The types are read from their annotations as strings, which needs neither typing nor dataclasses.
"""

from __future__ import annotations

import sys
from enum import IntEnum
from struct import Struct, error
from types import SimpleNamespace

from trio_supervisor.errors import ProtocolError
from trio_supervisor.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Write = Callable[[bytearray, Any], None]
    Read = Callable[[bytes, int, int], tuple[Any, int]]

_INT = Struct("!q")
_FLOAT = Struct("!d")
_LENGTH = Struct("!I")


class Coder(SimpleNamespace):
    """How values of one type are written, and read from ``(body, start, end)``."""

    write: Write
    read: Read


def encode(message: Record) -> bytes:
    """Return the body of a message; ProtocolError for a number beyond 64 bits."""
    out = bytearray()
    try:
        _fields_of(type(message)).write(out, message)
    except error as problem:
        raise ProtocolError(f"no {type(message).__name__} can carry that: {problem}") from problem
    return bytes(out)


def decode(kind: type[Record], body: bytes) -> Any:
    """Return the message of class ``kind`` in a body; ProtocolError if it does not hold one."""
    try:
        message, _ = _fields_of(kind).read(body, 0, len(body))
    except (error, ValueError, IndexError) as problem:
        raise ProtocolError(f"not a {kind.__name__}: {problem}") from problem
    return message


def _write_bool(out: bytearray, value: bool) -> None:
    out.append(1 if value else 0)


def _read_bool(body: bytes, at: int, end: int) -> tuple[bool, int]:
    if at >= end:
        raise ValueError("it ends inside a field")
    if body[at] > 1:
        raise ValueError(f"{body[at]} is no bool")
    return body[at] == 1, at + 1


def _fixed(layout: Struct) -> Coder:
    pack, unpack_from, size = layout.pack, layout.unpack_from, layout.size

    def write(out: bytearray, value: float) -> None:
        out += pack(value)

    def read(body: bytes, at: int, end: int) -> tuple[Any, int]:
        after = at + size
        if after > end:
            raise ValueError("it ends inside a field")
        return unpack_from(body, at)[0], after

    return Coder(write=write, read=read)


_read_length: Read = _fixed(_LENGTH).read


def _write_bytes(out: bytearray, value: bytes) -> None:
    out += _LENGTH.pack(len(value))
    out += value


def _read_bytes(body: bytes, at: int, end: int) -> tuple[bytes, int]:
    start = at + _LENGTH.size
    if start > end:
        raise ValueError("it ends inside a field")
    after: int = start + _LENGTH.unpack_from(body, at)[0]
    if after > end:
        raise ValueError(f"a field of {after - start} bytes is announced, {end - start} are left")
    return body[start:after], after


def _write_text(out: bytearray, value: str) -> None:
    # a name from a command line may hold bytes that are no UTF-8: it will match nothing
    raw = value.encode("utf-8", "replace")
    out += _LENGTH.pack(len(raw)) + raw


def _read_text(body: bytes, at: int, end: int) -> tuple[str, int]:
    raw, after = _read_bytes(body, at, end)
    return raw.decode(), after


_LEAVES = {
    "bool": Coder(write=_write_bool, read=_read_bool),
    "int": _fixed(_INT),
    "float": _fixed(_FLOAT),
    "str": Coder(write=_write_text, read=_read_text),
    "bytes": Coder(write=_write_bytes, read=_read_bytes),
}


def _coder(annotation: str, module: str) -> Coder:
    """Return the coder of an annotation that stands in ``module``."""
    if annotation in _LEAVES:
        return _LEAVES[annotation]
    if annotation.endswith(" | None"):
        return _optional(_coder(annotation.removesuffix(" | None"), module))
    if annotation.startswith("tuple[") and annotation.endswith(", ...]"):
        return _sequence(_coder(annotation[6:-6], module))
    kind = getattr(sys.modules[module], annotation)
    if issubclass(kind, IntEnum):
        return _enumeration(kind)
    assert issubclass(kind, Record), f"{annotation} has no wire form"
    return _nested(kind)


def _optional(inner: Coder) -> Coder:
    def write(out: bytearray, value: Any) -> None:
        out.append(value is not None)
        if value is not None:
            inner.write(out, value)

    def read(body: bytes, at: int, end: int) -> tuple[Any, int]:
        present, at = _read_bool(body, at, end)
        return inner.read(body, at, end) if present else (None, at)

    return Coder(write=write, read=read)


def _sequence(item: Coder) -> Coder:
    def write(out: bytearray, values: tuple[Any, ...]) -> None:
        out += _LENGTH.pack(len(values))
        for value in values:
            item.write(out, value)

    def read(body: bytes, at: int, end: int) -> tuple[tuple[Any, ...], int]:
        count, at = _read_length(body, at, end)
        if count > end - at:  # an item has at least one byte: judge before anything is built
            raise ValueError(f"{count} items are announced, {end - at} bytes are left")
        values = []
        for _ in range(count):
            value, at = item.read(body, at, end)
            values.append(value)
        return tuple(values), at

    return Coder(write=write, read=read)


def _enumeration(kind: type[IntEnum]) -> Coder:
    inner = _LEAVES["int"]
    members = kind._value2member_map_  # as Kind(value) does, at a fifth of its price

    def read(body: bytes, at: int, end: int) -> tuple[Any, int]:
        number, at = inner.read(body, at, end)
        if number not in members:
            raise ValueError(f"{number} is no {kind.__name__}")
        return members[number], at

    return Coder(write=inner.write, read=read)


def _nested(kind: type[Record]) -> Coder:
    fields = _fields_of(kind)

    def write(out: bytearray, value: Record) -> None:
        start = len(out)
        out += b"\0\0\0\0"
        fields.write(out, value)
        _LENGTH.pack_into(out, start, len(out) - start - _LENGTH.size)

    def read(body: bytes, at: int, end: int) -> tuple[Any, int]:
        size, start = _read_length(body, at, end)
        after = start + size
        if after > end:
            raise ValueError(f"a record of {size} bytes is announced, {end - start} are left")
        value, _ = fields.read(body, start, after)
        return value, after

    return Coder(write=write, read=read)


_cache: dict[type[Record], Coder] = {}


def _fields_of(kind: type[Record]) -> Coder:
    """Return the coder of a record's fields, without a length before them."""
    if kind not in _cache:
        coders = [
            (name, _coder(kind.__annotations__[name], kind.__module__)) for name in kind.FIELDS
        ]
        _cache[kind] = _record(kind, coders)
    return _cache[kind]


def _record(kind: type[Record], coders: list[tuple[str, Coder]]) -> Coder:
    writers = [(name, coder.write) for name, coder in coders]
    readers = [(name, coder.read) for name, coder in coders]

    def write(out: bytearray, value: Record) -> None:
        state = value.__dict__
        for name, write_field in writers:
            write_field(out, state[name])

    def read(body: bytes, at: int, end: int) -> tuple[Any, int]:
        state = dict(kind.DEFAULTS)
        for name, read_field in readers:
            if at == end:
                break
            state[name], at = read_field(body, at, end)
        if len(state) < len(kind.FIELDS):
            missing = next(name for name in kind.FIELDS if name not in state)
            raise ValueError(f"it ends before {missing}")
        return kind.build(state), end

    return Coder(write=write, read=read)
