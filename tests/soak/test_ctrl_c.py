"""Ctrl-C at any moment of a life on a terminal."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from crowd import crowd, nothing_left
from terminal import CTRL_C, Terminal, until

if TYPE_CHECKING:
    import random

    from rig import Rig

ROUNDS = 50
MOMENTS = (0.1, 1.5)
"""Seconds after the start: half of the rounds while it is still importing."""
INTERRUPTED = {-signal.SIGINT, 128 + signal.SIGINT}
NOT_YET_OURS = ("Fatal Python error: init_", "init_import_site", " import main")
"""What an interpreter says that was interrupted before it came to the first line of `main`: while
it starts, or while the script that pip wrote imports us.
"""
COMMANDS = {"supervisord": ("supervisord", "-n"), "up": ("trio-supervisor", "up")}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_ctrl_c_at_any_moment_ends_everything(
    rig: Rig, chance: random.Random, command: tuple[str, ...]
) -> None:
    crowd(rig)
    words = rig.command(*command, "-c", str(rig.configuration))
    terminal = Terminal(words, rig.directory, rig.environment)
    try:
        until(lambda: os.tcgetpgrp(terminal._ours), "the terminal to be taken")
        time.sleep(chance.uniform(0, chance.choice(MOMENTS)))
        terminal.type(CTRL_C)
        code = terminal.wait()
    finally:
        terminal.close()

    nothing_left(rig)
    if any(words in terminal.text for words in NOT_YET_OURS):
        assert not rig.log
    else:
        assert "Traceback" not in terminal.text
        is_early = code in INTERRUPTED and "spawned" not in rig.log
        assert code == 0 or is_early, terminal.text
