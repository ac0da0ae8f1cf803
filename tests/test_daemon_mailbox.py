"""Logs that are unix sockets: streams and datagrams, slow, absent, restarted. Real sockets."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from rig import until

from trio_supervisor.daemon import mailbox as module
from trio_supervisor.daemon.logfile import LogFile
from trio_supervisor.daemon.stream import BACKLOG
from trio_supervisor.daemon.worker import finish_all

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_AFTER", 0.05)
    monkeypatch.setattr(module, "LOOK_EVERY", 20)
    monkeypatch.setattr(module, "LAST_WORDS", 0.1)


@pytest.fixture(name="path")
def path_of_socket(tmp_path: Path) -> Path:
    return tmp_path / "collector.sock"


def collector(path: Path, kind: socket.SocketKind) -> socket.socket:
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, kind)
    sock.settimeout(5)
    sock.bind(str(path))
    if kind is socket.SOCK_STREAM:
        sock.listen()
    return sock


def opened(path: Path) -> LogFile:
    file = LogFile(str(path), maxbytes=1, backups=1)
    file.open()
    return file


def received(sock: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += sock.recv(size - len(found))
    return found


def test_a_stream_gets_the_bytes(path: Path) -> None:
    with collector(path, socket.SOCK_STREAM) as door:
        file = opened(path)
        file.write(b"one\nhal")
        file.write(b"f\n")

        with door.accept()[0] as guest:
            assert received(guest, 9) == b"one\nhalf\n"
        file.close()

    assert file.losses.bytes == 0


def test_each_line_is_a_datagram(path: Path) -> None:
    with collector(path, socket.SOCK_DGRAM) as box:
        file = opened(path)
        file.write(b"one\n\ntwo\nth")
        file.write(b"ree\nrest")
        file.close()

        assert [box.recv(99) for _ in range(4)] == [b"one", b"two", b"three", b"rest"]


def test_a_long_line_is_sent_in_pieces(path: Path) -> None:
    with collector(path, socket.SOCK_DGRAM) as box:
        file = opened(path)
        file.write(b"x" * 10_000)
        file.write(b"y\n")

        assert box.recv(99_999) == b"x" * 10_000
        assert box.recv(99) == b"y"
        file.close()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_collector_that_was_restarted_gets_what_waited(
    path: Path, kind: socket.SocketKind
) -> None:
    door = collector(path, kind)
    file = opened(path)
    file.write(b"before\n")
    door.close()
    path.unlink()
    file.write(b"meanwhile\n")

    with collector(path, kind) as again:
        if kind is socket.SOCK_STREAM:
            with again.accept()[0] as guest:
                assert received(guest, 10) == b"meanwhile\n"
        else:
            assert again.recv(99) == b"meanwhile"
        file.close()
    assert file.losses.bytes == 0


def test_who_does_not_read_stalls_nobody_and_loses_the_rest(path: Path) -> None:
    chunk = (b"x" * 1023 + b"\n") * 64
    with collector(path, socket.SOCK_STREAM):
        file = opened(path)
        for _ in range(3 * BACKLOG // len(chunk)):
            file.write(chunk)

        assert BACKLOG < file.losses.bytes < 2 * BACKLOG
        file.close()
        finish_all(5)


def test_nobody_listens_at_first(path: Path) -> None:
    collector(path, socket.SOCK_DGRAM).close()
    file = opened(path)
    file.write(b"early\n")

    with collector(path, socket.SOCK_DGRAM) as box:
        assert box.recv(99) == b"early"
    file.close()


def test_what_nobody_takes_is_counted_at_the_end(path: Path) -> None:
    collector(path, socket.SOCK_STREAM).close()
    file = opened(path)
    file.write(b"never\n")
    file.close()

    until(lambda: file.losses.bytes == len(b"never\n"), "the loss")
