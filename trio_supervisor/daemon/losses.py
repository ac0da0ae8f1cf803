"""What a sink could not take: counted at once, told in the activity log once a minute."""

from __future__ import annotations

import logging
import time

log = logging.getLogger(__name__)

REPORT_EVERY = 60.0
"""Seconds between two reports of the same failing target."""


class Losses:
    """The bytes that one target has lost."""

    def __init__(self, target: str) -> None:
        self.bytes = 0
        self._target = target
        self._reported = -float("inf")

    def add(self, size: int, problem: object) -> None:
        """Count bytes, and tell why they are lost unless that was told a short while ago."""
        self.bytes += size
        if time.monotonic() < self._reported + REPORT_EVERY:
            return
        self._reported = time.monotonic()  # before logging: the failing file may be the log itself
        log.error("cannot write %s: %s (%d bytes lost so far)", self._target, problem, self.bytes)
