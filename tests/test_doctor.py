"""`trio-supervisor doctor`: what containment rests on, beside real daemons, alive and killed."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from container import UNSHARE, needs_namespaces
from rig import PATIENCE, below, open_rig, until  # noqa: F401  # the fixture

from trio_supervisor.cli import machine
from trio_supervisor.cli.findings import Level, of_error
from trio_supervisor.cli.launcher import main
from trio_supervisor.daemon import listeners, state
from trio_supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from pathlib import Path

    from rig import Rig

PROGRAMS = """
[program.plain]
command = "sleep 1000"
[program.runaway]
command = ["sh", "-c", "(setsid -f sleep 1001); exec sleep 1002"]
"""
NOT_OURS = {"init": "warning", "user": "warning"}
"""What whoever runs the tests may be told, too."""


class Report(NamedTuple):
    """What the doctor has said; ``bad`` are the findings that are not ok."""

    code: int
    all: dict[str, dict[str, Any]]

    @property
    def bad(self) -> dict[str, str]:
        """The levels of what is not ok, by subject."""
        levels = {subject: one["level"] for subject, one in self.all.items()}
        found = {subject: level for subject, level in levels.items() if level != "ok"}
        return {s: level for s, level in found.items() if NOT_OURS.get(s) != level}


def report(done: subprocess.CompletedProcess[str]) -> Report:
    assert done.stderr == ""
    findings = json.loads(done.stdout)["findings"]
    assert all(one["text"] for one in findings)
    assert all((one["level"] == "ok") == (one["remedy"] is None) for one in findings)
    return Report(done.returncode, {one["subject"]: one for one in findings})


def examine(rig: Rig) -> Report:
    return report(rig.run("trio-supervisor", "doctor", "--json", "-c", str(rig.configuration)))


def examine_in(rig: Rig, script: str) -> Report:
    """Examine in a shell, which sets limits, or takes something away."""
    doctor = shlex.join(rig.command("trio-supervisor", "doctor", "--json"))
    command = ["sh", "-c", script.format(doctor=doctor)]
    return report(
        subprocess.run(
            command,
            env=rig.environment,
            cwd=rig.directory,
            check=False,
            capture_output=True,
            text=True,
        )
    )


def write(rig: Rig, daemon: str = "") -> None:
    rig.write(PROGRAMS, daemon)


def start(rig: Rig, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a daemon; return when its state has all programs."""
    daemon = rig.start(*arguments)
    until(
        lambda: (found := state.read(str(rig.state_file))) and len(found.leaders) == 2, "the state"
    )
    return daemon


# ── a healthy machine ──


def test_a_healthy_daemon_has_only_what_is_ok(rig: Rig) -> None:
    write(rig)
    daemon = start(rig)

    found = examine(rig)

    assert (found.code, found.bad) == (0, {})
    assert f"pid {daemon.pid} watches over" in found.all["guardian"]["text"]
    assert found.all["lock"]["text"].endswith(f"pid {daemon.pid}")
    assert found.all["pidfile"]["text"].endswith(f"pid {daemon.pid}")
    assert {"subreaper", "/proc", "marks", "hidepid", "pidfds", "terminal"} <= found.all.keys()
    assert {"descriptors", "processes", "runtime directory", "state file"} <= found.all.keys()
    assert rig.finish(daemon) == 0


def test_a_daemon_without_a_guardian_is_as_it_was_asked_for(rig: Rig) -> None:
    write(rig)
    daemon = start(rig, "--no-guardian")

    found = examine(rig)

    assert (found.code, found.bad) == (0, {})
    assert "--no-guardian" in found.all["guardian"]["text"]
    assert rig.finish(daemon) == 0


def test_without_a_daemon_nothing_is_wrong_and_nothing_is_made(rig: Rig) -> None:
    write(rig)

    found = examine(rig)

    assert (found.code, found.bad) == (0, {})
    assert found.all["lock"]["text"].startswith("no daemon runs for")
    assert found.all["runtime directory"]["text"].endswith("will be made")
    assert os.listdir(rig.runtime) == []


def test_a_person_gets_one_line_for_each_finding(rig: Rig) -> None:
    write(rig)

    done = rig.run("trio-supervisor", "doctor")

    *lines, summary = done.stdout.splitlines()
    assert {line.split()[0] for line in lines} <= set(Level)
    assert summary.startswith("problems: 0, warnings: ")


# ── what a run has left ──


