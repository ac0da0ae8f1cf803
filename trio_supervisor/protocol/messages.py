"""Every message of the control protocol, each with its code. `docs/protocol.md` has the prose.

Codes are for good: one is never reused, and fields are only ever appended, with a default.
Requests travel to the daemon, replies to the client; a stream is items of one message, then End.
A *target* names what a command is about: ``name``, ``group:name``, ``group:*``, ``all``, a program
or a pattern such as ``worker*``.
"""

from __future__ import annotations

from enum import IntEnum

from trio_supervisor.errors import Fault, ProtocolError
from trio_supervisor.lifecycle import ProcessState, SupervisorState
from trio_supervisor.protocol.codec import decode, encode
from trio_supervisor.protocol.framing import Frame, pack
from trio_supervisor.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

PROTOCOL_MAJOR = 1
"""Another major version is refused."""
PROTOCOL_MINOR = 5
"""Counts the additions; informative."""


class Message(Record):
    """A record with a code: what one frame carries."""

    code: ClassVar[int]

    def __init_subclass__(cls, code: int, **options: Any) -> None:
        super().__init_subclass__(**options)
        assert code not in MESSAGES, f"code {code:#x} is taken by {MESSAGES[code].__name__}"
        cls.code = code
        MESSAGES[code] = cls


MESSAGES: dict[int, type[Message]] = {}
"""Every message by its code."""


def to_bytes(request: int, message: Message) -> bytes:
    """Return the frame that carries a message."""
    return pack(request, message.code, encode(message))


def from_frame(frame: Frame) -> Message:
    """Return the message in a frame; ProtocolError for an unknown code or a body that is not it."""
    kind = MESSAGES.get(frame.code)
    if kind is None:
        raise ProtocolError(f"no message has the code {frame.code:#06x}", Fault.UNKNOWN_METHOD)
    message: Message = decode(kind, frame.body)
    return message


# ── the conversation itself ──────────────────────────────────────────────────────────────────


class Hello(Message, code=0x0001):
    """First frame each way. ``software`` is for people; the password is checked, never shown."""

    major: int
    minor: int = 0
    software: str = ""
    username: str = ""
    password: str = ""

    HIDDEN: ClassVar[frozenset[str]] = frozenset({"password"})


class Error(Message, code=0x0002):
    """A request was refused, or (request id 0) the connection: the daemon closes it after this."""

    fault: Fault
    detail: str = ""


class Cancel(Message, code=0x0003):
    """End the stream whose request id this frame carries; the daemon answers it with End."""


class End(Message, code=0x0004):
    """Nothing more will answer this request."""


class Done(Message, code=0x0005):
    """It was done; there is nothing to tell."""


# ── asking ───────────────────────────────────────────────────────────────────────────────────


class GetInfo(Message, code=0x0010):
    """Ask for Info."""


class Info(Message, code=0x0011):
    """The daemon itself. ``pid`` is the one in the pidfile; ``daemon_pid`` supervises.

    ``pid_space`` is the same for all whose pids mean the same; empty when that is not known.
    """

    version: str
    identifier: str
    state: SupervisorState
    pid: int
    daemon_pid: int
    configuration: str = ""
    pid_space: str = ""


class GetStatus(Message, code=0x0012):
    """Ask for a snapshot of the targets (none: of everything): Statuses and Outcomes, then End.

    An Outcome here is a target that names nothing. With ``members``, each row lists its members,
    and Strays follow those of everything.
    """

    targets: tuple[str, ...] = ()
    members: bool = False


class Member(Record):
    """One live process, and what it was started with, as one shortened line."""

    pid: int
    command: str


class ProcessStatus(Record):
    """One process at one moment. Times are Unix seconds; ``returncode`` -n is signal n.

    ``stale`` says that another configuration than the running one is waiting for a restart.
    ``events_lost`` counts what the buffer of an event listener's pool had no room for.
    ``ready`` is true when its ``ready`` was, without one when it is RUNNING; ``health`` is
    ``starting``, ``healthy`` or ``unhealthy``, empty without a ``health``.
    """

    group: str
    name: str
    state: ProcessState
    description: str = ""
    pid: int | None = None
    wanted: bool = False
    started: float | None = None
    stopped: float | None = None
    returncode: int | None = None
    spawn_error: str = ""
    spawns: int = 0
    stale: bool = False
    stdout_logfile: str = ""
    stderr_logfile: str = ""
    members: tuple[Member, ...] = ()
    events_lost: int = 0
    ready: bool = False
    health: str = ""


