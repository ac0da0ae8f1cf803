"""The commands around `up` on a real daemon: wait, ps, logs, run, down."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from container import UNSHARE, needs_namespaces
from rig import IGNORE, PATIENCE, open_rig, shell, until, up_at_once  # noqa: F401  # the fixture
from workers import free_ports

from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from rig import Rig

FOREVER = "exec sleep 1000"


def launcher(rig: Rig, command: str, *words: str) -> subprocess.CompletedProcess[str]:
    return rig.run("trio-supervisor", command, "-c", str(rig.configuration), *words)


def said(rig: Rig, command: str, *words: str) -> tuple[int, list[str]]:
    done = launcher(rig, command, *words)
    return done.returncode, done.stdout.splitlines()


# ── wait ──


def test_wait_tells_what_is_up_and_what_will_not_be(rig: Rig) -> None:
    rig.write(
        shell("a", FOREVER, "startsecs = 0.3")
        + shell("job", "exit 0", "type = 'task'")
        + shell("wrong", "exit 4", "type = 'task'")
        + shell("off", FOREVER, "autostart = false")
    )
    rig.start()

    assert said(rig, "wait", "a", "job") == (0, ["a: up", "job: up"])
    assert said(rig, "wait", "wrong") == (7, ["wrong: ERROR (it has ended with exit status 4)"])
    assert said(rig, "wait", "o*") == (7, ["off: ERROR (it is stopped)"])
    assert said(rig, "wait", "nosuch", "a") == (
        4,
        ["nosuch: ERROR (no such process)", "a: up"],
    )
    assert said(rig, "wait", "--healthy", "a") == (0, ["a: up"])


def test_wait_does_not_wait_longer_than_it_may(rig: Rig) -> None:
    rig.write(shell("slow", FOREVER, "startsecs = 1000"))
    rig.start()

    code, lines = said(rig, "wait", "--timeout", "0.2", "slow")

    assert (code, lines) == (1, ["slow: ERROR (after 0.2 s: STARTING)"])


def test_wait_knows_what_is_ready_and_what_is_healthy(rig: Rig) -> None:
    rig.write(
        up_at_once("a", FOREVER, "ready = {exec = 'test -e ready', interval = 0.05}")
        + up_at_once(
            "b",
            FOREVER,
            "health = {exec = 'test -e healthy', interval = 0.05, on_failure = 'mark'}",
        )
    )
    rig.start()
    rig.settle(ProcessState.RUNNING)

    assert said(rig, "wait", "--timeout", "0.1", "a") == (1, ["a: ERROR (after 0.1 s: not ready)"])
    assert said(rig, "wait", "b") == (0, ["b: up"])
    assert said(rig, "wait", "--timeout", "0.1", "--healthy", "b") == (
        1,
        ["b: ERROR (after 0.1 s: not healthy)"],
    )
    (rig.directory / "ready").touch()
    (rig.directory / "healthy").touch()
    assert said(rig, "wait", "--healthy", "a", "b") == (0, ["a: up", "b: up"])
    assert [line.split()[2] for line in said(rig, "ps")[1]] == ["READY", "ready", "healthy"]


def test_wait_has_the_highest_code_of_all_names(rig: Rig) -> None:
    rig.write(shell("wrong", "exit 4", "type = 'task'"))
    rig.start()

    assert said(rig, "wait", "wrong", "nosuch")[0] == 7
    assert said(rig, "wait", "nosuch", "wrong")[0] == 7


def test_wait_without_names_or_with_a_bad_time_is_usage(rig: Rig) -> None:
    rig.write(shell("a", FOREVER))
    rig.start()

    assert said(rig, "wait")[0] == 2
    code, lines = said(rig, "wait", "--timeout", "soon", "a")
    assert code == 2
    assert lines[0] == "Error: --timeout soon: no such time (examples: 30, 1.5, 1h30m)"


# ── ps ──


def test_ps_shows_what_processes_use(rig: Rig) -> None:
    listening = (
        "import socket, time; s = socket.create_server(('127.0.0.1', 0)); "
        "print(s.getsockname()[1], flush=True); time.sleep(1000)"
    )
    rig.write(
        up_at_once("web", f'exec python3 -c "{listening}"')
        + shell("off", FOREVER, "autostart = false")
    )
    rig.start()
    port = until(lambda: rig.text("web.log").strip())

    code, (head, off, web) = said(rig, "ps")
    assert code == 0
    heads = [
        "NAME",
        "STATE",
        "READY",
        "PID",
        "UPTIME",
        "RESTARTS",
        "CPU",
        "MEMORY",
        "PORTS",
        "NOTE",
    ]
    assert head.split() == heads
    assert off.split() == ["off", "STOPPED", "-", "-", "0", "-", "-", "Not", "started"]
    assert re.match(rf"web +RUNNING +ready +\d+ +0:00:\d\d +0 +\d+\.\d% +\S+[KM] +{port}$", web)
    (process,) = json.loads(launcher(rig, "ps", "--json", "web").stdout)["processes"]
    assert process["ports"] == [int(port)]
    assert process["memory"] > 0
    assert said(rig, "ps", "nosuch") == (4, ["nosuch: ERROR (no such process)"])


def memory(rig: Rig, *before: str) -> int | None:
    """Return what ps says that `web` uses, when it is run behind some other command."""
    command = [*before, *rig.command("supervisorctl", "-c", str(rig.configuration))]
    done = subprocess.run(
        [*command, "ps", "--json"], env=rig.environment, check=True, capture_output=True
    )
    (process,) = json.loads(done.stdout)["processes"]
    found: int | None = process["memory"]
    return found


@needs_namespaces
@pytest.mark.parametrize("has_port", [True, False])
def test_ps_looks_at_processes_where_their_pids_are_ours(rig: Rig, *, has_port: bool) -> None:
    port = f'[inet_http_server]\nport = "127.0.0.1:{free_ports(1)}"\n' if has_port else ""
    rig.write(port + up_at_once("web", FOREVER))
    rig.start()
    rig.settle()

    assert memory(rig)
    assert memory(rig, *UNSHARE) is None


# ── logs ──


def in_turns(name: str, first: bool) -> str:
    """Return a program that writes a line whenever another has, and a moment has passed."""
    other = "[ $i = 1 ] || [ -e b$((i - 1)) ]" if first else "[ -e a$i ]"
    script = f"""
        for i in 1 2 3; do
            until {other}; do sleep 0.01; done; sleep 0.05
            echo {name} $i; touch {name}$i
        done; exec sleep 1000"""
    return up_at_once(name, script)


@pytest.fixture(name="talkers")
def start_talkers(rig: Rig) -> Rig:
    rig.write(in_turns("a", first=True) + in_turns("b", first=False))
    rig.start()
    until(lambda: "b 3" in rig.text("b.log"))
    return rig


def test_logs_are_merged_by_time(talkers: Rig) -> None:
    lines = ["a | a 1", "b | b 1", "a | a 2", "b | b 2", "a | a 3", "b | b 3"]

    assert said(talkers, "logs") == (0, lines)
    assert said(talkers, "logs", "-n", "1") == (0, lines[-2:])
    assert said(talkers, "logs", "b") == (0, lines[1::2])
    assert said(talkers, "logs", "--grep", "[13]$") == (0, [*lines[:2], *lines[-2:]])
    assert said(talkers, "logs", "--grep", "[13]$", "-n", "1") == (0, lines[-2:])
    assert said(talkers, "logs", "--since", "1h") == (0, lines)
    assert said(talkers, "logs", "--since", "0") == (0, [])
    (first, *_) = said(talkers, "logs", "-t", "a")[1]
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} a \| a 1", first)


def test_what_an_earlier_daemon_has_logged_comes_first_without_a_time(rig: Rig) -> None:
    (rig.directory / "b.log").write_text("b old\n")
    rig.write(up_at_once("a", f"echo a new; {FOREVER}") + up_at_once("b", FOREVER))
    rig.start()
    until(lambda: rig.text("a.log"))

    assert said(rig, "logs")[1] == ["b | b old", "a | a new"]
    assert said(rig, "logs", "-t", "b")[1] == ["--:--:--.--- b | b old"]
    assert said(rig, "logs", "--since", "1h")[1] == ["a | a new"]


def test_logs_can_be_followed_until_ctrl_c(talkers: Rig) -> None:
    following = subprocess.Popen(
        talkers.command("trio-supervisor", "logs", "-f", "-n", "1"),
        env=talkers.environment,
        cwd=talkers.directory,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert following.stdout is not None
    assert [following.stdout.readline().strip() for _ in range(2)] == ["a | a 3", "b | b 3"]
    assert talkers.ctl("stop", "a", "b").returncode == 0
    for name in ("a1", "b1", "a2", "b2", "a3", "b3"):
        (talkers.directory / name).unlink()
    assert talkers.ctl("start", "a", "b").returncode == 0

    assert [following.stdout.readline().strip() for _ in range(3)] == [
        "a | a 1",
        "b | b 1",
        "a | a 2",
    ]
    following.send_signal(signal.SIGINT)
    assert following.wait(PATIENCE) == 0
    following.stdout.close()


def test_logs_says_what_is_wrong(talkers: Rig) -> None:
    assert said(talkers, "logs", "nosuch") == (1, ["nosuch: ERROR (no such process)"])
    for words in (["--grep", "("], ["-n", "x"], ["--since", "x"], ["--nosuch"]):
        code, lines = said(talkers, "logs", *words)
        assert code == 2
        assert lines[0].startswith("Error: ")


# ── run ──


def test_run_has_the_environment_of_the_stack_or_of_a_program(rig: Rig) -> None:
    rig.write(
        shell("web", "exit", 'environment = {PORT = "80", "WHO" = "program"}'),
        daemon='environment = {WHO = "stack"}',
    )
    script = 'echo "$WHO $PORT $SUPERVISOR_ENABLED ${SUPERVISOR_SERVER_URL%%:*} $1"; exit 5'

    words = ("sh", "-c", script, "sh", "a  b")
    assert said(rig, "run", "--", *words) == (5, ["stack  1 unix a  b"])
    assert said(rig, "run", "-e", "web", *words) == (5, ["program 80 1 unix a  b"])
    assert launcher(rig, "run", "-e", "nosuch", "true").stderr == (
        "Error: no process is called 'nosuch' (there are: web)\n"
    )
    assert launcher(rig, "run", "--", "no-such-command").returncode == 127
    assert launcher(rig, "run", "--", "/").returncode == 126
    assert launcher(rig, "run").returncode == 2
    assert launcher(rig, "run", "--help").returncode == 0


# ── down ──


def test_down_stops_everything_and_tells_it(rig: Rig) -> None:
    rig.write(
        up_at_once("a", FOREVER)
        + up_at_once("b", IGNORE)
        + shell("off", "exit", "autostart = false")
    )
    daemon = rig.start()
    rig.settle(ProcessState.RUNNING, "a", "b")

    code, lines = said(rig, "down")

    assert (code, sorted(lines)) == (0, ["a: stopped", "b: stopped"])
    assert daemon.wait(PATIENCE) == 0
    assert said(rig, "down") == (0, ["supervisord is not running: nothing to stop"])


def test_each_command_has_its_exit_code_where_nothing_runs(rig: Rig) -> None:
    rig.write(shell("a", FOREVER))
    commands = ("down", "ps", "wait a", "logs", "logs -f", "attach a", "fg a", "why a", "graph")

    codes = {command: said(rig, *command.split())[0] for command in commands}

    assert codes == {**dict.fromkeys(commands, 7), "down": 0, "ps": 4}


def test_the_configuration_may_stand_before_or_behind_a_command(rig: Rig) -> None:
    rig.write(shell("web", f"echo hello; {FOREVER}", "startsecs = 0"), name="other.toml")
    rig.configuration = rig.directory / "other.toml"
    first = rig.launch(*rig.command("trio-supervisor", "-c", "other.toml", "up"))
    rig.wait_for_answers(first)
    until(lambda: rig.text("web.log"))

    def out(name: str, *words: str) -> str:
        return rig.run(name, *words).stdout

    assert out("trio-supervisor", "logs", "-n", "5", "-c", "other.toml") == "web | hello\n"
    assert out("supervisorctl", "status", "web", "-c", "other.toml").startswith("web  ")
    assert out("trio-supervisor", "up", "-d", "web", "--configuration=other.toml") == ""
    ran = ("run", "-c", "other.toml", "--", "sh", "-c", "echo $SUPERVISOR_ENABLED")
    assert out("trio-supervisor", *ran) == "1\n"
    assert out("trio-supervisor", "--configuration=other.toml", "check").startswith("1 program")
    assert out("trio-supervisor", "-c", "other.toml", *ran[:1], *ran[3:]) == "1\n"
    assert out("trio-supervisor", "down", "--configuration", "other.toml") == "web: stopped\n"
    assert first.wait(PATIENCE) == 0


def test_down_takes_no_names(rig: Rig) -> None:
    rig.write(shell("a", FOREVER))
    rig.start()

    assert said(rig, "down", "a")[0] == 1
    assert said(rig, "wait", "a")[0] == 0


def test_who_follows_logs_is_told_of_the_end_of_the_daemon(rig: Rig) -> None:
    rig.write(shell("web", "echo hello; exec sleep 1000", "startsecs = 0"))
    daemon = rig.start()
    command = rig.command("supervisorctl", "-c", str(rig.configuration), "logs", "-f")
    with subprocess.Popen(
        command, env=rig.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        assert following.stdout.readline() == "web | hello\n"
        rig.finish(daemon)

        assert following.wait(PATIENCE) == 0
        assert following.stderr.read() == "supervisord has ended\n"
