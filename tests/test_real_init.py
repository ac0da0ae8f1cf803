"""supervisord as the first process of a container: a pid namespace of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from rig import PATIENCE, open_rig, until  # noqa: F401  # the fixture

from trio_supervisor.daemon.proc import children_of, stat_of, with_descendants

if TYPE_CHECKING:
    from rig import Rig

UNSHARE = (
    "unshare",
    "--user",
    "--map-root-user",
    "--pid",
    "--fork",
    "--mount-proc",
    "--kill-child",
)


def _can_unshare() -> bool:
    if shutil.which(UNSHARE[0]) is None:
        return False
    return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not _can_unshare(), reason="no pid namespaces (unshare) here")

HALT = signal.SIGRTMIN + 3
SLEEPER = """
[program.sleeper]
command = "sleep 1000"
"""
LITTER = "for n in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.0$n &); done; exec sleep 0.05"
ORPHANS = f"""
[program.litter]
command = ["sh", "-c", "{LITTER}"]
numprocs = 8
process_name = "litter%(process_num)d"
startsecs = 0
autorestart = true
"""


class Container:
    """supervisord as PID 1; ``init`` is the pid it has outside."""

    def __init__(self, rig: Rig, *arguments: str) -> None:
        command = rig.command("supervisord", "-n", "-c", str(rig.configuration), *arguments)
        self._outside = rig.launch(*UNSHARE, *command)
        self.init = until(self._first_child, "the first process")

    def _first_child(self) -> int | None:
        below = children_of(self._outside.pid)
        return below[0] if below else None

    def has_blocked(self) -> bool:
        """Say whether PID 1 lets all signals wait: until then the kernel drops them."""
        with open(f"/proc/{self.init}/status", encoding="ascii") as file:
            blocked = next(line.split()[1] for line in file if line.startswith("SigBlk:"))
        return bool(int(blocked, 16) >> signal.SIGUSR1 - 1 & 1)

    def wait(self) -> int:
        """Return the exit code of PID 1."""
        return self._outside.wait(PATIENCE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, HALT])
def test_a_container_is_stopped_in_order(rig: Rig, number: int) -> None:
    rig.write(SLEEPER)
    container = Container(rig)
    until(lambda: "entered RUNNING state" in rig.log, "the program")

    os.kill(container.init, number)

    assert container.wait() == 0
    assert "stopped: sleeper (terminated by SIGTERM)" in rig.log


def test_no_orphan_is_a_zombie_for_long(rig: Rig) -> None:
    rig.write(ORPHANS)
    container = Container(rig)
    until(lambda: rig.log.count("spawned") > 16, "some orphans")

    since: dict[int, float] = {}
    while rig.log.count("spawned") < 40:
        now = time.monotonic()
        family = with_descendants({container.init})
        zombies = {pid for pid in family if (stat := stat_of(pid)) and not stat.is_alive}
        since = {pid: since.get(pid, now) for pid in zombies}
        assert all(now - seen < 1 for seen in since.values())

    os.kill(container.init, signal.SIGTERM)
    assert container.wait() == 0
    assert "terminated by" not in rig.log.partition("received")[0]  # no exit code was stolen


def test_a_container_that_is_stopped_while_it_starts_stops(rig: Rig) -> None:
    rig.write(SLEEPER)
    container = Container(rig)
    until(container.has_blocked, "signals that wait")

    os.kill(container.init, signal.SIGTERM)

    assert container.wait() == 0
    assert rig.marked() == set()
