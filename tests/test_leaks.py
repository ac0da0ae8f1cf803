"""The leak oracle finds what it promises to find, and is around every test."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import leaks
import pytest
import trio
from rig import has_ended, until

from trio_supervisor.source.address import ensure_runtime_directory

if TYPE_CHECKING:
    from pathlib import Path


def a_descriptor(undo: ExitStack) -> None:
    undo.callback(os.close, os.open(os.devnull, os.O_RDONLY))


def a_thread(undo: ExitStack) -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    undo.callback(thread.join)
    undo.callback(over.set)


def a_process_that_escaped(undo: ExitStack) -> None:
    script = "setsid -f /bin/sh -c 'echo $$; exec sleep 1000 > /dev/null'"
    pid = int(subprocess.check_output(["/bin/sh", "-c", script]))
    undo.callback(until, lambda: has_ended(pid), "its end")
    undo.callback(os.kill, pid, signal.SIGKILL)


def a_file(undo: ExitStack) -> None:
    path = os.path.join(ensure_runtime_directory(), "x.sock")
    os.close(os.open(path, os.O_CREAT | os.O_RDWR))
    undo.callback(os.unlink, path)


LEAKS = {
    "descriptor": (a_descriptor, os.devnull),
    "thread": (a_thread, "Thread-"),
    "process": (a_process_that_escaped, "sleep 1000"),
    "file": (a_file, "x.sock"),
}


@pytest.mark.parametrize("kind", LEAKS)
def test_what_is_left_behind_is_told(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "PATIENCE", 0.0)
    leak, words = LEAKS[kind]
    before = leaks.look()
    with ExitStack() as undo:
        leak(undo)
        (told,) = leaks.leaked_since(before, had_children=True)

    assert told.startswith(kind)
    assert words in told
    assert leaks.leaked_since(before, had_children=True) == []


def test_what_is_on_its_way_out_is_waited_for() -> None:
    before = leaks.look()
    thread = threading.Timer(0.05, lambda: None)
    thread.start()

    assert leaks.leaked_since(before, had_children=True) == []


def test_a_child_leaves_a_trace() -> None:
    before = leaks.faults_of_children()

    subprocess.run(["/bin/true"], check=True)

    assert leaks.faults_of_children() > before


async def test_a_thread_that_trio_keeps_for_later_is_none() -> None:
    before = leaks.look()

    await trio.to_thread.run_sync(lambda: None)

    assert not {one for kind, one in leaks.look() - before if kind == "thread"}


def test_it_stands_around_every_test(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    assert "_watch_for_leaks" in request.fixturenames
    assert os.environ["XDG_RUNTIME_DIR"].startswith(str(tmp_path.parent))
