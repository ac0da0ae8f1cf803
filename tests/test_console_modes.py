"""Modes of a terminal: known wherever output is cut, entered and left again."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_supervisor.console.modes import Modes

PIECES = (
    b"\x1b[?1049h",
    b"\x1b[?1049l",
    b"\x1b[?25l",
    b"\x1b[?25h",
    b"\x1b[?1000;2004h",
    b"\x1b[?1000l",
    b"\x1b[?1h\x1b=",
    b"\x1b[?1l\x1b>",
    b"\x1b[!p",
    b"\x1bc",
    b"\x1b[31mtext\r\n",
    b"\x1b",
    b"[?7l",
)
outputs = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)


def after(*pieces: bytes) -> Modes:
    """Return the modes of a terminal that was sent some pieces."""
    modes = Modes()
    for piece in pieces:
        modes.feed(piece)
    return modes


@pytest.mark.parametrize(
    ("output", "entry", "leave"),
    [
        (b"text\n\x1b[31mred", b"", b""),
        (b"\x1b[?25l\x1b[?1049h", b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"),
        (b"\x1b[?1049h\x1b[?1049l\x1b[?12h", b"", b""),
        (b"\x1b[?2004;1000h\x1b=", b"\x1b[?1000h\x1b[?2004h\x1b=", b"\x1b[?2004l\x1b[?1000l\x1b>"),
        (b"\x1b[?1049h\x1b[?1h\x1b=\x1b[!p", b"\x1b[?1049h", b"\x1b[?1049l"),
        (b"\x1b[?1049h\x1b=\x1bc", b"", b""),
    ],
)
def test_modes_are_entered_and_left(output: bytes, entry: bytes, leave: bytes) -> None:
    modes = after(output)

    assert (modes.entry, modes.exit) == (entry, leave)


@given(outputs, st.lists(st.integers(0, 60)))
def test_output_may_be_cut_anywhere(output: bytes, cuts: list[int]) -> None:
    places = sorted({0, *(min(cut, len(output)) for cut in cuts), len(output)})

    pieces = [output[begin:end] for begin, end in pairwise(places)]

    assert after(*pieces).entry == after(output).entry


@given(outputs)
def test_a_terminal_that_was_brought_into_the_modes_is_in_them(output: bytes) -> None:
    modes = after(output)

    assert after(modes.entry).entry == modes.entry
    assert after(modes.entry, modes.exit).entry == b""


@given(outputs, outputs)
def test_a_copy_goes_its_own_way(before: bytes, then: bytes) -> None:
    modes = after(before)
    copy = modes.copy()

    copy.feed(then)

    assert copy.entry == after(before + then).entry
    assert modes.entry == after(before).entry
