"""A child that prints 100-byte lines: `loud` as fast as it can, `steady` 2 000 lines a second.

Run as a script by the measured supervisors: manner, mark (only to be found by), and perhaps the
MiB after which it falls silent.
"""

from __future__ import annotations

import os
import signal
import sys
import time

LINE = b"x" * 99 + b"\n"
STEP = 0.01  # a steady writer wakes so often, and then prints its share at once


def main(manner: str, _mark: str, limit: str = "") -> None:
    """Print until the reader leaves, a signal ends it, or the limit is reached."""
    block = LINE * (655 if manner == "loud" else int(2000 * STEP))
    left = int(limit) * 2**20 // len(LINE) * len(LINE) if limit else sys.maxsize
    due = time.monotonic()
    while left:
        left -= os.write(1, block[: min(left, len(block))])
        if manner == "steady":
            due += STEP
            time.sleep(max(0.0, due - time.monotonic()))
    signal.pause()  # an end would make honcho end everything


if __name__ == "__main__":
    main(*sys.argv[1:])
