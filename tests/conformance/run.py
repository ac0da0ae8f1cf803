"""One launcher in one case: it is started in a window, something happens, and what is left counts.

The window is a pseudo-terminal with a shell in it that runs the launcher as its foreground job, as
at a desk: the launcher is no session leader, its death closes no terminal, and a closed terminal
reaches it the way the kernel and a dying shell tell it. The kernel says who is alive.
"""

from __future__ import annotations

import os
import select
import shlex
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from terminal import Bench, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.cases import Case
    from conformance.tools import Tool

WORKERS = Path(__file__).with_name("workers.py")
SHELL = """stty rows 24 cols 80; set -m; sh -c 'echo $$ >"$0"; exec "$@"' "$@"; exit $?"""
SHELLS = {"sh", "bash", "dash"}
LIMIT = 14.0
"""Seconds after which a launcher that has not ended never will."""
START = 20.0
"""Seconds in which all workers must be there."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What a case showed: what was left, after how long all was over, what else was wrong."""

    tool: str
    case: str
    left: tuple[str, ...] = ()
    seconds: float | None = None
    code: int | None = None
    faults: tuple[str, ...] = ()
    note: str = ""
    is_asked: bool = True
    """Whether the case means anything for this launcher, and can be put to it here."""

    @property
    def is_green(self) -> bool:
        return not (self.left or self.faults)


class NotApplicableError(Exception):
    """A case that means nothing for this launcher, or cannot be put to it here."""


class Run:
    """A launcher in its window with its workers; cases act on it and note what they see."""

    def __init__(self, tool: Tool, case: Case, bench: Bench) -> None:
        self.tool, self.case, self.bench = tool, case, bench
        count = case.workers if tool.takes_many else 1
        self.reports = [bench.directory / f"{bench.mark}.{number}" for number in range(count)]
        self.faults: list[str] = []
        self.note = ""
        self._begun: float | None = None

    def start(self) -> None:
        """Start the launcher; return when every worker is there."""
        words = [[sys.executable, "-ISE", str(WORKERS), self.case.worker.__name__, str(report)]
                 for report in self.reports]  # fmt: skip
        command = self.tool.prepare([shlex.join(line) for line in words], self.bench.directory)
        place = self.bench.directory / "launcher.pid"
        self.window = self.bench.open("/bin/sh", "-c", SHELL, "sh", str(place), *command)
        until(lambda: self.window.code is not None or self._is_there(), "the workers", START)
        for report in self.reports:
            for reason in self.said("unable", report):
                raise NotApplicableError(reason)
        ended = f"the launcher ended: {self.window.text[-300:]!r}"
        assert self._is_there(), ended
        self.pid = int(place.read_text())
        try:
            self._end = os.pidfd_open(self.pid)
        except ProcessLookupError:
            raise AssertionError(ended) from None

    def said(self, word: str, report: Path | None = None) -> list[str]:
        """Return what the first worker, or another, told under a word."""
        with suppress(FileNotFoundError):
            lines = (report or self.reports[0]).read_text().splitlines()
            return [
                value for key, _, value in (line.partition(" ") for line in lines) if key == word
            ]
        return []

    @property
    def leader(self) -> int:
        return int(self.said("leader")[0])

    @property
    def has_ended(self) -> bool:
        """Whether the launcher, the process that was started, is gone."""
        return bool(select.select([self._end], [], [], 0)[0])

    def begin(self) -> None:
        """Say that it is happening: from the first time on, the time counts."""
        self._begun = self._begun or time.monotonic()

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """Signal one of the processes of this run."""
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    def daemon(self) -> int:
        """Return the process under the launcher that has the first worker under it."""
        chain = [self.leader]
        while (above := parent(chain[-1])) and above != self.pid:
            chain.append(above)
        found = chain[-1]
        if above != self.pid or found == self.leader or name(found) in SHELLS:
            raise NotApplicableError("it is one process")
        return found

    def wait(self, predicate: Callable[[], object], patience: float) -> bool:
        """Wait for something to be seen; say whether it was."""
        deadline = time.monotonic() + patience
        while not predicate():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def watch(self) -> tuple[float | None, dict[int, str]]:
        """Follow the end; return when all was over, or what is left and will not go."""
        self.begin()
        assert self._begun
        ended = None
        while True:
            now = time.monotonic() - self._begun
            ended = now if ended is None and self.has_ended else ended
            # two looks: a process may fork past one, and a look must come after the end
            left = self._others() or self._others()
            if ended is not None and not left:
                return now, {}
            if now > (LIMIT if ended is None else min(LIMIT, ended + self.case.patience)):
                return None, left
            time.sleep(0.02)

    def roles(self, left: dict[int, str]) -> tuple[str, ...]:
        """Say who is left: by the workers' own words, else by command line."""
        known: dict[int, str] = {}
        for report in self.reports:
            for role in ("leader", "member", "grandchild", "storm", "orphan"):
                known |= dict.fromkeys(map(int, self.said(role, report)), role)
        return tuple(sorted(known.get(pid) or self._describe(words) for pid, words in left.items()))

    def close(self) -> None:
        """Forget the launcher; the bench kills it."""
        os.close(self._end)

    def _others(self) -> dict[int, str]:
        """Return pid and command line of all but the launcher, which is watched by itself."""
        known = {self.pid, self.window.pid}
        return {pid: words for pid, words in self.bench.alive().items() if pid not in known}

    def _describe(self, words: str) -> str:
        if WORKERS.name in words:
            if name_of(words) in SHELLS:
                return "shell of the worker"
            if name_of(words).startswith("python"):
                return "worker"
        return f"{name_of(words)} of its own"

    def _is_there(self) -> bool:
        roles = ("leader", *self.case.roles)
        return all(
            self.said("unable", report) or all(self.said(role, report) for role in roles)
            for report in self.reports
        )


