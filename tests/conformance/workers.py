"""The workers of the cases: `workers.py KIND REPORT`, run by itself, standard library only.

What a worker is and hears goes to its report, a line for each: `leader 4711`, `got TERM`. The
path of the report has the mark by which every process of a case is found again; a fork keeps
it, since it keeps the arguments.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LISTENING = 0.5
"""Seconds in which further signals are counted."""
PROMPT = "password:"
ORPHANS = 5
FORKS, APART = 40, 0.005
ROOM = 150
"""How many processes the storm may have at once."""
STRANGERS = 60_000
"""The first of the user numbers that nobody has: a limit of processes counts by user."""


class Report:
    """The lines that a worker leaves; its forks go on writing to the same file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def say(self, word: str, value: object) -> None:
        """Add a line, whole even if others write."""
        os.write(self._file, f"{word} {value}\n".encode())

    def sign(self, role: str) -> None:
        """Say who this process is, once it is as it has to be."""
        self.say(role, os.getpid())


def plain(report: Report) -> NoReturn:
    """End at once when told to."""
    _on_stop(report, lambda: os._exit(0))
    _stay(report)


def stubborn(report: Report) -> NoReturn:
    """Hear everything, and stay."""
    _on_stop(report, lambda: None)
    _stay(report)


def counting(report: Report) -> NoReturn:
    """Listen for a while whether another signal comes after the first one, then end."""
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    _on_stop(report, lambda: signal.setitimer(signal.ITIMER_REAL, LISTENING))
    _stay(report)


def family(report: Report) -> NoReturn:
    """End at once when told to, and leave a child in the group that ignores that."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    if os.fork() == 0:
        report.sign("member")
        _sleep()
    plain(report)


def escaping(report: Report) -> NoReturn:
    """End when told to; a grandchild has a session of its own, and nothing open."""
    if _fork_twice():
        _close_standard()
        report.sign("grandchild")
        _sleep()
    plain(report)


def scrubbed(report: Report) -> NoReturn:
    """Have a grandchild as `escaping` has, that was also started with an empty environment."""
    if _fork_twice():
        _close_standard()
        words = [sys.executable, "-ISE", __file__, survivor.__name__, report.path]
        os.execve(sys.executable, words, {})
    plain(report)


def survivor(report: Report) -> NoReturn:
    """Be that grandchild."""
    report.sign("grandchild")
    _sleep()


def storm(report: Report) -> NoReturn:
    """Fork while being stopped, into sessions of their own, and each fork does the same."""
    if not _limit():
        report.say("unable", "there is no limit of processes to run it under")
        _sleep()
    _on_stop(report, lambda: _scatter(report))
    _stay(report)


def failing(report: Report) -> NoReturn:
    """Exit with 7."""
    report.sign("leader")
    time.sleep(LISTENING)
    os._exit(7)


def asking(report: Report) -> NoReturn:
    """Ask something, and leave the cursor behind the question."""
    _on_stop(report, lambda: os._exit(0))
    os.write(1, PROMPT.encode())
    _stay(report)


def orphaning(report: Report) -> NoReturn:
    """Leave children that end by themselves, with a parent who is gone."""
    for _ in range(ORPHANS):
        if _fork_twice():
            report.sign("orphan")
            time.sleep(LISTENING)
            os._exit(0)
    plain(report)


def _stay(report: Report) -> NoReturn:
    report.sign("leader")
    _sleep()


def _sleep() -> NoReturn:
    while True:
        signal.pause()


def _on_stop(report: Report, act: Callable[[], object]) -> None:
    def hear(number: int, _: object) -> None:
        report.say("got", signal.Signals(number).name.removeprefix("SIG"))
        act()

    for number in STOPPING:
        signal.signal(number, hear)


def _fork_twice() -> bool:
    """Say whether this is the grandchild, which has a session of its own."""
    if child := os.fork():
        os.waitpid(child, 0)
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    return True


def _close_standard() -> None:
    for descriptor in range(3):
        os.close(descriptor)


def _limit() -> bool:
    """Bound what the storm can take, whoever runs it; say whether that worked."""
    if os.getuid() == 0:  # for whom no limit holds
        os.setgroups([])
        os.setgid(STRANGERS + os.getpid() % 5000)
        os.setuid(STRANGERS + os.getpid() % 5000)
    mine = sum(_owner(process) == os.getuid() for process in Path("/proc").glob("[0-9]*"))
    resource.setrlimit(resource.RLIMIT_NPROC, (mine + ROOM, mine + ROOM))
    return os.getuid() != 0


def _owner(process: Path) -> int | None:
    try:
        return process.stat().st_uid
    except FileNotFoundError:  # ended meanwhile
        return None


def _scatter(report: Report) -> NoReturn:
    for _ in range(FORKS):
        try:
            child = os.fork()
        except BlockingIOError:  # the limit
            break
        if child == 0:
            os.setsid()
            report.sign("storm")
            _sleep()
        time.sleep(APART)
    os._exit(0)


KINDS = {
    worker.__name__: worker
    for worker in (
        plain, stubborn, counting, family, escaping, scrubbed, survivor, storm, failing, asking,
        orphaning,
    )
}  # fmt: skip


if __name__ == "__main__":
    KINDS[sys.argv[1]](Report(sys.argv[2]))
