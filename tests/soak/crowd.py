"""Eight programs that do not make it easy, each with a lock against a second one of itself."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rig import Rig

PLAIN = "exec sleep 1000"
SLOW = "trap 'kill $pid; sleep 0.3; exit 0' TERM; sleep 1000 & pid=$!; wait"
STUBBORN = "trap '' TERM; exec sleep 1000"
FAMILY = "sleep 1000 & sleep 1000 & exec sleep 1000"
FLEETING = "sleep 0.05; exit 1"
LOUD = "while seq 2000; do sleep 0.01; done"
SCRIPTS = (PLAIN, PLAIN, SLOW, SLOW, STUBBORN, STUBBORN, FAMILY, FLEETING)
NAMES = [f"p{number}" for number in range(len(SCRIPTS))]
ALONE = "exec 9>>{name}.lock; flock -n 9 || echo {name} >>twice; "
"""Children inherit descriptor 9: the lock is free when the whole tree is gone."""


def crowd(rig: Rig, variant: int = 0, *, loud: bool = False) -> None:
    """Write the configuration; another variant changes every second program.

    ``loud`` adds one whose log rotates a hundred times a second.
    """
    tables = []
    for name, script in zip(NAMES, SCRIPTS, strict=True):
        changes = variant if int(name[1:]) % 2 else 0
        line = ALONE.format(name=name) + script
        tables.append(
            f'[program.{name}]\ncommand = ["/bin/sh", "-c", """{line}"""]\n'
            f"environment = {{VARIANT = '{changes}'}}\n"
            f"stopwaitsecs = {0.8 if script == SLOW else 0.2}\nstartsecs = 0\n"
            f'stdout_logfile = "NONE"\nstderr_logfile = "{name}.err"\n'
        )
    if loud:
        line = ALONE.format(name="loud") + LOUD
        tables.append(
            f'[program.loud]\ncommand = ["/bin/sh", "-c", """{line}"""]\nstartsecs = 0\n'
            'stdout_logfile = "loud.log"\nstdout_logfile_maxbytes = 5000\n'
        )
    path = rig.write("\n".join(tables), name="next.toml")
    os.replace(path, rig.configuration)


def nothing_left(rig: Rig) -> None:
    """Assert that no process is left, no lock is held, and nothing ran twice at once."""
    assert rig.marked() == set()
    assert rig.text("twice") == ""
    assert not is_locked(rig)
    assert "Traceback" not in rig.log
    assert "Traceback" not in rig.text("console")


def is_locked(rig: Rig) -> bool:
    """Say whether the lock of a daemon is held. Who ends has lost its mark before its lock."""
    for path in (rig.runtime / "trio-supervisor").glob("*.lock"):
        try:
            with path.open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            pass  # it has just been taken away
    return False


def children(pid: int) -> list[int]:
    """Return the children of a process, none when it is gone."""
    with suppress(OSError), open(f"/proc/{pid}/task/{pid}/children") as found:
        return [int(child) for child in found.read().split()]
    return []
