"""Good and bad arguments of every command of supervisorctl and of every method of XML-RPC.

The steps begin and end with everything running that has `autostart`. The program `quick` rests
meanwhile: whether supervisor takes it for started depends on the moment.
"""

from __future__ import annotations

from itertools import chain, product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sides import Step

NOWHERE = "unix:///no/such.sock"
CLOSED = "http://127.0.0.1:1"
S = "supervisor."


def _typed(*lines: str) -> list[Step]:
    return [("ctl", *line.split()) for line in lines]


SETTLED: Step = ("settle", "cat", "loud", "g:*")
NAMES = _typed(
    "remove quick",
    "nosuch arg", "help nosuch", "STATUS",
    "status all", "status g:*", "status g:", "status g", "status nosuch", "status nosuch:*",
    "status g:nosuch", "status cat cat g:b g:a", "status cat;off",
    "start all", "start cat nosuch", "start g:", "start g:nosuch", "start g", "start cat g:a",
    "stop", "stop all", "stop all", "start loud g:*", "stop g:a cat nosuch", "start g:a cat",
    "stop g", "stop nofile",
    "restart", "restart nosuch", "restart nosuch:*", "restart cat", "restart cat g:*", "restart g",
    "restart nofile", "restart all",
)  # fmt: skip
OTHERS = _typed(
    "signal", "signal HUP", "signal CONT nosuch", "signal CONT nosuch:*", "signal 18 cat",
    "signal SIGCONT cat g:a", "signal 999 cat", "signal CONT g", "signal NO nosuch",
    "pid nosuch:*", "pid g:*", "pid g:a cat", "pid cat nosuch", "pid nofile cat",
    "clear", "clear g:*", "clear g:a cat", "clear nosuch:*", "clear off", "clear all",
    "tail", "tail -f", "tail cat foo", "tail -x cat", "tail a b c d", "tail loud stdout x",
    "tail g:*", "tail g", "tail -0 loud", "tail -100000 loud", "tail loud stdout", "tail off",
    "tail nosuch stderr", "tail -f loud foo", "tail g:a",
    "maintail x", "maintail -x", "maintail a b",
    "fg", "fg nosuch", "fg nofile", "fg cat loud", "fg g:*",
    "reread x", "avail x", "version x", "shutdown x", "reload x",
    "add", "remove", "add g", "add g nosuch", "remove g", "remove nosuch cat", "remove g:a",
    "add g:a", "avail",
    "open", "open foo", "open ftp://x", f"open {CLOSED}", "quit", "exit", "quit x", "exit x",
    "-x", "--version", "-s foo pid", "-c /no/such/file pid", "-u a -p b version",
)  # fmt: skip
UNREACHED = [
    *_typed(*(f"-s {CLOSED} {words}" for words in ("pid", "status", "start cat", "shutdown"))),
    *_typed(
        *(
            f"-s {NOWHERE} {words}"
            for words in (
                "pid", "status", "stop cat", "shutdown", "reread", "tail cat", "maintail",
                "version", "clear all", "signal HUP all", "restart cat", "avail",
            )
        )
    ),
]  # fmt: skip
CHANGES: list[Step] = [
    ("edit", "[program:cat]\n", "[program:cat]\npriority=x\n"),
    *(("sees", *words, "CANT_REREAD: ") for words in (["reread"], ["update"])),
    ("edit", "priority=x\n", "priority=7\n"),
    *_typed("reread", "reread", "status cat", "update nosuch", "update g", "update cat"),
    *_typed("update cat", "reread"),
    ("edit", "[program:cat]\npriority=7\n", "[program:cat]\n"),
    *_typed("update all", "status cat", "remove quick"),
    SETTLED,
]
COMMANDS: list[Step] = [SETTLED, *NAMES, SETTLED, *OTHERS, *UNREACHED, *CHANGES]

