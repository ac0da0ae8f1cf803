"""Commands about processes: status, pid, start, stop, restart, signal, and their log files."""

from __future__ import annotations

from trio_supervisor.client import render
from trio_supervisor.client.commands import command, usage_error
from trio_supervisor.protocol.messages import (
    Action,
    Available,
    Clear,
    GetAvailable,
    GetInfo,
    GetStatus,
    Info,
    Kill,
    Outcome,
    Reopen,
    Restart,
    Rotate,
    Signal,
    Start,
    Statuses,
    Stop,
    Strays,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_supervisor.client.session import Session
    from trio_supervisor.protocol.messages import (
        AvailableProcess,
        Member,
        Message,
        ProcessStatus,
    )

ALL = "all"
MEMBERS = "--members"


@command(
    "status",
    "status               states of all processes",
    "status NAME ...      of some: NAME, GROUP:NAME, GROUP:*",
    "status --members ... with the pid and command of everything that belongs to each",
    "status --json ...    as one JSON object",
    has_json=True,
    unreachable_code=4,
)
def status(session: Session, words: list[str]) -> None:
    wants_members = MEMBERS in words
    words = [word for word in words if word != MEMBERS]
    strays: list[Member] = []
    processes, unknown = snapshot(
        session,
        () if ALL in words else tuple(words),
        strays if wants_members or session.wants_json else None,
    )
    if unknown:
        session.fail(4)
    if render.status_exit_code(processes):
        session.fail(3)
    if session.wants_json:
        from trio_supervisor.client.objects import status_object, to_text

        session.say(to_text(status_object(processes, unknown, strays)))
        return
    for outcome in unknown:
        tell(session, outcome)
    for line in render.status_lines(processes):
        session.say(line)
    for line in render.stray_lines(strays):
        session.say(line)


@command(
    "pid",
    "pid                  pid of supervisord",
    "pid NAME ...         of processes, one a line (0: it is down)",
    "pid all              of all processes",
    "pid --json ...       as one JSON object",
    has_json=True,
)
def pid(session: Session, words: list[str]) -> None:
    if session.wants_json:
        _pid_json(session, words)
    elif not words:
        session.say(str(session.ask(GetInfo(), Info).pid))
    elif ALL in words:
        for process in snapshot(session, ())[0]:
            session.say(str(process.pid or 0))
    else:
        for word in words:
            _pid_of(session, word)


def _pid_of(session: Session, word: str) -> None:
    processes, unknown = ([], []) if word.endswith((":", ":*")) else snapshot(session, (word,))
    if not processes:
        session.say(f"No such process {word}")
        session.fail()
    for outcome in unknown:
        explain(session, outcome)
    for process in processes:
        session.say(str(process.pid or 0))
        if process.pid is None:
            session.fail(7)


def _pid_json(session: Session, words: list[str]) -> None:
    from trio_supervisor.client.objects import pid_object, to_text

    processes: list[ProcessStatus] = []
    unknown: list[Outcome] = []
    if words:
        processes, unknown = snapshot(session, () if ALL in words else tuple(words))
    if unknown:
        session.fail()
    if ALL not in words and any(process.pid is None for process in processes):
        session.fail(7)
    session.say(to_text(pid_object(session.ask(GetInfo(), Info), processes, unknown)))


@command(
    "start",
    "start NAME ...       start processes and wait until they run: NAME, GROUP:NAME, GROUP:*",
    "start all            start everything",
)
def start(session: Session, words: list[str]) -> None:
    if _has_target(session, "start", words, 2):
        _operate(session, Start(_targets(words)), Action.STARTED)


@command(
    "stop",
    "stop NAME ...        stop processes and wait until they are down: NAME, GROUP:NAME, GROUP:*",
    "stop all             stop everything",
)
def stop(session: Session, words: list[str]) -> None:
    if _has_target(session, "stop", words, 1):
        _operate(session, Stop(_targets(words)), Action.STOPPED)


@command(
    "kill",
    "kill NAME ...        stop processes with SIGKILL at once: NAME, GROUP:NAME, GROUP:*",
    "kill all             everything that is not down",
)
def kill(session: Session, words: list[str]) -> None:
    if _has_target(session, "kill", words, 1):
        _operate(session, Kill(_targets(words)), Action.KILLED)


@command(
    "restart",
    "restart NAME ...     stop, then start: NAME, GROUP:NAME, GROUP:*",
    "restart all          restart everything",
    "A configuration file that changed is not read again for it: see update.",
)
def restart(session: Session, words: list[str]) -> None:
    if _has_target(session, "restart", words, 1):
        _operate(session, Restart(_targets(words)), Action.STARTED)


@command(
    "signal",
    "signal SIGNAL NAME ...   send a signal: HUP, SIGHUP or 1; to NAME, GROUP:NAME, GROUP:*",
    "signal SIGNAL all        to everything that runs",
)
def signal(session: Session, words: list[str]) -> None:
    if len(words) < 2:  # noqa: PLR2004  # the signal and a target
        usage_error(session, "signal", "signal requires a signal name and a process name")
    else:
        _operate(session, Signal(words[0], _targets(words[1:])), Action.SIGNALLED)


@command(
    "clear",
    "clear NAME ...       empty the log files of processes: NAME, GROUP:NAME, GROUP:*",
    "clear all            of all processes",
)
def clear(session: Session, words: list[str]) -> None:
    if _has_target(session, "clear", words, 1):
        _operate(session, Clear(_targets(words)), Action.CLEARED)


@command(
    "rotate",
    "rotate NAME ...      begin new log files now: NAME, GROUP:NAME, GROUP:*",
    "rotate all           of all processes",
)
def rotate(session: Session, words: list[str]) -> None:
    if _has_target(session, "rotate", words, 1):
        _operate(session, Rotate(_targets(words)), Action.ROTATED)


@command(
    "reopen",
    "reopen NAME ...      open log files anew that were moved: NAME, GROUP:NAME, GROUP:*",
    "reopen all           of all processes",
)
def reopen(session: Session, words: list[str]) -> None:
    if _has_target(session, "reopen", words, 1):
        _operate(session, Reopen(_targets(words)), Action.REOPENED)


def snapshot(
    session: Session, targets: tuple[str, ...], strays: list[Member] | None = None
) -> tuple[list[ProcessStatus], list[Outcome]]:
    """Return the state of the targets (none: of everything), and those that name nothing.

    With a list for ``strays`` the rows have their members, too.
    """
    processes: list[ProcessStatus] = []
    unknown: list[Outcome] = []
    for reply in session.stream(GetStatus(targets, members=strays is not None)):
        if isinstance(reply, Statuses):
            processes += reply.processes
        elif isinstance(reply, Strays) and strays is not None:
            strays += reply.members
        elif isinstance(reply, Outcome):
            unknown.append(reply)
    return processes, unknown


def available(session: Session) -> list[AvailableProcess]:
    """Return what is configured, in use or not."""
    replies = [one for one in session.stream(GetAvailable()) if isinstance(one, Available)]
    return [process for reply in replies for process in reply.processes]


def outcomes(session: Session, message: Message) -> Iterator[Outcome]:
    """Request an operation and yield what it did, as it is told."""
    for reply in session.stream(message):
        if isinstance(reply, Outcome):
            yield reply


def _operate(session: Session, message: Message, action: Action) -> None:
    """Tell what an operation did; ``action`` is what was asked of targets that name nothing."""
    for told in outcomes(session, message):
        outcome = told.replace(action=action) if told.action == Action.FOUND else told
        tell(session, outcome)
        if code := render.outcome_exit_code(outcome):
            session.fail(code)


def tell(session: Session, outcome: Outcome) -> None:
    """Say what became of a target, and what the daemon adds to a refusal."""
    session.say(render.outcome_line(outcome))
    explain(session, outcome)


def explain(session: Session, outcome: Outcome) -> None:
    """Say what the daemon adds to a refusal: why, or what was perhaps meant."""
    if explanation := render.explanation(outcome):
        session.hint(explanation)


def _has_target(session: Session, name: str, words: list[str], exit_code: int) -> bool:
    if not words:
        usage_error(session, name, f"{name} requires a process name", exit_code)
    return bool(words)


def _targets(words: list[str]) -> tuple[str, ...]:
    """Return the targets that the words name: ``all`` among them outdoes the others."""
    return (ALL,) if ALL in words else tuple(words)
