"""The conversation with one event listener, in supervisor's protocol (its dispatchers.py).

The listener says ``READY``, is given one event, and answers ``RESULT 2`` and ``OK``, or anything
else to refuse it. Whatever it says otherwise breaks the protocol: it would be deaf from then on.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import trio

from trio_supervisor.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_supervisor.daemon.program import Program

LONGEST_LINE = 256
LONGEST_RESULT = 1024 * 1024
_RESULT = b"RESULT "


class Attention(Enum):
    """What a listener is doing."""

    AWAY = 0
    READY = 1
    BUSY = 2
    BROKEN = 3


class Listener:
    """One listener: the sink of its stdout, which understands what it says.

    ``tell_ready`` is called when it waits for an event, ``tell_result`` with whether it has done
    with the one it was given.
    """

    def __init__(
        self,
        program: Program,
        tell_ready: Callable[[], None],
        tell_result: Callable[[Listener, bool], None],
    ) -> None:
        self.program = program
        self.attention = Attention.AWAY
        self.since = 0.0
        """When it was given its event, in seconds of Trio's clock."""
        self.rests_until = 0.0
        """When it may be given an event again, in seconds of Trio's clock."""
        self.given = trio.Event()
        """Set when it was given an event; whoever waits for it makes it anew."""
        self._tell_ready = tell_ready
        self._tell_result = tell_result
        self._heard = b""

    def begin(self) -> None:
        """Take note that there is to be a new process."""
        self.attention = Attention.AWAY
        self._heard = b""

    def give(self, data: bytes) -> bool:
        """Give it an event; False when it does not take it."""
        try:
            self.program.write(data)
        except RequestError as problem:
            return self._break(f"takes no event: {problem.detail}")
        self.attention = Attention.BUSY
        self.since = trio.current_time()
        self.given.set()
        return True

    def write(self, data: bytes | memoryview) -> None:
        """Hear what it says."""
        if self.attention is Attention.BROKEN:
            return
        self._heard += data
        while self._heard and self._understand():
            pass

    def _understand(self) -> bool:
        """Take the next whole utterance; False when it is not whole yet, or makes no sense."""
        if self.attention is Attention.READY:
            return self._break("spoke although it was given nothing")
        line, end, rest = self._heard.partition(b"\n")
        if len(line) > LONGEST_LINE:
            return self._break(f"said a line of more than {LONGEST_LINE} bytes")
        if not end:
            return False
        if self.attention is Attention.BUSY:
            return self._take_result(line, rest)
        if line != b"READY":
            return self._break(f"said {line[:LONGEST_LINE]!r} in the place of READY")
        self._heard = rest
        self.attention = Attention.READY
        if not rest:  # else it has answered before it could know what
            self._tell_ready()
        return True

    def _take_result(self, line: bytes, rest: bytes) -> bool:
        number = line.removeprefix(_RESULT)
        if not (line.startswith(_RESULT) and number.isdigit() and int(number) <= LONGEST_RESULT):
            return self._break(f"said {line[:LONGEST_LINE]!r} in the place of RESULT and a length")
        size = int(number)
        if len(rest) < size:
            return False
        self._heard = rest[size:]
        self.attention = Attention.AWAY
        self._tell_result(self, rest[:size] == b"OK")
        return True

    def _break(self, what: str) -> bool:
        """End a conversation that has no sense any more: a new process begins a new one."""
        self.attention = Attention.BROKEN
        self.program.replace_nowait(f"it broke the protocol of event listeners: it {what}")
        return False
