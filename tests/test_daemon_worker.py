"""A thread that is there while there is work, and its bounded queue."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from trio_supervisor.daemon.worker import Worker, finish_all

if TYPE_CHECKING:
    import pytest


def test_jobs_are_done_in_their_order() -> None:
    worker, done = Worker("w", 10), []

    for number in range(50):
        assert worker.put(lambda number=number: done.append(number))  # type: ignore[misc]  # bound

    finish_all(5)
    assert done == list(range(50))
    assert worker.is_idle


def test_what_is_too_much_is_refused_until_there_is_room() -> None:
    worker, gate = Worker("w", 10), threading.Event()
    assert worker.put(gate.wait, 10)  # type: ignore[arg-type]  # the result is nobody's

    assert not worker.put(lambda: None, 1)
    assert worker.put(lambda: None)
    finish_all(0)
    assert not worker.is_idle

    gate.set()
    finish_all(5)
    assert worker.put(lambda: None, 10)
    finish_all(5)


def test_without_threads_everything_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    worker = Worker("w", 10)

    assert not worker.put(lambda: None)
    assert worker.is_idle