class Statuses(Message, code=0x0013):
    """Some rows of a snapshot, sorted by group then name, or in the order of the targets."""

    processes: tuple[ProcessStatus, ...]


class Strays(Message, code=0x0016):
    """Descendants of the daemon that belong to no program; they go when it ends."""

    members: tuple[Member, ...]


class GetAvailable(Message, code=0x0014):
    """Ask for what the configured groups hold: Available rows, then End."""


class AvailableProcess(Record):
    """One configured process; ``in_use`` when its group is active.

    ``depends_on`` has the name and the condition of each process it needs: ``db=ready``.
    ``program`` is the name that means it and all others of its program. ``chosen`` says whether it
    was named when the daemon was to start only some; None: it starts as ``autostart`` says.
    """

    group: str
    name: str
    in_use: bool
    autostart: bool
    group_priority: int
    priority: int
    depends_on: tuple[str, ...] = ()
    program: str = ""
    chosen: bool | None = None


class Available(Message, code=0x0015):
    """Some rows of what is configured, sorted by process name."""

    processes: tuple[AvailableProcess, ...]


# ── operations: each answers with Outcomes, then End ─────────────────────────────────────────


class Action(IntEnum):
    """What an Outcome says was done, or was to be done."""

    FOUND = 0
    STARTED = 1
    STOPPED = 2
    SIGNALLED = 3
    CLEARED = 4
    ADDED = 5
    REMOVED = 6
    UPDATED = 7
    KILLED = 8
    ROTATED = 9
    REOPENED = 10
    READY = 11


class Outcome(Message, code=0x0020):
    """What became of one process (or of a whole group: empty ``name``) that a target named."""

    action: Action
    group: str
    name: str
    fault: Fault = Fault.SUCCESS
    detail: str = ""


class Start(Message, code=0x0021):
    """Start the targets; with ``wait``, answer when each is RUNNING or has failed."""

    targets: tuple[str, ...]
    wait: bool = True


class Stop(Message, code=0x0022):
    """Stop the targets; with ``wait``, answer when each is down."""

    targets: tuple[str, ...]
    wait: bool = True


class Restart(Message, code=0x0023):
    """Stop the targets, then start them, with what is configured now."""

    targets: tuple[str, ...]
    wait: bool = True


class Signal(Message, code=0x0024):
    """Send a signal (``HUP``, ``SIGHUP`` or ``1``) to the targets."""

    signal: str
    targets: tuple[str, ...]


class Kill(Message, code=0x0026):
    """Stop the targets with SIGKILL at once; with ``wait``, answer when each is down."""

    targets: tuple[str, ...]
    wait: bool = True


class Clear(Message, code=0x0025):
    """Empty the log files of the targets."""

    targets: tuple[str, ...]


class Rotate(Message, code=0x0027):
    """Rotate the log files of the targets now, whatever their size."""

    targets: tuple[str, ...]


class Reopen(Message, code=0x0028):
    """Open the log files of the targets anew, as after somebody moved them."""

    targets: tuple[str, ...]


class Write(Message, code=0x0029):
    """Write to the stdin of the one process that ``target`` names; Done when it was taken."""

    target: str
    data: bytes

    HIDDEN: ClassVar[frozenset[str]] = frozenset({"data"})


class Resize(Message, code=0x002A):
    """Give the terminal of the one process that ``target`` names a size in characters; Done."""

    target: str
    rows: int
    columns: int


class Wait(Message, code=0x002B):
    """Wait until the targets are up: Outcomes with READY, then End.

    Up is RUNNING, and ready where something says when that is; of a task, that it has ended well;
    with ``healthy``, that a program with a health probe is. What will not come, or not within
    ``timeout`` seconds, is refused: NOT_RUNNING or FAILED.
    """

    targets: tuple[str, ...]
    healthy: bool = False
    timeout: float | None = None


# ── configuration ────────────────────────────────────────────────────────────────────────────


