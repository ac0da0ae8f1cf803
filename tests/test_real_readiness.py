"""Ready and healthy, with real programs under a real daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaks import marked
from rig import open_rig, shell, until

if TYPE_CHECKING:
    from rig import Rig

rig = open_rig


def is_ready(rig: Rig, name: str = "web") -> bool:
    """Say whether the log has it that it is ready."""
    return f"ready: {name} after" in rig.log


def test_a_line_on_either_channel_makes_it_ready(rig: Rig) -> None:
    rig.write(
        shell("out", "echo up on 80; exec sleep 1000", r"ready = {log = 'up on \d+'}")
        + shell("err", "echo up on 80 >&2; exec sleep 1000", r"ready = {log = 'up on \d+'}")
        + shell("dumb", "echo up; exec sleep 1000", r"ready = {log = 'up on \d+'}")
    )
    rig.start()

    until(lambda: is_ready(rig, "out") and is_ready(rig, "err"))
    assert not is_ready(rig, "dumb")


def test_a_command_is_run_as_its_program_is(rig: Rig) -> None:
    test = 'test -e up && test "$A" = 1 && env > seen'
    rig.write(
        shell(
            "web",
            "touch up; exec sleep 1000",
            f"""environment = {{A = "1"}}\nready = {{exec = ["/bin/sh", "-c", '{test}']}}""",
        )
    )
    rig.start()

    until(lambda: is_ready(rig))
    assert "SUPERVISOR_PROCESS_NAME=web\n" in rig.text("seen")
    assert "SUPERVISOR_GROUP_NAME=web\n" in rig.text("seen")


def test_a_command_that_takes_too_long_is_killed_with_its_whole_tree(rig: Rig) -> None:
    probe = "export PROBE=%(here)s; trap '' TERM; sleep 999 & (setsid sleep 998 &) ; touch up; wait"
    often = 'interval = 600, retries = 1, on_failure = "mark"'
    rig.write(
        shell(
            "web",
            "exec sleep 1000",
            f'health = {{exec = ["/bin/sh", "-c", "{probe}"], timeout = 1, {often}}}',
        )
    )
    rig.start()

    until(lambda: rig.text("up") or (rig.directory / "up").exists())
    assert len(marked(f"PROBE={rig.directory}")) > 1
    until(lambda: "web is unhealthy: no answer within 1 s" in rig.log)
    assert marked(f"PROBE={rig.directory}") == set()


def test_what_fails_to_get_ready_is_fatal_and_a_shutdown_takes_a_probe_along(rig: Rig) -> None:
    rig.write(
        shell(
            "web",
            "exec sleep 1000",
            'ready = {exec = "false", timeout = 0.5}\nstartretries = 0',
        )
        + shell("job", "exec sleep 1000", 'health = {exec = "sleep 900", timeout = 1000}')
    )
    daemon = rig.start()

    until(lambda: rig.states()["web"] == "FATAL")
    assert rig.rows()["web"].description == "not ready after 0.5 s: exit status 1"
    assert rig.finish(daemon) == 0