def perform(tool: Tool, case: Case) -> Cell:
    """Put a launcher through a case; leave nothing of it, whatever it did."""
    with (
        tempfile.TemporaryDirectory(prefix="conformance-") as directory,
        Bench(Path(directory), XDG_RUNTIME_DIR=directory, HOME=directory, TERM="xterm") as bench,
    ):
        try:
            return _judge(Run(tool, case, bench))
        except NotApplicableError as reason:
            return Cell(tool=tool.name, case=case.name, note=str(reason), is_asked=False)
        except AssertionError as problem:
            return Cell(tool=tool.name, case=case.name, faults=(f"not tried: {problem}",))


def _judge(run: Run) -> Cell:
    run.start()
    try:
        run.case.act(run)
        seconds, left = run.watch()
        ended = run.has_ended
    finally:
        run.close()
    if ended:
        run.wait(lambda: run.window.code is not None, 1.0)
    else:
        run.faults.append("never ends")
    run.case.judge(run)
    code = run.window.code if ended else None  # below 0: of the shell, whose window was closed
    return Cell(
        tool=run.tool.name,
        case=run.case.name,
        left=run.roles(left),
        seconds=seconds,
        code=code if code is not None and code >= 0 else None,
        faults=tuple(run.faults),
        note=run.note,
    )


def parent(pid: int) -> int | None:
    """Return who a process belongs to, None if it is gone."""
    fields = _stat(pid)
    return int(fields[1]) if fields else None


def state(pid: int) -> str | None:
    """Return the letter that ps(1) shows for a process, None if it is gone."""
    fields = _stat(pid)
    return fields[0] if fields else None


def name(pid: int) -> str:
    """Return the name of the executable of a process."""
    return Path(f"/proc/{pid}/comm").read_text().strip()


def name_of(words: str) -> str:
    """Return the name of the executable in a command line."""
    return Path((words.split(maxsplit=1) or ["?"])[0]).name


def _stat(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return []
