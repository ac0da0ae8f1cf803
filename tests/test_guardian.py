"""What becomes of programs when the daemon, its guardian or both are killed."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rig import (  # the fixture
    PATIENCE,
    STUBBORN,
    Rig,
    below,
    has_ended,
    open_rig,  # noqa: F401
    shell,
    stop,
    until,
)

from trio_supervisor.daemon import state
from trio_supervisor.daemon.proc import children_of
from trio_supervisor.pids import boot_id

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

FAMILY = """
[program.plain]
command = "sleep 1000"
startsecs = 0
stopwaitsecs = 0.5
[program.stubborn]
command = ["sh", "-c", "trap '' TERM; (setsid sleep 1001 &); while :; do sleep 1002 & wait; done"]
startsecs = 0
stopwaitsecs = 0.5
[program.runaway]
command = ["sh", "-c", "(env -i setsid -f sleep 1003 > /dev/null 2>&1); exec sleep 1004"]
startsecs = 0
stopwaitsecs = 0.3
"""
SLEEPERS = {f"sleep {number}" for number in range(1001, 1005)}


def is_written(rig: Rig) -> bool:
    """Say whether the state has all programs."""
    found = state.read(str(rig.state_file))
    return found is not None and len(found.leaders) == 3


def leaders(rig: Rig) -> set[str]:
    """Return the namespecs of what is written down."""
    found = state.read(str(rig.state_file))
    return set(found.leaders) if found else set()


def start_family(rig: Rig, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a daemon; return when all of the family sleep, and the state has them."""
    daemon = rig.start(*arguments)
    until(lambda: below(daemon) >= SLEEPERS, "sleepers")
    until(lambda: is_written(rig), "the state")
    return daemon


@pytest.fixture
def family(rig: Rig) -> Rig:
    """A rig with programs that are hard to stop, all up, and written down."""
    rig.write(FAMILY)
    start_family(rig)
    return rig


def test_fault_28_the_guardian_stops_what_a_killed_daemon_has_left(family: Rig) -> None:
    os.kill(family.info().daemon_pid, signal.SIGKILL)

    assert family.daemons[0].wait(PATIENCE) == 128 + signal.SIGKILL
    assert family.marked() == set()
    assert not family.state_file.exists()
    assert not (family.directory / "supervisord.pid").exists()
    for told in (family.log, family.text("console")):
        assert "failed: signal 9;" in told
        assert "killed with SIGKILL: pid " in told
        assert "0 processes left" in told
    assert family.finish(family.start()) == 0


NOTIFYING = shell("web", "exec sleep 1000", "ready = {notify = true}")


@pytest.fixture
def near() -> Iterator[Rig]:
    """Lend a rig whose runtime directory has a short path, as a socket must have."""
    with tempfile.TemporaryDirectory() as directory:
        made = Rig(Path(directory))
        yield made
        made.close()


def sockets(rig: Rig) -> list[str]:
    """Return the directories of notify sockets."""
    return [path.name for path in rig.runtime.rglob("notify-*")]


def test_no_notify_socket_of_a_killed_daemon_stays(near: Rig) -> None:
    near.write(NOTIFYING)
    guardian = near.start()
    until(lambda: sockets(near) and leaders(near), "the socket")

    os.kill(near.info().daemon_pid, signal.SIGKILL)

    assert guardian.wait(PATIENCE) == 128 + signal.SIGKILL
    assert sockets(near) == []
    near.finish(near.start())  # which takes away address and control socket


def test_the_next_start_removes_the_notify_sockets_that_both_have_left(near: Rig) -> None:
    near.write(NOTIFYING)
    near.start()
    before = until(lambda: leaders(near) and sockets(near), "the socket")
    near.kill_both()
    assert sockets(near) == before

    daemon = near.start()

    until(lambda: sockets(near), "the socket of the next run")
    assert set(before).isdisjoint(sockets(near))
    near.finish(daemon)
    assert sockets(near) == []


def test_who_insists_ends_the_grace_of_the_guardian(rig: Rig) -> None:
    rig.write(STUBBORN)
    rig.start()
    rig.settle()
    until(lambda: "stubborn" in rig.state_file.read_text(), "the state")
    os.kill(rig.info().daemon_pid, signal.SIGKILL)
    until(lambda: "processes to stop" in rig.log, "the guardian's turn")

    rig.daemons[0].send_signal(signal.SIGINT)

    assert rig.daemons[0].wait(PATIENCE) == 128 + signal.SIGKILL
    assert rig.marked() == set()
    rig.write("")
    assert rig.finish(rig.start()) == 0  # which takes the dead socket away


@pytest.mark.slow
def test_fault_28_what_was_being_stopped_keeps_its_grace(rig: Rig) -> None:
    trap = "trap 'sleep 1; : > saved; exit' TERM"
    slow = f"exec 2>/dev/null; {trap}; : > ready; while :; do sleep 1000 & wait; done"
    at_once = "startsecs = 0"
    rig.write(shell("slow", slow, at_once) + shell("quick", "exec sleep 1000", at_once))
    daemon = rig.start()
    until((rig.directory / "ready").exists, "the trap")
    rig.launch(*rig.command("supervisorctl", "-c", str(rig.configuration), "stop", "slow"))
    until(lambda: rig.states()["slow"] == "STOPPING", "the stop")
    stop(rig, "quick")
    until(lambda: leaders(rig) == {"slow:slow"}, "the state")

    os.kill(rig.info().daemon_pid, signal.SIGKILL)

    assert daemon.wait(PATIENCE) == 128 + signal.SIGKILL
    assert (rig.directory / "saved").exists()
    rig.write("")
    assert rig.finish(rig.start()) == 0


