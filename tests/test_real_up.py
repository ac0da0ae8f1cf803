"""The options of `up`: in the background, waiting, joining what runs, ending with one process."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from rig import PATIENCE, SCRIPTS, open_rig, shell, until, up_at_once  # noqa: F401  # the fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rig import Rig

FOREVER = "exec sleep 1000"
CHAIN = up_at_once("db", FOREVER) + up_at_once(
    "web", f"echo hello; {FOREVER}", 'depends_on = ["db"]'
)
OFF = shell("off", FOREVER, "autostart = false\nstartsecs = 0")


def up(rig: Rig, *words: str) -> subprocess.CompletedProcess[str]:
    """Run an `up` that comes to an end by itself."""
    return rig.run("trio-supervisor", "up", "-c", str(rig.configuration), *words)


@pytest.fixture(name="stack")
def end_at_last(rig: Rig) -> Iterator[Rig]:
    """Give a rig whose daemons run in the background."""
    yield rig
    assert rig.run("trio-supervisor", "down", "-c", str(rig.configuration)).returncode == 0


def test_up_returns_when_all_is_ready(stack: Rig) -> None:
    stack.write(CHAIN + shell("job", "exit 0", 'type = "task"') + OFF)

    done = up(stack, "--wait")

    assert (done.returncode, sorted(done.stdout.split("\n"))) == (
        0,
        ["", "db: up", "job: up", "web: up"],
    )
    assert stack.states() == {"db": "RUNNING", "web": "RUNNING", "job": "EXITED", "off": "STOPPED"}
    again = up(stack, "-d", "off")
    assert (again.returncode, again.stderr) == (0, "off: started\n")
    assert up(stack, "--wait", "o*").stdout == "off: up\n"


def test_up_in_the_background_says_what_it_started_and_how_to_go_on(stack: Rig) -> None:
    stack.write(CHAIN + OFF + "[program.bad]\ncommand = '/no/such'\n")
    go_on = "trio-supervisor logs -f shows the output, trio-supervisor down stops everything\n"
    stack.environment["PATH"] = f"{SCRIPTS}:{stack.environment['PATH']}"

    done = stack.run("trio-supervisor", "up", "-d")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr in {
        f"2 processes started; FATAL: bad; {go_on}",
        f"3 processes started; {go_on}",  # it has not been tried yet
    }
    assert stack.ctl("wait", "web", "db").returncode == 0
    again = stack.run("trio-supervisor", "up", "-d", "web")
    assert (again.returncode, again.stdout) == (0, "")
    assert again.stderr == f"all of it runs already; {go_on}"
    assert stack.run("trio-supervisor", "up", "-d", "off").stderr == "off: started\n"


def test_the_commands_that_up_names_find_another_configuration(stack: Rig) -> None:
    stack.configuration = stack.write(CHAIN, name="the other.toml")

    told = up(stack, "-d").stderr

    assert "trio-supervisor -c 'the other.toml' down stops everything" in told


def test_up_says_what_does_not_become_ready(stack: Rig) -> None:
    stack.write(up_at_once("a", FOREVER) + shell("slow", FOREVER, "startsecs = 1000"))

    done = up(stack, "--wait", "--wait-timeout", "0.3")

    assert done.returncode == 1
    assert done.stdout == "a: up\nslow: ERROR (after 0.3 s: STARTING)\n"


def test_up_without_dependencies_starts_what_is_named(stack: Rig) -> None:
    stack.write(CHAIN)

    assert up(stack, "--no-deps", "--wait", "web").stdout == "web: up\n"
    assert stack.states() == {"db": "STOPPED", "web": "RUNNING"}
    refused = up(stack, "--no-deps", "db")
    assert refused.returncode == 2
    assert "--no-deps: it runs already (trio-supervisor down stops it)" in refused.stderr


def test_a_second_up_without_names_starts_what_the_first_was_not_to_start(stack: Rig) -> None:
    stack.write(CHAIN + up_at_once("page", FOREVER, 'depends_on = ["db"]') + OFF)
    assert up(stack, "--no-deps", "--wait", "web").returncode == 0
    assert stack.states() == dict.fromkeys(("db", "off", "page"), "STOPPED") | {"web": "RUNNING"}

    done = up(stack, "--wait")

    assert (done.returncode, sorted(done.stdout.split())) == (
        0,
        ["db:", "page:", "up", "up", "up", "web:"],
    )
    assert stack.states()["off"] == "STOPPED"


def test_up_starts_the_process_whose_code_it_waits_for(rig: Rig) -> None:
    rig.write(up_at_once("db", FOREVER) + shell("test", "exit 7", "autostart = false"))

    done = up(rig, "--exit-code-from", "test")

    assert done.returncode == 7, done.stdout


GRACEFUL = "trap 'exit 0' TERM; echo ready; while :; do /bin/sleep 0.05; done"
"""A script that ends well when it is told to stop."""
READY = "ready = {log = 'ready'}"


@pytest.mark.parametrize(
    ("test", "db", "code"),
    [
        (shell("test", "exit 0", "type = 'task'"), up_at_once("db", FOREVER), 0),
        (shell("test", "exit 7", "type = 'task'"), up_at_once("db", FOREVER), 7),
        (shell("test", "kill -KILL $$"), up_at_once("db", FOREVER), 137),
        (shell("test", GRACEFUL, READY), shell("db", "exit 3", "depends_on = ['test']"), 3),
        (shell("test", GRACEFUL, READY), shell("db", "exit 0", "depends_on = ['test']"), 1),
        (
            shell("test", GRACEFUL, READY),
            shell("db", "kill -KILL $$", "depends_on = ['test']"),
            137,
        ),
        (shell("test", FOREVER, "depends_on = ['db']"), shell("db", "exit 3"), 3),
        (shell("test", FOREVER, "depends_on = ['db']"), up_at_once("db", "exit 0"), 1),
        (up_at_once("test", FOREVER), "[program.db]\ncommand = '/no/such'\n", 127),
    ],
)
def test_no_code_but_that_of_its_own_end_is_0(rig: Rig, test: str, db: str, code: int) -> None:
    rig.write(test + db)

    done = up(rig, "--exit-code-from", "test")

    assert done.returncode == code, done.stdout


def test_what_fails_before_it_is_told_to_stop_gives_its_code(rig: Rig) -> None:
    gone = "while kill -0 $pid; do /bin/sleep 0.01; done 2>/dev/null; exit"
    on_term = f"trap '{{ pid=$(cat pid); rm pid; {gone}; }}' TERM"
    rig.write(
        shell("test", "echo $$ >pid; echo ready; while [ -e pid ]; do :; done; exit 9", READY)
        + shell(
            "late",
            f"{on_term}; echo ready; while :; do /bin/sleep 0.05; done",
            f"{READY}\ndepends_on = ['test']",
        )
        + shell("db", "exit 3", "depends_on = ['late']")
    )

    done = up(rig, "--exit-code-from", "test")

    assert done.returncode == 9, done.stdout


@pytest.mark.parametrize("leaving", ["-d", "--wait", "--wait-timeout=3"])
@pytest.mark.parametrize("ending", ["--abort-on-exit", "--exit-code-from=web"])
def test_who_leaves_cannot_wait_for_an_end(rig: Rig, leaving: str, ending: str) -> None:
    rig.write(up_at_once("web", "exit 3"))

    done = up(rig, leaving, ending)

    assert (done.returncode, done.stdout) == (2, "")
    one, other = (option.partition("=")[0] for option in (ending, leaving))
    assert f"Error: {one}: with {other} nobody is there" in done.stderr
    assert "take out one of them" in done.stderr
    assert not rig.left_files()


def test_up_tells_health_once(rig: Rig) -> None:
    health = "health = {exec = 'true', interval = 0.05}"
    rig.write(up_at_once("web", FOREVER, health) + shell("job", "exit 0", "depends_on = ['web']"))

    told = up(rig, "--abort-on-exit").stdout

    assert told.count("web         | -- healthy\n") == 1
    assert "web is healthy" not in told


def test_up_says_how_to_reach_it_although_something_has_failed(rig: Rig) -> None:
    rig.write(
        up_at_once("web", FOREVER)
        + shell("bad", "exit 3", "startretries = 0")
        + up_at_once("off", FOREVER, "autostart = false")
    )
    stack = rig.launch(*rig.command("trio-supervisor", "up"))
    until(lambda: "| logs: " in rig.text("console"), "the announcement")

    told = [line.partition("| ")[2] for line in rig.text("console").splitlines()]
    (start,) = (at for at, line in enumerate(told) if "Ctrl-C" in line)
    assert told[start].startswith("1 of 2 processes is RUNNING after ")
    assert told[start].endswith("; FATAL: bad; Ctrl-C stops everything")
    control = told[start + 1].removeprefix("control: ")
    shown = subprocess.run(
        f"{control} status", shell=True, cwd=rig.directory, env=rig.environment, check=False
    )
    assert shown.returncode == 3
    assert rig.finish(stack, signal.SIGINT) == 0


def test_a_mistake_starts_nothing(rig: Rig) -> None:
    rig.write(CHAIN)

    for words in (["-d", "nosuch"], ["--exit-code-from", "nosuch"], ["--wait-timeout", "x"]):
        done = up(rig, *words)
        assert done.returncode == 2
        assert "Error: " in done.stderr
        assert not rig.left_files()


def test_a_second_up_starts_what_is_missing_and_only_leaves(stack: Rig) -> None:
    stack.write(CHAIN + OFF)
    assert up(stack, "--wait").returncode == 0
    assert stack.ctl("stop", "web").returncode == 0
    second = subprocess.Popen(
        stack.command("trio-supervisor", "up", "-c", str(stack.configuration)),
        env=stack.environment,
        cwd=stack.directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert second.stdout is not None

    assert {second.stdout.readline()[:10], second.stdout.readline()[:10]} == {
        "web | hell",
        "web | -- R",
    }
    until(lambda: stack.states()["web"] == "RUNNING")
    second.send_signal(signal.SIGINT)
    _, told = second.communicate(timeout=PATIENCE)

    assert second.returncode == 0
    assert told.splitlines()[-1] == "still running; trio-supervisor down stops it"
    assert stack.states() == {"db": "RUNNING", "web": "RUNNING", "off": "STOPPED"}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--exit-code-from", "test"], 7),
        (["--abort-on-exit"], 7),
        (["--exit-code-from", "db"], 7),
    ],
)
def test_an_end_is_the_end_of_all(rig: Rig, options: list[str], code: int) -> None:
    rig.write(
        up_at_once("db", FOREVER)
        + shell("job", "exit 0", 'type = "task"')
        + shell("test", "exit 7", "depends_on = ['db', 'job']\nautorestart = true")
    )

    done = up(rig, *options)

    assert done.returncode == code, done.stdout
    assert "test has ended: shutting down" in done.stdout
    assert done.stdout.endswith("0 processes left\n")
    assert "RUNNING after" not in done.stdout
