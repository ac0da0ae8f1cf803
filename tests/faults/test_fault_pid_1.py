"""supervisord as the first process of a container: a pid namespace of its own."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from container import Container, needs_namespaces
from rig import open_rig, shell, stop, until  # noqa: F401  # the fixture

from trio_supervisor.daemon.proc import stat_of

if TYPE_CHECKING:
    from rig import Rig

pytestmark = needs_namespaces

HALT = signal.SIGRTMIN + 3
SLEEPER = """
[program.sleeper]
command = "sleep 1000"
startsecs = 0
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, HALT])
def test_fault_38_a_container_is_stopped_in_order(rig: Rig, number: int) -> None:
    rig.write(SLEEPER)
    container = Container(rig)
    until(lambda: "entered RUNNING state" in rig.log, "the program")

    os.kill(container.init, number)

    assert container.wait() == 0
    assert "stopped: sleeper (terminated by SIGTERM)" in rig.log


def test_fault_39_no_orphan_is_a_zombie_for_long(rig: Rig) -> None:
    rig.write(ORPHANS)
    container = Container(rig)
    until(lambda: rig.log.count("spawned") > 8, "some orphans")

    since: dict[int, float] = {}
    while rig.log.count("spawned") < 24:
        now = time.monotonic()
        since = {pid: since.get(pid, now) for pid in container.zombies()}
        assert all(now - seen < 1 for seen in since.values())

    os.kill(container.init, signal.SIGTERM)
    assert container.wait() == 0
    assert "terminated by" not in rig.log.partition("received")[0]  # no exit code was stolen


def test_fault_38_a_container_that_is_stopped_while_it_starts_stops(rig: Rig) -> None:
    rig.write(SLEEPER)
    container = Container(rig)
    until(container.has_blocked, "signals that wait")

    os.kill(container.init, signal.SIGTERM)

    assert container.wait() == 0
    assert rig.marked() == set()


def test_fault_39_what_was_executed_inside_leaves_no_zombie(rig: Rig) -> None:
    rig.write(SLEEPER)
    container = Container(rig)
    until(lambda: "entered RUNNING state" in rig.log, "the program")
    family = container.family()

    container.execute("for n in 1 2 3 4 5 6 7 8 9; do (sleep 0.0$n &); done")

    until(lambda: container.family() == family, "the end of the orphans")
    os.kill(container.init, signal.SIGTERM)
    assert container.wait() == 0


def test_fault_21_a_stranger_with_the_number_of_an_ended_process_is_left_alone(rig: Rig) -> None:
    rig.write(shell("once", "echo $$", "startsecs = 0\nautorestart = false"))
    container = Container(rig)
    until(lambda: rig.text("once.log"), "its number")
    until(lambda: stop(rig, "once") == ["once NOT_RUNNING"], "its end")
    number = int(rig.text("once.log"))

    stranger = until(lambda: _born_as(container, number), "a process with the same number")

    assert stop(rig, "once") == ["once NOT_RUNNING"]
    assert rig.ctl("signal", "KILL", "once").stdout == "once: ERROR (not running)\n"
    assert rig.ctl("restart", "once").returncode == 0
    until(lambda: stop(rig, "once") == ["once NOT_RUNNING"], "the end of its second run")
    assert (status := stat_of(stranger)) is not None
    assert status.is_alive
    os.kill(container.init, signal.SIGTERM)
    assert container.wait() == 0


def _born_as(container: Container, number: int) -> int:
    """Let a process be born with a number inside; return its pid outside, 0 without luck."""
    before = container.family()
    script = f"echo {number - 1} > /proc/sys/kernel/ns_last_pid; sleep 1000 > /dev/null & echo $!"
    told = container.execute(script)
    born = container.family() - before
    return born.pop() if int(told) == number else 0
