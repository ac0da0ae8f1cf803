"""A directory with nothing but a Procfile: it runs, it is controlled, and it leaves logs only."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from rig import PATIENCE, open_rig, until  # noqa: F401  # the fixture

from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from rig import Rig

PROCFILE = """\
web: echo web $PS on $PORT; exec sleep 1000
worker: echo worker $PS on $PORT; trap 'echo bye; exit' TERM; sleep 1000 & wait
"""


@pytest.fixture(name="here")
def write_procfile(rig: Rig) -> Rig:
    rig.configuration = rig.directory / "Procfile"
    rig.configuration.write_text(PROCFILE)
    return rig


def test_up_runs_a_procfile_of_the_current_directory(here: Rig) -> None:
    up = here.launch(*here.command("trio-supervisor", "up", "--concurrency", "web=2"))
    here.wait_for_answers(up)
    until(lambda: here.text("console").count(" on ") == 3, "three lines")

    assert sorted(here.states()) == ["web.1", "web.2", "worker.1"]
    assert "web.2       | web web.2 on 5001\n" in here.text("console")
    assert "worker.1    | worker worker.1 on 5100\n" in here.text("console")
    assert "worker.1" in here.run("supervisorctl", "status").stdout
    assert here.finish(up, signal.SIGINT) == 0
    assert here.text(".logs/worker.1.log") == "worker worker.1 on 5100\nbye\n"
    assert {path.name for path in here.directory.iterdir()} <= {
        "Procfile",
        ".logs",
        "console",
        "run",
    }


def test_supervisord_and_check_take_one(here: Rig) -> None:
    assert here.run("trio-supervisor", "check").stdout == "2 programs in 2 groups, no problems\n"

    daemon = here.start()

    assert sorted(here.states()) == ["web.1", "worker.1"]
    assert here.finish(daemon) == 0


def test_a_type_means_all_processes_of_it(here: Rig) -> None:
    here.launch(*here.command("trio-supervisor", "up", "web", "--concurrency", "web=2"))
    until(lambda: here.text("console").count(" on ") == 2, "two lines")

    assert here.run("supervisorctl", "wait", "web").stdout == "web.1: up\nweb.2: up\n"
    assert here.states() == {"web.1": "RUNNING", "web.2": "RUNNING", "worker.1": "STOPPED"}
    assert here.run("supervisorctl", "stop", "web.2").stdout == "web.2: stopped\n"
    assert here.run("supervisorctl", "stop", "web").stdout == "web.1: stopped\n"
    assert here.run("supervisorctl", "start", "worker").stdout == "worker.1: started\n"
    again = here.run("supervisorctl", "start", "worker")
    assert again.stdout == "worker.1: ERROR (already started)\n"
    shown = here.run("supervisorctl", "status", "web").stdout
    assert [line.split()[0] for line in shown.splitlines()] == ["web.1", "web.2"]
    assert "worker.1 is RUNNING" in here.run("supervisorctl", "why", "worker").stdout
    assert here.run("supervisorctl", "tail", "worker").stdout.strip() == "worker worker.1 on 5100"
    refused = here.run("supervisorctl", "attach", "web")
    assert "name one of them: web.1, web.2" in refused.stderr
    done = here.run("trio-supervisor", "run", "-e", "worker", "--", "sh", "-c", "echo $PS")
    assert done.stdout == "worker.1\n"


def test_a_second_up_starts_a_type_and_its_exit_code_is_that_of_its_process(here: Rig) -> None:
    here.configuration.write_text(f"{PROCFILE}tests: sleep 0.2; exit 7\n")
    first = here.launch(*here.command("trio-supervisor", "up", "worker"))
    here.wait_for_answers(first)

    assert here.run("trio-supervisor", "up", "-d", "web").returncode == 0
    here.settle(ProcessState.RUNNING, "web.1", "worker.1")
    assert here.run("trio-supervisor", "down").returncode == 0
    assert first.wait(PATIENCE) == 0
    assert here.run("trio-supervisor", "up", "--exit-code-from", "tests").returncode == 7


def test_what_is_wrong_is_said_before_anything_runs(here: Rig) -> None:
    done = here.run("trio-supervisor", "up", "--concurrency", "wbe=2")

    assert done.returncode == 2
    assert "--concurrency: 'wbe' is no type of the Procfile (it has web, worker)" in done.stderr
    done = here.run("trio-supervisor", "up", "--concurrency", "web=x")
    assert "--concurrency: 'web=x' is not TYPE=NUMBER (example: web=2)" in done.stderr
    done = here.run("trio-supervisor", "up", "--env-file", "nosuch.env")
    assert done.stderr.startswith("Error: --env-file: there is no nosuch.env\n")