def test_a_remedy_for_leftovers_is_the_next_start(rig: Rig) -> None:
    write(rig)
    start(rig)
    before = rig.marked()
    rig.kill_both()

    found = examine(rig)

    assert found.code == 1
    assert found.bad == {"leftovers": "problem", "socket": "warning", "pidfile": "warning"}
    left = found.all["leftovers"]
    assert {int(pid) for pid in left["text"].rpartition("pid ")[2].split(", ")} == before & (
        rig.marked()
    )
    remedy = shlex.split(left["remedy"].partition(" stops them")[0])
    assert rig.run(*remedy).returncode == 0
    assert examine(rig).bad == {}
    assert rig.ctl("shutdown", "--wait").returncode == 0
    until(lambda: not rig.marked(), "the end")


def test_another_remedy_for_leftovers_is_to_kill_them(rig: Rig) -> None:
    write(rig)
    start(rig)
    rig.kill_both()

    found = examine(rig)
    for subject in ("socket", "pidfile"):
        subprocess.run(shlex.split(found.all[subject]["remedy"]), check=True)
    kill = found.all["leftovers"]["remedy"].rpartition(": ")[2]
    subprocess.run(shlex.split(kill), check=True)
    until(lambda: not rig.marked(), "the end")

    assert examine(rig).bad == {}
    assert rig.finish(rig.start()) == 0


def test_a_guardian_that_cleans_up_is_waited_for(rig: Rig) -> None:
    script = "trap '' TERM; sleep 1003 & wait"
    rig.write(f'[program.slow]\ncommand = ["sh", "-c", "{script}"]\n')
    daemon = rig.start()
    until(lambda: "sleep 1003" in below(daemon), "the trap")
    until(lambda: state.read(str(rig.state_file)), "the state")
    os.kill(rig.info().daemon_pid, signal.SIGKILL)
    until(lambda: "failed: signal 9" in rig.log, "the guardian's report")

    found = examine(rig)

    assert "stops what it left" in found.all["guardian"]["text"]
    for pid in rig.marked() - {daemon.pid}:
        os.kill(pid, signal.SIGKILL)
    assert daemon.wait(PATIENCE) == 128 + signal.SIGKILL
    rig.write("")
    assert rig.finish(rig.start()) == 0


@needs_namespaces
def test_without_proc_nobody_is_said_to_be_gone(rig: Rig) -> None:
    write(rig)
    start(rig)
    rig.kill_both()

    found = examine_in(rig, f"{shlex.join(UNSHARE)} sh -c 'mount -t tmpfs no /proc && {{doctor}}'")

    assert found.code == 1
    assert {"/proc": "problem", "marks": "problem", "state file": "warning"}.items() <= (
        found.bad.items()
    )
    assert "leftovers" not in found.all
    assert rig.finish(rig.start()) == 0


# ── files ──


def test_a_state_file_that_cannot_be_read_is_a_problem_and_stays(rig: Rig) -> None:
    write(rig)
    rig.state_file.parent.mkdir(0o700)
    rig.state_file.write_text("{")

    found = examine(rig)

    assert (found.code, found.bad) == (1, {"state file": "problem"})
    assert rig.state_file.read_text() == "{"
    rig.state_file.unlink()


def test_a_state_file_that_a_start_has_put_aside_is_told(rig: Rig) -> None:
    write(rig)
    rig.state_file.parent.mkdir(0o700)
    rig.state_file.with_suffix(".state.bad").write_text("{")

    found = examine(rig)

    assert (found.code, found.bad) == (0, {"state file": "warning"})
    subprocess.run(shlex.split(found.all["state file"]["remedy"]), check=True)
    assert examine(rig).bad == {}


def test_a_runtime_directory_that_is_open_to_others_is_a_problem(rig: Rig) -> None:
    write(rig)
    directory = rig.state_file.parent
    directory.mkdir()
    directory.chmod(0o755)

    found = examine(rig)

    assert (found.code, found.bad) == (1, {"runtime directory": "problem"})
    subprocess.run(shlex.split(found.all["runtime directory"]["remedy"]), check=True)
    assert examine(rig).bad == {}


def test_a_runtime_directory_that_cannot_be_made_is_a_problem(rig: Rig) -> None:
    write(rig)
    rig.environment["XDG_RUNTIME_DIR"] = str(rig.directory / "nowhere")

    assert examine(rig).bad == {"runtime directory": "problem"}


