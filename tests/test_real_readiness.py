"""Ready and healthy, with real programs under a real daemon."""

from __future__ import annotations

import os
import socket
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
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
    (rig.directory / "more.env").write_text("B=2\n")
    test = 'cat && test -e up && test "$A$B" = 12 && env > seen'
    rig.write(
        shell(
            "web",
            "touch up; exec sleep 1000",
            'environment = {A = "1"}\nenv_file = ["more.env"]\n'
            f"""ready = {{exec = ["/bin/sh", "-c", '{test}']}}""",
        )
    )
    rig.start()

    until(lambda: is_ready(rig))
    assert "SUPERVISOR_PROCESS_NAME=web\n" in rig.text("seen")
    assert "SUPERVISOR_GROUP_NAME=web\n" in rig.text("seen")


def test_fault_27_a_command_that_hangs_is_killed_with_its_whole_tree(rig: Rig) -> None:
    probe = "export PROBE=%(here)s; trap '' TERM; sleep 999 & (setsid sleep 998 &) ; wait"
    often = 'interval = 600, retries = 1, on_failure = "mark"'
    rig.write(
        shell(
            "web",
            "exec sleep 1000",
            f'health = {{exec = ["/bin/sh", "-c", "{probe}"], timeout = 3, {often}}}',
        )
    )
    rig.start()

    until(lambda: len(marked(f"PROBE={rig.directory}")) > 1)
    until(lambda: "web is unhealthy: no answer within 3 s" in rig.log)
    assert marked(f"PROBE={rig.directory}") == set()


def test_what_fails_to_get_ready_is_fatal_and_a_shutdown_takes_a_probe_along(rig: Rig) -> None:
    rig.write(
        shell(
            "web",
            "exec sleep 1000",
            'ready = {exec = "false", timeout = 2}\nstartretries = 0',
        )
        + shell("job", "exec sleep 1000", 'health = {exec = "sleep 900", timeout = 1000}')
    )
    daemon = rig.start()

    until(lambda: rig.states()["web"] == "FATAL")
    assert rig.rows()["web"].description == "not ready after 2 s: exit status 1"
    assert rig.finish(daemon) == 0


TELL = """
import os, signal, socket, subprocess, sys, time
def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
"""
"""Python: what a program without a library needs to tell something."""


def teller(rig: Rig, name: str, code: str, options: str) -> str:
    """Return the table of a program that runs Python code which can `tell`."""
    path = rig.directory / f"{name}.py"
    path.write_text(TELL + dedent(code))
    return (
        f'[program.{name}]\ncommand = ["{sys.executable}", "{path}"]\nstartsecs = 0\n'
        f"{options}\nenvironment = {{PYTHONDONTWRITEBYTECODE = '1'}}\n"
    )


def describe(rig: Rig, name: str = "web") -> str:
    """Return what status says of it."""
    return rig.rows()[name].description


def test_a_program_says_when_it_is_ready_and_what_it_does(rig: Rig) -> None:
    code = """
    tell("STATUS=loading")
    signal.signal(signal.SIGUSR1, lambda *_: tell("READY=1\\nSTATUS=serving"))
    while True: signal.pause()
    """
    rig.write(teller(rig, "web", code, "ready = {notify = true}"))
    rig.start()

    until(lambda: describe(rig).endswith(", not ready yet, loading"))
    rig.ctl("signal", "USR1", "web")
    until(lambda: describe(rig).endswith(", ready, serving"))


def test_a_child_may_tell_it_a_stranger_may_not(rig: Rig) -> None:
    code = """
    with open("path", "w") as file: file.write(os.environ["NOTIFY_SOCKET"])
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.pause()
    code = "import time; tell('READY=1'); time.sleep(1000)"
    subprocess.run([sys.executable, "-c", open(__file__).read().split("with open")[0] + code],
                   start_new_session=True)
    """
    rig.write(teller(rig, "web", code, "ready = {notify = true}"))
    rig.start()
    path = until(lambda: rig.text("path"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"READY=1", path)
    until(lambda: f"pid {os.getpid()} told {path} something, and is no member" in rig.log)

    assert not is_ready(rig)
    rig.ctl("signal", "USR1", "web")
    until(lambda: is_ready(rig))


def test_another_user_can_tell_it_too(rig: Rig) -> None:
    if os.getuid() != 0:
        pytest.skip("only root runs programs as others")
    tell = (
        "import os, signal, socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)"
        ".sendto(b'READY=1', os.environ['NOTIFY_SOCKET']); signal.pause()"
    )
    options = """user = "nobody"\ndirectory = "/"\nready = {notify = true}\n"""
    variables = f'environment = {{TELL = "{tell}"}}'
    rig.write(shell("web", 'exec /usr/bin/env python3 -c "$TELL"', options + variables))
    rig.start()

    until(lambda: is_ready(rig))


def test_who_gives_no_sign_of_life_is_replaced(rig: Rig) -> None:
    code = """
    each = int(os.environ["WATCHDOG_USEC"]) / 1e6
    for _ in range(8 if os.path.exists("second") else 2):
        tell("WATCHDOG=1")
        time.sleep(each / 2)
    open("second", "w").close()
    time.sleep(1000)
    """
    rig.write(teller(rig, "web", code, "health = {notify = true, interval = 0.3, retries = 2}"))
    rig.start()

    until(lambda: "web is healthy" in rig.log)
    until(lambda: "web is unhealthy: no WATCHDOG=1 within 0.3 s" in rig.log)
    until(lambda: rig.rows()["web"].spawns > 1)


@pytest.mark.slow
def test_who_needs_longer_says_so(rig: Rig) -> None:
    code = """
    def stop(*_):
        for _ in range(4):
            tell("STOPPING=1\\nEXTEND_TIMEOUT_USEC=5000000\\nSTATUS=saving")
            time.sleep(0.5)
        open("saved", "w").close()
        sys.exit()
    signal.signal(signal.SIGTERM, stop)
    for _ in range(4):
        tell("EXTEND_TIMEOUT_USEC=5000000")
        time.sleep(0.5)
    tell("READY=1")
    while True: signal.pause()
    """
    options = "ready = {notify = true, timeout = 1.5}\nstopwaitsecs = 1.5"
    rig.write(teller(rig, "web", code, options))
    rig.start()
    until(lambda: is_ready(rig))

    rig.ctl("stop", "web")

    assert (rig.directory / "saved").exists()
    assert "killing" not in rig.log
    assert rig.rows()["web"].spawns == 1


def test_a_line_that_never_came_is_named(rig: Rig) -> None:
    options = "ready = {log = 'up', timeout = 0.3}\nstartretries = 0\nstartsecs = 0"
    rig.write(shell("web", "echo down; exec sleep 1000", options))
    rig.start()

    until(lambda: rig.states()["web"] == "FATAL")
    assert describe(rig) == "not ready after 0.3 s: no line of its output matched 'up'"
