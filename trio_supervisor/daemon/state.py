"""The state file: what a run would leave behind, for whoever comes after its violent end.

One file beside the lock, replaced as a whole, there from before the first spawn until the orderly
end. The guardian reads from it how long a grace is and where to tell; when the guardian was killed
as well, the next start finds in it whose the processes were (`daemon.leftovers`).
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from trio_supervisor.daemon.proc import Process, process_of
from trio_supervisor.errors import SupervisorError
from trio_supervisor.pids import boot_id

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

VERSION = 1


class State(msgspec.Struct, frozen=True, kw_only=True):
    """One run: ``mark`` names it in the environment of its processes, ``grace`` is in seconds.

    ``log`` is the path of the activity log, empty if it is no file. ``leaders`` has the first
    process of each program of which something lives, by its namespec.
    """

    version: int
    boot: str
    guardian: Process
    daemon: Process
    mark: str
    grace: float
    log: str
    leaders: dict[str, Process]


class StateFile:
    """Writes the state of this run."""

    def __init__(self, path: str, *, guardian: int, mark: str) -> None:
        self._path = path
        self._guardian = process_of(guardian)
        self._daemon = process_of(os.getpid())
        self._boot = boot_id()
        self._mark = mark
        self._is_failing = False

    def begin(self, grace: float, log_path: str) -> None:
        """Write that nothing runs yet; SupervisorError when that cannot be written."""
        try:
            self._write({}, grace, log_path)
        except OSError as problem:
            raise SupervisorError(
                f"cannot write the state file {self._path}: {problem.strerror} "
                "(make room, or set XDG_RUNTIME_DIR to a directory of yours)"
            ) from problem

    def note(self, leaders: Mapping[str, Process], grace: float, log_path: str) -> None:
        """Write what runs now; a failure is told once, and supervision goes on."""
        try:
            self._write(leaders, grace, log_path)
        except OSError as problem:
            if not self._is_failing:
                log.error("cannot write the state file %s: %s", self._path, problem)  # noqa: TRY400
            self._is_failing = True
        else:
            self._is_failing = False

    def remove(self) -> None:
        """Take it away: this run has ended in order."""
        with suppress(FileNotFoundError):
            os.unlink(self._path)

    def _write(self, leaders: Mapping[str, Process], grace: float, log_path: str) -> None:
        state = State(
            version=VERSION,
            boot=self._boot,
            guardian=self._guardian,
            daemon=self._daemon,
            mark=self._mark,
            grace=grace,
            log=log_path,
            leaders=dict(leaders),
        )
        temporary = f"{self._path}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        with open(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(msgspec.json.encode(state))
        os.replace(temporary, self._path)


def read(path: str) -> State | None:
    """Return the state that a run left, None if there is none.

    Raises SupervisorError for what is no state of this version, and changes nothing.
    """
    try:
        with open(path, "rb") as file:
            found = msgspec.json.decode(file.read(), type=State)
        if found.version != VERSION:
            raise ValueError(f"it is of version {found.version}, not {VERSION}")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:  # what msgspec raises is a ValueError
        text = f"the state file of an earlier run cannot be read ({problem})"
        raise SupervisorError(text) from None
    return found


def put_aside(path: str) -> str:
    """Keep what is no state under another name; return that."""
    bad = bad_path(path)
    with suppress(OSError):
        os.replace(path, bad)
    return bad


def bad_path(path: str) -> str:
    """Name what is kept of a state that could not be read."""
    return f"{path}.bad"
