"""Faults of a spawn: what cannot be executed, what takes its time, who is gone meanwhile."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from rig import open_rig, shell, until, up_at_once  # noqa: F401  # the fixture

from trio_supervisor.daemon.proc import stat_of
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import Outcome, Start, Stop, from_frame

if TYPE_CHECKING:
    from pathlib import Path

    from rig import Rig

NOT_THERE = {
    "missing": ("command = '/no/such/command'", "can't find command '/no/such/command'"),
    "unknown": ("command = 'nosuchcommand'", "can't find command 'nosuchcommand'"),
    "folder": ("command = '/tmp'", "command at '/tmp' is a directory"),
    "plain": ("command = '/etc/passwd'", "command at '/etc/passwd' is not executable"),
    "shebang": ("command = '%(here)s/shebang'", "couldn't exec"),
    "noexec": ("command = '%(here)s/noexec'", "ENOEXEC"),
    "nowhere": ("command = '/bin/true'\ndirectory = '/no/where'", "can't change to directory"),
    "quotes": ("""command = "/bin/echo 'open" """, "can't parse command"),
}
NOT_ALLOWED = {
    "nul": ('command = ["/bin/echo", "a\\u0000b"]', "null byte"),
    "nulname": ('command = ["/bin/\\u0000"]', "can't find command"),
    "nulenv": ("command = '/bin/true'\nenvironment = { A = \"\\u0000\" }", "null byte"),
    "huge": (f"command = '/bin/true'\nenvironment = {{ A = '{'x' * 3_000_000}' }}", "E2BIG"),
}


def test_fault_15_what_cannot_be_executed_is_its_programs_alone_and_says_why(rig: Rig) -> None:
    _executable(rig.directory / "shebang", b"#!/no/such/interpreter\n")
    _executable(rig.directory / "noexec", b"\x00\x01\x02\x03")

    _spawn(rig, NOT_THERE)


def test_fault_17_what_the_kernel_does_not_take_is_its_programs_alone_and_says_why(
    rig: Rig,
) -> None:
    _spawn(rig, NOT_ALLOWED)


def _spawn(rig: Rig, programs: dict[str, tuple[str, str]]) -> None:
    """Start programs that end in FATAL, each with its words, beside one that runs."""
    tables = [
        f"[program.{name}]\n{options}\nstartretries = 0\nstdout_logfile = 'NONE'"
        for name, (options, _) in programs.items()
    ]
    rig.write("\n".join([*tables, up_at_once("good", "exec sleep 1000")]))

    rig.start()

    rig.settle(ProcessState.FATAL, *programs)
    rig.settle(ProcessState.RUNNING, "good")
    rows = rig.rows()
    for name, (_, words) in programs.items():
        assert words in rows[name].description
    assert "Traceback" not in rig.log


def _executable(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o755)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run programs as others")
def test_fault_16_a_user_who_is_gone_meanwhile_is_a_spawn_error_of_one_program(rig: Rig) -> None:
    rig.write(
        up_at_once("other", "exec sleep 1000", "user = 'nobody'\nautostart = false")
        + up_at_once("good", "exec sleep 1000")
    )
    gone = """
        import os, pwd
        known = pwd.getpwnam
        pwd.getpwnam = lambda name: {}[name] if os.path.exists("gone") else known(name)
        """
    rig.start_with_fault(gone)
    before = rig.settle(ProcessState.RUNNING, "good")
    (rig.directory / "gone").touch()

    started = rig.ctl("start", "other")

    assert started.stdout == "other: ERROR (spawn error)\n"
    assert "no such user 'nobody'" in rig.rows()["other"].description
    assert rig.settle(ProcessState.RUNNING, "good") == before
    assert "Traceback" not in rig.log


def test_fault_18_a_stop_during_a_spawn_waits_for_the_child_and_ends_it(rig: Rig) -> None:
    rig.write(up_at_once("late", "exec sleep 1000", "autostart = false"))
    held = """
        import os, subprocess, time
        class Held(subprocess.Popen):
            def __init__(self, *args, **options):  # importing Trio runs ldconfig: let it
                while "start_new_session" in options and not os.path.exists("go"):
                    time.sleep(0.01)
                super().__init__(*args, **options)
        subprocess.Popen = Held
        """
    rig.start_with_fault(held)
    with rig.connect() as connection:
        connection.send(Start(("late",)))
        until(lambda: rig.states() == {"late": "STARTING"}, "the spawn")
        connection.send(Stop(("late",)))
        (rig.directory / "go").touch()
        replies = [from_frame(connection._next_frame()) for _ in range(4)]  # each with its End

    info = rig.info()
    assert len([reply for reply in replies if isinstance(reply, Outcome)]) == 2
    assert rig.states() == {"late": "STOPPED"}
    assert rig.marked() == {info.pid, info.daemon_pid}


def test_fault_12_a_daemon_that_looks_late_does_not_take_an_end_for_a_success(rig: Rig) -> None:
    rig.write(shell("short", "echo ready; read line < fifo", "startsecs = 1\nstartretries = 0"))
    os.mkfifo(rig.directory / "fifo")
    rig.start()
    begun = time.monotonic()
    until(lambda: rig.text("short.log"), "readiness")
    inner, pid = rig.info().daemon_pid, rig.rows()["short"].pid or 0

    os.kill(inner, signal.SIGSTOP)
    (rig.directory / "fifo").write_text("\n")
    until(lambda: (found := stat_of(pid)) and not found.is_alive, "its end")
    until(lambda: time.monotonic() > begun + 1.2, "the time to settle")
    os.kill(inner, signal.SIGCONT)

    rig.settle(ProcessState.FATAL)
    assert "entered RUNNING" not in rig.log
