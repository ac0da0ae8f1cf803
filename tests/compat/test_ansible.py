"""Ansible's module `supervisorctl` comes to the same verdicts with us as with supervisor.

It runs only when asked to: `make soak`. One play is played on supervisor, on our daemon with
supervisor's own supervisorctl, and on our daemon with ours.
"""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import ansible_environment
import pytest
from rig import SCRIPTS
from sides import Side

from benchmarks.peers import peers_bin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_environment import Verdict

pytestmark = pytest.mark.slow
if not os.environ.get("TRIO_SUPERVISOR_SOAK"):
    pytest.skip(
        "takes a minute, and needs supervisor and Ansible from PyPI: make soak",
        allow_module_level=True,
    )

CONFIGURATION = """\
[supervisord]
logfile=%(here)s/main.log
pidfile=%(here)s/s.pid
childlogdir=%(here)s
[unix_http_server]
file=%(here)s/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%(here)s/s.sock
[program:web]
command=/bin/cat
directory=/
startsecs=0
[program:off]
command=/bin/cat
directory=/
autostart=false
startsecs=0
[program:nofile]
command=/no/file
directory=/
autostart=false
[program:quick]
command=/bin/false
directory=/
startretries=0
autostart=false
[group:g]
programs=a,b
[program:a]
command=/bin/sh -c "trap : HUP; while :; do sleep 1000 & wait; done"
directory=/
startsecs=0
stopasgroup=true
[program:b]
command=/bin/cat
directory=/
startsecs=0
"""
NEW = "[group:g]", "[program:new]\ncommand=/bin/cat\ndirectory=/\nstartsecs=0\n[group:g]"
CHANGED = "[program:web]\n", "[program:web]\npriority=5\n"
BROKEN = "priority=5\n", "priority=five\n"
GONE = "[program:off]\n", "[program:other]\n"
Play = list[tuple[Any, ...]]

STARTS: Play = [
    ("started", "web"),
    ("started", "off"),
    ("started", "off"),
    ("started", "nosuch"),
    ("started", "nosuch:"),
    ("started", "nofile"),
    ("started", "quick"),
    ("started", "g:"),
    ("started", "web", {"_ansible_check_mode": True}),
    ("stopped", "off", {"_ansible_check_mode": True}),
    ("stopped", "off"),
    ("stopped", "off"),
    ("stopped", "g:"),
    ("stopped", "nosuch"),
    ("started", "g:", {"_ansible_check_mode": True}),
    ("started", "g:"),
    ("started", "g:a"),
    ("restarted", "web"),
    ("restarted", "off"),
    ("restarted", "g:"),
    ("restarted", "g:b"),
    ("restarted", "nofile"),
    ("restarted", "nosuch"),
]
SIGNALS: Play = [
    ("signalled", "g:a", {"signal": "HUP"}),
    ("signalled", "web", {"signal": "CONT"}),
    ("signalled", "g:", {"signal": "CONT"}),
    ("signalled", "web", {"signal": "BOGUS"}),
    ("signalled", "nofile", {"signal": "HUP"}),
    ("signalled", "nosuch", {"signal": "HUP"}),
    ("signalled", "web"),
]
GROUPS: Play = [
    ("present", "web"),
    ("present", "g:"),
    ("present", "new"),
    ("edit", *NEW),
    ("present", "new", {"_ansible_check_mode": True}),
    ("present", "new"),
    ("present", "new"),
    ("started", "new"),
    ("absent", "new"),
    ("absent", "new", {"stop_before_removing": True, "_ansible_check_mode": True}),
    ("absent", "new", {"stop_before_removing": True}),
    ("absent", "new"),
    ("absent", "nofile"),
    ("absent", "g:"),
    ("absent", "g:", {"stop_before_removing": True}),
    ("edit", *CHANGED),
    ("restarted", "web"),
    ("edit", *GONE),
    ("restarted", "off"),
    ("started", "other"),
    ("edit", *BROKEN),
    ("present", "what"),
    ("restarted", "web"),
    ("stopped", "all"),
    ("started", "web", {"server_url": "unix://{}/s.sock"}),
    ("started", "web", {"server_url": "unix://{}/no.sock"}),
    ("started", "web", {"username": "somebody", "password": "secret"}),
    ("started", "web", {"supervisorctl_path": "/no/supervisorctl"}),
]
PLAY = [*STARTS, *SIGNALS, *GROUPS]
IDS = [f"{number} {' '.join(map(str, task))}"[:60] for number, task in enumerate(PLAY)]
SIDES = ("theirs", "our daemon", "ours")


@pytest.fixture(scope="module", name="verdicts")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[list[Verdict | None]]]:
    """Return the verdict of each task, on each of the three sides."""
    try:
        original = peers_bin()
        ansible_environment.install()
    except (SystemExit, subprocess.CalledProcessError) as missing:
        pytest.skip(f"supervisor 4.3.0 or Ansible is not there: {missing}")
    directory = tmp_path_factory.mktemp("play")
    sides: list[Side] = []
    try:
        pairs = ((original, original), (SCRIPTS, original), (SCRIPTS, SCRIPTS))
        for name, (daemon, control) in zip(SIDES, pairs, strict=True):
            paths = daemon / "supervisord", control / "supervisorctl"
            sides.append(Side(directory / name.replace(" ", "_"), *paths, CONFIGURATION))
        with ThreadPoolExecutor(len(sides)) as pool:
            yield list(pool.map(_played, sides))
    finally:
        for side in sides:
            side.close()


def _played(side: Side) -> list[Verdict | None]:
    side.take(("settle", "web", "g:*"))
    return [_task(side, *task) for task in PLAY]


def _task(side: Side, state: str, name: str, options: Any = None) -> Verdict | None:
    if state == "edit":
        side.take((state, name, options))
        return None
    paths = {"config": str(side.file), "supervisorctl_path": str(side.control)}
    given = {"name": name, "state": state, **paths, **(options or {})}
    if "server_url" in given:
        given["server_url"] = given["server_url"].format(side.rig.directory)
    return ansible_environment.run(side.rig.directory, side.rig.environment, given)


@pytest.mark.parametrize("side", [1, 2], ids=SIDES[1:])
@pytest.mark.parametrize("number", range(len(PLAY)), ids=IDS)
def test_a_task_has_the_same_verdict(
    verdicts: list[list[Verdict | None]], number: int, side: int
) -> None:
    theirs, ours = verdicts[0][number], verdicts[side][number]

    assert theirs == ours or (theirs and ours and theirs.counts == ours.counts)
