"""How a process ended is told exactly: all 256 exit codes and every signal that ends one."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

from rig import ORPHANS, open_rig, up_at_once  # noqa: F401  # the fixture

from trio_supervisor.daemon.condition import how_it_ended
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import Event, FollowEvents

if TYPE_CHECKING:
    from rig import Rig

HARMLESS = {
    *(signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH),
    *(signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU),
}
"""What does not end a process that has not asked for it: signal(7)."""
FATAL = sorted(set(signal.valid_signals()) - HARMLESS)
OPTIONS = 'startsecs = 0\nautorestart = false\nstdout_logfile = "NONE"\nstderr_logfile = "NONE"\n'
CODES = f"""
[program.code]
command = "/bin/sh -c 'exit %(process_num)d'"
process_name = "%(program_name)s_%(process_num)d"
numprocs = 256
{OPTIONS}
"""
EXPECTED = {
    **{f"code_{code}": code for code in range(256)},
    **{f"signal_{number:d}": -number for number in FATAL},
}


def by_signal(number: int) -> str:
    """Return a program that ends itself by a signal, and leaves no core."""
    line = f"ulimit -c 0; kill -{number:d} $$"
    return f"[program.signal_{number:d}]\ncommand = ['/bin/sh', '-c', '{line}']\n{OPTIONS}"


def ends(rig: Rig) -> dict[str, str]:
    """Return what the events tell of every exit."""
    found: dict[str, str] = {}
    with rig.connect() as connection:
        for event in connection.stream(FollowEvents(past=True)):
            assert isinstance(event, Event)
            if event.to_state is ProcessState.EXITED:
                assert event.pid
                assert event.name not in found
                found[event.name] = event.detail
            if len(found) == len(EXPECTED):
                break
    return found


def test_fault_11_every_exit_code_and_signal_is_told_exactly(rig: Rig) -> None:
    # orphans end all the while: none of their codes may be taken for another's
    noise = up_at_once("noise", f"while :; do {ORPHANS}; done")
    rig.write("\n".join([CODES, *map(by_signal, FATAL), noise]))
    rig.start()

    told = ends(rig)
    processes = json.loads(rig.ctl("status", "--json").stdout)["processes"]
    rows = [row for row in processes if row["name"] != "noise"]

    assert {row["name"]: row["returncode"] for row in rows} == EXPECTED
    assert {row["state"] for row in rows} == {"EXITED"}
    assert told == {name: how_it_ended(code) for name, code in EXPECTED.items()}
    assert how_it_ended(7) == "exit status 7"
    assert how_it_ended(-signal.SIGSEGV) == "terminated by SIGSEGV"
