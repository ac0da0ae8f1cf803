"""Log files: rotation, reopening, failing disks, followers. Real files, no processes."""

from __future__ import annotations

import os
from itertools import accumulate, cycle
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_supervisor.daemon import logfile
from trio_supervisor.daemon.follower import Follower
from trio_supervisor.daemon.logfile import LogFile

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

    file.write(b"9\n")
    file.close()

    assert contents(path)["web.log.1"] == b"123456789\n"


def test_without_backups_it_is_emptied_in_place_when_the_next_line_has_no_room(path: Path) -> None:
    file = LogFile(str(path), maxbytes=4, backups=0)
    file.open()
    inode = path.stat().st_ino

    file.write(b"12\n4\n")
    assert contents(path) == {"web.log": b"4\n"}
    file.write(b"6\n")
    assert contents(path) == {"web.log": b"4\n6\n"}
    file.write(b"8\n")
    file.close()

    assert contents(path) == {"web.log": b"8\n"}
    assert path.stat().st_ino == inode


@settings(deadline=None)
@given(
    lines=st.lists(
        st.binary(max_size=30).map(lambda line: line.replace(b"\n", b" ") + b"\n"), max_size=10
    ),
    cuts=st.lists(st.integers(1, 40), min_size=1),
    limit=st.integers(5, 40),
    backups=st.sampled_from([0, 100]),
)
def test_no_byte_is_lost_and_no_short_line_is_split(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[bytes],
    cuts: list[int],
    limit: int,
    backups: int,
) -> None:
    path = tmp_path_factory.mktemp("logs") / "web.log"
    file = LogFile(str(path), maxbytes=limit, backups=backups)
    file.open()
    data, left = b"".join(lines), cycle(cuts)

    rest = data
    while rest:
        size = next(left)
        file.write(rest[:size])
        rest = rest[size:]
    file.close()

    numbers = sorted((int(p.suffix[1:]) for p in path.parent.glob("web.log.*")), reverse=True)
    files = [path.with_name(f"web.log.{number}").read_bytes() for number in numbers]
    files.append(path.read_bytes())
    assert data == b"".join(files) if backups else data.endswith(files[-1])
    assert all(len(content) < 2 * limit for content in files)
    starts = set(accumulate(map(len, lines), initial=0))
    position = len(data) - sum(map(len, files))
    for content in files:
        in_long_line = any(
            begin < position < begin + len(line)
            for begin, line in zip(accumulate(map(len, lines), initial=0), lines, strict=False)
            if len(line) >= limit
        )
        assert position in starts or in_long_line
        position += len(content)
    if not backups and lines and len(lines[-1]) <= limit:
        assert files[-1].endswith(lines[-1])


def test_what_cannot_be_rotated_goes_on_growing(
    file: LogFile, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.with_name("web.log.1").touch()
    (path.with_name("web.log.2") / "x").mkdir(parents=True)

    file.write(b"123456789\n")
    file.write(b"more\n")

    assert path.read_bytes() == b"123456789\nmore\n"
    assert caplog.messages == [
        f"cannot write {path}: [Errno 21] Is a directory: '{path}.2' (0 bytes lost so far)"
    ]


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


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every write look where its path leads."""
    monkeypatch.setattr(logfile, "LOOK_EVERY", 0.0)


@pytest.mark.usefixtures("looks")
def test_a_file_that_was_moved_is_left_alone(file: LogFile, path: Path) -> None:
    file.write(b"one\n")
    path.rename(path.with_name("moved"))

    file.write(b"two\n")

    assert contents(path) == {"moved": b"one\n", "web.log": b"two\n"}


@pytest.mark.usefixtures("looks")
def test_a_file_that_was_removed_is_made_again(file: LogFile, path: Path) -> None:
    path.unlink()

    file.write(b"two\n")

    assert contents(path) == {"web.log": b"two\n"}


@pytest.mark.usefixtures("looks")
def test_a_file_that_was_emptied_has_all_its_room_again(file: LogFile, path: Path) -> None:
    file.write(b"1234567\n")
    os.truncate(path, 0)

    file.write(b"1234567\n")

    assert contents(path) == {"web.log": b"1234567\n"}


@pytest.mark.usefixtures("looks")
def test_a_file_whose_folder_was_moved_is_written_on_until_there_is_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, moved = tmp_path / "logs", tmp_path / "moved"
    folder.mkdir()
    file = LogFile(str(folder / "web.log"), maxbytes=100)
    file.open()
    folder.rename(moved)

    file.write(b"one\n")
    folder.mkdir()
    file.write(b"two\n")
    file.close()

    assert (moved / "web.log").read_bytes() == b"one\n"
    assert (folder / "web.log").read_bytes() == b"two\n"
    assert "No such file or directory" in caplog.text


def test_the_path_is_looked_up_once_a_second_at_most(
    file: LogFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.unlink()
    monkeypatch.setattr(logfile, "LOOK_EVERY", 1000.0)

    file.write(b"lost\n")

    assert contents(path) == {}


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
