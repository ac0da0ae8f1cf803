"""supervisord as the first process of a container: a pid namespace of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from rig import PATIENCE, open_rig, until  # noqa: F401  # the fixture

from trio_supervisor.daemon.proc import children_of

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
ORPHANS = """
[program.orphans]
command = ["sh", "-c", "for n in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.1 &) ; done; exec sleep 1000"]
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
        """Say whether PID 1 lets signals wait: until then the kernel drops them."""
        with open(f"/proc/{self.init}/status", encoding="ascii") as file:
            blocked = next(line.split()[1] for line in file if line.startswith("SigBlk:"))
        return bool(int(blocked, 16) >> signal.SIGTERM - 1 & 1)

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


def test_a_container_that_is_stopped_while_it_starts_stops(rig: Rig) -> None:
    rig.write(SLEEPER)
    container = Container(rig)
    until(container.has_blocked, "signals that wait")

    os.kill(container.init, signal.SIGTERM)

    assert container.wait() == 0
    assert rig.marked() == set()
