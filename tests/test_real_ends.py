"""Programs whose end is the end of the daemon: exit_with, on_fatal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rig import PATIENCE, open_rig, until  # noqa: F401  # the fixture

if TYPE_CHECKING:
    from rig import Rig

OTHER = """
[program.other]
command = "sleep 1000"
"""


def main_program(command: str, options: str = "") -> str:
    """Return a configuration with a main program and another one."""
    return f"[program.main]\ncommand = ['sh', '-c', '{command}']\n{options}\n{OTHER}"


@pytest.mark.parametrize(
    ("command", "options", "code"),
    [
        ("exit 0", "startsecs = 0", 0),
        ("exit 7", "startsecs = 0\nexitcodes = [7]", 7),
        ("exit 255", "startsecs = 0\nautorestart = false", 255),
        ("kill -KILL $$", "startsecs = 0\nautorestart = false", 137),
        ("exit 4", "startretries = 0", 4),
    ],
)
def test_fault_40_the_main_programs_exit_code_is_the_daemons(
    rig: Rig, command: str, options: str, code: int
) -> None:
    rig.write(main_program(command, options), 'exit_with = "main"')

    daemon = rig.launch(*rig.command("supervisord", "-n", "-c", str(rig.configuration)))

    assert daemon.wait(PATIENCE) == code
    assert "stopped: other" in rig.log
    assert f"main has ended: shutting down (exit code {code})" in rig.log
    assert rig.marked() == set()


def test_a_main_program_that_cannot_be_executed_is_127(rig: Rig) -> None:
    rig.write(
        f"[program.main]\ncommand = '/no/such'\nstartretries = 0\n{OTHER}", "exit_with = 'main'"
    )

    daemon = rig.launch(*rig.command("supervisord", "-n", "-c", str(rig.configuration)))

    assert daemon.wait(PATIENCE) == 127


def test_who_stops_or_restarts_the_main_program_keeps_the_daemon(rig: Rig) -> None:
    rig.write(main_program("exec sleep 1000", "startsecs = 0"), 'exit_with = "main"')
    daemon = rig.start()

    assert rig.ctl("restart", "main").returncode == 0
    assert rig.ctl("stop", "main").returncode == 0
    assert rig.ctl("start", "main").returncode == 0
    assert rig.finish(daemon) == 0


def test_fault_40_something_fatal_ends_the_daemon_if_that_is_wanted(rig: Rig) -> None:
    rig.write(main_program("exit 4", "startretries = 0"), 'on_fatal = "shutdown"')

    daemon = rig.launch(*rig.command("supervisord", "-n", "-c", str(rig.configuration)))

    assert daemon.wait(PATIENCE) == 3
    assert "main has ended: shutting down (exit code 3)" in rig.log


def test_a_main_program_must_exist(rig: Rig) -> None:
    rig.write(OTHER, 'exit_with = "othr"')

    checked = rig.run("trio-supervisor", "check", str(rig.configuration))

    assert checked.returncode == 2
    assert "'othr' names no process (did you mean other?)" in checked.stdout + checked.stderr
