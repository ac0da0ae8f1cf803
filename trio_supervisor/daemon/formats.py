"""What a log makes of a program's output: lines, each with its origin."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import msgspec

from trio_supervisor.console.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_supervisor.daemon.logfile import Sink

LONGEST_LINE = 64 * 1024
"""Bytes of an unfinished line that are held back for its end."""


class LineSink(Protocol):
    """A sink that may hold something back for the rest of it."""

    def write(self, data: bytes | memoryview) -> None:
        """Take bytes, as `Sink` does."""

    def finish_line(self) -> None:
        """Take note that the rest will not come."""


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
