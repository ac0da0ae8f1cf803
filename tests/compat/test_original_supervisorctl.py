"""supervisor's own supervisorctl and XML-RPC clients get from us what supervisor gives them.

They run only when asked to: `make soak`. One course of steps is taken on both daemons; what they
tell is compared step by step. DIFFERENT has the intended differences, each of them in
docs/compatibility.md.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from rig import PATIENCE, SCRIPTS
from sides import Side, Step

from benchmarks.peers import peers_bin

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("TRIO_SUPERVISOR_SOAK"),
        reason="takes half a minute, and needs supervisor from PyPI: make soak",
    ),
]

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
[program:cat]
command=/bin/cat
directory=/
startsecs=0
[program:off]
command=/bin/sleep 1000
directory=/
autostart=false
startsecs=0
[program:nofile]
command=/no/file
directory=/
autostart=false
[program:noexec]
command=/etc/passwd
directory=/
autostart=false
[program:quick]
command=/bin/sh -c "sleep 0.1; exit 0"
directory=/
startretries=0
autostart=false
[program:loud]
command=/bin/sh -c "printf 'one\\ntwo\\n'; exec sleep 1000"
directory=/
stdout_logfile=%(here)s/loud.log
stderr_logfile=NONE
[group:g]
programs=a,b
[program:a]
command=/bin/sleep 1000
directory=/
startsecs=0
[program:b]
command=/bin/sleep 1000
directory=/
startsecs=0
"""
NEW = "[group:g]", "[program:new]\ncommand=/bin/sleep 1000\nstartsecs=0\n[group:g]"

