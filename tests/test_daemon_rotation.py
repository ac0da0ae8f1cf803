"""Compressed backups: a thread makes them, and a rotation may come at any moment."""

from __future__ import annotations

import gzip
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from trio_supervisor.daemon import rotation
from trio_supervisor.daemon.logfile import LogFile
from trio_supervisor.daemon.rotation import compress, plan_rotation, rotate
from trio_supervisor.daemon.worker import finish_all

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "web.log"


@pytest.fixture(autouse=True)
def no_niceness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests compress in their own thread, which keeps its place."""
    monkeypatch.setattr(rotation, "NICE", os.getpriority(os.PRIO_PROCESS, 0))


def contents(path: Path) -> dict[str, bytes]:
    """Return what is in each file of the directory, unpacked."""
    found = sorted(path.parent.iterdir())
    return {p.name: gzip.open(p).read() if p.suffix == ".gz" else p.read_bytes() for p in found}


def test_renames_are_planned_from_the_oldest_on() -> None:
    assert plan_rotation("l", 2) == [("l.1", "l.2"), ("l", "l.1")]
    assert plan_rotation("l", 0) == []


def test_rotated_files_are_compressed_and_rotate_on(path: Path) -> None:
    file = LogFile(str(path), maxbytes=4, backups=2, compress=True)
    file.open()

    for line in (b"one\n", b"two\n", b"six\n"):
        file.write(line)
        finish_all(5)
    file.close()

    assert contents(path) == {"web.log": b"", "web.log.1.gz": b"six\n", "web.log.2.gz": b"two\n"}


def test_a_gap_is_filled_before_the_oldest_goes(path: Path) -> None:
    for number in (1, 3, 4):
        path.with_name(f"web.log.{number}").write_bytes(b"%d" % number)
    path.write_bytes(b"new")

    rotate(str(path), 4)

    assert contents(path) == {
        "web.log.1": b"new",
        "web.log.2": b"1",
        "web.log.3": b"3",
        "web.log.4": b"4",
    }


def test_what_a_run_before_has_left_is_compressed(path: Path) -> None:
    path.with_name("web.log.2").write_bytes(b"old\n")
    path.with_name("web.log.gz.part").write_bytes(b"half")
    file = LogFile(str(path), maxbytes=4, backups=2, compress=True)

    file.open()
    finish_all(5)
    file.close()

    assert contents(path) == {"web.log": b"", "web.log.2.gz": b"old\n"}


def test_a_rotation_meanwhile_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = shutil.copyfileobj
    path.with_name("web.log.1").write_bytes(b"one\n")
    path.write_bytes(b"two\n")

    def copy_and_rotate(*arguments: Any) -> None:
        copy(*arguments)
        if path.exists():
            rotate(str(path), 3)

    monkeypatch.setattr(shutil, "copyfileobj", copy_and_rotate)
    compress(str(path), 3)

    assert contents(path) == {"web.log.1.gz": b"two\n", "web.log.2.gz": b"one\n"}


def test_a_backup_that_goes_meanwhile_is_forgotten(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.with_name("web.log.1").write_bytes(b"one\n")
    monkeypatch.setattr(shutil, "copyfileobj", lambda *_: path.with_name("web.log.1").unlink())

    compress(str(path), 1)

    assert contents(path) == {}


def test_what_cannot_be_compressed_stays_as_it_is(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.with_name("web.log.1").write_bytes(b"one\n")
    path.with_name("web.log.gz.part").mkdir()

    compress(str(path), 1)

    assert path.with_name("web.log.1").read_bytes() == b"one\n"
    assert "cannot compress the backups of" in caplog.text


def test_a_compressed_file_has_the_mode_and_the_time_of_the_plain_one(path: Path) -> None:
    plain = path.with_name("web.log.1")
    plain.write_bytes(b"one\n")
    plain.chmod(0o600)
    os.utime(plain, (1000, 1000))

    compress(str(path), 1)

    status = path.with_name("web.log.1.gz").stat()
    assert (status.st_mode & 0o777, status.st_mtime) == (0o600, 1000)
