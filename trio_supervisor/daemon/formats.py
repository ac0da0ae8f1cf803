"""What a log makes of a program's output: without ANSI sequences, each line with its origin."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Protocol

import msgspec

from trio_supervisor.daemon.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trio_supervisor.daemon.logfile import Sink

LONGEST_LINE = 64 * 1024
"""Bytes of an unfinished line that are held back for its end."""
LONGEST_SEQUENCE = 256
"""Bytes of an unfinished ANSI sequence that are held back; more than that is none."""

_SIGNS = (b"\x1b", b"\x0e")
"""What hardly any output has: then there is nothing to look for."""
# ECMA-48: control sequences (CSI), strings (OSC, DCS, SOS, PM, APC), and escapes of two and more
_SEQUENCE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]"
    rb"|\][^\x07\x1b]*(?:\x07|\x1b\\)"
    rb"|[PX^_][^\x1b]*\x1b\\"
    rb"|[ -/]+[0-~]"
    rb"|[0-OQ-WYZ\\`-~])"
)
_UNFINISHED = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|[PX^_][^\x1b]*\x1b?|[ -/]*)\Z"
)


def without_ansi(data: bytes) -> bytes:
    """Return bytes without the ANSI sequences that are complete."""
    return _SEQUENCE.sub(b"", data)


def only_colours(data: bytes) -> bytes:
    """Return bytes without the complete ANSI sequences that do more than colour text.

    And without SO, which makes letters into graphics from then on.
    """
    return _SEQUENCE.sub(_colour, data).replace(b"\x0e", b"")


def _colour(match: re.Match[bytes]) -> bytes:
    sequence = match[0]
    return sequence if sequence.startswith(b"\x1b[") and sequence.endswith(b"m") else b""


class LineSink(Protocol):
    """A sink that may hold something back for the rest of it."""

    def write(self, data: bytes | memoryview) -> None:
        """Take bytes, as `Sink` does."""

    def finish_line(self) -> None:
        """Take note that the rest will not come."""


class Stripped:
    """Passes everything on but ANSI sequences, also those that come in pieces."""

    def __init__(
        self, sinks: Iterable[Sink], strip: Callable[[bytes], bytes] = without_ansi
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


class Formatted:
    """Passes whole lines on, as a shape makes them."""

    def __init__(self, sink: Sink, shape: Callable[[bytes], bytes]) -> None:
        """``shape`` is given one line or several, with their ends."""
        self._sink = sink
        self._shape = shape
        self._lines = Lines(LONGEST_LINE)

    def write(self, data: bytes | memoryview) -> None:
        """Pass on the whole lines there are now."""
        self._pass_on(self._lines.take(data))

    def finish_line(self) -> None:
        """Pass on what has no end as a line."""
        self._pass_on(self._lines.rest())

    def _pass_on(self, lines: bytes) -> None:
        if lines:
            self._sink.write(self._shape(lines))


def prefixed(name: str) -> Callable[[bytes], bytes]:
    """Put time and name before each line: ``2026-11-22 10:16:40,325 web | text``."""

    def shape(lines: bytes) -> bytes:
        now = time.time()
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        prefix = f"{moment},{_milliseconds(now)} {name} | ".encode()
        return prefix + lines[:-1].replace(b"\n", b"\n" + prefix) + b"\n"

    return shape


def as_json(group: str, name: str, channel: str) -> Callable[[bytes], bytes]:
    """Make each line an object; bytes that are no UTF-8 are written as ``\\xff``."""
    encode = msgspec.json.Encoder().encode

    def shape(lines: bytes) -> bytes:
        now = time.time()
        moment, zone = time.strftime("%Y-%m-%dT%H:%M:%S %z", time.localtime(now)).split()
        stamp = f"{moment}.{_milliseconds(now)}{zone[:3]}:{zone[3:]}"
        origin = {"time": stamp, "group": group, "name": name, "channel": channel}
        texts = lines[:-1].decode(errors="backslashreplace").split("\n")
        return b"".join(encode({**origin, "text": text}) + b"\n" for text in texts)

    return shape


def _milliseconds(moment: float) -> str:
    return f"{int(moment % 1 * 1000):03d}"
