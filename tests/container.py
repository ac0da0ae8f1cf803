"""supervisord as the first process of a pid namespace, as in a container."""

from __future__ import annotations

import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from rig import PATIENCE, until

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


needs_namespaces = pytest.mark.skipif(not _can_unshare(), reason="no pid namespaces (unshare) here")


class Container:
    """supervisord as PID 1; ``init`` is the pid it has outside."""

    def __init__(self, rig: Rig, *arguments: str) -> None:
        command = rig.command("supervisord", "-n", "-c", str(rig.configuration), *arguments)
        self._environment = rig.environment
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

    def execute(self, script: str) -> str:
        """Run a shell script inside, as `docker exec` does; return what it says."""
        enter = ["nsenter", "-t", str(self.init), "-U", "-p", "-m", "--preserve-credentials"]
        command = [*enter, "/bin/sh", "-c", script]
        return subprocess.check_output(command, text=True, env=self._environment)

    def family(self) -> set[int]:
        """Return PID 1 and all below it, ended ones that nobody has reaped included."""
        return with_descendants({self.init})

    def zombies(self) -> set[int]:
        """Return those who have ended and were not reaped."""
        return {pid for pid in self.family() if (stat := stat_of(pid)) and not stat.is_alive}

    def wait(self) -> int:
        """Return the exit code of PID 1."""
        return self._outside.wait(PATIENCE)
