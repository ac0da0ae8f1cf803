"""What XML-RPC calls do and answer: the methods of supervisor, on fake processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from xmlrpc.client import Fault, dumps, loads

import pytest
import trio
from daemon_fakes import Daemon, Plan, group_of, open_daemon, spec_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from trio_supervisor.daemon import methods, rpc, xmlrpc
from trio_supervisor.daemon.handlers import Handlers
from trio_supervisor.daemon.methods import Session
from trio_supervisor.errors import ConfigError, Problem
from trio_supervisor.lifecycle import SupervisorState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from trio_supervisor.daemon.activity import ActivityLog
    from trio_supervisor.daemon.snapshots import Census
    from trio_supervisor.daemon.xmlrpc import Value

S = "supervisor."


class Client:
    """Calls methods as a library would: bytes there, bytes back."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        no_log, no_census = cast("ActivityLog", NoLog()), cast("Census", None)
        handlers = Handlers(daemon.supervisor, activity=no_log, pid=4711, census=no_census)
        self._session = Session(handlers, "by somebody")

    async def call(self, method: str, *parameters: object) -> Any:
        """Return the value, or the text of the fault behind its number."""
        reader = xmlrpc.CallReader()
        reader.feed(dumps(parameters, "m", allow_none=True).encode())  # type: ignore[arg-type]  # the stub's idea of a value
        call = reader.close()._replace(method=method)  # the library escapes no names
        answer = await rpc.document(self._session, call)
        try:
            ((value,), _) = loads(answer)
        except Fault as fault:
            return f"{fault.faultCode} {fault.faultString}"
        return value


class NoLog:
    """An activity log that is no file."""

    file = None


def daemon_of(tmp_path: Path) -> Daemon:
    """Return a daemon: a group of two, a program that is off, one that fails, one with a log."""
    pair = group_of("g", spec_of("a", program="a"), spec_of("b"))
    off = group_of("off", spec_of("off", autostart=False))
    bad = group_of("bad", spec_of("bad", autostart=False, startretries=0))
    gone = group_of("gone", spec_of("gone", autostart=False))
    web = group_of("web", spec_of("web", stdout_logfile=str(tmp_path / "web.log")))
    daemon = Daemon(pair, off, bad, gone, web)
    daemon.spawner.plan("bad", Plan(lasts=0.5, returncode=3))
    daemon.spawner.missing.add("/bin/gone")
    return daemon


def done(group: str, *names: str) -> list[dict[str, object]]:
    return [{"name": n, "group": group, "status": 80, "description": "OK"} for n in names]


async def calls(tmp_path: Path, *given: tuple[object, ...]) -> list[Any]:
    """Return what calls are answered, one after the other."""
    async with open_daemon(daemon_of(tmp_path)) as daemon:
        client = Client(daemon)
        await daemon.settled()
        return [await client.call(f"{S}{method}", *rest) for method, *rest in given]


