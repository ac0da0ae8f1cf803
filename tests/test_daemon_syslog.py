"""The local syslog: a socket in its place, which listens, is full, or is not there."""

from __future__ import annotations

import logging
import os
import re
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from daemon_fakes import spec_of
from msgspec import convert

from trio_supervisor.daemon import syslog as module
from trio_supervisor.daemon.activity import ActivityLog
from trio_supervisor.daemon.logs import LogSettings, ProgramLogs
from trio_supervisor.daemon.syslog import Syslog, SyslogSink
from trio_supervisor.daemon.worker import finish_all
from trio_supervisor.spec import SupervisordSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Listener:
    """A syslog daemon that takes messages when it is told to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = self._bound()

    def _bound(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.bind(str(self.path))
        sock.settimeout(5)
        return sock

    def take(self) -> str:
        """Return the next message without what is before its tag's end."""
        return self.socket.recv(100_000).decode().partition("]: ")[2]

    def restart(self) -> None:
        """Be another one under the same path."""
        self.close()
        self.socket = self._bound()

    def close(self) -> None:
        """Be gone."""
        self.socket.close()
        self.path.unlink()


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a socket of ours in the place of the machine's."""
    path = tmp_path / "log"
    monkeypatch.setattr(module, "PATH", str(path))
    return path


@pytest.fixture
def listener(path: Path) -> Iterator[Listener]:
    listening = Listener(path)
    yield listening
    listening.close()


@pytest.fixture
def syslog() -> Iterator[Syslog]:
    with closing(Syslog()) as opened:
        yield opened
        finish_all(5)


def test_a_message_looks_as_those_of_the_c_library(syslog: Syslog, listener: Listener) -> None:
    syslog.send(b"one")

    message = listener.socket.recv(1000).decode()
    tag = rf"supervisord\[{os.getpid()}\]"
    assert re.fullmatch(rf"<14>[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d {tag}: one", message)


def test_each_whole_line_comes_behind_its_name(syslog: Syslog, listener: Listener) -> None:
    sink = SyslogSink(syslog, "web")

    sink.write(b"one\ntw")
    sink.write(memoryview(b"o\nthr"))
    sink.finish_line()
    sink.finish_line()

    assert [listener.take() for _ in range(3)] == ["web one", "web two", "web thr"]


def test_a_long_line_comes_in_pieces_that_syslog_takes(syslog: Syslog, listener: Listener) -> None:
    sink = SyslogSink(syslog, "web")
    line = "é" * 10_000

    sink.write(f"{line}\n".encode())

    messages = [listener.socket.recv(100_000) for _ in range(3)]
    texts = [message.decode().partition("]: ")[2] for message in messages]
    assert max(map(len, messages)) in {7999, 8000}
    assert [text[:4] for text in texts] == ["web "] * 3
    assert "".join(text[4:] for text in texts) == line


def test_carriage_returns_end_no_line(syslog: Syslog, listener: Listener) -> None:
    sink = SyslogSink(syslog, "web")

    sink.write(b"10%\r20%\r\ndone\r\n")

    assert [listener.take() for _ in range(2)] == ["web 10%\r20%", "web done"]


def test_what_syslog_does_not_take_at_once_follows_in_order(
    syslog: Syslog, listener: Listener
) -> None:
    lines = [f"{number:0100}" for number in range(3000)]

    for begin in range(0, 3000, 1000):
        syslog.send("\n".join(lines[begin : begin + 1000]).encode())

    assert [listener.take() for _ in lines] == lines
    assert syslog.losses.bytes == 0


def test_a_stuck_syslog_loses_what_is_too_much_and_says_so_once(
    syslog: Syslog,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "STUCK_AFTER", 0)

    for _ in range(100):
        syslog.send(b"x" * 8000 + b"\n" + b"y" * 8000)
    finish_all(5)

    assert syslog.losses.bytes > 0
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"cannot write {listener.path}: ")


def test_an_absent_syslog_is_told_of_once_and_found_when_it_comes(
    syslog: Syslog, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "RETRY_AFTER", 0.0)

    for _ in range(10):
        syslog.send(b"lost")
    with closing(Listener(path)) as listener:
        syslog.send(b"here")

        assert listener.take() == "here"
    assert [message.split(":")[0] for message in caplog.messages] == ["no syslog"]


def test_a_syslog_that_was_restarted_is_found_again(syslog: Syslog, listener: Listener) -> None:
    syslog.send(b"one")
    listener.restart()

    syslog.send(b"two")

    assert listener.take() == "two"


def test_a_program_can_write_to_its_file_and_to_syslog(
    syslog: Syslog, listener: Listener, tmp_path: Path
) -> None:
    settings = LogSettings(
        childlogdir=str(tmp_path), identifier="me", configuration="/me.toml", syslog=syslog
    )
    spec = spec_of(
        "web", stdout_logfile=str(tmp_path / "out"), stdout_syslog=True, stderr_logfile="syslog"
    )
    logs = ProgramLogs(spec, settings)
    stdout, stderr = logs.sinks

    for sink in stdout:
        sink.write(b"one\n")
    for sink in stderr:
        sink.write(b"two, without an end")
    logs.finish_lines()
    logs.close()

    assert [listener.take(), listener.take()] == ["web one", "web two, without an end"]
    assert (tmp_path / "out").read_bytes() == b"one\n"
    assert logs.stderr_path == ""


def test_the_daemons_own_log_can_go_there_by_severity(listener: Listener) -> None:
    log = logging.getLogger("trio_supervisor.daemon.somewhere")
    root = logging.getLogger("trio_supervisor")
    before = list(root.handlers), root.level, root.propagate
    try:
        with closing(ActivityLog(convert({"logfile": "syslog"}, SupervisordSpec))):
            log.error("bad")
            log.info("news")

            messages = [listener.socket.recv(1000).decode() for _ in range(2)]
    finally:
        root.handlers[:], root.level, root.propagate = before

    assert [message.partition(">")[0] for message in messages] == ["<11", "<14"]
    assert [message.partition("]: ")[2] for message in messages] == ["bad", "news"]
