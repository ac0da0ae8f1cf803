"""The connection: addresses, the greeting, streams, and peers that make no sense."""

from __future__ import annotations

import signal
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from scripted import ScriptedDaemon

from trio_supervisor.client.connection import (
    Connection,
    UnreachableError,
    VersionError,
    host_and_port,
)
from trio_supervisor.errors import Fault, ProtocolError, RequestError, SupervisorError
from trio_supervisor.lifecycle import SupervisorState
from trio_supervisor.protocol import to_bytes
from trio_supervisor.protocol.messages import (
    Cancel,
    Channel,
    Done,
    End,
    Error,
    GetInfo,
    GetStatus,
    Hello,
    Info,
    Message,
    Output,
    Start,
    Statuses,
    Tail,
)
from trio_supervisor.source.address import Address

if TYPE_CHECKING:
    from pathlib import Path

INFO = Info("0.1.0", "supervisor", SupervisorState.RUNNING, 10, 11)
FOLLOW = Tail(Channel.STDOUT, "cat", 1024, follow=True)


def ask(daemon: ScriptedDaemon) -> Info:
    with Connection.open(Address(daemon.url, "ann", "secret")) as connection:
        return connection.ask(GetInfo(), Info)


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET, socket.AF_INET6])
def test_it_speaks_over_every_kind_of_address(family: int) -> None:
    with ScriptedDaemon({GetInfo: [INFO]}, family=family) as daemon:
        assert ask(daemon) == INFO


def test_a_socket_path_may_be_longer_than_an_address(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)

    with ScriptedDaemon({GetInfo: [INFO]}, path=str(deep / "supervisord.sock")) as daemon:
        assert ask(daemon) == INFO


def test_hello_and_the_first_request_are_one_write() -> None:
    with ScriptedDaemon({GetInfo: [INFO]}) as daemon:
        ask(daemon)

    hello, request = daemon.received
    assert isinstance(hello, Hello)
    assert (hello.major, hello.username, hello.password) == (1, "ann", "secret")
    assert request == GetInfo()
    assert len(daemon.writes) == 1


def test_a_connection_carries_several_requests() -> None:
    with (
        ScriptedDaemon({GetInfo: [INFO], Start: [End()]}) as daemon,
        Connection.open(Address(daemon.url)) as connection,
    ):
        assert connection.ask(GetInfo(), Info) == INFO
        assert list(connection.stream(Start(("a",)))) == []
        assert connection.ask(GetInfo(), Info) == INFO

    assert len([one for one in daemon.received if isinstance(one, Hello)]) == 1


def test_a_refused_request_raises_its_fault() -> None:
    with (
        ScriptedDaemon({GetInfo: [Error(Fault.BUSY, "later")]}) as daemon,
        pytest.raises(RequestError) as caught,
    ):
        ask(daemon)

    assert (caught.value.fault, caught.value.detail) == (Fault.BUSY, "later")


def test_closing_a_stream_cancels_it_and_keeps_the_connection() -> None:
    with (
        ScriptedDaemon({Tail: [Output(b"one"), Output(b"two")], GetInfo: [INFO]}) as daemon,
        Connection.open(Address(daemon.url)) as connection,
    ):
        stream = connection.stream(FOLLOW)
        assert next(stream) == Output(b"one")
        stream.close()

        assert connection.ask(GetInfo(), Info) == INFO

    assert daemon.requests() == [FOLLOW, Cancel(), GetInfo()]


def test_ctrl_c_in_a_stream_cancels_it() -> None:
    def press_ctrl_c(_request: Message) -> list[Message]:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return [Output(b"wakes a wait that the signal came just before")]

    with (
        ScriptedDaemon({GetStatus: [End()], Tail: press_ctrl_c}) as daemon,
        Connection.open(Address(daemon.url)) as connection,
    ):
        list(connection.stream(GetStatus()))
        with pytest.raises(KeyboardInterrupt):
            _wait_in(connection)
        assert daemon.cancelled.wait(5)


def _wait_in(connection: Connection) -> None:
    stream = connection.stream(FOLLOW)
    try:
        for _ in stream:
            pass
    finally:
        stream.close()


OTHER_SERVER = "this is no daemon of trio-supervisor, but perhaps supervisor's own supervisord"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", f"it answers in HTTP: {OTHER_SERVER}"),
        (b"<!DOCTYPE html>\n", OTHER_SERVER),
        (b"\xff" * 64, OTHER_SERVER),
        (to_bytes(0, Hello(1)) + b"\xff" * 64, "the limit is 1048576"),
        (to_bytes(0, Hello(1)) + b"\0\0\0\0\0\0\0\1\xff\xff", "no message has the code 0xffff"),
        (to_bytes(0, Hello(1)) + b"\0\0\0\1\0\0\0\1\0\x11\0", "not a Info"),
        (to_bytes(0, Hello(1)) + to_bytes(1, Done()), "Info was asked for, Done came"),
        (to_bytes(0, Done()), f"a Done came before its Hello: {OTHER_SERVER}"),
        (b"", "it closed the connection (if ours has just ended, try again): this is no daemon"),
        (to_bytes(0, Hello(1)) + to_bytes(1, INFO)[:-3], "closed the connection"),
    ],
)
def test_nonsense_is_one_clear_sentence(raw: bytes, words: str) -> None:
    with ScriptedDaemon(raw=raw) as daemon, pytest.raises(ProtocolError) as caught:
        ask(daemon)

    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{daemon.url}: ")
    assert "\n" not in str(caught.value)


def test_a_server_that_never_greets_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trio_supervisor.client.connection.HELLO_DEADLINE", 0.02)

    with ScriptedDaemon(hello=[]) as daemon, pytest.raises(ProtocolError, match=OTHER_SERVER):
        ask(daemon)


def test_another_major_version_is_refused() -> None:
    with ScriptedDaemon(hello=[Hello(2)]) as daemon, pytest.raises(VersionError, match="version 2"):
        ask(daemon)


def test_what_is_left_of_an_earlier_request_is_skipped() -> None:
    raw = to_bytes(0, Hello(1)) + to_bytes(9, Statuses(())) + to_bytes(1, INFO)

    with ScriptedDaemon(raw=raw) as daemon:
        assert ask(daemon) == INFO


def test_an_absent_daemon_is_told_by_its_cause(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    locked = tmp_path / "locked"
    locked.touch()

    causes = {}
    for url in ("unix:///nowhere/s", f"unix://{locked}", f"http://127.0.0.1:{port}"):
        with pytest.raises(UnreachableError) as caught:
            Connection.open(Address(url))
        causes[url] = (caught.value.reason, caught.value.exit_code)

    assert list(causes.values()) == [
        ("no such file", 7),
        ("refused connection", 4),
        ("refused connection", 4),
    ]


def test_a_host_that_does_not_exist_is_told() -> None:
    with pytest.raises(UnreachableError, match="cannot be reached"):
        Connection.open(Address("http://a..b:9001"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:9001", ("localhost", 9001)),
        ("http://localhost:9001/", ("localhost", 9001)),
        ("http://localhost", ("localhost", 80)),
        ("http://[::1]:9001/RPC2", ("::1", 9001)),
        ("http://[::1]", ("::1", 80)),
    ],
)
def test_host_and_port(url: str, expected: tuple[str, int]) -> None:
    assert host_and_port(url) == expected


@pytest.mark.parametrize(
    "url", ["foo", "https://h:1", "http://", "http://:9", "http://h:x", "http://h:65536"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(SupervisorError, match="is no address"):
        host_and_port(url)
