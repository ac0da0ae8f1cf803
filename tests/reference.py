"""The byte layout of docs/protocol.md once more, written without looking at the codec.

What the codec writes is compared with this, so that it cannot be wrong in both directions alike.
"""

from __future__ import annotations

import struct
import sys
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_supervisor.record import Record


def fields_of(record: Record, surplus: bytes = b"") -> list[bytes]:
    """Return the bytes of each field; ``surplus`` is appended to every nested record."""
    kind = type(record)
    return [
        _value(kind.__annotations__[name], kind.__module__, getattr(record, name), surplus)
        for name in kind.FIELDS
    ]


def body_of(record: Record, surplus: bytes = b"") -> bytes:
    """Return a whole body, with ``surplus`` at its end and at that of every nested record."""
    return b"".join(fields_of(record, surplus)) + surplus


def counted(data: bytes) -> bytes:
    """Return bytes with their length before them."""
    return struct.pack(">I", len(data)) + data


_LEAVES: dict[str, Callable[[Any], bytes]] = {
    "bool": lambda value: bytes([value]),
    "int": lambda value: struct.pack(">q", value),
    "float": lambda value: struct.pack(">d", value),
    "str": lambda value: counted(value.encode()),
    "bytes": counted,
}


def _value(annotation: str, module: str, value: Any, surplus: bytes) -> bytes:
    if annotation in _LEAVES:
        return _LEAVES[annotation](value)
    if annotation.endswith(" | None"):
        inner = annotation.removesuffix(" | None")
        return b"\0" if value is None else b"\1" + _value(inner, module, value, surplus)
    if annotation.startswith("tuple["):
        item = annotation.removeprefix("tuple[").removesuffix(", ...]")
        items = [_value(item, module, each, surplus) for each in value]
        return struct.pack(">I", len(items)) + b"".join(items)
    if issubclass(getattr(sys.modules[module], annotation), IntEnum):
        return struct.pack(">q", value)
    return counted(body_of(value, surplus))
