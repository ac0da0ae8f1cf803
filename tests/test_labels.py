"""What processes are called on the console, where several have one name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rig import open_rig, until  # noqa: F401  # the fixture

from trio_supervisor.console.labels import Labels

if TYPE_CHECKING:
    from rig import Rig

TWO = """
[program.one]
command = "sh -c 'echo one; exec sleep 1000'"
process_name = "server"
startsecs = 0
[program.two]
command = "sh -c 'echo two; exec sleep 1000'"
process_name = "server"
startsecs = 0
[program.web]
command = "sh -c 'echo three; exec sleep 1000'"
startsecs = 0
[group.a]
programs = ["one"]
[group.b]
programs = ["two"]
"""


def test_only_what_has_the_name_of_another_is_called_by_its_group_too() -> None:
    labels = Labels([("a", "server"), ("server", "server"), ("b", "web")])

    assert labels.all == ("a:server", "server", "web")
    assert labels.of("b", "web") == "web"


def test_what_comes_later_gets_a_label_that_nobody_has() -> None:
    labels = Labels([("a", "web")])

    assert [labels.of("b", "web"), labels.of("b", "db"), labels.of("c", "db")] == [
        "b:web",
        "db",
        "c:db",
    ]
    assert labels.of("a", "web") == "web"


def test_up_tells_processes_of_one_name_apart(rig: Rig) -> None:
    rig.write(TWO)
    up = rig.launch(*rig.command("trio-supervisor", "up"))
    until(lambda: "all 3 processes are RUNNING" in rig.text("console"), "the start")
    for line in ("a:server    | one\n", "b:server    | two\n", "web         | three\n"):
        until(lambda: line in rig.text("console"), line)  # noqa: B023  # called at once

    assert "a:server    | -- RUNNING, pid" in rig.text("console")
    assert rig.finish(up) == 0
    assert "b:server    | -- STOPPED" in rig.text("console")
