"""Logs that rotate under load while they are reopened: no line is lost, none comes twice."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    import random

    from rig import Rig

ROUNDS = 5
WRITERS = 3
LINES = 300_000


def lines(rig: Rig, name: str) -> list[int]:
    """Return the numbers in a log and its backups, oldest first."""
    backups = sorted(rig.directory.glob(f"{name}.log.*"), key=lambda path: -int(path.suffix[1:]))
    text = "".join(rig.text(path.name) for path in [*backups, rig.directory / f"{name}.log"])
    return [int(line) for line in text.split()]


def test_rotation_and_reopening_keep_every_line(rig: Rig, chance: random.Random) -> None:
    names = [f"w{number}" for number in range(WRITERS)]
    tables = [
        f'[program.{name}]\ncommand = "seq -w {LINES}"\nstartsecs = 0\nautorestart = false\n'
        f'stdout_logfile = "{name}.log"\nstdout_logfile_backups = 1000\n'
        f"stdout_logfile_maxbytes = {chance.randrange(20_000, 200_000)}\nautostart = false\n"
        for name in names
    ]
    rig.write("\n".join(tables))
    daemon = rig.start()
    rig.launch(*rig.command("supervisorctl", "-c", str(rig.configuration), "start", "all")).wait()

    for _ in range(30):
        daemon.send_signal(signal.SIGUSR2)
        time.sleep(chance.uniform(0, 0.03))
    rig.settle(ProcessState.EXITED)

    assert rig.finish(daemon) == 0
    for name in names:
        assert lines(rig, name) == list(range(1, LINES + 1))
        assert len(list(rig.directory.glob(f"{name}.log.*"))) > 1
