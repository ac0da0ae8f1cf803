"""Event listeners as real processes, told by a real daemon; and who follows what happens."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING
from xmlrpc.client import ServerProxy

import pytest
from rig import open_rig, shell, until  # noqa: F401  # the fixture
from unix_rpc import UnixTransport

if TYPE_CHECKING:
    from rig import Rig

LISTENER = Path(__file__).with_name("listener.py")


def listener(events: str, habit: str = "refuse", options: str = "") -> str:
    """Return the table of an event listener that writes to the file ``heard``."""
    command = [sys.executable, str(LISTENER), "heard", habit]
    return (
        f"[eventlistener.ear]\ncommand = {json.dumps(command)}\nevents = {events}\n"
        f"startsecs = 0\n{options}\n"
    )


def heard(rig: Rig, text: str, times: int = 1) -> list[str]:
    """Wait until a listener was told something so many times; return all lines it has written."""
    until(lambda: rig.text("heard").count(text) >= times, f"{text} {times} times")
    return rig.text("heard").splitlines()


def test_a_listener_is_told_of_a_life_and_of_what_is_written(rig: Rig) -> None:
    captured = "<!--XSUPERVISOR:BEGIN-->café<!--XSUPERVISOR:END-->"
    script = f'echo hello; printf "%s" "{captured}"; echo rest; exit 3'
    options = (
        "startsecs = 0\nautorestart = false\nstdout_events_enabled = true\n"
        "stdout_capture_maxbytes = 100"
    )
    rig.write(listener('["EVENT"]') + shell("web", script, options))

    rig.start()
    lines = heard(rig, "PROCESS_STATE_EXITED")
    (exited,) = [line for line in lines if line.startswith("PROCESS_STATE_EXITED")]
    pid = exited.rpartition("pid:")[2]
    about = f"processname:web groupname:web pid:{pid}"

    logged = "".join(
        line.partition("channel:stdout|")[2]
        for line in lines
        if line.startswith(f"PROCESS_LOG_STDOUT {about}")
    )
    assert logged == "hello|rest|"
    assert f"PROCESS_COMMUNICATION_STDOUT {about}|café" in lines
    about = "processname:web groupname:web"
    assert f"PROCESS_STATE_EXITED {about} from_state:RUNNING expected:0 pid:{pid}" in lines
    assert lines[:3] == [
        "PROCESS_GROUP_ADDED groupname:ear|",
        "PROCESS_GROUP_ADDED groupname:web|",
        "SUPERVISOR_STATE_CHANGE_RUNNING ",
    ]
    assert rig.text("web.log") == "hello\nrest\n"


@pytest.mark.parametrize("habit", ["die", "hang", "babble", "refuse"])
def test_an_event_survives_the_listener_that_fails_with_it(rig: Rig, habit: str) -> None:
    options = "event_timeout = 0.3\nautorestart = true"
    rig.write(
        listener('["REMOTE_COMMUNICATION"]', habit, options)
        + '[unix_http_server]\nfile = "control.sock"\n'
    )
    rig.start()

    for text in ("one", "now", "two"):
        send_remote(rig, text)

    lines = heard(rig, "two")
    told = [line.partition("type:test|")[2] for line in lines]
    assert told == ["one", "now", "now", "two"]
    spawns = rig.rows()["ear"].spawns
    assert spawns == (1 if habit == "refuse" else 2)


def test_what_a_listener_says_last_counts(rig: Rig) -> None:
    options = "autorestart = true"
    rig.write(
        listener('["REMOTE_COMMUNICATION"]', "leave", options)
        + '[unix_http_server]\nfile = "control.sock"\n'
    )
    rig.start()

    for text in ("one", "now", "two"):
        send_remote(rig, text)

    told = [line.partition("type:test|")[2] for line in heard(rig, "two")]
    assert told == ["one", "now", "two"]
    assert rig.rows()["ear"].spawns == 2
    assert "replacing" not in rig.log


def send_remote(rig: Rig, text: str) -> None:
    """Send a remote event as any client of supervisor does."""
    transport = UnixTransport(str(rig.directory / "control.sock"))
    with ServerProxy("http://localhost", transport=transport) as proxy:
        proxy.supervisor.sendRemoteCommEvent("test", text)


def test_events_shows_what_happens_as_it_happens(rig: Rig) -> None:
    rig.write(shell("web", "exec sleep 1000", "startsecs = 0"))
    rig.start()
    rig.settle()
    with subprocess.Popen(
        rig.command("supervisorctl", "-c", str(rig.configuration), "events", "--json", "--past"),
        env=rig.environment,
        cwd=rig.directory,
        stdout=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        lines = iter(following.stdout.readline, "")
        started = next(e for e in map(json.loads, lines) if e["type"] == "PROCESS_STATE_RUNNING")
        rig.ctl("stop", "web")
        found = []
        for line in lines:
            found.append(json.loads(line))
            if found[-1]["type"] == "PROCESS_STATE_STOPPED":
                break
        following.terminate()

    request, stopping, stopped = found
    assert started["namespec"] == "web"
    assert request["type"] == "REQUEST"
    assert (stopping["cause"], stopped["cause"]) == (request["id"], stopping["id"])


@pytest.mark.parametrize("command", ["events", "logs -f", "tail -f web"])
def test_whoever_follows_hears_the_last_words_of_a_shutdown(rig: Rig, command: str) -> None:
    goodbye = "trap 'echo goodbye; exit 0' TERM; echo hello; while :; do /bin/sleep 0.05; done"
    rig.write(shell("web", goodbye, "startsecs = 0\nstdout_events_enabled = true"))
    daemon = rig.start()
    words = rig.command("supervisorctl", "-c", str(rig.configuration), *command.split())
    with subprocess.Popen(words, env=rig.environment, stdout=subprocess.PIPE, text=True) as heard:
        output = heard.stdout
        assert output is not None
        until(lambda: "hello" in rig.text("web.log"), "the trap")
        if command == "events":
            assert output.readline() == "==> Press Ctrl-C to exit <==\n"
            until(
                lambda: rig.ctl("clear", "web").stdout and _has_more(output),
                "a request that it hears",
            )
        else:
            until(lambda: "hello" in output.readline(), "what was there")

        rig.finish(daemon)

        last = output.read()
        assert heard.wait(20) == 0
    assert ("from STOPPING" if command == "events" else "goodbye") in last


def _has_more(output: IO[str]) -> bool:
    """Say whether there is more to read."""
    return bool(select.select([output], [], [], 0)[0])
