"""Hypothesis strategies for protocol records, derived from the declared type of each field.

They read the annotations by themselves, not through the codec: a codec that misread one would
otherwise agree with itself.
"""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from trio_supervisor.protocol.messages import MESSAGES, Message

if TYPE_CHECKING:
    from trio_supervisor.record import Record

ALL_MESSAGES = sorted(MESSAGES.values(), key=lambda kind: kind.code)

_LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False),
    "str": st.text(max_size=20),
    "bytes": st.binary(max_size=40),
}


def of_record(kind: type[Record]) -> st.SearchStrategy[Any]:
    """Build records of one class."""
    module = kind.__module__
    fields = {name: _of_type(kind.__annotations__[name], module) for name in kind.FIELDS}
    return st.builds(kind, **fields)


def messages() -> st.SearchStrategy[Message]:
    """Build messages of every class."""
    return st.sampled_from(ALL_MESSAGES).flatmap(of_record)


def _of_type(annotation: str, module: str) -> st.SearchStrategy[Any]:
    if annotation in _LEAVES:
        return _LEAVES[annotation]
    if annotation.endswith(" | None"):
        return st.none() | _of_type(annotation.removesuffix(" | None"), module)
    if annotation.startswith("tuple["):
        item = annotation.removeprefix("tuple[").removesuffix(", ...]")
        return st.lists(_of_type(item, module), max_size=3).map(tuple)
    kind = getattr(sys.modules[module], annotation)
    return st.sampled_from(kind) if issubclass(kind, IntEnum) else of_record(kind)