ONE_NAME = (
    "startProcess", "stopProcess", "startProcessGroup", "stopProcessGroup", "getProcessInfo",
    "clearProcessLogs", "clearProcessLog", "addProcessGroup",
)  # fmt: skip
LOGS = tuple(
    f"{what}Process{kind}Log" for what, kind in product(("read", "tail"), ("Stdout", "Stderr", ""))
)
NO_PARAMETERS = (
    "getAPIVersion", "getVersion", "getSupervisorVersion", "getIdentification", "getState",
    "getPID", "getAllProcessInfo", "getAllConfigInfo", "reloadConfig", "clearLog",
    "clearAllProcessLogs", "shutdown", "restart",
)  # fmt: skip
PARAMETERS = (
    *ONE_NAME, *LOGS, "removeProcessGroup", "signalProcess", "signalProcessGroup",
    "signalAllProcesses", "readLog", "readMainLog", "sendProcessStdin", "sendRemoteCommEvent",
)  # fmt: skip
EVERY = (*NO_PARAMETERS, *PARAMETERS, "startAllProcesses", "stopAllProcesses")
PARTS: tuple[tuple[Any, ...], ...] = (
    ("nosuch", 0, 0), ("g", 0, 0), ("g:*", 0, 0), ("loud", 0, 0), ("loud", 0, -1), ("loud", -4, 0),
    ("loud", -4, 2), ("off", 0, 10), ("loud", 0, 10**6), ("loud", 10**6, 5),
)  # fmt: skip


def _called(method: str, *arguments: Any) -> Step:
    return ("rpc", S + method, *arguments)


COUNTS: list[Step] = [
    *(_called(name) for name in PARAMETERS),
    *(_called(name, "a", "b", "c", "d") for name in EVERY),
    *(_called(name, 1) for name in NO_PARAMETERS),
]
VALUES: list[Step] = [
    *(
        _called(method, name)
        for method, name in product(
            ONE_NAME, ("nosuch", "g", "g:*", "g:a", "g:", "nosuch:*", "all", "a", "off", "nofile")
        )
    ),
    *(_called("removeProcessGroup", name) for name in ("nosuch", "g:*", "g:a", "all", "a")),
    *(
        _called(method, name, signal)
        for method, name, signal in product(
            ("signalProcess", "signalProcessGroup"),
            ("nosuch", "g", "g:*", "g:a", "nofile"),
            ("CONT", "SIGCONT", "BOGUS", 18, "18", 999),
        )
    ),
    *(_called("signalAllProcesses", signal) for signal in ("CONT", "NO")),
    _called("startProcess", "noexec"),
    _called("stopProcess", "cat"),
    _called("startProcess", "cat", 0),
    ("settle", "cat"),
    _called("stopAllProcesses"),
    _called("startAllProcesses"),
    SETTLED,
    *(_called(method, *part) for method, part in product(LOGS, PARTS)),
    *(
        _called(method, *part)
        for method, part in product(("readLog", "readMainLog"), ((0, -1), (-4, 2), (10**8, 0)))
    ),
    *(_called("sendProcessStdin", name, "x\n") for name in ("nosuch", "g:*", "cat", "nofile")),
    _called("sendRemoteCommEvent", "type", "data"),
    _called("clearLog"),
    _called("clearAllProcessLogs"),
]
SYSTEM: list[Step] = [
    ("rpc", "system.listMethods", 1),
    ("rpc", "system.methodHelp"),
    ("rpc", "system.methodHelp", "nosuch"),
    ("rpc", "system.methodSignature"),
    *(("rpc", "system.methodSignature", S + name) for name in EVERY),
    ("rpc", "system.multicall"),
    *(
        ("rpc", "system.multicall", calls)
        for calls in (
            [],
            [{"methodName": "system.multicall", "params": [[]]}],
            [{"methodName": S + "getProcessInfo", "params": ["nosuch"]}],
            [{"methodName": S + "stopProcess", "params": ["cat"]}] * 2,
            [{"methodName": S + "startProcess", "params": ["cat"]}] * 2,
            [{"methodName": S + "getState", "params": 5}],
            [{"methodName": S + "getState", "params": [1]}],
        )
    ),
    *(("rpc", name) for name in ("nosuch", "supervisor", S + "_x", S + "getState.x")),
]
WRONG_TYPES: list[Step] = [
    *(_called(method, 5) for method in (*ONE_NAME, "removeProcessGroup")),
    *(_called(method, 5, *part[1:]) for method in LOGS for part in PARTS[:1]),
    *(_called(method, "loud", *part) for method in LOGS for part in (("0", 0), (True, 0), (0, ""))),
    *(_called(method, "x", 0) for method in ("readLog", "readMainLog")),
    _called("startProcess", "cat", "x"),
    _called("sendRemoteCommEvent", 1, 2),
    _called("sendProcessStdin", "cat", 5),
    ("rpc", "system.methodHelp", 5),
    ("rpc", "system.methodSignature", 5),
    *(("rpc", "system.multicall", calls) for calls in (5, "x", {"methodName": "x"})),
]
"""What supervisor takes for something else or answers with status 500, and we refuse."""
CALLS: list[Step] = [*chain(COUNTS, VALUES, SYSTEM, WRONG_TYPES), SETTLED, *_typed("add quick")]
