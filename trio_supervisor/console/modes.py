"""Which modes of a terminal a program has switched on, known from what it has written.

So another terminal can be brought into the same modes, and out of them.
"""

from __future__ import annotations

import re

# xterm's numbers: keys of the cursor, wrapping, cursor, mouse, focus, other screen, paste
_USUAL = {
    **dict.fromkeys((b"1049", b"1047", b"47", b"1"), False),
    **dict.fromkeys((b"7", b"25"), True),
    **dict.fromkeys((b"9", b"1000", b"1002", b"1003", b"1004", b"1005", b"1006", b"1015"), False),
    b"2004": False,
}
"""The modes that are remembered, in the order in which they are set, and how they usually are."""
_KEYPAD = b"="
_SOFT = (b"1", b"7", b"25", _KEYPAD)
"""What DECSTR makes usual, of what is remembered."""
_CHANGE = re.compile(rb"\x1b(?:\[\?([0-9;]+)([hl])|([=>])|(c)|(\[!p))")
_UNFINISHED = re.compile(rb"\x1b(?:\[(?:!|\?[0-9;]*)?)?\Z")
_LONGEST = 128
"""Bytes of an unfinished change that are held back; more than that is none."""


class Modes:
    """The modes after all that was fed, which may be cut anywhere."""

    def __init__(self) -> None:
        self.unfinished = b""
        """The beginning of a change whose rest was not fed yet."""
        self._changed: set[bytes] = set()

    def copy(self) -> Modes:
        """Return the same modes, to be fed on their own."""
        other = Modes()
        other.unfinished, other._changed = self.unfinished, set(self._changed)
        return other

    def feed(self, data: bytes) -> None:
        """Take note of what a terminal was sent next."""
        if not self.unfinished and b"\x1b" not in data:
            return
        text = self.unfinished + data
        for change in _CHANGE.finditer(text):
            self._take(change)
        unfinished = _UNFINISHED.search(text, max(0, len(text) - _LONGEST))
        self.unfinished = unfinished[0] if unfinished else b""

    def _take(self, change: re.Match[bytes]) -> None:
        numbers, switch, keypad, reset, _ = change.groups()
        if numbers:
            for number in numbers.split(b";"):
                if number in _USUAL:
                    self._note(number, (switch == b"h") is not _USUAL[number])
        elif keypad:
            self._note(_KEYPAD, keypad == _KEYPAD)
        else:
            self._changed.difference_update((*_USUAL, _KEYPAD) if reset else _SOFT)

    def _note(self, mode: bytes, is_changed: bool) -> None:
        (self._changed.add if is_changed else self._changed.discard)(mode)

    @property
    def entry(self) -> bytes:
        """What brings a usual terminal into these modes."""
        return self._switches() + b"\x1b=" * (_KEYPAD in self._changed)

    @property
    def exit(self) -> bytes:
        """What brings a terminal out of them."""
        return self._switches(back=True) + b"\x1b>" * (_KEYPAD in self._changed)

    def _switches(self, *, back: bool = False) -> bytes:
        changed = [number for number in _USUAL if number in self._changed]
        if back:
            changed.reverse()  # the other screen goes last: what precedes is not for the first one
        return b"".join(
            b"\x1b[?%s%s" % (number, b"h" if _USUAL[number] is back else b"l") for number in changed
        )
