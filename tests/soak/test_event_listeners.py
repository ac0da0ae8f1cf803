"""Event listeners that die at random lose no event; those that hear nothing cost nothing."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING
from xmlrpc.client import ServerProxy

from rig import Rig, shell, until
from unix_rpc import UnixTransport

from benchmarks import proc

if TYPE_CHECKING:
    import random

ROUNDS = 1
SENT = 10_000
IDLE = 10.0
"""Seconds in which nothing may happen."""

EAR = """
import os, random, sys
chance = random.Random(f"{sys.argv[1]} {os.getpid()}")
while True:
    os.write(1, b"READY\\n")
    header = sys.stdin.buffer.readline()
    if not header:
        break
    text = sys.stdin.buffer.read(int(header.rpartition(b"len:")[2]))
    with open("heard", "ab", 0) as file:
        file.write(text.replace(b"\\n", b" ") + b"\\n")
    if chance.random() < float(sys.argv[2]):
        os._exit(3)
    os.write(1, b"RESULT 2\\nOK")
    if chance.random() < float(sys.argv[2]):
        os._exit(0)
"""


def listeners(seed: int, risk: float, options: str) -> str:
    """Return the table of a pool; ``risk`` is that of each event to be somebody's last."""
    command = json.dumps([sys.executable, "-c", EAR, str(seed), str(risk)])
    return f"[eventlistener.ear]\ncommand = {command}\nstartsecs = 0\n{options}\n"


def test_no_event_is_lost_by_listeners_that_die(rig: Rig, chance: random.Random) -> None:
    options = (
        'events = ["REMOTE_COMMUNICATION"]\nbuffer_size = 20000\nautorestart = true\n'
        "numprocs = 5\nprocess_name = 'ear%(process_num)d'\nstdout_logfile = 'NONE'\n"
    )
    seed = chance.randrange(10**6)
    rig.write(
        listeners(seed, 0.003, options) + '[unix_http_server]\nfile = "%(here)s/control.sock"\n'
    )
    rig.start()

    transport = UnixTransport(str(rig.directory / "control.sock"))
    with ServerProxy("http://localhost", transport=transport) as proxy:
        for number in range(SENT):
            proxy.supervisor.sendRemoteCommEvent("test", str(number))

    wanted = {f"type:test {number}" for number in range(SENT)}
    until(lambda: wanted <= set(rig.text("heard").splitlines()), "the last event", 60)
    rows = rig.rows().values()
    assert sum(row.spawns for row in rows) > len(rows)
    assert {row.events_lost for row in rows} == {0}


def test_listeners_that_hear_nothing_wake_nobody(rig: Rig, seed: int) -> None:
    events = 'events = ["PROCESS_STATE"]\nnumprocs = 3\nprocess_name = "ear%(process_num)d"'
    rig.write(listeners(seed, 0.0, events) + shell("web", "exec sleep 1000"))
    guardian = rig.start()
    rig.settle()
    daemon = rig.info().daemon_pid
    # the threads of the start go when they have been idle for ten seconds
    until(lambda: len(os.listdir(f"/proc/{daemon}/task")) == 1, "one thread", 30)
    before = proc.switches([daemon, guardian.pid])

    time.sleep(IDLE)

    assert proc.switches([daemon, guardian.pid]) == before
