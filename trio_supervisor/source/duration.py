"""How long: seconds, or numbers with units, in configurations and on command lines."""

from __future__ import annotations

import math

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str) -> float:
    """Return the seconds of ``90``, ``1.5``, ``500ms`` or ``1h30m``; ValueError for others."""
    try:
        found = float(text)
    except ValueError:
        found = _with_units(text.replace(" ", ""))
    if not 0 <= found < math.inf:
        raise ValueError(f"{text!r} is not how long something takes")
    return found


def _with_units(text: str) -> float:
    total = 0.0 if text else -1.0
    while text:
        rest = text.lstrip("0123456789.")
        number, text = text[: len(text) - len(rest)], rest.lstrip("mshd")
        unit = rest[: len(rest) - len(text)]
        if unit not in _UNITS:
            raise ValueError(f"{unit!r} is no unit of time")
        total += float(number) * _UNITS[unit]
    return total
