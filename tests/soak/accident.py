"""A daemon at a random moment of its life, to be killed."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from crowd import children, crowd, nothing_left
from rig import PATIENCE, until

if TYPE_CHECKING:
    import random
    import subprocess

    from rig import Rig

MOMENTS = {
    "start": (),
    "steady": (),
    "rotation": (),
    "restart": ("restart", "all"),
    "reload": ("reload",),
    "update": ("update",),
    "stop": ("stop", "all"),
    "shutdown": ("shutdown",),
}
"""What the daemon is asked for a moment before."""


class Accident:
    """A daemon, its guardian and perhaps a client, at a moment at which something is killed."""

    def __init__(self, rig: Rig, chance: random.Random) -> None:
        self.moment = chance.choice(list(MOMENTS))
        print(f"killed at {self.moment}")  # noqa: T201  # for who looks into a failed round
        loud = self.moment == "rotation"
        crowd(rig, loud=loud)
        words = rig.command("supervisord", "-n", "-c", str(rig.configuration))
        self.guardian = rig.launch(*words)
        (self.daemon,) = until(lambda: children(self.guardian.pid), "the daemon")
        if self.moment != "start":
            rig.wait_for_answers(self.guardian)
        if loud:
            until(lambda: rig.text("loud.log.1"), "the first rotation")
        self._client: subprocess.Popen[bytes] | None = None
        if asked := MOMENTS[self.moment]:
            crowd(rig, variant=1)
            order = rig.command("supervisorctl", "-c", str(rig.configuration), *asked)
            self._client = rig.launch(*order)
        time.sleep(chance.uniform(0, 0.7))

    def kill(self, pid: int) -> None:
        """Kill one of them, unless a shutdown was faster."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def aftermath(self, rig: Rig) -> None:
        """Assert that the client got away, that nothing is left, and that all can begin anew."""
        if self._client is not None:
            self._client.wait(PATIENCE)
        nothing_left(rig)
        assert rig.finish(rig.start()) == 0
        nothing_left(rig)
