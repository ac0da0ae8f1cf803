"""Guardian and daemon are killed together at any moment: the next start leaves nothing."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from accident import Accident
from rig import PATIENCE, has_ended, until

from trio_supervisor.daemon import state

if TYPE_CHECKING:
    import random

    from rig import Rig

ROUNDS = 50


def test_what_both_leave_the_next_start_stops(rig: Rig, chance: random.Random) -> None:
    accident = Accident(rig, chance)

    if accident.guardian.poll() is None:
        os.kill(accident.guardian.pid, signal.SIGSTOP)  # it may do nothing about it
    accident.kill(accident.daemon)
    accident.kill(accident.guardian.pid)

    accident.guardian.wait(PATIENCE)
    until(lambda: has_ended(accident.daemon), "the end of the daemon")
    state.read(str(rig.state_file))  # raises if it cannot be read
    rig.finish(rig.start())
    accident.aftermath(rig)
