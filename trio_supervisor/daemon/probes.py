"""The kinds of questions that ``ready`` and ``health`` can ask: `KINDS` has one function for each.

Each returns when the answer is yes, and raises ProbeError with the reason when it is no; those that
wait for something just wait. Whoever asks cancels what takes too long. An exec probe is a run of
its own, contained as any other: with all it has started, it is gone before its function returns.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from trio_supervisor.console.lines import shown
from trio_supervisor.daemon.condition import how_it_ended
from trio_supervisor.daemon.notify import Notices
from trio_supervisor.daemon.spawner import Runnable
from trio_supervisor.daemon.turns import Rank
from trio_supervisor.daemon.watch import LONGEST_LOOK, Watch
from trio_supervisor.errors import RequestError, SupervisorError
from trio_supervisor.spec import Probe, ProgramSpec
from trio_supervisor.spec.health import Ready, http_address, tcp_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_supervisor.daemon.logfile import Sink

_ANSWER = 64 * 1024
"""Bytes that are read at once of an HTTP answer; h11 bounds its head."""
_NO_ANSWER = "the connection was closed without an answer"
_KEPT = 400
"""Bytes of a command's output that are kept for the reason."""
_REDIRECTION = 400
_SUCCESS = 200


class ProbeError(SupervisorError):
    """The answer is no, and why."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A probe, and what its kind may need of the run that it is about.

    ``spawn`` runs a command to the end of its tree; ``tell_unkillable`` hears of the processes that
    keep it from that, and of none when they have gone. ``name`` is that of the option.
    """

    name: str
    probe: Probe
    spec: ProgramSpec
    rank: Rank
    spawn: Callable[[Runnable], Awaitable[None]]
    tell_unkillable: Callable[[set[int]], None]
    watch: Watch | None
    notices: Notices

    async def ask(self) -> None:
        """Return when the answer is yes; raise ProbeError when it is no."""
        await KINDS[self.probe.kind](self)


@contextmanager
def _network_in_words() -> Iterator[None]:
    """Turn what the network says into the reason for a no."""
    try:
        yield
    except trio.BrokenResourceError as problem:
        raise ProbeError(_NO_ANSWER) from problem
    except OSError as problem:
        cause = problem.__cause__  # Trio has tried all addresses of the host
        first = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else cause
        told = first if isinstance(first, OSError) else problem
        number = told.errno or 0  # that of a name without an address is negative
        text = os.strerror(number) if number > 0 else told.strerror or str(told)
        raise ProbeError(text.lower()) from problem
    except UnicodeError as problem:  # of IDNA: a label that is empty, or too long
        raise ProbeError("that is no name of a host") from problem


async def _http(question: Question) -> None:
    probe = question.probe
    assert probe.http is not None
    host, port, target = http_address(probe.http)
    name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    with _network_in_words():
        async with await trio.open_tcp_stream(host, port) as stream:
            status = await _status(stream, name, target)
    if status != probe.status if probe.status else not _SUCCESS <= status < _REDIRECTION:
        raise ProbeError(f"HTTP status {status}")


async def _status(stream: trio.SocketStream, host: str, target: str) -> int:
    """Ask, and return the status of the answer."""
    import h11  # noqa: PLC0415  # a daemon that is never to speak HTTP need not hold it

    client = h11.Connection(h11.CLIENT)
    headers = [("Host", host), ("User-Agent", "trio-supervisor"), ("Connection", "close")]
    request = client.send(h11.Request(method="GET", target=target, headers=headers)) or b""
    await stream.send_all(request + (client.send(h11.EndOfMessage()) or b""))
    try:
        while not isinstance(event := client.next_event(), h11.Response):
            if event is h11.NEED_DATA:
                client.receive_data(await _more(stream))
    except h11.RemoteProtocolError as problem:
        raise ProbeError(f"the answer is not HTTP: {problem}") from problem
    return event.status_code


async def _more(stream: trio.SocketStream) -> bytes:
    if data := await stream.receive_some(_ANSWER):
        return data
    raise ProbeError(_NO_ANSWER)


