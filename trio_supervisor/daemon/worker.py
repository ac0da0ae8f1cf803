"""A thread for what may take long, and its bounded queue: there only while there is work.

Nobody waits for it, and it never holds a lock while it works: a target that hangs costs one thread
and what its queue may hold.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class _Thread(threading.Thread):
    """Tells the threads of workers from all others."""


def finish_all(patience: float) -> None:
    """Wait at most so many seconds until the workers of this process have done their work."""
    deadline = time.monotonic() + patience
    for thread in threading.enumerate():
        if isinstance(thread, _Thread):
            thread.join(max(0.0, deadline - time.monotonic()))


class Worker:
    """Does jobs one after the other, in the order in which they come."""

    def __init__(self, name: str, limit: int) -> None:
        """Let jobs wait as long as their sizes add up to no more than ``limit``."""
        self._name = name
        self._limit = limit
        self._jobs: deque[tuple[Callable[[], None], int]] = deque()
        self._size = 0
        self._is_working = False
        self._lock = threading.Lock()

    @property
    def is_idle(self) -> bool:
        """True when nothing is to be done, nor being done."""
        return not self._is_working

    def put(self, job: Callable[[], None], size: int = 0) -> bool:
        """Have a job done, which must not raise; False if there is no room, or no thread."""
        with self._lock:
            if size and self._size + size > self._limit:
                return False
            if not self._is_working and not self._start():
                return False
            self._jobs.append((job, size))
            self._size += size
            return True

    def _start(self) -> bool:
        try:
            # a daemon thread: the process ends without it, whatever hangs
            _Thread(target=self._work, name=self._name, daemon=True).start()
        except RuntimeError:  # the user's share of processes is used up
            return False
        self._is_working = True
        return True

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._is_working = False
                    return
                job, size = self._jobs.popleft()
            job()
            with self._lock:
                self._size -= size
