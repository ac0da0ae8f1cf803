"""The methods of supervisor's XML-RPC interface, each carried out by a message.

What a method decides, the message decides as for every other client; here are only words. The
table in `daemon.rpc` says which of these a call can reach.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple

from trio_supervisor.daemon import excerpts
from trio_supervisor.daemon.structs import changes, config_info, process_info, refused, result
from trio_supervisor.daemon.targets import ALL, literal, split_namespec
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.protocol.messages import (
    Add,
    Changes,
    Channel,
    Clear,
    EventKind,
    GetInfo,
    GetStatus,
    Info,
    Outcome,
    Reload,
    Remove,
    Reread,
    Shutdown,
    Signal,
    Start,
    Statuses,
    Stop,
    Write,
)

if TYPE_CHECKING:
    from trio_supervisor.daemon.handlers import Handlers
    from trio_supervisor.daemon.xmlrpc import Value
    from trio_supervisor.protocol.messages import Message, ProcessStatus

API_VERSION = "3.0"
SUPERVISOR_VERSION = "4.3.0"
"""The version whose interface this is: tools ask for it to know what they may call."""


class Session(NamedTuple):
    """Whom a client asks, and who that is."""

    handlers: Handlers
    peer: str

    async def ask(self, request: Message) -> list[Message]:
        """Return all replies; RequestError when it is refused."""
        answer = self.handlers.answer(request, self.peer)
        if isinstance(answer, tuple):
            return list(answer)
        async with aclosing(answer) as messages:
            return [message async for message in messages]

    async def outcomes(self, request: Message) -> list[Outcome]:
        """Return the outcomes of an operation."""
        return [reply for reply in await self.ask(request) if isinstance(reply, Outcome)]

    async def rows(self, *names: str) -> list[ProcessStatus]:
        """Return the status of processes, of all without names; BAD_NAME for what names none."""
        replies = await self.ask(GetStatus(tuple(map(_require_process, names))))
        for reply in replies:
            if isinstance(reply, Outcome):
                raise refused(reply.fault, names[0])
        return [row for reply in replies if isinstance(reply, Statuses) for row in reply.processes]

    async def info(self) -> Info:
        """Ask for the daemon itself."""
        (info,) = await self.ask(GetInfo())
        assert isinstance(info, Info)
        return info


# ── from names to targets, from outcomes to answers ──


def _exact(name: str) -> str:
    """Return the target for a name: ``all``, patterns and programs mean no more than one here."""
    return literal(name if ":" in name else f"{name}:{name}")


def _is_group(name: str) -> bool:
    return not split_namespec(name)[1]


def _require_process(name: str) -> str:
    """Return the target for the name of one process; BAD_NAME for a group's."""
    if _is_group(name):
        raise refused(Fault.BAD_NAME, name)
    return _exact(name)


def _one(outcomes: list[Outcome], name: str, detail: str = "") -> bool:
    """Return True, or raise what became of the one process instead."""
    for outcome in outcomes:
        if outcome.fault is not Fault.SUCCESS:
            raise refused(outcome.fault, name, detail or outcome.detail)
    return True


def _several(outcomes: list[Outcome], name: str, detail: str = "") -> Value:
    """Return what became of each; BAD_NAME when the name means no group."""
    if any(outcome.fault is Fault.BAD_NAME for outcome in outcomes):
        raise refused(Fault.BAD_NAME, name)
    return [result(outcome, detail or outcome.detail) for outcome in outcomes]


def _named(outcomes: list[Outcome], name: str, detail: str = "") -> Value:
    answer = _several if _is_group(name) else _one
    return answer(outcomes, name, detail)


# ── the daemon ──


async def get_api_version(_session: Session) -> Value:
    return API_VERSION


async def get_supervisor_version(_session: Session) -> Value:
    return SUPERVISOR_VERSION


async def get_identification(session: Session) -> Value:
    return (await session.info()).identifier


async def get_state(session: Session) -> Value:
    state = (await session.info()).state
    return {"statecode": int(state), "statename": state.name}


async def get_pid(session: Session) -> Value:
    return (await session.info()).pid


async def shutdown(session: Session) -> Value:
    await session.ask(Shutdown())
    return True


async def restart(session: Session) -> Value:
    await session.ask(Reload())
    return True


async def reload_config(session: Session) -> Value:
    (found,) = await session.ask(Reread())
    assert isinstance(found, Changes)
    return changes(found.added, (change.group for change in found.changed), found.removed)


async def add_group(session: Session, name: str) -> Value:
    return _one(await session.outcomes(Add((literal(name),))), name)


async def remove_group(session: Session, name: str) -> Value:
    return _one(await session.outcomes(Remove((literal(name),))), name)


