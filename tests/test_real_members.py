"""Members of real programs: who they are, that they go with it, and what cannot be stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rig import PATIENCE, STUBBORN, Rig, open_rig, until  # noqa: F401  # the fixture

from trio_supervisor.daemon.proc import stat_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FAMILY = """
[program.family]
command = ["sh", "-c", '''
sleep 1001 &
(setsid sleep 1002 &)
(env -i setsid -f sleep 1003 > /dev/null 2>&1)
exec sleep 1000
''']
"""
BACKGROUND = """
[program.background]
command = ["sh", "-c", "sleep 1001 & exit 0"]
startsecs = 0
leave_behind = true
"""


def status(rig: Rig, *words: str) -> dict[str, Any]:
    """Return what ``status --json`` tells."""
    told: dict[str, Any] = json.loads(rig.ctl("status", "--json", *words).stdout)
    return told


def commands(rig: Rig) -> dict[str, int]:
    """Return the members of the only program: the last word of their commands, and their pids."""
    (process,) = status(rig)["processes"]
    return {member["command"].split()[-1]: member["pid"] for member in process["members"]}


def lives(pid: int) -> bool:
    """Say whether there is such a process, which has not ended."""
    found = stat_of(pid)
    return found is not None and found.is_alive


# ── who belongs to a program ─────────────────────────────────────────────────────────────────


def test_fault_04_status_lists_members_and_strays(rig: Rig) -> None:
    rig.write(FAMILY)
    rig.start()
    until(lambda: len(status(rig)["strays"]) == 1 and "1000" in commands(rig), "the family")

    lines = rig.ctl("status", "--members").stdout.splitlines()

    members = commands(rig)
    assert set(members) == {"1000", "1001", "1002"}
    assert sorted(lines[1:4]) == sorted(f"  pid {p:<8}sleep {n}" for n, p in members.items())
    (stray,) = status(rig)["strays"]
    assert stray["command"] == "sleep 1003"
    assert lines[-2:] == [
        "strays (they belong to no program, and go with supervisord):",
        f"  pid {stray['pid']:<8}sleep 1003",
    ]


def test_fault_04_members_go_with_the_program_and_strays_with_the_daemon(rig: Rig) -> None:
    rig.write(FAMILY)
    daemon = rig.start()
    until(lambda: len(status(rig)["strays"]) == 1 and "1000" in commands(rig), "the family")
    members = commands(rig)
    (stray,) = status(rig)["strays"]

    assert rig.ctl("stop", "family").stdout == "family: stopped\n"

    assert not any(map(lives, members.values()))
    assert lives(stray["pid"])
    assert rig.finish(daemon) == 0
    assert not lives(stray["pid"])


# ── kill ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_many_that_must_be_killed_at_once_are_all_gone(rig: Rig) -> None:
    script = 'trap "" TERM; setsid sleep 1000 & exec sleep 1000'
    many = """
        [program.many]
        command = ["sh", "-c", '''%s''']
        numprocs = 200
        process_name = "%%(process_num)d"
        startsecs = 0
        stopwaitsecs = 0.5
        """
    rig.write(many % script)
    rig.start()
    rig.settle()

    rig.ctl("stop", "all")

    assert set(rig.states().values()) == {"STOPPED"}
    assert "cannot be killed" not in rig.log


def test_kill_gives_no_grace(rig: Rig) -> None:
    rig.write(STUBBORN)
    rig.start()
    rig.settle()

    killed = rig.ctl("kill", "stubborn")

    assert (killed.stdout, killed.returncode) == ("stubborn: killed\n", 0)
    assert rig.states() == {"stubborn": "STOPPED"}


def test_kill_ends_the_grace_of_a_stop_under_way(rig: Rig) -> None:
    rig.write(STUBBORN)
    rig.start()
    rig.settle()
    stop = rig.launch(*rig.command("supervisorctl", "-c", str(rig.configuration), "stop", "all"))
    until(lambda: rig.states() == {"stubborn": "STOPPING"}, "the stop")

    killed = rig.ctl("kill", "all")

    assert killed.stdout == "stubborn: killed\n"
    assert stop.wait(PATIENCE) == 0


def test_kill_of_what_is_down_says_so(rig: Rig) -> None:
    rig.write(STUBBORN + "autostart = false\n")
    rig.start()

    killed = rig.ctl("kill", "stubborn")

    assert (killed.stdout, killed.returncode) == ("stubborn: ERROR (not running)\n", 0)


# ── what puts itself into the background ─────────────────────────────────────────────────────


def test_what_is_left_behind_lives_until_the_stop(rig: Rig) -> None:
    rig.write(BACKGROUND)
    rig.start()
    until(lambda: rig.states() == {"background": "EXITED"}, "the end of the leader")
    (member,) = commands(rig).values()

    assert f"left behind: pid {member}" in rig.ctl("status").stdout
    assert rig.ctl("start", "background").stdout == "background: ERROR (already started)\n"
    assert lives(member)
    assert rig.ctl("stop", "background").stdout == "background: stopped\n"
    assert not lives(member)
    assert rig.states() == {"background": "STOPPED"}


def test_what_was_left_behind_and_has_ended_is_started_again(rig: Rig) -> None:
    rig.write(BACKGROUND + "autorestart = true\n")
    rig.start()
    until(lambda: rig.states() == {"background": "EXITED"}, "the end of the leader")
    (member,) = commands(rig).values()

    os.kill(member, signal.SIGKILL)

    until(lambda: rig.log.count("spawned: 'background'") == 2, "the next start")


# ── what cannot be killed ────────────────────────────────────────────────────────────────────

NOBODY = 65534
UNTOUCHABLE = """
import os, signal
os.setresuid(0, 0, 0)
os.write(1, b"up %d\\n" % os.getpid())
signal.pause()
"""
ALONE = '["{python}", "{code}"]'
A_MEMBER = """["/bin/sh", "-c", "{python} {code} & wait"]"""
"""Two ways to be started."""


class Foreign:
    """A daemon of nobody's whose program runs as root, as with sudo: it may not be signalled."""

    def __init__(self, directory: Path, command: str) -> None:
        directory.chmod(0o755)
        self.rig = Rig(directory)
        self._python = _python_for_everybody()
        root_python = directory / "root-python"
        shutil.copy(self._python, root_python)
        root_python.chmod(0o4755)
        code = directory / "untouchable.py"
        code.write_text(UNTOUCHABLE)
        self.rig.write(
            f"""
            [program.untouchable]
            command = {command.format(python=root_python, code=code)}
            startsecs = 0
            stopwaitsecs = 0.1
            [program.other]
            command = "sleep 1000"
            startsecs = 2
            """
        )
        os.chown(directory, NOBODY, NOBODY)
        os.chown(self.rig.runtime, NOBODY, NOBODY)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the daemon; return when the program has become what nobody may signal."""
        packages = [path for path in sys.path if "site-packages" in path]
        here = str(Path(__file__).parent.parent)
        self.rig.environment["PYTHONPATH"] = os.pathsep.join([here, *packages])
        code = "import sys; from trio_supervisor.cli.supervisord import main; sys.exit(main())"
        daemon = self.rig.launch(
            *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
            *(self._python, "-B", "-c", code, "-n", "-c", str(self.rig.configuration)),
        )
        self.rig.wait_for_answers(daemon)
        until(self._said, "the program")
        return daemon

    @property
    def pid(self) -> int:
        """Of the process that cannot be killed."""
        return int(self._said().split()[1])

    def _said(self) -> str:
        logs = self.rig.directory.glob("untouchable-stdout*.log")
        return "".join(log.read_text() for log in logs)


def _python_for_everybody() -> str:
    """Return an interpreter of this version that is no secret of root's."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (os.path.realpath(sys.executable), f"/usr/bin/{name}"):
        as_nobody = ["setpriv", f"--reuid={NOBODY}", "--clear-groups", f"--regid={NOBODY}"]
        with suppress(OSError):
            if subprocess.run([*as_nobody, candidate, "-c", ""], check=False).returncode == 0:
                return candidate
    pytest.skip("no interpreter that another user may run")


