"""From an XML-RPC call to its answer: a closed table of methods with typed parameters.

A name that a client sends is looked up in the table and nowhere else, and a value is given to a
method only when it has the declared type.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from trio_supervisor.daemon import methods, xmlrpc
from trio_supervisor.daemon.xmlrpc import Call
from trio_supervisor.errors import Fault, RequestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trio_supervisor.daemon.methods import Session
    from trio_supervisor.daemon.xmlrpc import Value

MOST_TOGETHER = 8 * 1024 * 1024
"""Bytes of text that the calls of one multicall may answer together."""
LARGE = 64 * 1024
"""Bytes above which an answer is written by a thread."""
MULTICALL = "system.multicall"


class Parameter(NamedTuple):
    """What a call may give: its XML-RPC type, and what is taken for it."""

    name: str
    kind: str
    accepted: tuple[type, ...]
    default: Value = None
    """None: it must be given."""


class Method(NamedTuple):
    """What a call does, and how it is described."""

    run: Callable[..., Awaitable[Value]]
    returns: str
    help: str
    parameters: tuple[Parameter, ...] = ()


async def document(session: Session, call: Call) -> bytes:
    """Return the XML that answers a call, or refuses it."""
    try:
        value = await carry_out(session, call)
    except RequestError as problem:
        return xmlrpc.refusal(problem.fault, words(problem))
    if size_of(value) < LARGE:
        return xmlrpc.answer(value)
    return await session.handlers.pace.write(partial(xmlrpc.answer, value))


async def carry_out(session: Session, call: Call) -> Value:
    """Carry a call out; RequestError when it is refused."""
    method = METHODS.get(call.method)
    if method is None:
        raise RequestError(Fault.UNKNOWN_METHOD)
    return await method.run(session, *_arguments(method.parameters, call.parameters))


def _arguments(parameters: tuple[Parameter, ...], given: list[Value]) -> list[Value]:
    """Return an argument for each parameter; INCORRECT_PARAMETERS when number or types differ."""
    missing = parameters[len(given) :]
    if len(given) > len(parameters) or any(one.default is None for one in missing):
        raise RequestError(Fault.INCORRECT_PARAMETERS)
    for one, value in zip(parameters, given, strict=False):
        if type(value) not in one.accepted:
            raise RequestError(Fault.INCORRECT_PARAMETERS, f"{one.name} must be of type {one.kind}")
    return [*given, *(one.default for one in missing)]


def words(problem: RequestError) -> str:
    """Return the text of a refusal; that of a shutdown is its name alone, as tools compare it."""
    if problem.fault is Fault.SHUTDOWN_STATE:
        return problem.fault.name
    return str(problem)


# ── system.* ──


async def _list_methods(_session: Session) -> Value:
    return list(METHODS)


def _described(name: str) -> Method:
    if name not in METHODS:
        raise RequestError(Fault.SIGNATURE_UNSUPPORTED)
    return METHODS[name]


async def _method_help(_session: Session, name: str) -> Value:
    method = _described(name)
    lines = [f"@param {one.kind} {one.name}" for one in method.parameters]
    return "\n".join([method.help, "", *lines, f"@return {method.returns}"])


async def _method_signature(_session: Session, name: str) -> Value:
    method = _described(name)
    return [method.returns, *(one.kind for one in method.parameters)]


async def _multicall(session: Session, calls: list[Value]) -> Value:
    """Carry calls out one after the other; a refusal is the answer of its call only."""
    answers: list[Value] = []
    size = 0
    for one in calls:
        await session.handlers.pace.turn()
        try:
            if size >= MOST_TOGETHER:
                raise RequestError(Fault.FAILED, f"more than {MOST_TOGETHER} bytes of answers")
            answer = await carry_out(session, _call_in(one))
        except RequestError as problem:
            answer = {"faultCode": int(problem.fault), "faultString": words(problem)}
        size += size_of(answer)
        answers.append(answer)
    return answers


def _call_in(value: Value) -> Call:
    match value:
        case {"methodName": name} if name == MULTICALL:
            text = "Recursive system.multicall forbidden"
            raise RequestError(Fault.INCORRECT_PARAMETERS, text)
        case {"methodName": str(method), "params": list(parameters)}:
            return Call(method, parameters)
        case {"methodName": str(), "params": _}:
            raise RequestError(Fault.INCORRECT_PARAMETERS)
        case {"methodName": str(method)}:
            return Call(method, [])
        case _:
            raise RequestError(Fault.INCORRECT_PARAMETERS, "No methodName")


def size_of(value: Value) -> int:
    """Return about how many bytes an answer takes."""
    match value:
        case str() | bytes():
            return len(value)
        case list():
            return sum(map(size_of, value), 16)
        case dict():
            return sum(map(size_of, value.values()), 32 * len(value))
        case _:
            return 16


# ── the table ──

NAME = Parameter("name", "string", (str,))
WAIT = Parameter("wait", "boolean", (bool, int), default=True)
SIGNAL = Parameter("signal", "string", (str, int))
RANGE = (Parameter("offset", "int", (int,)), Parameter("length", "int", (int,)))
CHARS = Parameter("chars", "string", (str, bytes))
KIND = Parameter("type", "string", (str,))
DATA = Parameter("data", "string", (str, bytes))

_READ = "Return bytes of {} from an offset on; a negative offset counts from the end."
_TAIL = "Return [bytes, size, more]: the newest bytes of {}, its size, and whether more came."

METHODS: dict[str, Method] = dict(
    sorted(
        {
            "supervisor.addProcessGroup": Method(
                methods.add_group, "boolean", "Make a configured group active.", (NAME,)
            ),
            "supervisor.clearAllProcessLogs": Method(
                methods.clear_all, "array", "Empty the logs of all processes."
            ),
            "supervisor.clearLog": Method(
                methods.clear_main_log, "boolean", "Empty the daemon's own log."
            ),
            "supervisor.getAllConfigInfo": Method(
                methods.get_all_config_info, "array", "Tell how every process is configured."
            ),
            "supervisor.getAllProcessInfo": Method(
                methods.get_all_process_info, "array", "Tell how every process is."
            ),
            "supervisor.getAPIVersion": Method(
                methods.get_api_version, "string", "Return the version of this interface."
            ),
            "supervisor.getIdentification": Method(
                methods.get_identification, "string", "Return the identifier of the daemon."
            ),
            "supervisor.getPID": Method(methods.get_pid, "int", "Return the pid of the daemon."),
            "supervisor.getProcessInfo": Method(
                methods.get_process_info, "struct", "Tell how a process is.", (NAME,)
            ),
            "supervisor.getState": Method(
                methods.get_state, "struct", "Tell how the daemon itself is."
            ),
            "supervisor.getSupervisorVersion": Method(
                methods.get_supervisor_version,
                "string",
                "Return the version of supervisor that this is compatible with.",
            ),
            "supervisor.getVersion": Method(
                methods.get_api_version, "string", "Return the version of this interface."
            ),
            "supervisor.reloadConfig": Method(
                methods.reload_config,
                "array",
                "Read the configuration again; return [[added, changed, removed]] groups.",
            ),
            "supervisor.removeProcessGroup": Method(
                methods.remove_group, "boolean", "Take a stopped group out.", (NAME,)
            ),
            "supervisor.restart": Method(
                methods.restart, "boolean", "Reload the configuration and restart what runs."
            ),
            "supervisor.sendProcessStdin": Method(
                methods.send_stdin, "boolean", "Write to the stdin of a process.", (NAME, CHARS)
            ),
            "supervisor.sendRemoteCommEvent": Method(
                methods.send_event, "boolean", "Publish an event.", (KIND, DATA)
            ),
            "supervisor.shutdown": Method(
                methods.shutdown, "boolean", "Stop everything and end the daemon."
            ),
            "supervisor.signalAllProcesses": Method(
                methods.signal_all, "array", "Send a signal to all processes.", (SIGNAL,)
            ),
            "supervisor.signalProcess": Method(
                methods.signal,
                "boolean",
                "Send a signal to a process, or to those of group:*.",
                (NAME, SIGNAL),
            ),
            "supervisor.signalProcessGroup": Method(
                methods.signal_group, "array", "Send a signal to a group.", (NAME, SIGNAL)
            ),
            "supervisor.startAllProcesses": Method(
                methods.start_all, "array", "Start all processes.", (WAIT,)
            ),
            "supervisor.startProcess": Method(
                methods.start, "boolean", "Start a process, or those of group:*.", (NAME, WAIT)
            ),
            "supervisor.startProcessGroup": Method(
                methods.start_group, "array", "Start a group.", (NAME, WAIT)
            ),
            "supervisor.stopAllProcesses": Method(
                methods.stop_all, "array", "Stop all processes.", (WAIT,)
            ),
            "supervisor.stopProcess": Method(
                methods.stop, "boolean", "Stop a process, or those of group:*.", (NAME, WAIT)
            ),
            "supervisor.stopProcessGroup": Method(
                methods.stop_group, "array", "Stop a group.", (NAME, WAIT)
            ),
            **dict.fromkeys(
                ("supervisor.clearProcessLog", "supervisor.clearProcessLogs"),
                Method(methods.clear, "boolean", "Empty the logs of a process.", (NAME,)),
            ),
            **dict.fromkeys(
                ("supervisor.readLog", "supervisor.readMainLog"),
                Method(methods.read_main_log, "string", _READ.format("the daemon's log"), RANGE),
            ),
            **dict.fromkeys(
                ("supervisor.readProcessLog", "supervisor.readProcessStdoutLog"),
                Method(methods.read_stdout, "string", _READ.format("stdout"), (NAME, *RANGE)),
            ),
            "supervisor.readProcessStderrLog": Method(
                methods.read_stderr, "string", _READ.format("stderr"), (NAME, *RANGE)
            ),
            **dict.fromkeys(
                ("supervisor.tailProcessLog", "supervisor.tailProcessStdoutLog"),
                Method(methods.tail_stdout, "array", _TAIL.format("stdout"), (NAME, *RANGE)),
            ),
            "supervisor.tailProcessStderrLog": Method(
                methods.tail_stderr, "array", _TAIL.format("stderr"), (NAME, *RANGE)
            ),
            "system.listMethods": Method(_list_methods, "array", "Name all methods."),
            "system.methodHelp": Method(
                _method_help, "string", "Tell what a method does.", (NAME,)
            ),
            "system.methodSignature": Method(
                _method_signature, "array", "Return the types of a method, result first.", (NAME,)
            ),
            MULTICALL: Method(
                _multicall,
                "array",
                "Carry out several calls, in order: structs of methodName and params.",
                (Parameter("calls", "array", (list,)),),
            ),
        }.items()
    )
)
"""Every method that a call can reach, by its name."""