class Reread(Message, code=0x0030):
    """Read the configuration again, change nothing that runs; answered by Changes."""


class GroupChange(Record):
    """A group whose configuration differs from the active one in the named ``fields``."""

    group: str
    fields: tuple[str, ...]


class Changes(Message, code=0x0031):
    """How the configured groups differ from the active ones, each part sorted by name."""

    added: tuple[str, ...]
    changed: tuple[GroupChange, ...]
    removed: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class Update(Message, code=0x0032):
    """Reread and apply: Outcomes, then End. ``groups`` narrows it; ``dry_run`` only tells."""

    groups: tuple[str, ...] = ()
    dry_run: bool = False


class Add(Message, code=0x0033):
    """Make configured groups active: Outcomes, then End."""

    groups: tuple[str, ...]


class Remove(Message, code=0x0034):
    """Take stopped groups out: Outcomes, then End."""

    groups: tuple[str, ...]


class Reload(Message, code=0x0035):
    """Reread everything and restart all that runs; Done at once, or Error for a bad file."""


class Shutdown(Message, code=0x0036):
    """Stop everything and end the daemon; Done at once, or with ``wait`` when all is down."""

    wait: bool = False


# ── output and events ────────────────────────────────────────────────────────────────────────


class Channel(IntEnum):
    """Which log a Tail is about; MAIN is the daemon's own.

    TERMINAL is what the terminal of a process was sent, just as it was: some of the last, and what
    comes.
    """

    MAIN = 0
    STDOUT = 1
    STDERR = 2
    TERMINAL = 3


class Tail(Message, code=0x0040):
    """Ask for the last ``size`` bytes of a log: Output, then End; with ``follow``, what comes, too.

    A stream that follows ends with Cancel, or when all is down, each time with End.
    """

    channel: Channel
    name: str = ""
    size: int = 1600
    follow: bool = False


class Output(Message, code=0x0041):
    """Bytes of a log. ``lost`` counts those skipped before them because the reader was slow."""

    data: bytes
    lost: int = 0


class GetLogs(Message, code=0x0044):
    """Ask for the logs of the targets (none: of all): LogParts, log after log, then End.

    At most the last ``lines`` of each, or what came ``since`` then. With ``follow``, Done after
    that, and LogParts as they come. An Outcome is a target without a log. With
    ``events``, each Event of a console has its place among what comes: those of all processes.
    """

    targets: tuple[str, ...] = ()
    lines: int | None = None
    since: float | None = None
    follow: bool = False
    events: bool = False


class LogPart(Message, code=0x0045):
    """Bytes of a log, and when they came, in Unix seconds; None: before this daemon started.

    Neither begins nor ends with a line. ``lost`` counts the bytes skipped before it, of any log.
    """

    group: str
    name: str
    channel: Channel
    time: float | None
    data: bytes
    lost: int = 0


class FollowEvents(Message, code=0x0042):
    """Ask for every Event from now on, as Tail follows; with ``past``, those still known first.

    Without ``all``, for those of the first four kinds only; without ``follow``, for the past only.
    """

    past: bool = False
    all: bool = False
    follow: bool = True


class EventKind(IntEnum):
    """What an event is about."""

    PROCESS = 1
    REQUEST = 2
    GROUP = 3
    SUPERVISOR = 4
    TICK = 5
    REMOTE = 6
    OUTPUT = 7
    CAPTURE = 8
    HEALTH = 9
    WAIT = 10


class Event(Message, code=0x0043):
    """Something that happened, and ``cause``: the id of the event that led to it.

    ``time`` is Unix seconds, ``clock`` seconds of the daemon's monotonic clock. ``lost`` counts
    the events skipped before this one because the subscriber was slow. ``tries`` counts the failed
    starts so far, ``expected`` is about an end. ``data`` is what was written, sent or captured.
    """

    id: int
    kind: EventKind
    time: float
    clock: float
    cause: int | None = None
    group: str = ""
    name: str = ""
    from_state: ProcessState | None = None
    to_state: ProcessState | None = None
    pid: int | None = None
    detail: str = ""
    lost: int = 0
    tries: int = 0
    expected: bool = False
    data: bytes = b""
