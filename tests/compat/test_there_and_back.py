"""The way of docs/migrating.md, with supervisor itself: there and back again.

It is gone only when asked to: `make soak`.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from rig import open_rig, until  # noqa: F401  # the fixture
from test_migrating import configured, example, run

from benchmarks.peers import peers_bin

if TYPE_CHECKING:
    from rig import Rig


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("TRIO_SUPERVISOR_SOAK"), reason="needs supervisor from PyPI: make soak"
)
def test_there_and_back_again(rig: Rig) -> None:
    old = peers_bin()
    configured(rig)
    start = "/usr/bin/supervisord -c /etc/supervisor/supervisord.conf\n"
    assert run(rig, start, old).returncode == 0
    until(lambda: "spawned: 'web'" in rig.log, "the program")

    doctor = run(rig, example("sh", "doctor"))
    too_early = run(rig, start)
    there = run(rig, example("sh", "while"), old)
    ours = rig.text("supervisord.pid")
    back = run(rig, example("sh", "--wait"), old)

    assert "socket" in doctor.stdout
    assert too_early.returncode == 2
    assert "Another program is already listening" in too_early.stdout
    for done in (there, back):
        assert done.returncode == 0, done.stdout
        assert re.search(r"^web +(STARTING|RUNNING)", done.stdout, re.MULTILINE)
    assert ours not in {"", rig.text("supervisord.pid")}
    end = "/usr/bin/supervisorctl -c /etc/supervisor/supervisord.conf shutdown"
    assert run(rig, end, old).returncode == 0
    until(lambda: not rig.marked(), "the end")