async def _tcp(question: Question) -> None:
    assert question.probe.tcp is not None
    host, port = tcp_address(question.probe.tcp)
    with _network_in_words():
        await (await trio.open_tcp_stream(host, port)).aclose()


async def _unix(question: Question) -> None:
    assert question.probe.unix is not None
    with _network_in_words():
        await (await trio.open_unix_socket(question.probe.unix)).aclose()


async def _exec(question: Question) -> None:
    command = Command(question)
    try:
        await question.spawn(command)
    except RequestError as problem:
        raise ProbeError(problem.detail) from problem
    if command.returncode != 0:
        said = f": {command.last_line}" if command.last_line else ""
        raise ProbeError(f"{how_it_ended(command.returncode)}{said}")


async def _log(question: Question) -> None:
    assert question.watch is not None
    await question.watch.is_over.wait()
    if question.watch.has_given_up:
        raise ProbeError(f"its expression needs more than {LONGEST_LOOK:g} s for a line of output")


async def _delay(question: Question) -> None:
    assert isinstance(question.probe, Ready)
    await trio.sleep(question.probe.delay or 0)


async def _notify(question: Question) -> None:
    notices = question.notices
    if isinstance(question.probe, Ready):
        await notices.is_ready.wait()
    else:
        await notices.watchdog.wait()
        notices.watchdog = trio.Event()


KINDS: dict[str, Callable[[Question], Awaitable[None]]] = {
    "http": _http,
    "tcp": _tcp,
    "unix": _unix,
    "exec": _exec,
    "log": _log,
    "delay": _delay,
    "notify": _notify,
}


class Command:
    """The run of an exec probe, as a spawner sees it: a program of its own, without a grace."""

    has_stdin = False

    def __init__(self, question: Question) -> None:
        rank, spec = question.rank, question.spec
        assert question.probe.exec is not None
        # no process can have the name: none holds a space
        self.rank = Rank(
            rank.group_priority, rank.group, rank.priority, f"{rank.name} ({question.name})"
        )
        self.spec = ProgramSpec(
            command=question.probe.exec,
            process_name=self.rank.name,
            stopwaitsecs=0.0,
            redirect_stderr=True,
            environment={"SUPERVISOR_PROCESS_NAME": rank.name, **spec.environment},
            env_file=spec.env_file,
            own_environment=spec.own_environment,
            directory=spec.directory,
            umask=spec.umask,
            user=spec.user,
            serverurl=spec.serverurl,
        )
        self.returncode = 0
        self._tell_unkillable = question.tell_unkillable
        self.more_until = -math.inf
        self.hurry = trio.Event()
        self.hurry.set()
        self._said: deque[bytes] = deque(maxlen=2)

    @property
    def sinks(self) -> tuple[tuple[Sink, ...], tuple[Sink, ...]]:
        """Keep the end of what it writes."""
        return (self,), ()

    def write(self, data: bytes | memoryview) -> None:
        """Keep the end of it."""
        self._said.append(bytes(data[-_KEPT:]))

    @property
    def last_line(self) -> str:
        """What it has said last."""
        lines = b"".join(self._said)[-_KEPT:].decode(errors="replace").split("\n")
        return next((text for line in reversed(lines) if (text := shown(line, _KEPT))), "")

    def ended(self, returncode: int) -> None:
        """Take note of the answer."""
        self.returncode = returncode

    @property
    def has_all_it_needs(self) -> bool:
        """Need what is there: the program that it asks about."""
        return True

    async def may_spawn(self) -> None:
        """Wait for nobody."""

    async def may_stop(self) -> None:
        """Wait for nobody."""

    def spawned(self, pid: int, is_alive: Callable[[], bool]) -> None:
        """Only its end counts."""

    def stopping(self) -> None:
        """Only its end counts."""

    def members_left(self, pids: set[int]) -> None:
        """Let the program know when nothing is left."""
        if not pids:
            self._tell_unkillable(pids)

    def unkillable(self, pids: set[int]) -> None:
        """Let the program know, whose run cannot end before."""
        self._tell_unkillable(pids)
