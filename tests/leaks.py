"""The leak oracle: what a test opens, starts or leaves lying about is gone when it ends.

Around every test stands a look at descriptors, threads, children and the files of the runtime
directory. A test carries a mark in its environment, by which whatever escapes it is found; /proc is
searched only after tests that had children. Tasks need no look of their own: `trio.run` returns
after the last one.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import threading
import time
import uuid
from contextlib import suppress
from glob import iglob
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trio_supervisor.daemon.proc import children_of
from trio_supervisor.source.address import runtime_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    Look = frozenset[tuple[str, object]]

PATIENCE = 2.0
"""Seconds for what is on its way out; only a test under suspicion takes any of them."""
MARK = "TRIO_SUPERVISOR_TEST"


def look() -> Look:
    """Return what there is, but for processes that have escaped."""
    return frozenset(
        [("descriptor", one) for one in _descriptors()]
        + [("thread", one) for one in threading.enumerate() if not _is_idle(one)]
        + [("process", one) for one in children_of(os.getpid())]
        + [("file", one) for one in _runtime_files()]
    )


def leaked_since(before: Look, *, had_children: bool) -> list[str]:
    """Say what is there that was not, once it had time to go."""

    def leaked() -> Look:
        escaped = marked(f"{MARK}={os.environ[MARK]}") if had_children else ()
        return look().union(("process", one) for one in escaped) - before

    if not leaked():
        return []
    gc.collect()  # what a reference cycle still holds says so itself, by a ResourceWarning
    deadline = time.monotonic() + PATIENCE
    while (left := leaked()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return sorted(f"{kind} {_told(one)}" for kind, one in left)


def faults_of_children() -> int:
    """Return a number that has grown when a child was waited for: none lives without a fault."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt


def marked(assignment: str) -> set[int]:
    """Return the other live processes that have an assignment in their environment."""
    wanted = assignment.encode()
    found = set()
    for path in iglob("/proc/[0-9]*/environ"):
        pid = int(path.split("/")[2])
        with suppress(OSError):
            if pid != os.getpid() and wanted in Path(path).read_bytes().split(b"\0"):
                found.add(pid)
    return found


@pytest.fixture(autouse=True)
def _watch_for_leaks(_shelter: None) -> Iterator[None]:
    """Fail the test that leaks, and say what."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MARK, uuid.uuid4().hex)
        before, faults = look(), faults_of_children()
        yield
        leaked = leaked_since(before, had_children=faults_of_children() != faults)
        assert leaked == [], "left behind by this test"


@pytest.fixture(scope="session")
def _shelter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep out of the runtime directory of who runs the tests, and let signals be heard.

    A shell starts what it runs in the background with SIGINT and SIGQUIT ignored, nohup with
    SIGHUP, and what is ignored is inherited.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        yield


def _descriptors() -> list[str]:
    found = []
    with suppress(FileNotFoundError):  # no Linux
        for number in os.listdir("/proc/self/fd"):
            with suppress(FileNotFoundError):  # it was open to read this directory
                found.append(f"{number}: {os.readlink(f'/proc/self/fd/{number}')}")
    return found


def _is_idle(thread: threading.Thread) -> bool:
    """Say whether it waits in Trio's cache for more work; a busy one has the name of its work."""
    return thread.daemon and thread.name.startswith("Trio thread ")


def _runtime_files() -> list[str]:
    with suppress(FileNotFoundError):
        return [name for name in os.listdir(runtime_directory()) if not name.endswith(".lock")]
    return []


def _told(one: object) -> str:
    if not isinstance(one, int):
        return str(one)
    with suppress(OSError):
        words = Path(f"/proc/{one}/cmdline").read_bytes().replace(b"\0", b" ")
        return f"{one}: {words.decode(errors='replace')}"
    return f"{one}: gone meanwhile"