TABLE: list[tuple[tuple[object, ...], object]] = [
    (("getAPIVersion",), "3.0"),
    (("getSupervisorVersion",), "4.3.0"),
    (("getIdentification",), "supervisor"),
    (("getPID",), 4711),
    (("getState",), {"statecode": 1, "statename": "RUNNING"}),
    (("startProcess", "off"), True),
    (("startProcess", "off", False), True),
    (("startProcess", "off", 1), True),
    (("startProcess", "web"), "60 ALREADY_STARTED: web"),
    (("startProcess", "g:a"), "60 ALREADY_STARTED: g:a"),
    (("startProcess", "bad"), "50 SPAWN_ERROR: bad"),
    (("startProcess", "gone"), "20 NO_FILE: can't find command '/bin/gone'"),
    (("startProcess", "nosuch"), "10 BAD_NAME: nosuch"),
    (("startProcess", "a"), "10 BAD_NAME: a"),
    (("startProcess", "all"), "10 BAD_NAME: all"),
    (("startProcess", ""), "10 BAD_NAME"),
    (("startProcess", "nosuch:*"), "10 BAD_NAME: nosuch:*"),
    (("startProcess", "g:*"), []),
    (("startProcessGroup", "g"), []),
    (("startProcessGroup", "nosuch"), "10 BAD_NAME: nosuch"),
    (("startProcessGroup", "g:a"), "10 BAD_NAME: g:a"),
    (("stopProcess", "off"), "70 NOT_RUNNING: off"),
    (("stopProcess", "web"), True),
    (("stopProcess", "g:*"), done("g", "a", "b")),
    (("stopProcessGroup", "g"), done("g", "a", "b")),
    (("stopAllProcesses", False), [*done("g", "a", "b"), *done("web", "web")]),
    (("signalProcess", "web", "HUP"), True),
    (("signalProcess", "web", 1), True),
    (("signalProcess", "web", "NO"), "11 BAD_SIGNAL: NO"),
    (("signalProcess", "off", "HUP"), "70 NOT_RUNNING: off"),
    (("signalProcess", "g:*", "HUP"), done("g", "a", "b")),
    (("signalProcessGroup", "g", "HUP"), done("g", "a", "b")),
    (("signalAllProcesses", "HUP"), [*done("g", "a", "b"), *done("web", "web")]),
    (("getProcessInfo", "g"), "10 BAD_NAME: g"),
    (("getProcessInfo", "g:*"), "10 BAD_NAME: g:*"),
    (("getProcessInfo", "all"), "10 BAD_NAME: all"),
    (("getProcessInfo",), "2 INCORRECT_PARAMETERS"),
    (("getProcessInfo", "web", 1), "2 INCORRECT_PARAMETERS"),
    (("getProcessInfo", 5), "2 INCORRECT_PARAMETERS: name must be of type string"),
    (("startProcess", "web", "yes"), "2 INCORRECT_PARAMETERS: wait must be of type boolean"),
    (
        ("readProcessStdoutLog", "web", True, 0),
        "2 INCORRECT_PARAMETERS: offset must be of type int",
    ),
    (("reloadConfig",), [[[], [], []]]),
    (("addProcessGroup", "g"), "90 ALREADY_ADDED: g"),
    (("addProcessGroup", "nosuch"), "10 BAD_NAME: nosuch"),
    (("removeProcessGroup", "off"), True),
    (("removeProcessGroup", "g"), "91 STILL_RUNNING: g"),
    (("removeProcessGroup", "nosuch"), "10 BAD_NAME: nosuch"),
    (("clearProcessLogs", "g:*"), "10 BAD_NAME: g:*"),
    (("clearProcessLog", "web"), True),
    (("readLog", 0, 0), "20 NO_FILE: the activity log is no file"),
    (("readProcessStderrLog", "web", 0, 0), "20 NO_FILE"),
    (("readProcessLog", "nosuch", 0, 0), "10 BAD_NAME: nosuch"),
    (("tailProcessStderrLog", "web", 0, 10), ["", 0, False]),
    (("tailProcessLog", "g:*", 0, 10), "10 BAD_NAME: g:*"),
    (("sendProcessStdin", "web", "x"), True),
    (("sendProcessStdin", "off", "x"), "70 NOT_RUNNING: off"),
    (("sendProcessStdin", "g:*", "x"), "10 BAD_NAME: g:*"),
    (("sendProcessStdin", "web", 5), "2 INCORRECT_PARAMETERS: chars must be of type string"),
    (("sendProcessStdin", "web", b"\xff"), True),
    (("sendRemoteCommEvent", "a", "b"), True),
    (("restart",), True),
    (("shutdown",), True),
    (("nosuch",), "1 UNKNOWN_METHOD"),
    (("getState.__class__",), "1 UNKNOWN_METHOD"),
]


@pytest.mark.parametrize(("given", "answer"), TABLE, ids=[str(given) for given, _ in TABLE])
async def test_a_call_is_answered(
    tmp_path: Path, autojump_clock: MockClock, given: tuple[object, ...], answer: object
) -> None:
    assert await calls(tmp_path, given) == [answer]


