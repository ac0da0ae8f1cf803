"""ANSI sequences in what programs write: taken out, or all but the colours, wherever it is cut."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    class Taker(Protocol):
        """Takes what is left."""

        def write(self, data: bytes | memoryview) -> None:
            """Take bytes."""


LONGEST_SEQUENCE = 256
"""Bytes of an unfinished ANSI sequence that are held back; more than that is none."""

_SIGNS = (b"\x1b", b"\x0e", b"\xc2")
"""What hardly any output has: then there is nothing to look for."""
# SO makes letters into graphics; C1 in UTF-8 (U+0080 to U+009F) are short for escapes
_CONTROL = re.compile(rb"\x0e|\xc2[\x80-\x9f]")
# ECMA-48: control sequences (CSI), strings (OSC, DCS, SOS, PM, APC), and escapes of two and more
_SEQUENCE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]"
    rb"|\][^\x07\x1b]*(?:\x07|\x1b\\)"
    rb"|[PX^_][^\x1b]*\x1b\\"
    rb"|[ -/]+[0-~]"
    rb"|[0-OQ-WYZ\\`-~])"
)
_UNFINISHED = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|[PX^_][^\x1b]*\x1b?|[ -/]*)\Z|\xc2\Z"
)


def without_ansi(data: bytes) -> bytes:
    """Return bytes without the ANSI sequences that are complete."""
    return _SEQUENCE.sub(b"", data)


def only_colours(data: bytes) -> bytes:
    """Return bytes without the complete ANSI sequences that do more than colour text.

    And without the single controls that do.
    """
    return _CONTROL.sub(b"", _SEQUENCE.sub(_colour, data))


def _colour(match: re.Match[bytes]) -> bytes:
    sequence = match[0]
    return sequence if sequence.startswith(b"\x1b[") and sequence.endswith(b"m") else b""


class Stripped:
    """Passes everything on but ANSI sequences, also those that come in pieces."""

    def __init__(
        self, sinks: Iterable[Taker], strip: Callable[[bytes], bytes] = without_ansi
    ) -> None:
        self._sinks = tuple(sinks)
        self._strip = strip
        self._held = b""

    def write(self, data: bytes | memoryview) -> None:
        """Pass on what is text."""
        text = bytes(data)
        if self._held or any(sign in text for sign in _SIGNS):
            text = self._strip(self._held + text)
            unfinished = _UNFINISHED.search(text, max(0, len(text) - LONGEST_SEQUENCE))
            self._held = unfinished[0] if unfinished else b""
            text = text[: len(text) - len(self._held)]
        for sink in self._sinks if text else ():
            sink.write(text)

    def finish_line(self) -> None:
        """Forget a sequence that has no end."""
        self._held = b""
