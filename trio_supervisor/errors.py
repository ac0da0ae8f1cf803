"""What can go wrong for a user, as exceptions, and the numbers a refusal has on the wire.

Any other exception that leaves a function of this package is a bug. Texts say what is wrong,
with the value, then the remedy; surfaces print them as they are.
"""

from __future__ import annotations

from enum import IntEnum

from trio_supervisor.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Fault(IntEnum):
    """Why a request was refused. Numbers below 100 are supervisord's (its xmlrpc.py: Faults)."""

    UNKNOWN_METHOD = 1
    INCORRECT_PARAMETERS = 2
    BAD_ARGUMENTS = 3
    SIGNATURE_UNSUPPORTED = 4
    SHUTDOWN_STATE = 6
    BAD_NAME = 10
    BAD_SIGNAL = 11
    NO_FILE = 20
    NOT_EXECUTABLE = 21
    FAILED = 30
    ABNORMAL_TERMINATION = 40
    SPAWN_ERROR = 50
    ALREADY_STARTED = 60
    NOT_RUNNING = 70
    SUCCESS = 80
    ALREADY_ADDED = 90
    STILL_RUNNING = 91
    CANT_REREAD = 92
    # ours: what only a frame can get wrong
    UNSUPPORTED_VERSION = 100
    UNAUTHORIZED = 101
    BAD_FRAME = 102
    TOO_LARGE = 103
    BUSY = 104
    INTERNAL_ERROR = 105


class SupervisorError(Exception):
    """A mistake or a refusal that its text explains to the person who made the request."""


class Problem(Record):
    """One thing wrong with a configuration: where (line from 1), which key, what to do."""

    file: str
    line: int | None
    key: str
    text: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.key}: {self.text}" if self.key else f"{where}: {self.text}"


class ConfigError(SupervisorError):
    """A configuration that cannot be used; ``problems`` has all that is wrong, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class RequestError(SupervisorError):
    """A request that was refused, with the fault that says why."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        self.fault = fault
        self.detail = detail
        super().__init__(f"{fault.name}: {detail}" if detail else fault.name)


class ProtocolError(SupervisorError):
    """The peer sent bytes that are no frame, or a body that is not its message."""

    def __init__(self, detail: str, fault: Fault = Fault.BAD_FRAME) -> None:
        self.fault = fault
        super().__init__(detail)