async def test_text_is_sent_to_a_process_as_utf_8(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with open_daemon(daemon_of(tmp_path)) as daemon:
        await daemon.settled()
        answer = await Client(daemon).call(f"{S}sendProcessStdin", "web", "né\n")

    assert answer is True
    assert [data for _, data in daemon.spawner.written] == ["né\n".encode()]


async def test_a_process_that_closed_its_stdin_is_no_file(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with open_daemon(daemon_of(tmp_path)) as daemon:
        await daemon.settled()
        daemon.spawner.deaf.update(range(100_000))
        answer = await Client(daemon).call(f"{S}sendProcessStdin", "web", "x")

    assert answer == "20 NO_FILE: web"


async def test_what_is_sent_to_a_process_is_in_no_event(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with open_daemon(daemon_of(tmp_path)) as daemon:
        await daemon.settled()
        await Client(daemon).call(f"{S}sendProcessStdin", "web", "my password")

    assert "write web:web (by somebody)" in [e.detail for e in daemon.supervisor.events.since()]


async def test_start_waits_unless_told_not_to(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with open_daemon(daemon_of(tmp_path)) as daemon:
        client = Client(daemon)
        moments = [trio.current_time()]
        for wait in (False, True):
            await client.call(f"{S}startProcess", "off", wait)
            moments.append(trio.current_time())
            await client.call(f"{S}stopProcess", "off")
            moments[-1:] = [moments[-1], trio.current_time()]

    assert moments[1] - moments[0] == 0
    assert moments[3] - moments[2] == 1


async def test_what_is_asked_in_a_shutdown(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with open_daemon(daemon_of(tmp_path)) as daemon:
        client = Client(daemon)
        await client.call(f"{S}shutdown")
        methods_asked = ("getState", "shutdown", "reloadConfig", "clearAllProcessLogs")
        found = [await client.call(f"{S}{method}") for method in methods_asked]

    state = SupervisorState.SHUTDOWN
    assert found == [
        {"statecode": int(state), "statename": state.name},
        *(["6 SHUTDOWN_STATE"] * 3),
    ]


async def test_reread_and_add_as_update_does(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with open_daemon(daemon_of(tmp_path)) as daemon:
        client = Client(daemon)
        daemon.configure(group_of("g", spec_of("a")), group_of("new"))
        found = [
            await client.call(f"{S}reloadConfig"),
            await client.call(f"{S}stopProcessGroup", "g"),
            await client.call(f"{S}removeProcessGroup", "g"),
            await client.call(f"{S}addProcessGroup", "g"),
        ]
        daemon.next = ConfigError([Problem("a.conf", 3, "x", "is wrong")])
        found.append(await client.call(f"{S}reloadConfig"))
        names = list(daemon.supervisor.groups["g"].programs)

    assert found[0] == [[["new"], ["g"], ["bad", "gone", "off", "web"]]]
    assert found[1:] == [
        done("g", "a", "b"),
        True,
        True,
        "92 CANT_REREAD: a.conf:3: x: is wrong",
    ]
    assert names == ["a"]


INFO = {
    "name": str, "group": str, "start": int, "stop": int, "now": int, "state": int,
    "statename": str, "spawnerr": str, "exitstatus": int, "logfile": str, "stdout_logfile": str,
    "stderr_logfile": str, "pid": int, "description": str,
}  # fmt: skip
CHANNEL = {
    "capture_maxbytes": int, "events_enabled": bool, "logfile": str, "logfile_backups": int,
    "logfile_maxbytes": int, "syslog": bool,
}  # fmt: skip
CONFIG = {
    "autostart": bool, "command": str, "directory": str, "exitcodes": list, "group": str,
    "group_prio": int, "inuse": bool, "killasgroup": bool, "name": str, "process_prio": int,
    "redirect_stderr": bool, "serverurl": str, "startretries": int, "startsecs": int,
    "stopsignal": int, "stopwaitsecs": int, "uid": str,
    **{f"stdout_{name}": kind for name, kind in CHANNEL.items()},
    **{f"stderr_{name}": kind for name, kind in CHANNEL.items()},
}  # fmt: skip


def kinds(struct: dict[str, object]) -> dict[str, type]:
    return {name: type(value) for name, value in struct.items()}


async def test_structs_have_the_keys_and_types_of_supervisor(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    infos, configs, one = await calls(
        tmp_path, ("getAllProcessInfo",), ("getAllConfigInfo",), ("getProcessInfo", "web")
    )

    assert [kinds(info) for info in infos] == [INFO] * 6
    assert [kinds(config) for config in configs] == [CONFIG] * 6
    assert [config["name"] for config in configs] == ["a", "b", "bad", "gone", "off", "web"]
    assert one["state"] == 20
    assert one["description"].startswith(f"pid {one['pid']}, uptime 0:00:0")


LOG = b"one\ntwo\n\x1b\n"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (("read", 0, 0), "one\ntwo\n\\x1b\n"),
        (("read", -6, 0), "two\n\\x1b\n"),
        (("read", -999, 0), "one\ntwo\n\\x1b\n"),
        (("read", 4, 3), "two"),
        (("read", 99, 3), ""),
        (("read", 2**62, 0), ""),
        (("read", -3, 3), "3 BAD_ARGUMENTS"),
        (("read", 0, -1), "3 BAD_ARGUMENTS"),
        (("tail", 0, 100), ["one\ntwo\n\\x1b\n", 10, False]),
        (("tail", 0, 6), ["two\n\\x1b\n", 10, True]),
        (("tail", 4, 2), ["\\x1b\n", 10, True]),
        (("tail", 20, 3), ["", 10, False]),
        (("tail", 0, 0), ["", 10, True]),
        (("tail", -1, 6), ["two\n\\x1b\n", 10, True]),
    ],
)
async def test_parts_of_a_log(
    tmp_path: Path,
    autojump_clock: MockClock,
    asked: tuple[str, int, int],
    answer: object,
) -> None:
    method, offset, length = asked
    async with open_daemon(daemon_of(tmp_path)) as daemon:
        daemon.program("web").logs.sinks[0][0].write(LOG)
        reader = xmlrpc.CallReader()
        name = f"supervisor.{method}ProcessStdoutLog"
        reader.feed(
            f"<methodCall><methodName>{name}</methodName><params><param><value>web</value></param>"
            f"<param><value><i8>{offset}</i8></value></param>"
            f"<param><value><int>{length}</int></value></param></params></methodCall>".encode()
        )
        document = await rpc.document(Client(daemon)._session, reader.close())

    try:
        found: object = loads(document)[0][0]
    except Fault as fault:
        found = f"{fault.faultCode} {fault.faultString}"
    assert found == answer


async def test_multicall_goes_on_after_a_fault(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with open_daemon(daemon_of(tmp_path)) as daemon:
        found = await Client(daemon).call(
            "system.multicall",
            [
                {"methodName": "supervisor.startProcess", "params": ["off"]},
                {"methodName": "supervisor.startProcess", "params": ["off"]},
                {"methodName": "system.multicall", "params": [[]]},
                {"params": []},
                {"methodName": "supervisor.nosuch"},
                {"methodName": "supervisor.getVersion", "params": "no array"},
                5,
                {"methodName": "supervisor.getVersion"},
            ],
        )

    assert found == [
        True,
        {"faultCode": 60, "faultString": "ALREADY_STARTED: off"},
        {
            "faultCode": 2,
            "faultString": "INCORRECT_PARAMETERS: Recursive system.multicall forbidden",
        },
        {"faultCode": 2, "faultString": "INCORRECT_PARAMETERS: No methodName"},
        {"faultCode": 1, "faultString": "UNKNOWN_METHOD"},
        {"faultCode": 2, "faultString": "INCORRECT_PARAMETERS"},
        {"faultCode": 2, "faultString": "INCORRECT_PARAMETERS: No methodName"},
        "3.0",
    ]


async def test_a_multicall_cannot_ask_for_any_amount(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    read = {"methodName": "supervisor.readProcessLog", "params": ["web", 0, 0]}
    async with open_daemon(daemon_of(tmp_path)) as daemon:
        daemon.program("web").logs.sinks[0][0].write(b"x" * 2 * 1024 * 1024)
        found = await Client(daemon).call("system.multicall", [read] * 20)

    sizes = [len(one) for one in found if isinstance(one, str)]
    assert sizes == [1024 * 1024] * 8
    assert found[-1]["faultCode"] == 30


async def test_a_long_word_is_not_kept_and_not_told_for_each_process(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    word = "x" * 100_000
    async with open_daemon(daemon_of(tmp_path)) as daemon:
        client = Client(daemon)
        answer = await client.call("supervisor.signalAllProcesses", word)
        await client.call("supervisor.startProcess", word)
        await client.call("supervisor.sendRemoteCommEvent", word, "")
        events = daemon.supervisor.events.after(0)

    assert {one["description"] for one in answer} == {f"BAD_SIGNAL: {'x' * 200}"}
    assert events
    assert max(len(event.detail) for event in events) < 1100


async def test_every_method_describes_itself(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with open_daemon(daemon_of(tmp_path)) as daemon:
        client = Client(daemon)
        names = await client.call("system.listMethods")
        helps = [await client.call("system.methodHelp", name) for name in names]
        signature = await client.call("system.methodSignature", f"{S}startProcess")
        unknown = [
            await client.call(f"system.method{what}", "no") for what in ("Help", "Signature")
        ]

    assert names == sorted(names)
    assert len(names) == 41
    assert all("@return" in text for text in helps)
    assert signature == ["boolean", "string", "boolean"]
    assert unknown == ["4 SIGNATURE_UNSUPPORTED"] * 2


# ── whatever is sent ──

LEAVES = (
    st.sampled_from(["web", "off", "g:*", "g", "all", "bad", "gone", "HUP", "9", ""])
    | st.text(st.characters(codec="ascii", min_codepoint=32), max_size=8)
    | st.integers(-(2**31) + 1, 2**31 - 1)
    | st.booleans()
    | st.none()
    | st.binary(max_size=8)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["methodName", "params", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
PREFIXES = st.sampled_from(["supervisor.", "system.", "", "methods.", "supervisor._"])
NAMES = st.sampled_from(sorted(rpc.METHODS)) | st.builds(
    str.__add__,
    PREFIXES,
    st.sampled_from([*dir(methods), *dir(Session), *dir(Handlers), *dir(rpc)])
    | st.text(st.characters(codec="ascii", min_codepoint=32), max_size=12),
)


def _recorder(
    name: str, ran: list[tuple[str, tuple[Value, ...]]]
) -> Callable[..., Awaitable[Value]]:
    async def run(_session: object, *parameters: Value) -> Value:
        ran.append((name, parameters))
        return True

    return run


@pytest.mark.slow
@settings(max_examples=300)
@given(name=NAMES, parameters=st.lists(VALUES, max_size=4))
def test_only_what_the_table_names_runs_and_with_its_types(
    name: str, parameters: list[Any]
) -> None:
    ran: list[tuple[str, tuple[Value, ...]]] = []
    table = {known: one._replace(run=_recorder(known, ran)) for known, one in rpc.METHODS.items()}
    nobody = cast("Session", None)  # whatever else ran would have nobody to ask
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rpc, "METHODS", table)
        document = trio.run(rpc.document, nobody, xmlrpc.Call(name, parameters))

    if not ran:
        with pytest.raises(Fault) as caught:
            loads(document)
        assert caught.value.faultCode == (2 if name in table else 1)
        return
    ((found, arguments),) = ran
    accepted = [one.accepted for one in table[name].parameters]
    assert found == name
    assert all(type(one) in kinds for one, kinds in zip(arguments, accepted, strict=True))


@pytest.mark.slow
@settings(
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(given_calls=st.lists(st.tuples(NAMES, st.lists(VALUES, max_size=3)), max_size=5))
def test_whatever_is_called_the_answer_is_valid(
    tmp_path: Path, given_calls: list[tuple[str, list[Any]]]
) -> None:
    async def call_all() -> None:
        with trio.fail_after(1000):
            async with open_daemon(daemon_of(tmp_path)) as daemon:
                client = Client(daemon)
                for name, parameters in given_calls:
                    await client.call(name, *parameters)

    trio.run(call_all, clock=MockClock(autojump_threshold=0))
