"""A directory with nothing but a Procfile: it runs, it is controlled, and it leaves logs only."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from rig import open_rig, until  # noqa: F401  # the fixture

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


def test_what_is_wrong_is_said_before_anything_runs(here: Rig) -> None:
    done = here.run("trio-supervisor", "up", "--concurrency", "wbe=2")

    assert done.returncode == 2
    assert "--concurrency: 'wbe=2' is not TYPE=NUMBER" in done.stderr
