"""The log files of one process under their configured names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from daemon_fakes import spec_of

from trio_supervisor.daemon.follower import Follower
from trio_supervisor.daemon.logs import LogSettings, ProgramLogs
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.protocol.messages import Channel

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> LogSettings:
    return LogSettings(childlogdir=str(tmp_path), identifier="me", configuration="/me.toml")


def test_auto_makes_a_private_file_for_each_channel(settings: LogSettings, tmp_path: Path) -> None:
    logs = ProgramLogs(spec_of("web", stdout_logfile="AUTO", stderr_logfile="AUTO"), settings)
    logs.close()

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names[0].startswith("web-stderr---me-")
    assert names[1].startswith("web-stdout---me-")
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_an_auto_log_is_private_after_its_rotation_too(
    settings: LogSettings, tmp_path: Path
) -> None:
    spec = spec_of("web", stdout_logfile="AUTO", stdout_logfile_maxbytes=2)
    logs = ProgramLogs(spec, settings)

    logs.sinks[0][0].write(b"1\n")
    logs.close()

    assert len(list(tmp_path.glob("*.log.1"))) == 1
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_auto_logs_of_this_configuration_are_removed(settings: LogSettings, tmp_path: Path) -> None:
    path = settings.new_auto_log("web", "stdout")
    (tmp_path / f"{path}.1").touch()
    kept = ["web-stdout---me-x.log", "web.log"]
    for name in kept:
        (tmp_path / name).touch()

    settings.remove_auto_logs()

    assert sorted(path.name for path in tmp_path.iterdir()) == kept


def test_auto_logs_of_another_configuration_are_kept(settings: LogSettings, tmp_path: Path) -> None:
    path = settings.new_auto_log("web", "stdout")

    replace(settings, configuration="/other.toml").remove_auto_logs()

    assert [str(left) for left in tmp_path.iterdir()] == [path]


def test_redirected_stderr_has_no_file(settings: LogSettings, tmp_path: Path) -> None:
    path = str(tmp_path / "x.log")
    logs = ProgramLogs(spec_of("web", stdout_logfile=path, redirect_stderr=True), settings)
    logs.close()

    assert (logs.stdout_path, logs.stderr_path) == (path, "")
    assert logs.file(Channel.STDOUT).path == path
    with pytest.raises(RequestError) as refusal:
        logs.file(Channel.STDERR)
    assert refusal.value.fault is Fault.NO_FILE


def test_files_exist_before_anything_is_written(settings: LogSettings, tmp_path: Path) -> None:
    ProgramLogs(spec_of("web", stdout_logfile=str(tmp_path / "x.log")), settings).close()

    assert (tmp_path / "x.log").exists()


def test_what_cannot_be_opened_is_logged_and_tried_again(
    settings: LogSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = str(tmp_path / "logs" / "x.log")

    logs = ProgramLogs(spec_of("web", stdout_logfile=path), settings)

    with pytest.raises(RequestError, match="No such file or directory") as refusal:
        logs.reopen()
    assert refusal.value.fault is Fault.FAILED
    assert [message.split(":")[0] for message in caplog.messages] == [
        f"cannot open {path} of web",
    ]
    assert logs.stdout_path == path


def test_both_files_are_rotated_also_when_one_cannot_be(
    settings: LogSettings, tmp_path: Path
) -> None:
    path = tmp_path / "x.log"
    spec = spec_of("web", stdout_logfile="/dev/null", stderr_logfile=str(path))
    logs = ProgramLogs(spec, settings)
    logs.sinks[1][0].write(b"line\n")

    with pytest.raises(RequestError, match="it cannot be rotated: '/dev/null'"):
        logs.rotate()
    with pytest.raises(RequestError):
        logs.rotate()
    logs.close()

    assert path.read_bytes() == b""
    assert path.with_name("x.log.1").read_bytes() == b"line\n"
    assert not path.with_name("x.log.2").exists()


def test_without_backups_nothing_is_rotated(settings: LogSettings, tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    logs = ProgramLogs(spec_of("web", stdout_logfile=str(path), stdout_logfile_backups=0), settings)
    logs.sinks[0][0].write(b"line\n")

    with pytest.raises(RequestError, match="it keeps no backups"):
        logs.rotate()
    logs.close()

    assert path.read_bytes() == b"line\n"


async def test_adopting_another_file_ends_who_follows_the_old_one(
    settings: LogSettings, tmp_path: Path
) -> None:
    logs = ProgramLogs(spec_of("web", stdout_logfile=str(tmp_path / "old.log")), settings)
    follower = Follower()
    logs.file(Channel.STDOUT).followers.add(follower)

    logs.adopt(spec_of("web", stdout_logfile=str(tmp_path / "new.log")))
    logs.sinks[0][0].write(b"line\n")
    logs.clear()
    logs.close()

    assert follower.is_closed
    assert logs.stdout_path.endswith("new.log")


class Shown(bytearray):
    """A sink that keeps everything."""

    def write(self, data: bytes | memoryview) -> None:
        """Keep it."""
        self.extend(data)

    def finish_line(self) -> None:
        """Nothing is held back."""


def test_a_shared_screen_gets_colours_and_nothing_that_moves_on_it(settings: LogSettings) -> None:
    screen = Shown()
    logs = ProgramLogs(spec_of("web", stdout_logfile="NONE"), settings, (screen, screen))

    for sink in logs.sinks[0]:
        sink.write(b"\x1b[2J\x1b[31mred\x1b[0m\x0e line\n")

    assert screen == b"\x1b[31mred\x1b[0m line\n"
