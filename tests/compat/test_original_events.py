"""A listener is told the same by us as by supervisor, when the same happens to both.

It runs only when asked to: `make soak`. One course of steps is taken on both daemons. After each a
remote event is sent; what the listener was told up to it belongs to the step. What several
processes do at once has no order between them, that of each process is compared.
"""

from __future__ import annotations

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rig import PATIENCE, SCRIPTS, until
from sides import Side, Step

from benchmarks.peers import peers_bin
from trio_supervisor.daemon import capture

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("TRIO_SUPERVISOR_SOAK"),
        reason="takes half a minute, and needs supervisor from PyPI: make soak",
    ),
]

LISTENER = Path(__file__).parent.parent / "listener.py"
CONFIGURATION = """\
[supervisord]
logfile=%(here)s/main.log
pidfile=%(here)s/s.pid
childlogdir=%(here)s
directory=%(here)s
identifier=here
[unix_http_server]
file=%(here)s/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%(here)s/s.sock
[eventlistener:ear]
command=LISTENER
directory=%(here)s
events=EVENT
buffer_size=1000
startsecs=0
[program:web]
command=/bin/sleep 1000
startsecs=0
[program:settling]
command=/bin/sleep 1000
startsecs=1
[program:later]
command=/bin/sleep 1000
startsecs=30
autostart=false
[program:fine]
command=/bin/sh -c "sleep 0.1; exit 0"
startsecs=0
autostart=false
autorestart=unexpected
[program:bad]
command=/bin/sh -c "sleep 0.1; exit 3"
startsecs=0
autostart=false
autorestart=false
[program:again]
command=/bin/sleep 1000
startsecs=0
autorestart=unexpected
[program:hopeless]
command=/bin/sh -c "exit 1"
startsecs=10
startretries=1
autostart=false
[program:nofile]
command=/no/file
startretries=1
[program:stubborn]
command=/bin/sh -c "trap '' TERM; echo; while :; do sleep 1000; done"
startsecs=0
stopwaitsecs=1
killasgroup=true
autostart=false
[program:echo]
command=/bin/sh -c "printf 'one\\n'; exec sleep 1000"
autostart=false
stdout_events_enabled=true
[program:err]
command=/bin/sh -c "printf 'two\\n' >&2; exec sleep 1000"
autostart=false
stderr_events_enabled=true
[program:merged]
command=/bin/sh -c "printf 'three\\n' >&2; exec sleep 1000"
autostart=false
redirect_stderr=true
stdout_events_enabled=true
stderr_events_enabled=true
[program:unmarked]
command=/bin/sh -c "printf 'BEGINfourEND'; exec sleep 1000"
autostart=false
stdout_events_enabled=true
[program:marked]
command=/bin/sh -c "printf 'aBEGINfive\\nsixEND\\nBEGINENDb'; exec sleep 1000"
autostart=false
stdout_capture_maxbytes=1000
[program:err_marked]
command=/bin/sh -c "printf 'BEGINsevenEND' >&2; exec sleep 1000"
autostart=false
stderr_capture_maxbytes=1000
[program:cut]
command=/bin/sh -c "printf 'BEGIN0123456789END'; exec sleep 1000"
autostart=false
stdout_capture_maxbytes=5
[group:g]
programs=a,b
[program:a]
command=/bin/sleep 1000
startsecs=0
[program:b]
command=/bin/sleep 1000
startsecs=0
"""
NEW = "[group:g]", "[program:new]\ncommand=/bin/sleep 1000\nstartsecs=0\n[group:g]"


def call(name: str, *arguments: object) -> Step:
    """Return a step that calls a method of supervisor's."""
    return ("rpc", f"supervisor.{name}", *arguments)


STEPS: list[tuple[Step, str]] = [
    (("settle", "settling", "g:*"), "FATAL processname:nofile"),
    (call("stopProcess", "web"), ""),
    (call("stopProcess", "web"), ""),
    (call("startProcess", "web"), ""),
    (call("signalProcess", "web", "KILL"), "RUNNING processname:web"),
    (call("startProcess", "later", False), "STARTING processname:later"),
    (call("stopProcess", "later"), ""),
    (call("startProcess", "later", False), "STARTING processname:later"),
    (call("signalProcess", "later", "KILL"), "BACKOFF processname:later"),
    (call("stopProcess", "later"), ""),
    (call("startProcess", "fine"), "EXITED processname:fine"),
    (call("startProcess", "fine"), "EXITED processname:fine"),
    (call("startProcess", "bad"), "EXITED processname:bad"),
    (call("signalProcess", "again", "KILL"), "RUNNING processname:again"),
    (call("startProcess", "hopeless"), "FATAL processname:hopeless"),
    (call("startProcess", "stubborn"), ""),
    (call("stopProcess", "stubborn"), ""),
    (call("startProcess", "nofile"), ""),
    (call("startProcess", "echo"), "channel"),
    (call("startProcess", "err"), "channel"),
    (call("startProcess", "merged"), "channel"),
    (call("startProcess", "unmarked"), "channel"),
    (call("startProcess", "marked"), "pid:N|"),
    (call("startProcess", "err_marked"), "seven"),
    (call("startProcess", "cut"), "COMMUNICATION"),
    (call("sendRemoteCommEvent", "kind", "some\ndata\n"), ""),
    (call("sendRemoteCommEvent", "", ""), ""),
    (call("sendRemoteCommEvent", "two words", "x y"), ""),
    (call("stopProcessGroup", "g"), ""),
    (call("startProcessGroup", "g"), ""),
    (call("stopProcess", "g:a"), ""),
    (call("startProcess", "g:a"), ""),
    (("edit", *NEW), ""),
    (call("reloadConfig"), ""),
    (call("addProcessGroup", "new"), "RUNNING processname:new"),
    (call("stopProcess", "new"), ""),
    (call("removeProcessGroup", "new"), ""),
]


