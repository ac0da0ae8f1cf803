"""An event listener that writes down what it is told: one line an event, its newlines as ``|``.

Arguments: the file, and what it does, once, with an event that says ``now``: ``die``, ``hang``,
``babble`` (which breaks the protocol), ``refuse`` or ``leave`` (once it has done with it).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

ANSWERS = {"refuse": b"RESULT 4\nFAIL", "babble": b"nonsense\n"}


def main() -> None:
    heard, habit = Path(sys.argv[1]), sys.argv[2]
    while True:
        os.write(1, b"READY\n")
        header = sys.stdin.buffer.readline()
        if not header:
            return
        words = dict(word.split(":", 1) for word in header.decode().split())
        text = sys.stdin.buffer.read(int(words["len"]))
        with heard.open("ab") as file:
            file.write(words["eventname"].encode() + b" " + text.replace(b"\n", b"|") + b"\n")
        is_first = b"now" in text and heard.read_bytes().count(b"now") == 1
        os.write(1, misbehave(habit) if is_first else b"RESULT 2\nOK")


def misbehave(habit: str) -> bytes:
    if habit == "die":
        sys.exit(3)
    if habit == "leave":
        os.write(1, b"RESULT 2\nOKREADY\n")
        sys.exit(0)
    if habit == "hang":
        time.sleep(1000)
    return ANSWERS[habit]


if __name__ == "__main__":
    main()
