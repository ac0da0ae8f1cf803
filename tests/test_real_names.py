"""What the console shows may be typed, and a wrong name gets the same help from every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rig import open_rig  # noqa: F401  # the fixture
from terminal import Bench

from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from rig import Rig

STACK = """
[program.mailsender]
command = "sh -c 'echo sent; exec sleep 1000'"
startsecs = 0
tty = true
[group.social]
programs = ["mailsender"]
[program.one]
command = "sleep 1000"
process_name = "server"
startsecs = 0
[group.a]
programs = ["one"]
[program.two]
command = "sleep 1000"
process_name = "server"
startsecs = 0
[group.b]
programs = ["two"]
[program.worker]
command = "sleep 1000"
numprocs = 2
process_name = "w_%(process_num)s"
startsecs = 0
"""
EVERY = [
    ["status"],
    ["ps"],
    ["why"],
    ["pid"],
    ["wait"],
    ["logs"],
    ["tail"],
    ["fg"],
    ["attach"],
    ["signal", "HUP"],
    ["start"],
    ["stop"],
    ["clear"],
]


@pytest.fixture(name="served")
def serve(rig: Rig) -> Rig:
    rig.write(STACK)
    rig.start()
    rig.settle(ProcessState.RUNNING, "mailsender", "server", "w_0", "w_1")
    return rig


def test_the_name_that_the_console_shows_may_be_typed(served: Rig) -> None:
    assert served.ctl("wait", "mailsender").stdout == "social:mailsender: up\n"
    assert served.ctl("status", "mailsender").stdout.startswith("social:mailsender ")
    assert served.ctl("why", "w_1").stdout.startswith("worker:w_1 is RUNNING")
    assert "worker:w_0" in served.ctl("ps", "w_0").stdout
    assert served.ctl("tail", "mailsender").stdout.strip() == "sent"
    assert served.ctl("logs", "mailsender").stdout == "mailsender | sent\n"
    assert served.ctl("signal", "CONT", "w_0").stdout == "worker:w_0: signalled\n"
    assert served.ctl("stop", "mailsender").stdout == "social:mailsender: stopped\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "help_"),
    [
        ("server", "name one of them: a:server, b:server"),
        ("mialsender", "did you mean social:mailsender?"),
        ("worker:w_7", "did you mean worker:w_1 or worker:w_0?"),
    ],
)
def test_every_command_gives_the_same_help(served: Rig, name: str, help_: str) -> None:
    for command in EVERY:
        asked = served.ctl(*command, name)

        assert asked.returncode != 0, command
        assert asked.stderr == f"{name}: {help_}\n", command


def test_several_are_named_where_one_is_wanted(served: Rig) -> None:
    asked = [served.ctl(*words) for words in (["tail", "worker"], ["fg", "w_*"], ["attach", "w_*"])]

    told = {one.stderr.partition(": ")[2] for one in asked}
    assert told == {"name one of them: worker:w_0, worker:w_1\n"}


def test_attach_on_a_terminal_names_those_that_are_meant(served: Rig) -> None:
    with Bench(served.directory, **served.environment) as bench:
        command = served.command("supervisorctl", "-c", str(served.configuration), "attach")
        terminal = bench.open(*command, "w_*")
        terminal.expect("name one of them: worker:w_0, worker:w_1")


def test_groups_get_help_too(served: Rig) -> None:
    asked = [served.ctl(*words) for words in (["update", "workr"], ["remove", "workr"])]

    assert [one.stderr for one in asked] == ["workr: did you mean worker?\n"] * 2
