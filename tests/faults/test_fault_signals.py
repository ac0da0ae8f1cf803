"""Faults around the daemon: storms of signals, stopped clocks and processes, its own failure."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from daemon_fakes import Plan, open_program, outcome
from rig import ASLEEP, PATIENCE, open_rig, shell, until, up_at_once  # noqa: F401  # the fixture

from trio_supervisor.daemon import containment
from trio_supervisor.errors import Fault
from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from rig import Rig
    from trio.testing import MockClock

DAY = 86_400.0
SLOW = f"trap 'sleep 0.5; echo bye; exit 0' TERM; {ASLEEP}; echo ready; while :; do wait; done"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_fault_33_a_storm_of_exit_signals_is_one_shutdown(rig: Rig, number: signal.Signals) -> None:
    rig.write(shell("slow", SLOW, "startsecs = 0"))
    daemon = rig.start()
    until(lambda: rig.text("slow.log"), "the trap")

    begun = time.monotonic()
    while time.monotonic() < begun + 0.25:
        daemon.send_signal(number)
        time.sleep(0.001)  # at once they would be one: the kernel keeps one of each

    assert daemon.wait(PATIENCE) == 0
    assert rig.text("slow.log") == "ready\nbye\n"
    assert rig.log.count("stopped: slow (exit status 0)") == 1
    assert "SIGKILL" not in rig.log
    assert "Traceback" not in rig.text("console")


def test_fault_32_a_failure_inside_trio_ends_with_its_cause_and_nothing_left(rig: Rig) -> None:
    rig.write(up_at_once("sleeper", "exec sleep 1000"))
    daemon = rig.start_with_fault("""
        import trio
        from trio_supervisor.daemon.supervisor import Supervisor
        async def broken():
            raise MemoryError("no memory for a system task")
        Supervisor.reload_nowait = lambda *_: trio.lowlevel.spawn_system_task(broken)
        """)
    rig.settle()

    daemon.send_signal(signal.SIGHUP)

    assert daemon.wait(PATIENCE) == 70
    assert "MemoryError: no memory for a system task" in rig.log
    assert "TrioInternalError" in rig.log
    assert rig.marked() == set()


def test_fault_32_no_thread_and_no_pidfd_costs_a_spawn_and_not_the_daemon(rig: Rig) -> None:
    rig.write(
        up_at_once("first", "exec sleep 1000")
        + up_at_once("second", "exec sleep 1000", "autostart = false")
    )
    rig.start_with_fault("""
        import errno, os, threading
        begin = threading.Thread.start
        def refuse(*_):
            raise OSError(errno.EMFILE, "Too many open files")
        def start(thread):
            if os.path.exists("full"):
                raise RuntimeError("can't start new thread")
            begin(thread)
        os.pidfd_open, threading.Thread.start = refuse, start
        """)
    before = rig.settle(ProcessState.RUNNING, "first")
    (rig.directory / "full").touch()

    started = rig.ctl("start", "second")

    assert started.returncode != 0
    assert rig.settle(ProcessState.RUNNING, "first") == before


def test_fault_37_a_full_console_does_not_end_the_launcher(rig: Rig) -> None:
    rig.write(up_at_once("talker", "echo ready; exec sleep 1000"))
    with open("/dev/full", "wb") as full:
        command = rig.command("trio-supervisor", "up", "-c", str(rig.configuration))
        launcher = rig.launch(*command, stdout=full, stderr=full)
    rig.wait_for_answers(launcher)
    until(lambda: rig.text("talker.log") == "ready\n", "what it says")

    rig.settle()

    assert rig.finish(launcher) == 0


def test_fault_41_what_containment_lacks_here_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert containment.degradations() == []

    monkeypatch.setattr(containment, "HAS_PROC", False)
    monkeypatch.setattr(containment, "HAS_PIDFD", False)

    no_proc, no_pidfd = containment.degradations()
    assert "only the process itself is stopped" in no_proc
    assert "may have been reused" in no_pidfd


@pytest.mark.parametrize("step", [3600.0, -3600.0, -DAY])
async def test_fault_42_a_step_of_the_clock_moves_no_deadline(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    plan = Plan(obeys_after=1000.0)
    async with open_program(plan, startsecs=60, stopwaitsecs=60) as (world, program):
        started = program.start_nowait(None)
        await world.until(lambda: program.state.name == "STARTING")
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + step)

        assert await outcome(started) == (Fault.SUCCESS, "")
        assert program.status().description.endswith("uptime 0:01:00")
        assert await outcome(program.stop_nowait(None)) == (Fault.SUCCESS, "")

        assert world.history("web") == [
            (0.0, "STARTING"),
            (60.0, "RUNNING"),
            (60.0, "STOPPING"),
            (120.0, "STOPPED"),
        ]


async def test_fault_43_an_hour_of_sleep_brings_no_burst_of_spawns(
    autojump_clock: MockClock,
) -> None:
    async with open_program(Plan(lasts=0.5), Plan(), startsecs=1) as (world, program):
        program.start_nowait(None)
        await world.until(lambda: program.state.name == "BACKOFF")

        autojump_clock.jump(3600)

        await world.until(lambda: program.state.name == "RUNNING")
        assert len(world.spawner.order("spawned")) == 2


def test_fault_43_a_daemon_that_was_stopped_goes_on_where_it_was(rig: Rig) -> None:
    rig.write(up_at_once("one", "exec sleep 1000") + up_at_once("two", "exec sleep 1000"))
    rig.start()
    before = rig.settle()
    inner = rig.info().daemon_pid

    os.kill(inner, signal.SIGSTOP)
    os.kill(before["one"], signal.SIGKILL)
    os.kill(inner, signal.SIGCONT)

    until(lambda: rig.rows()["one"].spawns == 2, "the replacement")
    after = rig.settle()
    assert after["one"] != before["one"]
    assert after["two"] == before["two"]
