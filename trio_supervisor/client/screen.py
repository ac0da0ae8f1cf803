"""How wide the terminal is, and text that fits it. What goes into a pipe is never cut."""

from __future__ import annotations

import os
import sys

ELLIPSIS = "…"


def terminal_width() -> int | None:
    """Return how many columns stdout has; None when it is no terminal, or nobody knows."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


def cut(text: str, width: int, ellipsis_: str = ELLIPSIS) -> str:
    """Return a text, or of one that is too long the beginning and a sign that there is more."""
    return text if len(text) <= width else text[: max(0, width - 1)] + ellipsis_


def room_for_names(width: int, rest: int) -> int:
    """Return how long names may be beside ``rest`` columns: a third of the width, at the least."""
    return max(width // 3, width - rest)
