"""The questions themselves, put to servers of the test's own, and to what a program writes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio

from trio_supervisor.daemon.notify import Notices
from trio_supervisor.daemon.probes import ProbeError, Question
from trio_supervisor.daemon.turns import Rank
from trio_supervisor.daemon.watch import Watch
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.spec import Health, Probe, ProgramSpec, Ready

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from trio_supervisor.daemon.spawner import Runnable

SPEC = ProgramSpec(command="web", environment={"A": "1"}, directory="/", umask=0o27)


def notices_of() -> Notices:
    """Make notices that nobody acts on."""
    return Notices(extend=lambda _seconds: None, stop=lambda: None, say=lambda _text: None)


async def nothing(_command: Runnable) -> None:
    """Run a command that ends at once, without a word."""


def question(probe: Probe, **more: Any) -> Question:
    """Make a question about a program called web."""
    name = "ready" if isinstance(probe, Ready) else "health"
    given = {"spawn": nothing, "tell_unkillable": lambda _pids: None, "watch": None, **more}
    given.setdefault("notices", notices_of())
    return Question(name=name, probe=probe, spec=SPEC, rank=Rank(1, "shop", 2, "web"), **given)


async def answer(probe: Probe, **more: Any) -> str:
    """Ask; return the reason for a no, nothing for a yes."""
    with trio.fail_after(20):
        try:
            await question(probe, **more).ask()
        except ProbeError as problem:
            return str(problem)
    return ""


@asynccontextmanager
async def serving(reply: bytes, heard: list[bytes] | None = None) -> AsyncIterator[str]:
    """Answer every connection so; give host and port."""

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            data = await stream.receive_some()
            if heard is not None:
                heard.append(bytes(data))
            if data and reply:
                await stream.send_all(reply)

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield f"127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


def http(status: str, more: str = "") -> bytes:
    """Make an answer."""
    return f"HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("reply", "status", "expected"),
    [
        (http("200 OK"), None, ""),
        (http("302 Found", "Location: /\r\n"), None, ""),
        (http("204 No Content"), 204, ""),
        (http("404 Not Found"), 404, ""),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + http("200 OK"), None, ""),
        (b"HTTP/1.0 200 OK\r\n\r\n", None, ""),
        (http("503 Service Unavailable"), None, "HTTP status 503"),
        (http("200 OK"), 204, "HTTP status 200"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", None, "the answer is not HTTP: "),
        (b"", None, "the connection was closed without an answer"),
        (b"HTTP/1.1 200", None, "the connection was closed without an answer"),
    ],
)
async def test_http_is_judged_by_its_status(reply: bytes, status: Any, expected: str) -> None:
    async with serving(reply) as address:
        found = await answer(Ready(http=f"http://{address}/up", status=status))

    assert found.startswith(expected)
    assert bool(found) == bool(expected)


async def test_http_asks_for_the_path_and_names_the_host() -> None:
    heard: list[bytes] = []
    async with serving(http("200 OK"), heard) as address:
        await answer(Ready(http=f"http://{address}/up?now=1"))

    assert heard[0].startswith(b"GET /up?now=1 HTTP/1.1\r\n")
    assert f"host: {address}\r\n".encode() in heard[0].lower()


async def test_what_nobody_listens_on_refuses_the_connection(tmp_path: Path) -> None:
    async with serving(b"") as address:
        assert await answer(Ready(tcp=address)) == ""

    assert await answer(Ready(tcp=address)) == "connection refused"
    assert await answer(Ready(http=f"http://{address}/")) == "connection refused"
    assert await answer(Health(unix=f"{tmp_path}/x")) == "no such file or directory"


async def test_a_unix_socket_accepts_or_not(tmp_path: Path) -> None:
    path = str(tmp_path / "db.sock")
    with trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM) as listening:
        await listening.bind(path)
        assert await answer(Ready(unix=path)) == "connection refused"
        listening.listen()
        assert await answer(Ready(unix=path)) == ""


@pytest.mark.parametrize(
    ("pieces", "is_found"),
    [
        ((b"starting\nlistening on 80\n",), True),
        ((b"lis", b"tening on 8", b"0\n"), True),
        ((b"\x1b[32mlistening\x1b[0m on 80\n",), True),
        ((b"listening on 80",), False),
        ((b"not listening on 80\n",), False),
        ((b"listening on \xff\n",), False),
        ((b"x" * 5000 + b"\nlistening on 80\n",), True),
        ((b"x" * 3000, b"x" * 3000, b"\nlistening on 80\n"), True),
    ],
)
def test_a_line_of_the_output_is_looked_for(pieces: tuple[bytes, ...], is_found: bool) -> None:
    watch = Watch(r"^listening on \d+$")
    sink = watch.sink()

    for piece in pieces:
        sink.write(memoryview(piece))

    assert watch.is_over.is_set() is is_found


def test_channels_do_not_mix() -> None:
    watch = Watch("one line")
    for sink, piece in zip((watch.sink(), watch.sink()), (b"one ", b"line\n"), strict=True):
        sink.write(piece)

    assert not watch.is_over.is_set()


async def test_an_expression_that_takes_too_long_is_given_up() -> None:
    pattern = "(a|aa)+$"  # one that regex is not clever about
    watch = Watch(pattern)

    watch.sink().write(b"a" * 60 + b"b\n")

    assert "needs more than 0.1 s for a line" in await answer(Ready(log=pattern), watch=watch)


def test_a_long_line_costs_no_more_than_its_beginning() -> None:
    watch = Watch(".*started.*")

    watch.sink().write(b"x" * 200_000 + b"\nstarted\n")

    assert watch.is_over.is_set()
    assert not watch.has_given_up


async def test_a_line_that_was_found_is_a_yes() -> None:
    watch = Watch("up")
    watch.is_over.set()

    assert await answer(Ready(log="up"), watch=watch) == ""


@pytest.mark.parametrize(
    ("returncode", "said", "expected"),
    [
        (0, b"accepting connections\n", ""),
        (2, b"", "exit status 2"),
        (1, b"x\nno response\n\n", "exit status 1: no response"),
        (1, b"\x1b[2Jgone\r\n", "exit status 1: [2Jgone"),
        (-9, b"", "terminated by SIGKILL"),
    ],
)
async def test_a_command_answers_with_its_exit_status(
    returncode: int, said: bytes, expected: str
) -> None:
    async def spawn(command: Runnable) -> None:
        for sink in command.sinks[0]:
            sink.write(said)
        command.ended(returncode)

    assert await answer(Ready(exec="x"), spawn=spawn) == expected


async def test_a_command_that_cannot_be_spawned_is_a_no() -> None:
    async def spawn(_command: Runnable) -> None:
        raise RequestError(Fault.NO_FILE, "can't find command 'x'")

    assert await answer(Health(exec="x"), spawn=spawn) == "can't find command 'x'"


async def test_a_command_has_what_its_program_has() -> None:
    seen: list[Runnable] = []

    async def spawn(command: Runnable) -> None:
        seen.append(command)

    await answer(Health(exec=("x", "y")), spawn=spawn)

    (command,) = seen
    assert command.rank.name == "web (health)"
    assert command.spec.command == ("x", "y")
    assert command.spec.environment == {"A": "1", "SUPERVISOR_PROCESS_NAME": "web"}
    assert (command.spec.directory, command.spec.umask) == ("/", 0o27)
    assert command.hurry.is_set()


async def test_notices_are_a_yes_once_or_again_and_again() -> None:
    notices = notices_of()
    notices.is_ready.set()
    notices.watchdog.set()

    assert await answer(Ready(notify=True), notices=notices) == ""
    assert await answer(Health(notify=True), notices=notices) == ""
    assert not notices.watchdog.is_set()