async def get_all_config_info(session: Session) -> Value:
    await session.handlers.pace.turn()
    supervisor = session.handlers.supervisor
    pairs = [(group, spec) for group in supervisor.configured.values() for spec in group.programs]
    pairs.sort(key=lambda pair: (pair[1].process_name, pair[0].name))
    return [
        config_info(group, spec, in_use=group.name in supervisor.groups) for group, spec in pairs
    ]


# ── processes ──


async def get_process_info(session: Session, name: str) -> Value:
    (row,) = await session.rows(name)
    return process_info(row)


async def get_all_process_info(session: Session) -> Value:
    await session.handlers.pace.turn()
    return [process_info(row) for row in await session.rows()]


async def start(session: Session, name: str, wait: bool) -> Value:
    return _named(await session.outcomes(Start((_exact(name),), wait)), name)


async def start_group(session: Session, name: str, wait: bool) -> Value:
    return _several(await session.outcomes(Start((_exact(f"{name}:*"),), wait)), name)


async def start_all(session: Session, wait: bool) -> Value:
    return _several(await session.outcomes(Start((ALL,), wait)), ALL)


async def stop(session: Session, name: str, wait: bool) -> Value:
    return _named(await session.outcomes(Stop((_exact(name),), wait)), name)


async def stop_group(session: Session, name: str, wait: bool) -> Value:
    return _several(await session.outcomes(Stop((_exact(f"{name}:*"),), wait)), name)


async def stop_all(session: Session, wait: bool) -> Value:
    return _several(await session.outcomes(Stop((ALL,), wait)), ALL)


async def signal(session: Session, name: str, number: str | int) -> Value:
    word = str(number)
    return _named(await session.outcomes(Signal(word, (_exact(name),))), name, word)


async def signal_group(session: Session, name: str, number: str | int) -> Value:
    word = str(number)
    return _several(await session.outcomes(Signal(word, (_exact(f"{name}:*"),))), name, word)


async def signal_all(session: Session, number: str | int) -> Value:
    word = str(number)
    return _several(await session.outcomes(Signal(word, (ALL,))), ALL, word)


async def send_stdin(session: Session, name: str, chars: str | bytes) -> Value:
    data = chars.encode() if isinstance(chars, str) else chars
    try:
        await session.ask(Write(_require_process(name), data))
    except RequestError as problem:
        detail = name if problem.fault is Fault.NO_FILE else problem.detail
        raise refused(problem.fault, name, detail) from None
    return True


async def send_event(session: Session, kind: str, data: str) -> Value:
    cause = session.handlers.register(f"sendremotecommevent {kind}", session.peer)
    events = session.handlers.supervisor.events
    events.publish(EventKind.REMOTE, cause=cause, detail=kind, data=data.encode())
    return True


# ── logs ──


async def read_main_log(session: Session, offset: int, length: int) -> Value:
    return excerpts.part(session.handlers.log_file(Channel.MAIN, "").path, offset, length)


async def clear_main_log(session: Session) -> Value:
    file = session.handlers.log_file(Channel.MAIN, "")
    session.handlers.register("clearlog", session.peer)
    try:
        file.clear()
    except OSError as problem:
        raise RequestError(Fault.FAILED, str(problem)) from problem
    return True


async def clear(session: Session, name: str) -> Value:
    return _one(await session.outcomes(Clear((_require_process(name),))), name)


async def clear_all(session: Session) -> Value:
    return _several(await session.outcomes(Clear((ALL,))), ALL)


def _log(session: Session, channel: Channel, name: str) -> str:
    """Return the path of a log; BAD_NAME, or NO_FILE when it is none."""
    target = _require_process(name)
    try:
        return session.handlers.log_file(channel, target).path
    except RequestError as problem:
        raise refused(problem.fault, name) from None


async def read_stdout(session: Session, name: str, offset: int, length: int) -> Value:
    return excerpts.part(_log(session, Channel.STDOUT, name), offset, length)


async def read_stderr(session: Session, name: str, offset: int, length: int) -> Value:
    return excerpts.part(_log(session, Channel.STDERR, name), offset, length)


async def tail_stdout(session: Session, name: str, offset: int, length: int) -> Value:
    return _tail(session, Channel.STDOUT, name, offset, length)


async def tail_stderr(session: Session, name: str, offset: int, length: int) -> Value:
    return _tail(session, Channel.STDERR, name, offset, length)


def _tail(session: Session, channel: Channel, name: str, offset: int, length: int) -> Value:
    try:
        data, size, is_more = excerpts.newest(_log(session, channel, name), offset, length)
    except RequestError as problem:
        if problem.fault is not Fault.NO_FILE:
            raise
        return ["", 0, False]
    return [data, size, is_more]