IDS = [f"{number} {' '.join(map(str, step))}"[:60] for number, (step, _) in enumerate(STEPS)]
CAPTURED = "PROCESS_COMMUNICATION_STDOUT processname:cut groupname:cut pid:N|"
DIFFERENT = {f"{CAPTURED}0123456789": f"{CAPTURED}56789"}
"""What we tell in the place of something; each is in docs/compatibility.md."""


class Ear:
    """A daemon with a listener, and what that was told step by step."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._seen = 0

    def course(self) -> list[list[str]]:
        """Take all steps, then restart and shut down; return what was told in each."""
        told = [self._take(number, *step) for number, step in enumerate(STEPS)]
        self.side.take(call("restart"))
        self._wait_for("SUPERVISOR_STATE_CHANGE_RUNNING")
        told.append(self._take(len(STEPS), *STEPS[0]))
        self.side.take(call("shutdown"))
        self.side.daemon.wait(PATIENCE)
        return [*told, self._new_lines()]

    def _take(self, number: int, step: Step, awaited: str) -> list[str]:
        self.side.take(step)
        self._wait_for(awaited)
        self.side.take(call("sendRemoteCommEvent", "end of step", str(number)))
        end = self._wait_for(f"type:end of step|{number}") - 1
        told = self._new_lines()[:end]
        self._seen += end + 1
        return told

    def _wait_for(self, text: str) -> int:
        """Return how many new lines there are, up to the one with a text."""
        return until(
            lambda: next(
                (n for n, line in enumerate(self._new_lines(), 1) if text in line),
                None,
            ),
            text,
        )

    def _new_lines(self) -> list[str]:
        lines = self.side.rig.text("heard").splitlines()[self._seen :]
        return [re.sub(r"pid:[1-9]\d*", "pid:N", line) for line in lines]


@pytest.fixture(scope="module", name="told")
def take_all_steps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[list[list[str]]]]:
    """Return what a listener of supervisor's is told at each step, and what one of ours is."""
    try:
        original = peers_bin()
    except SystemExit as missing:
        pytest.skip(f"supervisor 4.3.0 is not there: {missing}")
    directory = tmp_path_factory.mktemp("ears")
    words = {
        "LISTENER": f"{sys.executable} {LISTENER} heard refuse",
        "BEGIN": capture.BEGIN.decode(),
        "END": capture.END.decode(),
    }
    ears: list[Ear] = []
    try:
        for name, scripts in (("theirs", original), ("ours", SCRIPTS)):
            configuration = reduce(
                lambda text, word: text.replace(*word), words.items(), CONFIGURATION
            )
            daemon, control = scripts / "supervisord", original / "supervisorctl"
            ears.append(Ear(Side(directory / name, daemon, control, configuration)))
        with ThreadPoolExecutor(len(ears)) as pool:
            yield list(pool.map(Ear.course, ears))
    finally:
        for ear in ears:
            ear.side.close()


def by_process(lines: list[str]) -> dict[str, list[str]]:
    """Return what was told of each process or group, and of none; ticks come when they come."""
    found: dict[str, list[str]] = {}
    for line in lines:
        about = re.search(r"(?:processname|groupname):([^ |]*)", line)
        if not line.startswith("TICK"):
            found.setdefault(about[1] if about else "", []).append(line)
    return found


@pytest.mark.parametrize("number", range(len(STEPS)), ids=IDS)
def test_a_listener_is_told_the_same(told: list[list[list[str]]], number: int) -> None:
    theirs, ours = (by_process(side[number]) for side in told)

    assert ours == {name: [DIFFERENT.get(line, line) for line in theirs[name]] for name in theirs}


def test_after_a_restart_it_is_told_of_the_end_and_of_the_new_beginning(
    told: list[list[list[str]]],
) -> None:
    # what happens while the listener itself is stopped reaches it or not: web goes first
    theirs, ours = (by_process(side[len(STEPS)]) for side in told)

    for name in ("", "web", "new"):
        assert ours[name] == theirs[name]
    added = [name for name, lines in theirs.items() if "PROCESS_GROUP_ADDED" in "".join(lines)]
    for name in added:
        assert f"PROCESS_GROUP_ADDED groupname:{name}|" in ours[name]


def test_it_is_told_of_the_shutdown(told: list[list[list[str]]]) -> None:
    theirs, ours = (by_process(side[-1]) for side in told)

    assert ours[""] == theirs[""] == ["SUPERVISOR_STATE_CHANGE_STOPPING "]
    assert ours["web"] == theirs["web"]


def test_ticks_tell_the_time(told: list[list[list[str]]]) -> None:
    for side in told:
        ticks = [line for lines in side for line in lines if line.startswith("TICK_5 ")]

        assert ticks
        for tick in ticks:
            assert int(tick.removeprefix("TICK_5 when:")) % 5 == 0
