"""The daemon as a whole: start, readiness, exit codes, signals, terminals."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rig import PATIENCE, STUBBORN, open_rig, until  # noqa: F401  # the fixture

from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.source.address import ensure_runtime_directory, lock_path

if TYPE_CHECKING:
    from subprocess import Popen

    from rig import Rig

SLEEPER = """
    [program.sleeper]
    command = "/bin/sleep 1000"
    startsecs = 0
    """


def test_a_daemon_that_has_daemonized_answers_at_once(rig: Rig) -> None:
    rig.write(SLEEPER)

    started = rig.run("supervisord", "-c", str(rig.configuration))
    status = rig.ctl("status")
    stopped = rig.ctl("shutdown")

    assert (started.returncode, started.stdout, started.stderr) == (0, "", "")
    assert (status.returncode, status.stderr) == (0, "")
    assert status.stdout.startswith("sleeper                          RUNNING   pid ")
    assert stopped.stdout == "Shut down\n"
    until(lambda: not rig.marked() and not rig.left_files(), "the end")


def test_the_pidfile_names_the_guardian_and_goes_with_it(rig: Rig) -> None:
    rig.write(SLEEPER)

    daemon = rig.start()

    until(lambda: rig.text("supervisord.pid") == f"{daemon.pid}\n", "the pidfile")
    assert rig.ctl("pid").stdout == f"{daemon.pid}\n"
    assert f"supervisord started with pid {daemon.pid}" in rig.log
    assert rig.finish(daemon) == 0
    assert rig.left_files() == []


def test_all_problems_of_a_bad_file_are_told_and_nothing_starts(rig: Rig) -> None:
    path = rig.write("[program.a]\nstartsecs = -1\n[program.b]\ncommand = 7\n")

    started = rig.run("supervisord", "-c", str(path))

    assert started.returncode == 2
    assert "program.a: has no command" in started.stderr
    assert "program.a.startsecs" in started.stderr
    assert "program.b.command" in started.stderr
    assert "Traceback" not in started.stderr
    assert rig.log == ""


def test_fault_44_a_second_daemon_names_the_first_and_touches_nothing(rig: Rig) -> None:
    rig.write(SLEEPER, 'pidfile = "supervisord.pid"')
    daemon = rig.start()
    rig.settle()
    until(lambda: rig.text("supervisord.pid"), "the pidfile")
    until(lambda: "sleeper" in rig.state_file.read_text(), "the state file")
    files = [rig.directory / "supervisord.pid", *rig.runtime.glob("*/*")]
    before = [(path, path.stat().st_ino, path.stat().st_mtime_ns) for path in files]
    log = rig.log

    for arguments in ([], ["-n"]):
        second = rig.run("supervisord", "-c", str(rig.configuration), *arguments)

        assert second.returncode == 2
        assert f"(pid {daemon.pid})" in second.stderr
    assert rig.log == log
    assert [(path, path.stat().st_ino, path.stat().st_mtime_ns) for path in files] == before


def test_a_second_daemon_is_refused_even_if_the_runtime_directory_was_removed(rig: Rig) -> None:
    rig.write(SLEEPER)
    daemon = rig.start()
    rig.settle()
    until(lambda: rig.text("supervisord.pid"), "the pidfile")
    shutil.rmtree(rig.runtime / "trio-supervisor")

    second = rig.run("supervisord", "-c", str(rig.configuration))

    assert second.returncode == 2
    assert f"already running for {rig.configuration} (pid {daemon.pid})" in second.stderr
    assert rig.finish(daemon) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_exit_signals_stop_everything_in_order(rig: Rig, number: signal.Signals) -> None:
    rig.write(SLEEPER)
    daemon = rig.start()
    rig.settle()

    assert rig.finish(daemon, number) == 0
    assert f"WARN received {number.name} indicating exit request" in rig.log
    assert "stopped: sleeper (terminated by SIGTERM)" in rig.log
    assert rig.marked() == set()
    assert "Traceback" not in rig.text("console")


@pytest.mark.parametrize("flag", ["-n", "-s"])  # in the foreground and not
def test_a_start_with_closed_descriptors_is_like_any_other(rig: Rig, flag: str) -> None:
    (supervisord,) = rig.command("supervisord")
    script = "echo out; echo err >&2; exec sleep 1000"
    rig.write(f"""
        [program.talker]
        command = ["/bin/sh", "-c", "{script}"]
        stdout_logfile = "talker.log"
        redirect_stderr = true
        startsecs = 0
        """)

    daemon = rig.launch(
        "/bin/sh", "-c", f"exec {supervisord} {flag} -c {rig.configuration} <&- >&- 2>&-"
    )
    until(lambda: rig.text("talker.log") == "out\nerr\n", "what it says")

    assert rig.ctl("shutdown").returncode == 0
    assert daemon.wait(PATIENCE) == 0
    until(lambda: not rig.marked() and not rig.left_files(), "the end")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_exit_signal_while_it_starts_is_not_lost(rig: Rig, number: signal.Signals) -> None:
    rig.write(SLEEPER)

    for _ in range(3):
        command = rig.command("supervisord", "-n", "-c", str(rig.configuration))
        daemon = rig.launch(*command)
        until(partial(_has_lock, rig, daemon.pid), "the lock")

        assert rig.finish(daemon, number) == 0
        assert (rig.marked(), rig.left_files()) == (set(), [])
    assert "Traceback" not in rig.text("console")


def _has_lock(rig: Rig, pid: int) -> bool:
    return any(path.read_text() == f"{pid}\n" for path in rig.runtime.glob("*/*.lock"))


def test_fault_33_a_second_request_a_second_later_kills_what_ignores_the_first(rig: Rig) -> None:
    rig.write(STUBBORN)
    daemon = rig.start()
    rig.settle()

    daemon.terminate()
    until(lambda: rig.states() == {"stubborn": "STOPPING"}, "STOPPING")
    until(lambda: _is_gone_when_asked_again(daemon), "the end")

    assert daemon.returncode == 0
    assert "received SIGTERM again: killing what is left" in rig.log
    assert "stopped: stubborn (terminated by SIGKILL)" in rig.log


def _is_gone_when_asked_again(daemon: Popen[bytes]) -> bool:
    daemon.terminate()
    return daemon.poll() is not None


def test_signals_without_a_meaning_do_nothing(rig: Rig) -> None:
    rig.write(SLEEPER)
    daemon = rig.start()
    pids = rig.settle()
    inner = rig.info().daemon_pid

    for number in (signal.SIGUSR1, signal.SIGALRM, signal.SIGWINCH, signal.SIGUSR1):
        daemon.send_signal(number)
        os.kill(inner, number)

    for number in (signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO, signal.SIGPWR):
        os.kill(inner, number)
    assert rig.settle() == pids
    assert daemon.poll() is None


def test_hup_adopts_a_good_file_and_restarts(rig: Rig) -> None:
    rig.write(SLEEPER)
    daemon = rig.start()
    before = rig.settle()

    rig.write(SLEEPER + SLEEPER.replace("sleeper", "another"))
    daemon.send_signal(signal.SIGHUP)
    until(lambda: "another" in rig.states(), "the reload")

    after = rig.settle()
    assert after["sleeper"] != before["sleeper"]
    assert daemon.poll() is None
    assert "WARN received SIGHUP indicating restart request" in rig.log


def test_hup_with_a_bad_file_changes_nothing(rig: Rig) -> None:
    rig.write(SLEEPER)
    daemon = rig.start()
    before = rig.settle()

    rig.write(SLEEPER + "[program.bad]\n")
    daemon.send_signal(signal.SIGHUP)
    until(lambda: "nothing was changed" in rig.log, "the refusal")

    assert "program.bad: has no command" in rig.log
    assert rig.settle() == before


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("[unix_http_server]\nfile = '%(here)s/taken'", "taken exists and is no socket"),
        ("[supervisord]\nlogfile = '%(here)s/folder'", "folder: Is a directory (logfile)"),
    ],
    ids=["socket", "log"],
)
def test_a_reload_that_cannot_open_something_says_so_and_changes_nothing(
    rig: Rig, options: str, told: str
) -> None:
    rig.write(SLEEPER)
    daemon = rig.start()
    before = rig.settle()
    (rig.directory / "taken").touch()
    (rig.directory / "folder").mkdir()

    text = rig.configuration.read_text()
    section = "[supervisord]\n"
    rig.configuration.write_text(
        text.replace(section, options + "\n") if section in options else f"{text}\n{options}\n"
    )
    reloaded = rig.ctl("reload")

    assert reloaded.returncode == 1
    assert reloaded.stdout.startswith("ERROR: CANT_REREAD: ")
    assert told in reloaded.stdout
    assert rig.settle() == before
    assert rig.finish(daemon) == 0


def test_a_reload_without_what_up_was_told_to_run_changes_nothing(rig: Rig) -> None:
    rig.write(SLEEPER + SLEEPER.replace("sleeper", "another"))
    up = rig.launch(*rig.command("trio-supervisor", "up", "-c", str(rig.configuration), "another"))
    rig.wait_for_answers(up)
    before = rig.settle(ProcessState.RUNNING, "another")

    rig.write(SLEEPER)
    up.send_signal(signal.SIGHUP)
    until(lambda: "nothing was changed" in rig.log, "the refusal")

    assert "no process or group is called 'another'" in rig.log
    assert rig.settle(ProcessState.RUNNING, "another") == before


def test_fault_45_a_start_that_meets_the_end_of_another_waits_for_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.write(SLEEPER)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(rig.runtime))
    ensure_runtime_directory()
    with open(lock_path(str(rig.configuration)), "w", encoding="ascii") as ending:
        fcntl.flock(ending, fcntl.LOCK_EX)
        daemon = rig.launch(*rig.command("supervisord", "-n", "-c", str(rig.configuration)))
        until(lambda: _waits_for_the_lock(daemon.pid), "the look at the lock")

    rig.wait_for_answers(daemon)
    assert rig.finish(daemon) == 0


ALONE = """
[program.alone]
command = ["/bin/sh", "-c", "mkdir alone || echo twice >>twice; echo once >>ran; rmdir alone"]
type = "task"
startsecs = 0
"""


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--no-guardian"]])
def test_many_that_start_and_end_at_once_never_run_together(rig: Rig, options: list[str]) -> None:
    rig.write(ALONE, 'exit_with = "alone"')
    command = shlex.join(rig.command("supervisord", "-n", *options, "-c", str(rig.configuration)))
    again = f"for i in 1 2 3 4; do {command} >>console 2>&1; done"

    starters = [rig.launch("sh", "-c", again) for _ in range(4)]

    assert [starter.wait(60) for starter in starters].count(0) > 0
    assert "once" in rig.text("ran")
    assert rig.text("twice") == ""
    assert not rig.left_files()


def test_a_lock_that_its_owner_takes_away_is_not_enough(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.write(SLEEPER)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(rig.runtime))
    ensure_runtime_directory()
    path = Path(lock_path(str(rig.configuration)))
    with path.open("w", encoding="ascii") as ending:
        fcntl.flock(ending, fcntl.LOCK_EX)
        daemon = rig.launch(*rig.command("supervisord", "-n", "-c", str(rig.configuration)))
        until(lambda: _waits_for_the_lock(daemon.pid), "the look at the lock")
        path.unlink()

    rig.wait_for_answers(daemon)
    assert path.read_text() == f"{daemon.pid}\n"
    refused = rig.run("supervisord", "-c", str(rig.configuration))
    assert f"already running for {rig.configuration} (pid {daemon.pid})" in refused.stderr
    assert rig.finish(daemon) == 0
    assert not path.exists()


def test_a_daemon_whose_guardian_was_killed_takes_the_lock_away(rig: Rig) -> None:
    rig.write(SLEEPER)
    guardian = rig.start()
    rig.settle()
    assert rig.state_file.with_suffix(".lock").exists()

    guardian.kill()
    guardian.wait(PATIENCE)

    until(lambda: not rig.marked(), "the end of the daemon")
    assert not rig.left_files()


def test_an_address_that_cannot_be_left_ends_nothing(rig: Rig) -> None:
    rig.write("")
    address = rig.state_file.with_suffix(".address")
    address.parent.mkdir(0o700)
    address.mkdir()

    assert rig.run("supervisord", "-c", str(rig.configuration)).returncode == 0
    assert rig.ctl("reload").returncode == 0

    until(lambda: rig.log.count(f"cannot write {address}: Is a directory") == 2, "the warnings")
    assert rig.ctl("shutdown", "--wait").stdout == "Shut down\n"
    until(lambda: not rig.marked(), "the end")
    address.rmdir()
    assert not list(address.parent.glob("*.address.*"))


def test_a_lock_that_cannot_be_opened_is_told_with_a_remedy(rig: Rig) -> None:
    rig.write("")
    lock = rig.state_file.with_suffix(".lock")
    lock.parent.mkdir(0o700)
    lock.symlink_to(rig.directory / "elsewhere")

    refused = rig.run("supervisord", "-c", str(rig.configuration))

    assert refused.returncode == 2
    assert refused.stderr.startswith(f"Error: cannot open the lock {lock}: Too many levels")
    assert not (rig.directory / "elsewhere").exists()
    lock.unlink()


def _waits_for_the_lock(pid: int) -> bool:
    with suppress(OSError):
        return any(".lock" in os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir())
    return False


def test_fault_32_a_bug_ends_with_its_traceback_in_the_log_and_nothing_left(rig: Rig) -> None:
    rig.write(SLEEPER)
    daemon = rig.start_with_fault("""
        from trio_supervisor.daemon.supervisor import Supervisor
        Supervisor.reload_nowait = lambda *_: 1 // 0
        """)
    rig.settle()

    daemon.send_signal(signal.SIGHUP)

    assert daemon.wait(PATIENCE) == 70
    assert "stopped: sleeper (terminated by SIGTERM)" in rig.log
    assert "ZeroDivisionError" in rig.log
    assert rig.marked() == set()


def test_a_daemon_that_shuts_down_answers_and_keeps_its_lock(rig: Rig) -> None:
    rig.write(STUBBORN)
    daemon = rig.start()
    rig.settle()
    daemon.terminate()
    until(lambda: rig.states() == {"stubborn": "STOPPING"}, "STOPPING")

    status, started, second = (
        rig.ctl("status"),
        rig.ctl("start", "stubborn"),
        rig.run("supervisord", "-c", str(rig.configuration)),
    )

    assert (status.returncode, status.stdout.split()) == (0, ["stubborn", "STOPPING"])
    assert (started.returncode, started.stdout) == (1, "ERROR: supervisor shutting down\n")
    assert second.returncode == 2
    assert f"(pid {daemon.pid})" in second.stderr
    until(lambda: _is_gone_when_asked_again(daemon), "the end")


def test_usr2_opens_moved_logs_again(rig: Rig) -> None:
    rig.write("""
        [program.talker]
        command = ["/bin/sh", "-c", "while read line; do echo $line; done < fifo"]
        stdout_logfile = "talker.log"
        startsecs = 0
        """)
    os.mkfifo(rig.directory / "fifo")
    daemon = rig.start()
    with (rig.directory / "fifo").open("w", buffering=1) as words:
        print("before", file=words)
        until(lambda: rig.text("talker.log") == "before\n", "the first line")

        for name in ("talker.log", "supervisord.log"):
            (rig.directory / name).rename(rig.directory / f"{name}.moved")
        daemon.send_signal(signal.SIGUSR2)
        until((rig.directory / "talker.log").exists, "the new log")
        print("after", file=words)

        until(lambda: rig.text("talker.log") == "after\n", "the second line")
        assert rig.text("talker.log.moved") == "before\n"
        assert "supervisord logreopen" in rig.text("supervisord.log.moved")
        assert (rig.directory / "supervisord.log").exists()


def test_a_dead_socket_is_replaced_and_a_file_is_kept(rig: Rig) -> None:
    import socket

    place = rig.directory / "control.sock"
    rig.write(f'[unix_http_server]\nfile = "control.sock"\n{SLEEPER}'.replace("    ", ""))
    place.write_text("precious")
    refused = rig.run("supervisord", "-n", "-c", str(rig.configuration))
    kept = place.read_text()
    place.unlink()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place))

    rig.start()

    assert refused.returncode == 2
    assert "exists and is no socket" in refused.stderr
    assert kept == "precious"
    assert rig.ctl("status", "sleeper").returncode == 0
    assert oct(place.stat().st_mode & 0o777) == "0o700"


def test_a_socket_path_may_be_longer_than_an_address(rig: Rig) -> None:
    deep = rig.directory / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    rig.write(f'[unix_http_server]\nfile = "{deep}/control.sock"\n')

    daemon = rig.start()

    assert rig.ctl("version").returncode == 0
    assert rig.finish(daemon) == 0
    assert list(deep.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("user", ["nobody", "root"])
def test_root_finds_the_daemon_that_has_become_another_user(rig: Rig, user: str) -> None:
    if not _can_run_python(user):
        pytest.skip(f"this Python lies where {user} cannot read it")
    with tempfile.TemporaryDirectory() as open_to_all:
        Path(open_to_all).chmod(0o777)
        rig.environment["TMPDIR"] = open_to_all
        rig.configuration = Path(open_to_all) / "supervisord.toml"
        rig.configuration.write_text(
            f"[supervisord]\nuser = '{user}'\ndirectory = '%(here)s'\nlogfile = 'NONE'\n"
        )

        daemon = rig.launch(*rig.command("supervisord", "-n", "-c", str(rig.configuration)))
        until(lambda: "started with pid" in rig.text("console"), "the start")
        asked = rig.ctl("pid")

        assert (asked.stdout, asked.returncode) == (f"{daemon.pid}\n", 0)
        assert rig.finish(daemon) == 0


def _can_run_python(user: str) -> bool:
    with suppress(PermissionError):
        command = [sys.executable, "-c", "import _blake2, trio_supervisor.daemon.main"]
        return subprocess.run(command, user=user, capture_output=True, check=False).returncode == 0
    return False
