"""Faults of resources, on real limits: what runs out costs what needs it, and nothing else."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from rig import open_rig, until, up_at_once  # noqa: F401  # the fixture

if TYPE_CHECKING:
    from rig import Rig

LARGEST = 16 * 1024
TALKER = "seq 10000; (head -c 99999 /dev/zero > big); echo $? > code; exec sleep 1000"


def test_fault_54_a_file_that_may_not_grow_costs_output_and_signals_only_programs(rig: Rig) -> None:
    rig.write(up_at_once("talker", TALKER))

    rig.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, LARGEST)))
    until(lambda: rig.text("code"), "the end of what it writes")
    until(lambda: "cannot write" in rig.log, "the loss")

    assert rig.text("code") == "153\n"  # 128 + SIGXFSZ
    assert len(rig.text("talker.log")) == LARGEST
    assert rig.states() == {"talker": "RUNNING"}
    assert "Traceback" not in rig.text("console")
