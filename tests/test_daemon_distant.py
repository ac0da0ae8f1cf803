"""Log files on mounts that may hang: which those are, and that nobody waits for them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from daemon_fakes import spec_of

from trio_supervisor.daemon.distant import BACKLOG, DistantFile, log_file
from trio_supervisor.daemon.logfile import LogFile
from trio_supervisor.daemon.logs import LogSettings, ProgramLogs
from trio_supervisor.daemon.mounts import Mounts
from trio_supervisor.daemon.worker import finish_all
from trio_supervisor.protocol.messages import Channel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TABLE = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /srv rw,relatime shared:2 master:7 - nfs4 host:/srv rw
31 30 8:2 / /srv/local rw - xfs /dev/sdb rw
32 22 0:41 / /with\\040space rw - fuse.sshfs host: rw
"""


@pytest.fixture
def make_mounts(tmp_path: Path) -> Callable[[str], Mounts]:
    """Make mounts of a text."""

    def make(text: str) -> Mounts:
        (tmp_path / "mountinfo").write_text(text)
        return Mounts(str(tmp_path / "mountinfo"))

    return make


@pytest.mark.parametrize(
    ("path", "is_remote"),
    [
        ("/var/log/x.log", False),
        ("/srv/x.log", True),
        ("/srv/deep/er/x.log", True),
        ("/srv/local/x.log", False),
        ("/srvx/x.log", False),
        ("/with space/x.log", True),
        ("relative.log", False),
    ],
)
def test_the_innermost_mount_decides(
    make_mounts: Callable[[str], Mounts], path: str, is_remote: bool
) -> None:
    assert make_mounts(TABLE).is_remote(path) is is_remote


def test_links_are_followed(make_mounts: Callable[[str], Mounts], tmp_path: Path) -> None:
    (tmp_path / "logs").symlink_to("/srv/logs")

    assert make_mounts(TABLE).is_remote(str(tmp_path / "logs" / "x.log"))


@pytest.mark.parametrize("text", ["", "nonsense\n"])
def test_without_a_table_everything_is_local(
    make_mounts: Callable[[str], Mounts], text: str
) -> None:
    assert not make_mounts(text).is_remote("/srv/x.log")
    assert isinstance(log_file("/srv/x.log", Mounts("/nonexistent")), LogFile)


@pytest.fixture
def logs(make_mounts: Callable[[str], Mounts], tmp_path: Path) -> ProgramLogs:
    """Make the logs of a program on a mount as from a network."""
    mounts = make_mounts(f"22 1 0:1 / {tmp_path} rw - nfs4 host:/ rw\n")
    settings = LogSettings(
        childlogdir=str(tmp_path), identifier="me", configuration="/me.toml", mounts=mounts
    )
    path = str(tmp_path / "web.log")
    spec = spec_of("web", stdout_logfile=path, stdout_logfile_maxbytes=10)
    return ProgramLogs(spec, settings)


def test_a_distant_file_does_what_others_do(logs: ProgramLogs, tmp_path: Path) -> None:
    file = logs.file(Channel.STDOUT)
    assert isinstance(file, DistantFile)

    file.write(memoryview(b"1234567\n"))
    file.write(b"89\n")
    logs.rotate()
    file.write(b"next\n")
    logs.reopen()
    logs.close()
    finish_all(5)

    found = {path.name: path.read_bytes() for path in tmp_path.glob("web.log*")}
    assert found == {"web.log.2": b"1234567\n", "web.log.1": b"89\n", "web.log": b"next\n"}
    assert b"".join(file.tail(100, 3)) == b"next\n"


def test_a_mount_that_hangs_costs_output_and_nobody_waits(
    logs: ProgramLogs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gate = threading.Event()
    monkeypatch.setattr(LogFile, "take", lambda *_: gate.wait(5))
    file = logs.file(Channel.STDOUT)

    began = time.monotonic()
    for _ in range(100):
        file.write(b"x" * 99_999 + b"\n")
    logs.clear()
    logs.close()

    assert time.monotonic() - began < 2
    assert 10_000_000 - BACKLOG - 100_000 <= file.losses.bytes < 10_000_000
    assert len(caplog.messages) == 1
    gate.set()
    finish_all(5)


def test_what_fails_later_is_told(
    logs: ProgramLogs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    finish_all(5)
    (tmp_path / "web.log").unlink()
    (tmp_path / "web.log").mkdir()

    logs.reopen()
    logs.close()
    finish_all(5)

    assert "Is a directory" in caplog.text
