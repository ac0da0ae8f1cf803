"""supervisor's own supervisorctl and XML-RPC clients get from us what supervisor gives them.

So does who uses our supervisorctl. The tests run only when asked to: `make soak`. One course of
steps is taken with supervisor, with our daemon and supervisor's supervisorctl, and with both of
ours; what they tell is compared step by step. WRONG_TYPES and IN_OUR_WORDS have the
intended differences, each of them in docs/compatibility.md.
"""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import arguments
import pytest
from rig import PATIENCE, SCRIPTS
from sides import STDERR, Side, Step

from benchmarks.peers import peers_bin
from trio_supervisor import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
if not os.environ.get("TRIO_SUPERVISOR_SOAK"):
    pytest.skip("takes minutes, and needs supervisor from PyPI: make soak", allow_module_level=True)

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
STEPS = [
    *PROCESSES,
    *CALLS,
    *LOGS,
    *arguments.COMMANDS,
    *arguments.CALLS,
    *CONFIGURED,
]
IDS = [f"{number} {' '.join(map(str, step))}"[:60] for number, step in enumerate(STEPS)]
UNREACHED = f"{arguments.NOWHERE} no such file\n(1)"
BANNER = "==> Press Ctrl-C to exit <==\n"
IN_OUR_WORDS = {
    "clear g:*": "g:a: cleared\ng:b: cleared\n(0)",
    "clear nosuch:*": "nosuch: ERROR (no such group)\n(1)",
    "tail -f nosuch 404": f"{BANNER}nosuch: ERROR (no such process name)\n",
    "tail -f loud stderr 404": f"{BANNER}loud: ERROR (no log file)\n",
    f"open {arguments.CLOSED}": f"{arguments.CLOSED} refused connection\n(4)",
    **dict.fromkeys(("quit", "exit", "quit x", "exit x"), "(0)"),
    **dict.fromkeys(("version", "-u a -p b version"), f"{__version__}\n(0)"),
    **{f"-s {arguments.NOWHERE} {command}": UNREACHED for command in ("reread", "avail")},
}
"""What our supervisorctl says instead on stdout, by the words of the command."""
SIDES = ("theirs", "our daemon", "ours")
WRONG_TYPE = re.compile(r"fault 2 INCORRECT_PARAMETERS: \w+ must be of type \w+")


@pytest.fixture(scope="module", name="told")
def take_all_steps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[list[str]]]:
    """Return what each side tells at each step."""
    try:
        original = peers_bin()
    except SystemExit as missing:
        pytest.skip(f"supervisor 4.3.0 is not there: {missing}")
    directory = tmp_path_factory.mktemp("sides")
    sides: list[Side] = []
    try:
        pairs = ((original, original), (SCRIPTS, original), (SCRIPTS, SCRIPTS))
        for name, (daemon, control) in zip(SIDES, pairs, strict=True):
            paths = daemon / "supervisord", control / "supervisorctl"
            sides.append(Side(directory / name.replace(" ", "_"), *paths, CONFIGURATION))
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
    step, theirs, ours = STEPS[number], told[0][number], told[1][number]

    if step in arguments.WRONG_TYPES:
        assert WRONG_TYPE.fullmatch(ours)
    else:
        assert _ordered(step, ours) == _ordered(step, theirs)


COMMANDS = [number for number, step in enumerate(STEPS) if step[0] != "rpc"]


@pytest.mark.parametrize("number", COMMANDS, ids=[IDS[number] for number in COMMANDS])
def test_our_supervisorctl_says_the_same_on_stdout(told: list[list[str]], number: int) -> None:
    step = STEPS[number]
    theirs, ours = (_said(step, told[side][number]) for side in (0, 2))

    in_our_words = IN_OUR_WORDS.get(" ".join(step[1:]))
    assert ours == (_ordered(step, in_our_words) if in_our_words else theirs)


def _ordered(step: Step, told: str) -> str:
    """Put lines about several into one order: supervisor has that in which things get done."""
    several = step[0] == "ctl" and step[-1].endswith(("all", ":*", ":"))
    return "\n".join(sorted(told.splitlines())) if several else told


def _said(step: Step, told: str) -> str:
    """Return what stands on stdout; of a wrong use only the first line, the rest is help."""
    answer = told.partition(STDERR)[0]
    first, _, rest = answer.partition("\n")
    if first.startswith(("Error: ", "ERROR: no process name")):
        return f"{first}{rest[rest.rindex('(') :]}"
    return _ordered(step, answer)


def test_all_end_in_order(told: list[list[str]]) -> None:
    assert [side[-1] for side in told] == ["exit code 0"] * 3
