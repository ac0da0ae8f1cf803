"""A daemon that is killed at any moment: its guardian leaves nothing behind."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from crowd import children, crowd, nothing_left
from rig import PATIENCE, until

if TYPE_CHECKING:
    import random

    from rig import Rig

ROUNDS = 40
STUBBORN_ROUNDS = 0.07
"""Part of the rounds in which the guardian has to wait out its grace of ten seconds."""
MOMENTS = {"start": (), "steady": (), "restart": ("all",), "update": (), "stop": ("all",)}


def test_a_daemon_killed_at_any_moment_leaves_nothing(rig: Rig, chance: random.Random) -> None:
    stubborn = chance.random() < STUBBORN_ROUNDS
    crowd(rig, stubborn=stubborn)
    moment = chance.choice(list(MOMENTS))
    words = rig.command("supervisord", "-n", "-c", str(rig.configuration))
    guardian = rig.launch(*words)
    (daemon,) = until(lambda: children(guardian.pid), "the daemon")
    if moment != "start":
        rig.wait_for_answers(guardian)
    if moment in {"restart", "update", "stop"}:
        crowd(rig, variant=1, stubborn=stubborn)
        order = rig.command("supervisorctl", "-c", str(rig.configuration), moment)
        client = rig.launch(*order, *MOMENTS[moment])
    else:
        client = None
    time.sleep(chance.uniform(0, 0.7))

    os.kill(daemon, signal.SIGKILL)

    assert guardian.wait(PATIENCE) == 128 + signal.SIGKILL, moment
    if client is not None:
        client.wait(PATIENCE)
    nothing_left(rig)
    assert rig.finish(rig.start()) == 0
    nothing_left(rig)
