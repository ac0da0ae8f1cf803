"""What a program tells of itself, as systemd's sd_notify(3) has it."""

from __future__ import annotations

import trio


class Notices:
    """What one run has told so far."""

    def __init__(self) -> None:
        self.is_ready = trio.Event()
        self.watchdog = trio.Event()
        """Set by a sign of life; whoever takes note of it replaces it."""
