"""The screen of a program: the last of its output, in the modes in which it was shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trio_supervisor.console.modes import Modes
from trio_supervisor.daemon.terminal import REMEMBERED, Screen

FULL_SCREEN = b"\x1b[?1049h\x1b[?25l\x1b[?1000h\x1b="
ENTRY = b"\x1b[?1049h\x1b[?25l\x1b[?1000h\x1b="
PIECES = (
    FULL_SCREEN,
    b"\x1b[?1049l\x1b[?25h",
    b"\x1b[?2004h",
    b"\x1b[?2004l",
    b"\x1b[31mred\r\n",
    b"x" * (REMEMBERED // 2),
    b"y\n" * (REMEMBERED // 3),
)


def shown(screen: Screen, size: int) -> bytes:
    """Return what somebody who attaches is sent."""
    return b"".join(screen.tail(size, 1000))


def modes_after(output: bytes) -> bytes:
    modes = Modes()
    modes.feed(output)
    return modes.entry


def test_modes_that_were_switched_on_long_ago_come_first() -> None:
    screen = Screen()
    screen.write(FULL_SCREEN)
    for _ in range(20):
        screen.write(b"\x1b[H" + b"z" * (REMEMBERED // 2))

    assert shown(screen, 100) == ENTRY + b"z" * 100
    assert shown(screen, 0) == ENTRY


def test_modes_come_where_they_were_switched_on_if_that_is_shown() -> None:
    screen = Screen()
    screen.write(b"$ vim\r\n" + FULL_SCREEN + b"text")

    assert shown(screen, 1000) == b"$ vim\r\n" + FULL_SCREEN + b"text"


def test_no_sequence_is_shown_from_its_middle() -> None:
    screen = Screen()
    screen.write(FULL_SCREEN)

    assert shown(screen, len(FULL_SCREEN) - 5) == FULL_SCREEN


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.integers(0, 3 * REMEMBERED))
def test_who_attaches_is_in_the_modes_of_the_program(pieces: list[bytes], size: int) -> None:
    screen = Screen()
    for piece in pieces:
        screen.write(piece)

    assert modes_after(shown(screen, size)) == modes_after(b"".join(pieces))
