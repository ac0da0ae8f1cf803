"""Log files: rotation, reopening, failing disks, followers. Real files, no processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from trio_supervisor.daemon import logfile
from trio_supervisor.daemon.follower import Follower
from trio_supervisor.daemon.logfile import LogFile, plan_rotation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "web.log"


@pytest.fixture
def file(path: Path) -> Iterator[LogFile]:
    """Rotates after ten bytes, keeps two backups."""
    opened = LogFile(str(path), maxbytes=10, backups=2)
    opened.open()
    yield opened
    opened.close()


def contents(path: Path) -> dict[str, bytes]:
    """Return what is in each file of the directory."""
    return {found.name: found.read_bytes() for found in path.parent.iterdir()}


def test_renames_are_planned_from_the_oldest_on() -> None:
    assert plan_rotation("l", 2) == [("l.1", "l.2"), ("l", "l.1")]
    assert plan_rotation("l", 0) == []


def test_it_appends_to_what_is_there(path: Path) -> None:
    path.write_bytes(b"old\n")
    file = LogFile(str(path))
    file.open()

    file.write(b"new\n")
    file.close()

    assert path.read_bytes() == b"old\nnew\n"


def test_it_rotates_after_the_write_that_reaches_the_limit(file: LogFile, path: Path) -> None:
    file.write(b"123456789")
    assert contents(path) == {"web.log": b"123456789"}

    file.write(b"0")

    assert contents(path) == {"web.log": b"", "web.log.1": b"1234567890"}


def test_it_keeps_so_many_backups(file: LogFile, path: Path) -> None:
    for letter in b"abcd":
        file.write(bytes([letter]) * 10)

    assert contents(path) == {"web.log": b"", "web.log.1": b"d" * 10, "web.log.2": b"c" * 10}


def test_what_was_there_counts_towards_the_limit(path: Path) -> None:
    path.write_bytes(b"12345678")
    file = LogFile(str(path), maxbytes=10, backups=1)
    file.open()

    file.write(b"90")
    file.close()

    assert contents(path)["web.log.1"] == b"1234567890"


def test_without_backups_it_is_emptied_in_place(path: Path) -> None:
    file = LogFile(str(path), maxbytes=4, backups=0)
    file.open()

    file.write(b"12345")
    file.write(b"6")
    file.close()

    assert contents(path) == {"web.log": b"6"}


def test_without_limit_it_never_rotates(path: Path) -> None:
    file = LogFile(str(path), maxbytes=0, backups=2)
    file.write(b"x" * 100_000)
    file.close()

    assert list(contents(path)) == ["web.log"]


def test_reopening_follows_a_file_that_was_moved(file: LogFile, path: Path) -> None:
    file.write(b"one")
    path.rename(path.with_name("moved"))
    file.write(b"two")

    file.reopen()
    file.write(b"new")

    assert contents(path) == {"moved": b"onetwo", "web.log": b"new"}


def test_clearing_starts_a_new_file(file: LogFile, path: Path) -> None:
    file.write(b"one")

    file.clear()
    file.write(b"two")

    assert contents(path) == {"web.log": b"two"}


def test_a_deleted_file_can_be_cleared(file: LogFile, path: Path) -> None:
    path.unlink()

    file.clear()

    assert contents(path) == {"web.log": b""}


def test_clearing_and_rotating_leave_descriptors_of_the_daemon_alone(tmp_path: Path) -> None:
    target = tmp_path / "out"
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT)
    file = LogFile(f"/dev/fd/{descriptor}", maxbytes=4, backups=2)
    file.open()

    file.write(b"12345")
    file.clear()
    file.write(b"678")
    file.close()
    os.close(descriptor)

    assert target.read_bytes() == b"12345678"


def test_tail_returns_the_last_bytes(file: LogFile) -> None:
    file.write(b"123456")

    assert b"".join(file.tail(3, 2)) == b"456"
    assert list(file.tail(100, 4)) == [b"1234", b"56"]


def test_tail_of_a_file_that_is_gone_says_so(file: LogFile, path: Path) -> None:
    path.unlink()

    with pytest.raises(FileNotFoundError):
        list(file.tail(10, 10))


def test_a_write_after_closing_opens_it_again(file: LogFile, path: Path) -> None:
    file.close()

    file.write(b"more")

    assert path.read_bytes() == b"more"


def test_a_full_disk_costs_output_and_one_message(caplog: pytest.LogCaptureFixture) -> None:
    file = LogFile("/dev/full")
    file.open()

    for _ in range(100):
        file.write(b"12345")
    file.close()

    assert file.losses.bytes == 500
    assert caplog.messages == [
        "cannot write /dev/full: [Errno 28] No space left on device (5 bytes lost so far)"
    ]


def test_what_cannot_be_opened_is_tried_again_but_not_at_each_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = LogFile(str(tmp_path / "logs" / "web.log"))
    file.write(b"lost")
    (tmp_path / "logs").mkdir()
    file.write(b"lost, too")
    assert "could not be opened" not in caplog.text
    assert file.losses.bytes == 13

    monkeypatch.setattr(logfile, "RETRY_AFTER", 0.0)
    file.write(b"kept")
    file.close()

    assert (tmp_path / "logs" / "web.log").read_bytes() == b"kept"


async def test_followers_get_what_is_written(file: LogFile) -> None:
    follower = Follower()
    file.followers.add(follower)

    file.write(memoryview(b"12345"))
    file.write(b"678")

    assert await follower.take() == (b"12345678", 0)


async def test_followers_get_what_a_full_disk_loses() -> None:
    file = LogFile("/dev/full")
    follower = Follower()
    file.followers.add(follower)

    file.write(b"12345")
    file.close()

    assert await follower.take() == (b"12345", 0)
