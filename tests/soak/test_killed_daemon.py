"""A daemon that is killed at any moment: its guardian leaves nothing behind."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from accident import Accident
from rig import PATIENCE

if TYPE_CHECKING:
    import random

    from rig import Rig

ROUNDS = 200


def test_a_daemon_killed_at_any_moment_leaves_nothing(rig: Rig, chance: random.Random) -> None:
    accident = Accident(rig, chance)

    accident.kill(accident.daemon)

    code = accident.guardian.wait(PATIENCE)
    assert code == 128 + signal.SIGKILL or (code == 0 and accident.moment == "shutdown")
    accident.aftermath(rig)
