"""Targets that are no regular files: slow, stuck, or gone. Pipes, sockets, a terminal."""

from __future__ import annotations

import os
import pty
import socket
import time
from typing import TYPE_CHECKING

import pytest

from trio_supervisor.daemon import stream as module
from trio_supervisor.daemon.logfile import LogFile
from trio_supervisor.daemon.stream import BACKLOG, descriptor_of, is_stream
from trio_supervisor.daemon.worker import finish_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@pytest.fixture
def reading(fifo: Path) -> Iterator[int]:
    """Holds the fifo open for reading, so that it can be opened for writing."""
    descriptor = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    yield descriptor
    os.close(descriptor)


def opened(path: object) -> LogFile:
    """Open a log whose every byte would make a regular file rotate."""
    file = LogFile(str(path), maxbytes=1, backups=1)
    file.open()
    return file


def read(descriptor: int, size: int) -> bytes:
    """Read so many bytes."""
    found = b""
    while len(found) < size:
        found += os.read(descriptor, size - len(found))
    return found


@pytest.mark.parametrize(
    ("path", "descriptor"),
    [
        ("/dev/stdout", 1),
        ("/dev/stderr", 2),
        ("/dev/fd/7", 7),
        ("/proc/self/fd/7", 7),
        ("/dev/null", None),
        ("/dev/fd/x", None),
        ("/tmp/1", None),
    ],
)
def test_paths_that_mean_a_descriptor_are_known(path: str, descriptor: int | None) -> None:
    assert descriptor_of(path) == descriptor


def test_files_that_are_there_or_not_are_no_streams(tmp_path: Path, fifo: Path) -> None:
    (tmp_path / "file").touch()

    assert not is_stream(str(tmp_path / "file"))
    assert not is_stream(str(tmp_path / "new"))
    assert is_stream(str(fifo))
    assert is_stream("/dev/null")


def test_what_a_pipe_does_not_take_at_once_follows_in_order(fifo: Path, reading: int) -> None:
    file = opened(fifo)
    chunks = [bytes([letter]) * 100_000 for letter in b"abcdef"]

    for chunk in chunks:
        file.write(chunk)

    assert read(reading, 600_000) == b"".join(chunks)
    assert file.losses.bytes == 0
    file.close()
    assert os.read(reading, 1) == b""
    assert list(fifo.parent.iterdir()) == [fifo]


def test_a_stuck_pipe_loses_what_is_too_much_and_says_so_once(
    fifo: Path, reading: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LAST_WORDS", 0.0)
    monkeypatch.setattr(module, "LOOK_EVERY", 1)
    file = opened(fifo)

    began = time.monotonic()
    for _ in range(100):
        file.write(b"x" * 100_000)
    file.close()

    assert time.monotonic() - began < 1
    finish_all(5)
    assert 10_000_000 - BACKLOG - 1_200_000 <= file.losses.bytes < 10_000_000
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"cannot write {fifo}: it does not take what is written (")


def test_a_pipe_whose_reader_has_gone_loses_and_takes_again(
    fifo: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    file = opened(fifo)
    os.close(reading)

    file.write(b"lost")
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    file.write(b"kept")

    assert os.read(reading, 100) == b"kept"
    assert file.losses.bytes == 4
    assert "Broken pipe (4 bytes lost so far)" in caplog.text
    file.close()
    os.close(reading)


def test_a_socket_of_ours_is_written_without_waiting() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        file = opened(f"/dev/fd/{ours.fileno()}")
        data = b"y" * 1_000_000

        file.write(data)

        assert read(theirs.fileno(), len(data)) == data
        assert file.losses.bytes == 0
        file.close()


def test_a_stopped_terminal_stalls_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAST_WORDS", 0.0)
    monkeypatch.setattr(module, "LOOK_EVERY", 1)
    leader, terminal = pty.openpty()
    file = opened(os.ttyname(terminal))

    began = time.monotonic()
    for _ in range(30):
        file.write(b"line\n" * 20_000)
    file.close()

    assert time.monotonic() - began < 1
    finish_all(5)
    assert file.losses.bytes > 0
    os.close(leader)
    os.close(terminal)


def test_a_stream_can_only_be_followed(fifo: Path, reading: int) -> None:
    file = opened(fifo)

    with pytest.raises(OSError, match="only what comes can be followed"):
        list(file.tail(10, 10))

    file.clear()
    file.write(b"x")
    assert os.read(reading, 10) == b"x"
    file.close()