@pytest.fixture(params=[ALONE, A_MEMBER], ids=["alone", "a member"])
def foreign(request: pytest.FixtureRequest) -> Iterator[Foreign]:
    """Lend such a daemon's workplace."""
    if os.getuid() != 0:
        pytest.skip("only root can make a program that runs as root")
    with tempfile.TemporaryDirectory() as directory:
        made = Foreign(Path(directory), request.param)
        yield made
        made.rig.close()


def test_fault_08_what_cannot_be_killed_is_named_and_waited_for_no_longer(foreign: Foreign) -> None:
    rig = foreign.rig
    foreign.start()
    pid = foreign.pid

    stop = rig.ctl("stop", "untouchable")
    again = rig.ctl("stop", "untouchable")
    start = rig.ctl("start", "untouchable")

    why = f"untouchable: ERROR (it cannot be killed, waiting for pid {pid})\n"
    assert (stop.stdout, stop.returncode) == (why, 1)
    assert again.stdout == start.stdout == why
    told = f"untouchable was impossible to kill, waiting for pid {pid}"
    assert told in rig.ctl("why", "untouchable").stdout
    assert f"'untouchable' cannot be killed: pid {pid}" in rig.log
    assert rig.ctl("restart", "other").returncode == 0  # nobody else's problem, for two seconds
    assert rig.states()["untouchable"] == "STOPPING"

    os.kill(pid, signal.SIGKILL)

    until(lambda: rig.states()["untouchable"] == "STOPPED", "its end after all")


def test_fault_08_a_shutdown_goes_on_without_what_cannot_be_killed(foreign: Foreign) -> None:
    rig = foreign.rig
    daemon = foreign.start()
    pid = foreign.pid

    shutdown = rig.ctl("shutdown", "--wait")

    assert shutdown.stdout == "Shut down\n"
    assert daemon.wait(PATIENCE) == 1
    assert f"1 processes cannot be killed: pid {pid}" in rig.log
    assert "stopped: other" in rig.log
    assert rig.marked() - {pid} == set()
    os.kill(pid, signal.SIGKILL)
    until(lambda: not lives(pid), "its end")
