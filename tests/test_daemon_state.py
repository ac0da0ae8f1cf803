"""The state file: what stands in it, and that it is whole at every moment."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from trio_supervisor.daemon import state
from trio_supervisor.daemon.proc import Process, process_of
from trio_supervisor.errors import SupervisorError
from trio_supervisor.pids import boot_id

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.state"


def file_at(path: Path) -> state.StateFile:
    """Return the state file of a daemon that is this process."""
    return state.StateFile(str(path), guardian=os.getppid(), mark="m")


def test_what_was_written_is_read(path: Path) -> None:
    file = file_at(path)

    file.begin(1.0, "/log")
    file.note({"g:n": Process(7, 8)}, 2.5, "/log")

    found = state.read(str(path))
    assert found is not None
    assert (found.version, found.boot, found.mark) == (state.VERSION, boot_id(), "m")
    assert found.daemon == process_of(os.getpid())
    assert found.leaders == {"g:n": Process(7, 8)}
    assert (found.grace, found.log) == (2.5, "/log")
    assert path.stat().st_mode & 0o777 == 0o600
    file.remove()
    assert state.read(str(path)) is None


def test_fault_61_a_state_is_replaced_as_a_whole(path: Path) -> None:
    file = file_at(path)
    file.begin(1.0, "")
    is_over = threading.Event()

    def write() -> None:
        for count in range(300):
            file.note({f"g:{n}": Process(n, n) for n in range(count)}, 1.0, "")
        is_over.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not is_over.is_set():
        assert state.read(str(path)) is not None
    writer.join()


def test_a_first_write_that_fails_refuses_the_start(tmp_path: Path) -> None:
    with pytest.raises(SupervisorError, match=r"cannot write the state file .*: No such file"):
        file_at(tmp_path / "no" / "a.state").begin(1.0, "")


def test_a_later_write_that_fails_is_told_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = file_at(path.parent / "sub" / "a.state")

    for _ in range(3):
        file.note({}, 1.0, "")

    assert caplog.text.count("cannot write the state file") == 1


def test_a_link_in_the_way_is_not_followed(path: Path) -> None:
    victim = path.with_name("victim")
    victim.write_text("mine")
    path.with_name("a.state.new").symlink_to(victim)

    with pytest.raises(SupervisorError):
        file_at(path).begin(1.0, "")

    assert victim.read_text() == "mine"
