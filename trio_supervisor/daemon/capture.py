"""What a process marks in its output for event listeners, taken out of what is logged.

The marks are those of supervisor's dispatchers.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trio_supervisor.daemon.logfile import Sink

BEGIN = b"<!--XSUPERVISOR:BEGIN-->"
END = b"<!--XSUPERVISOR:END-->"


class Capture:
    """Passes on what is outside the marks, and tells what is between them.

    Of that, the newest ``limit`` bytes are kept. What may be the beginning of a mark waits for
    its rest.
    """

    def __init__(self, sinks: Iterable[Sink], limit: int, tell: Callable[[bytes], None]) -> None:
        self._sinks = tuple(sinks)
        self._limit = limit
        self._tell = tell
        self._is_on = False
        self._captured = bytearray()
        self._held = b""

    def write(self, data: bytes | memoryview) -> None:
        """Pass on, or keep, what is there now."""
        rest = self._held + bytes(data)
        self._held = b""
        while rest:
            mark = END if self._is_on else BEGIN
            before, found, rest = rest.partition(mark)
            if not found:
                held = _beginning_of(mark, before)
                self._held = before[len(before) - held :]
                before = before[: len(before) - held]
            self._take(before)
            if found:
                self._toggle()

    def finish_line(self) -> None:
        """Take note that no mark will come: what has no end was no message, it is passed on."""
        begun = BEGIN + bytes(self._captured) if self._is_on else b""
        held, self._held, self._is_on = self._held, b"", False
        self._captured.clear()
        self._take(begun + held)

    def _take(self, data: bytes) -> None:
        if self._is_on:
            self._captured += data
            del self._captured[: -self._limit]
        elif data:
            for sink in self._sinks:
                sink.write(data)

    def _toggle(self) -> None:
        self._is_on = not self._is_on
        if not self._is_on:
            self._tell(bytes(self._captured))
            self._captured.clear()


def _beginning_of(mark: bytes, data: bytes) -> int:
    """Return the length of what stands at the end of the data and may become a mark."""
    for size in range(min(len(mark) - 1, len(data)), 0, -1):
        if mark.startswith(data[-size:]):
            return size
    return 0


class Teller:
    """A sink that tells everything."""

    def __init__(self, tell: Callable[[bytes], None]) -> None:
        self._tell = tell

    def write(self, data: bytes | memoryview) -> None:
        """Tell it."""
        self._tell(bytes(data))