def test_fault_28_nobody_needs_to_read_what_the_guardian_says(rig: Rig) -> None:
    rig.write(FAMILY)
    reading, writing = os.pipe()
    daemon = rig.start(stderr=writing)
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while os.write(writing, bytes(4096)):
            pass
    os.set_blocking(writing, True)

    os.kill(rig.info().daemon_pid, signal.SIGKILL)

    assert daemon.wait(PATIENCE) == 128 + signal.SIGKILL
    assert "0 processes left" in rig.log
    os.close(reading)
    os.close(writing)
    assert rig.finish(rig.start()) == 0


def test_fault_29_a_daemon_whose_guardian_is_killed_ends_in_order(family: Rig) -> None:
    daemon = family.info().daemon_pid

    family.daemons[0].kill()

    until(lambda: has_ended(daemon), "the end of the daemon")
    assert "received SIGTERM indicating exit request" in family.log
    assert family.marked() == set()
    assert not family.state_file.exists()
    assert not (family.directory / "supervisord.pid").exists()


def kill(pids: set[int]) -> set[int]:
    """Kill processes; return them."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return pids


def test_fault_30_the_next_start_stops_what_both_have_left(family: Rig) -> None:
    before = set(family.settle().values())
    family.kill_both()
    assert before <= family.marked()

    daemon = family.start()

    assert "an earlier run was killed together with its guardian" in family.text("console")
    assert not before & family.marked()
    assert family.finish(daemon) == 0


def test_fault_44_a_start_without_the_lock_leaves_a_living_run_alone(family: Rig) -> None:
    before = family.settle()
    family.state_file.with_suffix(".lock").unlink()
    (family.directory / "supervisord.pid").unlink()  # which would tell, too

    refused = family.run("supervisord", "-c", str(family.configuration))

    assert refused.returncode == 2
    pid = family.daemons[0].pid
    assert f"supervisord is already running (pid {pid}), although" in refused.stderr
    assert family.settle() == before
    assert family.finish(family.daemons[0]) == 0


def test_fault_62_a_state_of_another_boot_means_nothing(family: Rig) -> None:
    family.kill_both()
    before = family.marked()
    path = family.state_file
    path.write_text(json.dumps({**json.loads(path.read_text()), "boot": "another"}))

    daemon = family.start()

    assert before <= family.marked()
    assert family.finish(daemon) == 0
    until(lambda: not kill(family.marked()), "the end of what was left")


@pytest.mark.parametrize("text", ["", "{", '{"version": 99}', "\0" * 100])
def test_fault_62_a_state_that_cannot_be_read_is_kept_and_told(rig: Rig, text: str) -> None:
    rig.write(FAMILY)
    path = rig.state_file
    path.parent.mkdir(0o700)
    path.write_text(text)

    assert rig.finish(rig.start()) == 0

    assert "cannot be read" in rig.log
    assert path.with_suffix(".state.bad").read_text() == text


def test_fault_21_a_stranger_that_got_a_leaders_number_is_left_alone(rig: Rig) -> None:
    rig.write(FAMILY)
    bystander = rig.launch("sleep", "1005", start_new_session=True)
    path = rig.state_file
    path.parent.mkdir(0o700)
    leaders = {"plain": [bystander.pid, 1]}
    gone = [2**22 + 1, 1]
    path.write_text(
        json.dumps(
            {
                "version": state.VERSION,
                "boot": boot_id(),
                "mark": "m",
                "grace": 0.1,
                "guardian": gone,
                "daemon": gone,
                "log": "",
                "leaders": leaders,
            }
        )
    )

    daemon = rig.start()

    assert bystander.poll() is None
    assert rig.finish(daemon) == 0
    bystander.kill()


def test_a_bug_that_ends_the_daemon_is_told_by_its_exit_code(rig: Rig) -> None:
    rig.write(FAMILY)

    daemon = rig.launch_with_fault("""
        from trio_supervisor.daemon.root import Root
        Root._keep_state = lambda *_: 1 // 0
        """)

    assert daemon.wait(PATIENCE) == 70
    assert "failed: exit 70" in rig.log
    assert rig.marked() == set()


# ── without a guardian ───────────────────────────────────────────────────────────────────────


def test_without_a_guardian_the_daemon_is_what_was_started(rig: Rig) -> None:
    rig.write(FAMILY)
    daemon = rig.start("--no-guardian")

    assert rig.info().daemon_pid == rig.info().pid == daemon.pid
    assert (rig.directory / "supervisord.pid").read_text() == f"{daemon.pid}\n"
    assert len(children_of(daemon.pid)) >= 3
    assert rig.finish(daemon) == 0
    assert not (rig.directory / "supervisord.pid").exists()
    assert rig.marked() == set()


def test_without_a_guardian_it_daemonizes_too(rig: Rig) -> None:
    rig.write(FAMILY)

    started = rig.run("supervisord", "--no-guardian", "-c", str(rig.configuration))

    assert started.returncode == 0
    assert rig.info().pid == rig.info().daemon_pid
    assert rig.ctl("shutdown", "--wait").stdout == "Shut down\n"
    until(lambda: not rig.marked(), "the end")


def test_fault_30_without_a_guardian_the_next_start_stops_what_is_left(rig: Rig) -> None:
    rig.write(FAMILY)
    daemon = start_family(rig, "--no-guardian")
    before = set(rig.settle().values())
    daemon.kill()
    daemon.wait(PATIENCE)
    assert before <= rig.marked()

    daemon = rig.start("--no-guardian")

    assert not before & rig.marked()
    assert rig.finish(daemon) == 0
