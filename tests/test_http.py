"""HTTP on the control listeners: who is answered and refused, and what a bad client cannot do."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING
from xmlrpc.client import dumps, loads

import pytest
import trio
import trio.testing
from served import serving

from trio_supervisor.daemon import control, http
from trio_supervisor.daemon.listeners import listen_inet, listen_unix
from trio_supervisor.errors import SupervisorError
from trio_supervisor.spec import InetServerSpec, UnixServerSpec

if TYPE_CHECKING:
    from pathlib import Path

    from served import Client, Served

    from trio_supervisor.daemon.listeners import Listener

STATE = {"statecode": 1, "statename": "RUNNING"}


def request(line: str, body: bytes = b"", *headers: str) -> bytes:
    """Return a request that ends its connection, unless a header says otherwise."""
    lines = [f"{line} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    if not any(header.startswith("Connection") for header in headers):
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode() + body


def call(method: str, *parameters: object, headers: tuple[str, ...] = ()) -> bytes:
    """Return the request of an XML-RPC call."""
    return request("POST /RPC2", dumps(parameters, method).encode(), *headers)  # type: ignore[arg-type]  # the stub wants a tuple of its own kinds


async def all_of(client: Client) -> bytes:
    return b"".join([part async for part in client.stream])


async def exchange(served: Served, *data: bytes) -> tuple[int, bytes]:
    """Send bytes one after the other on a new connection; return status and body."""
    client = await served.connect()
    for part in data:
        await client.send(part)
    head, _, body = (await all_of(client)).partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def value_of(body: bytes) -> object:
    ((value,), _) = loads(body)
    return value


def listeners(path: Path) -> list[Listener]:
    """Return a listener of each kind."""
    return [
        listen_unix(UnixServerSpec(file=str(path / "unix"))),
        listen_inet(InetServerSpec(host="127.0.0.1", port=0)),
        listen_inet(InetServerSpec(host="::1", port=0)),
    ]


@pytest.mark.parametrize("kind", [0, 1, 2], ids=["unix", "IPv4", "IPv6"])
async def test_a_call_is_answered_on_every_kind_of_listener(tmp_path: Path, kind: int) -> None:
    found = listeners(tmp_path)
    async with serving(tmp_path, found[kind]) as served:
        status, body = await exchange(served, call("supervisor.getState"))

    for listener in found:
        listener.close()
    assert (status, value_of(body)) == (200, STATE)


async def test_one_connection_takes_many_requests_also_in_one_write(tmp_path: Path) -> None:
    keep = call("supervisor.getPID", headers=("Connection: keep-alive",))
    async with serving(tmp_path) as served:
        client = await served.connect()
        await client.send(keep + keep + call("supervisor.getVersion"))
        answers = (await all_of(client)).split(b"HTTP/1.1 200")[1:]

    assert [value_of(answer.partition(b"\r\n\r\n")[2]) for answer in answers] == [4711, 4711, "3.0"]


async def test_a_request_may_come_byte_by_byte_and_in_chunks(tmp_path: Path) -> None:
    body = dumps((), "supervisor.getState").encode()
    head = b"POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    async with serving(tmp_path) as served:
        status, answer = await exchange(
            served, *(bytes([byte]) for byte in head + b"\r\n"), chunks[:100], chunks[100:]
        )

    assert (status, value_of(answer)) == (200, STATE)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /RPC2", 400),
        ("GET /nothing", 404),
        ("GET /index.html?action=stopall", 405),
        ("HEAD /nothing", 405),
        ("POST /ok.html", 405),
        ("GET /logtail/nobody", 404),
        ("GET /logtail/nobody/stdin", 404),
        ("BREW /coffee", 405),
    ],
)
async def test_what_there_is_not_is_refused_in_words(
    tmp_path: Path, line: str, status: int
) -> None:
    async with serving(tmp_path) as served:
        found, body = await exchange(served, request(line))

    assert found == status
    assert line.startswith("HEAD") or body.endswith(b"\n")


async def test_the_sign_of_life(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        assert await exchange(served, request("GET /ok.html")) == (200, b"OK\n")


BAD = {
    "no XML": b"garbage",
    "cut off": b"<methodCall><methodName>supervisor.getState</methodName>",
    "no method": b"<methodCall/>",
    "another document": b"<html/>",
    "a document type": b"<!DOCTYPE a [<!ENTITY b 'c'>]><methodCall/>",
    "in UTF-16": "<!DOCTYPE a [<!ENTITY b 'c'>]><methodCall/>".encode("utf-16"),
    "an unknown encoding": b"<?xml version='1.0' encoding='none'?><methodCall/>",
    "too deep": b"<a>" * 100,
    "too many": b"<methodCall>" + b"<a/>" * 30_000,
    "no such type": b"<methodCall><methodName>a</methodName><params><param><value><x/></value>"
    b"</param></params></methodCall>",
    "no number": b"<methodCall><methodName>a</methodName><params><param><value><int>x</int></value>"
    b"</param></params></methodCall>",
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
async def test_a_body_that_is_no_call_is_a_bad_request(tmp_path: Path, body: bytes) -> None:
    async with serving(tmp_path) as served:
        status, text = await exchange(served, request("POST /RPC2", body))

    assert status == 400
    assert text.endswith(b"\n")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000, 431),
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET /ok.html HTTP/1.1\r\n\r\n", 400),
    ],
)
async def test_a_bad_or_too_large_request_is_refused(
    tmp_path: Path, head: bytes, status: int
) -> None:
    body = b" " * (2 * http.LARGEST_BODY) if status == 413 else b""
    async with serving(tmp_path) as served:
        client = await served.connect()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_send_until_closed, client, head + body)
            answer = await client.stream.receive_some()
            nursery.cancel_scope.cancel()

    assert int(answer.split()[1]) == status


async def _send_until_closed(client: Client, data: bytes) -> None:
    try:
        await client.send(data)
    except trio.BrokenResourceError:
        pass


async def test_a_client_that_stops_in_a_request_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "READ_WITHIN", 0.05)
    async with serving(tmp_path) as served:
        client = await served.connect()
        await client.send(call("supervisor.getState")[:-5])

        assert await all_of(client) == b""


async def test_a_request_that_drips_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "REQUEST_WITHIN", 0.05)
    async with serving(tmp_path) as served:
        client = await served.connect()
        await client.send(b"POST /RPC2 HTTP/1.1\r\n")
        with pytest.raises(trio.BrokenResourceError):  # noqa: PT012
            while True:
                await client.send(b"A: b\r\n")
                await trio.sleep(0.01)


async def test_an_idle_connection_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "KEEP_ALIVE", 0.05)
    async with serving(tmp_path) as served:
        status, _ = await exchange(served, request("GET /ok.html", b"", "Connection: keep-alive"))

    assert status == 200


@pytest.mark.parametrize("password", ["secret", "{SHA}" + hashlib.sha1(b"secret").hexdigest()])
async def test_a_password_is_asked_for(tmp_path: Path, password: str) -> None:
    listener = listen_unix(
        UnixServerSpec(file=str(tmp_path / "p"), username="me", password=password)
    )
    tokens = [
        base64.b64encode(pair).decode()
        for pair in (b"me:secret", b"me:wrong", b"you:secret", b"", b"\xff:\xff", password.encode())
    ]
    given = [
        *(f"Authorization: Basic {token}" for token in tokens),
        "Authorization: Basic ?",
        "A: b",
    ]
    async with serving(tmp_path, listener) as served:
        found = [await exchange(served, call("supervisor.getPID", headers=(one,))) for one in given]

    assert [status for status, _ in found] == [200, *([401] * 7)]


async def test_a_refusal_for_want_of_a_password_says_how_to_give_one(tmp_path: Path) -> None:
    listener = listen_unix(UnixServerSpec(file=str(tmp_path / "p"), username="a", password="b"))
    async with serving(tmp_path, listener) as served:
        client = await served.connect()
        await client.send(call("supervisor.shutdown"))
        answer = await all_of(client)

    assert b'\r\nWWW-Authenticate: Basic realm="default"\r\n' in answer


async def test_web_pages_may_not_call(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        status, _ = await exchange(
            served, call("supervisor.shutdown", headers=("Origin: http://evil.example",))
        )

    assert status == 403


def test_a_port_of_what_is_no_host_name_is_refused_in_words() -> None:
    with pytest.raises(SupervisorError, match="that is no host name"):
        listen_inet(InetServerSpec(host="ü" * 64, port=1))


async def test_an_idle_client_gives_its_place_away(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        for _ in range(control.CONNECTIONS):
            client = await served.connect()
            await client.send(request("GET /ok.html", b"", "Connection: keep-alive"))
            await client.stream.receive_some()
        status, _ = await exchange(served, call("supervisor.getState"))

    assert status == 200


async def test_when_all_are_busy_a_client_is_told_so(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        for _ in range(control.CONNECTIONS):
            client = await served.connect()
            await client.send(request("GET /mainlogtail"))
            await client.stream.receive_some()
        status, body = await exchange(served, call("supervisor.getState"))

    assert (status, body) == (503, control.ALL_BUSY.encode() + b"\n")


async def test_a_log_is_followed_until_the_client_leaves(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        served.main_log.write(b"x" * 2000 + b"\nbefore\n")
        client = await served.connect()
        await client.send(request("GET /mainlogtail"))
        answer = b""
        while b"before" not in answer:
            answer += await client.stream.receive_some()
        served.main_log.write(b"after\n")
        while b"after" not in answer:
            answer += await client.stream.receive_some()
        await client.stream.aclose()
        while served.main_log.followers:
            await trio.testing.wait_all_tasks_blocked()

    assert 1016 <= answer.count(b"x") <= 1024
    assert b"Transfer-Encoding: chunked" in answer


async def test_a_log_that_was_removed_is_not_found(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        (tmp_path / "main.log").unlink()
        status, body = await exchange(served, request("GET /mainlogtail"))

    assert (status, body) == (404, b"NO_FILE\n")


async def test_a_failing_call_is_a_server_error_and_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path) as served:
        monkeypatch.delattr(served.supervisor, "configured")
        failed, _ = await exchange(served, call("supervisor.getAllConfigInfo"))
        status, _ = await exchange(served, call("supervisor.getState"))

    assert (failed, status) == (500, 200)
