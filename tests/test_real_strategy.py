"""Groups whose programs are started again together, as real processes."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from rig import open_rig, until, up_at_once  # noqa: F401  # the fixture

if TYPE_CHECKING:
    from rig import Rig

SLEEPS = "exec sleep 1000"
SAYS_GOODBYE = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"


def test_a_killed_program_takes_its_group_with_it_in_order(rig: Rig) -> None:
    rig.write(
        "[group.shop]\nprograms = ['db', 'web']\nstrategy = 'one_for_all'\n"
        + up_at_once("db", SLEEPS)
        + up_at_once("web", SAYS_GOODBYE)
        + up_at_once("other", SLEEPS)
    )
    rig.start()
    before = rig.settle()
    until(lambda: rig.text("web.log") == "up\n", "the trap")

    os.kill(before["db"], signal.SIGKILL)
    until(lambda: rig.text("web.log") == "up\nbye\nup\n", "the second run")

    after = rig.settle()
    assert before["other"] == after["other"]
    assert before["db"] != after["db"]
    assert {name: row.spawns for name, row in rig.rows().items()} == {"db": 2, "other": 1, "web": 2}
    assert "restarting shop:web: shop:db has ended unexpectedly (terminated by SIGKILL)" in rig.log


def test_a_critical_group_that_crashes_too_often_ends_the_daemon(rig: Rig) -> None:
    rig.write(
        "[group.shop]\nprograms = ['db', 'web']\nintensity = '1 in 30s'\ncritical = true\n"
        + up_at_once("db", SLEEPS)
        + up_at_once("web", SLEEPS)
    )
    daemon = rig.start()
    first = rig.settle()["db"]

    os.kill(first, signal.SIGKILL)
    until(lambda: rig.settle()["db"] != first, "the second run")
    os.kill(rig.settle()["db"], signal.SIGKILL)

    assert daemon.wait(20) == 3
    assert "giving up on group shop: its group had 2 unexpected ends within 30 s" in rig.log
