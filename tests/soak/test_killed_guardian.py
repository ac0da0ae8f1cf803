"""A guardian that is killed at any moment: its daemon shuts down in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accident import Accident
from crowd import is_locked
from rig import PATIENCE, until

if TYPE_CHECKING:
    import random

    from rig import Rig

ROUNDS = 50


def test_a_daemon_whose_guardian_is_killed_shuts_down_in_order(
    rig: Rig, chance: random.Random
) -> None:
    accident = Accident(rig, chance)

    accident.kill(accident.guardian.pid)

    accident.guardian.wait(PATIENCE)
    until(lambda: not rig.marked() and not is_locked(rig), "the end of the daemon")
    accident.aftermath(rig)