PROCESSES: list[Step] = [
    ("settle", "cat", "loud", "g:*"),
    ("ctl", "status"),
    ("ctl", "status", "cat", "off", "nosuch", "nosuch:*"),
    *(("ctl", "start", name) for name in ("off", "cat", "nosuch", "nofile", "noexec", "quick")),
    *(("ctl", "start", name) for name in ("g:*", "nosuch:*")),
    ("ctl", "start"),
    *(("ctl", "stop", name) for name in ("off", "off", "g:*", "nosuch", "nosuch:*")),
    ("ctl", "restart", "g:*"),
    ("ctl", "restart", "off", "g:a"),
    ("ctl", "signal", "CONT", "off"),
    ("ctl", "signal", "BOGUS", "off"),
    ("ctl", "signal", "CONT", "nofile"),
    ("ctl", "signal", "CONT", "g:*"),
    ("ctl", "signal", "CONT", "all"),
    ("ctl", "pid"),
    ("ctl", "pid", "cat"),
    ("ctl", "pid", "nofile"),
    ("ctl", "pid", "nosuch"),
    ("ctl", "pid", "all"),
]
LOGS: list[Step] = [
    ("ctl", "tail", "loud"),
    ("ctl", "tail", "-3", "loud"),
    ("ctl", "tail", "loud", "stderr"),
    ("ctl", "tail", "nosuch"),
    ("follow", "tail", "-f", "loud", "two\n"),
    ("follow", "tail", "-f", "nosuch", "404"),
    ("follow", "tail", "-f", "loud", "stderr", "404"),
    ("sees", "maintail", "-f", " INFO "),
    ("ctl", "clear", "loud"),
    ("ctl", "tail", "loud"),
    ("ctl", "clear", "nosuch"),
    ("ctl", "clear", "all"),
]
S = "supervisor."
CALLS: list[Step] = [
    ("rpc", "system.listMethods"),
    ("rpc", "system.methodSignature", S + "startProcess"),
    ("rpc", "system.methodSignature", "nosuch"),
    *(("rpc", S + name) for name in ("getVersion", "getSupervisorVersion", "getIdentification")),
    *(("rpc", S + "getProcessInfo", name) for name in ("nosuch", "g", "g:*", "g:a", "nofile")),
    ("rpc", S + "getAllProcessInfo"),
    ("rpc", S + "getAllConfigInfo"),
    ("rpc", S + "startProcess", "g:*"),
    ("rpc", S + "stopProcessGroup", "g"),
    ("rpc", S + "startProcessGroup", "g", False),
    ("rpc", S + "startProcessGroup", "nosuch"),
    ("rpc", S + "startAllProcesses"),
    ("rpc", S + "signalProcess", "cat", 18),
    ("rpc", S + "signalProcessGroup", "g", "BOGUS"),
    *(
        ("rpc", S + "tailProcessStdoutLog", "loud", at, n)
        for at in (-1, 0, 4, 9)
        for n in (0, 3, 99)
    ),
    *(
        ("rpc", S + "readProcessStdoutLog", "loud", at, n)
        for at in (-3, 0, 4, 9)
        for n in (-1, 0, 3)
    ),
    ("rpc", S + "readProcessStderrLog", "loud", 0, 0),
    ("rpc", S + "tailProcessStderrLog", "loud", 0, 0),
    ("rpc", S + "clearProcessLogs", "g:*"),
    ("rpc", S + "addProcessGroup", "g"),
    ("rpc", S + "removeProcessGroup", "g"),
    ("rpc", S + "nosuch"),
    ("rpc", S + "getState", 1),
    *(("rpc", S + "sendProcessStdin", name, "x") for name in ("cat", "nofile", "nosuch", "g:*")),
    ("rpc", "a.b.c"),
    ("rpc", "system.multicall", [{"methodName": S + "getState"}, {"methodName": "x"}, {}]),
]
CONFIGURED: list[Step] = [
    ("ctl", "avail"),
    ("ctl", "reread"),
    ("edit", *NEW),
    ("edit", "/bin/cat", "/bin/cat -u"),
    ("ctl", "reread"),
    *(("ctl", command, "new") for command in ("add", "add", "remove", "stop", "remove")),
    ("ctl", "add", "nosuch"),
    ("ctl", "remove", "nosuch"),
    ("ctl", "update"),
    ("ctl", "update"),
    ("ctl", "version"),
    ("ctl", "reload"),
    ("settle", "cat", "loud", "g:*", "new"),
    ("ctl", "status", "cat", "loud", "g:*", "new"),
    ("ctl", "shutdown"),
]
STEPS = [*PROCESSES, *CALLS, *LOGS, *CONFIGURED]
IDS = [f"{number} {' '.join(map(str, step))}"[:60] for number, step in enumerate(STEPS)]
DIFFERENT: dict[str, str] = {}
"""What we tell instead at a step, by its words."""


@pytest.fixture(scope="module", name="told")
def take_all_steps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[list[str]]]:
    """Return what supervisor tells at each step, and what we tell."""
    try:
        original = peers_bin()
    except SystemExit as missing:
        pytest.skip(f"supervisor 4.3.0 is not there: {missing}")
    directory = tmp_path_factory.mktemp("sides")
    sides: list[Side] = []
    try:
        for name, bin_directory in (("theirs", original), ("ours", SCRIPTS)):
            daemon = bin_directory / "supervisord"
            control = original / "supervisorctl"
            sides.append(Side(directory / name, daemon, control, CONFIGURATION))
        with ThreadPoolExecutor(len(sides)) as pool:
            yield list(pool.map(_course, sides))
    finally:
        for side in sides:
            side.close()


def _course(side: Side) -> list[str]:
    told = [side.take(step) for step in STEPS]
    return [*told, f"exit code {side.daemon.wait(PATIENCE)}"]


@pytest.mark.parametrize("number", range(len(STEPS)), ids=IDS)
def test_a_step_tells_the_same(told: list[list[str]], number: int) -> None:
    theirs, ours = told[0][number], told[1][number]

    assert ours == DIFFERENT.get(str(STEPS[number]), theirs)


def test_both_end_in_order(told: list[list[str]]) -> None:
    assert told[0][-1] == told[1][-1] == "exit code 0"