def test_what_stands_in_the_way_of_the_socket_is_a_problem(rig: Rig) -> None:
    rig.write(PROGRAMS + '[control]\nfile = "%(here)s/x"\n')
    (rig.directory / "x").touch()

    found = examine(rig)

    assert (found.code, found.bad) == (1, {"socket": "problem"})
    assert found.all["socket"]["remedy"] == "move it, or configure another path"


def test_somebody_elses_socket_is_a_problem(rig: Rig) -> None:
    rig.write(PROGRAMS + '[control]\nfile = "%(here)s/x"\n')

    with socket.socket(socket.AF_UNIX) as other, listeners.short_path(f"{rig.directory}/x") as path:
        other.bind(path)
        other.listen()
        found = examine(rig)

    assert (found.code, found.bad) == (1, {"socket": "problem"})
    assert found.all["socket"]["remedy"].startswith("Shut this program down first")


def test_a_pidfile_of_two_daemons_is_told(rig: Rig) -> None:
    write(rig)
    daemon = start(rig)
    pidfile = rig.directory / "supervisord.pid"
    own = pidfile.read_text()
    pidfile.write_text("1\n")

    assert examine(rig).bad == {"pidfile": "warning"}

    pidfile.write_text(own)
    assert rig.finish(daemon) == 0


# ── the machine, the user, the configuration ──


def test_too_few_descriptors_are_a_problem_with_the_number(rig: Rig) -> None:
    write(rig, "minfds = 0\n")

    found = examine_in(rig, "ulimit -n 64; exec {doctor}")

    assert (found.code, found.bad) == (1, {"descriptors": "problem"})
    assert found.all["descriptors"]["text"].startswith("2 processes need 276 descriptors, and at")
    assert found.all["descriptors"]["remedy"].startswith("raise the hard limit (ulimit -Hn 276)")


def test_a_soft_limit_is_raised(rig: Rig) -> None:
    write(rig, "minfds = 0\n")

    found = examine_in(rig, "ulimit -Sn 64; exec {doctor}")

    assert found.all["descriptors"]["text"] == "needed: 276; allowed: 64, raised to 276"


def test_the_orphan_is_gone_afterwards() -> None:
    code = (  # a process of its own: it becomes a subreaper
        "import os; from trio_supervisor.cli import machine; "
        "from trio_supervisor.daemon.proc import children_of; "
        "print(*(one.level for one in machine.containment()), children_of(os.getpid()))"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("ok ok ok ok ok []\n", "")


def test_a_proc_that_hides_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_mount_options", lambda _: ["rw", "hidepid=invisible"])

    assert machine._hidden().level is Level.WARNING


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another user")
def test_it_looks_as_the_user_of_the_configuration(rig: Rig) -> None:
    rig.write(PROGRAMS, 'user = "nobody"\n')
    rig.environment["TMPDIR"] = str(rig.directory)
    rig.environment.pop("COVERAGE_PROCESS_START", None)  # nobody could not write what it found
    rig.environment.pop("COVERAGE_PROCESS_CONFIG", None)

    found = examine(rig)

    assert found.all["user"]["text"] != "uid 0"
    assert "trio-supervisor-" in found.all["runtime directory"]["text"]


@pytest.mark.skipif(os.getuid() == 0, reason="root may start programs as anybody")
def test_programs_of_another_user_are_a_problem_without_root(rig: Rig) -> None:
    rig.write('[program.a]\ncommand = "true"\nuser = "root"\n')

    assert examine(rig).bad == {"user": "problem"}


def test_a_configuration_with_errors_is_a_problem_and_no_end(rig: Rig) -> None:
    rig.configuration.write_text("nonsense\n")

    found = examine(rig)

    assert (found.code, found.bad) == (1, {"configuration": "problem"})
    assert {"lock", "subreaper"} <= found.all.keys()


def test_a_missing_configuration_is_a_mistake_of_usage(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["doctor", "-c", f"{tmp_path}/none.toml"]) == 2
    assert capsys.readouterr().err == f"could not find config file {tmp_path}/none.toml\n"


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("/a: is open (chmod 700 /a)", "/a: is open", "chmod 700 /a"),
        ("no room (10): make some", "no room (10)", "make some"),
        ("a: b is taken.  Free it.", "a: b is taken", "Free it."),
    ],
)
def test_an_error_brings_its_remedy(text: str, what: str, remedy: str) -> None:
    found = of_error("x", SupervisorError(text))

    assert (found.text, found.remedy) == (what, remedy)
