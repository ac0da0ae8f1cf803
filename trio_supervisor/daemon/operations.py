"""What can be asked of processes: start, stop, kill, restart, signal, write; and of their logs.

Each is registered at once with the programs that the words name, in the order in which requests
arrive, and carried out by their tasks; a `Pending` is the outcome of one of them. Changes of the
configuration are in `daemon.updates`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from trio_supervisor.daemon.hints import hint
from trio_supervisor.daemon.logs import ProgramLogs
from trio_supervisor.daemon.report import Pending
from trio_supervisor.daemon.targets import ALL, resolve, split_namespec
from trio_supervisor.daemon.terminal import LARGEST, Window
from trio_supervisor.daemon.waiter import Waiter, attempt
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.lifecycle import SIGNALLABLE_STATES, ProcessState
from trio_supervisor.protocol.messages import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trio_supervisor.daemon.program import Program
    from trio_supervisor.daemon.supervisor import Supervisor
    from trio_supervisor.daemon.targets import Target
    from trio_supervisor.spec import GroupSpec


def start(supervisor: Supervisor, words: Iterable[str], cause: int | None) -> list[Pending]:
    """Start what the words name; of whole groups, what is not up."""
    words = list(words)
    _add_available(supervisor, words, cause)
    found = []
    for target in resolve(supervisor.groups, words):
        chosen = [p for p in target.programs if target.is_one or not p.is_up]
        found += _pending(
            supervisor, Action.STARTED, target, [(p, _start(p, cause)) for p in chosen]
        )
    return found


def stop(supervisor: Supervisor, words: Iterable[str], cause: int | None) -> list[Pending]:
    """Stop what the words name; of whole groups, what is up, by one cancellation each."""
    found = []
    for target in resolve(supervisor.groups, words):
        if target.is_one or target.is_gathered:
            chosen = [p for p in target.programs if target.is_one or p.is_up]
            waiters = [(p, p.stop_nowait(cause)) for p in chosen]
        elif not target.programs:
            waiters = []
        else:
            up = {program for program in target.programs if program.is_up}
            waiters = supervisor.groups[target.group].stop_nowait(cause)
            waiters = [(program, waiter) for program, waiter in waiters if program in up]
        found += _pending(supervisor, Action.STOPPED, target, waiters)
    return found


def kill(supervisor: Supervisor, words: Iterable[str], cause: int | None) -> list[Pending]:
    """Stop what the words name without any grace; of whole groups, what is not down."""
    found = []
    for target in resolve(supervisor.groups, words):
        chosen = [p for p in target.programs if target.is_one or not p.is_at_rest]
        waiters = [(p, p.kill_nowait(cause)) for p in chosen]
        found += _pending(supervisor, Action.KILLED, target, waiters)
    supervisor.wake()
    return found


def restart(supervisor: Supervisor, words: Iterable[str], cause: int | None) -> list[Pending]:
    """Stop what is up, and start all that the words name, as soon as it is down."""
    words = list(words)
    return [*stop(supervisor, words, cause), *start(supervisor, words, cause)]


def signal(
    supervisor: Supervisor, number: int | None, words: Iterable[str], cause: int
) -> list[Pending]:
    """Send a signal (None: a bad one) to what is named; of groups, to what can take it."""
    found = []
    for target in resolve(supervisor.groups, words):
        chosen = [p for p in target.programs if target.is_one or p.state in SIGNALLABLE_STATES]
        waiters = [(p, attempt(partial(_send, p, number, cause))) for p in chosen]
        found += _pending(supervisor, Action.SIGNALLED, target, waiters)
    return found


def _send(program: Program, number: int | None, cause: int) -> None:
    program.signal(number)
    if number is not None:  # else it was refused
        program.history.note_signal(number, cause)


def write(supervisor: Supervisor, word: str, data: bytes) -> None:
    """Write to the stdin of the one process that a word names; RequestError when that fails.

    Nobody talks to a process that is being stopped, as in supervisord's rpcinterface.py.
    """
    program = supervisor.program(word)
    if program.state is ProcessState.STOPPING:
        raise RequestError(Fault.NOT_RUNNING)
    program.write(data)


def resize(supervisor: Supervisor, word: str, rows: int, columns: int) -> None:
    """Give the terminal of the one process that a word names a size; RequestError if it cannot."""
    if not (0 < rows <= LARGEST and 0 < columns <= LARGEST):
        raise RequestError(Fault.BAD_ARGUMENTS, f"{rows} rows, {columns} columns")
    supervisor.program(word).resize(Window(rows, columns))


def clear(supervisor: Supervisor, words: Iterable[str]) -> list[Pending]:
    """Empty the logs of what the words name."""
    return _with_logs(supervisor, Action.CLEARED, ProgramLogs.clear, words)


def rotate(supervisor: Supervisor, words: Iterable[str]) -> list[Pending]:
    """Begin new logs of what the words name."""
    return _with_logs(supervisor, Action.ROTATED, ProgramLogs.rotate, words)


def reopen(supervisor: Supervisor, words: Iterable[str]) -> list[Pending]:
    """Open the logs of what the words name anew."""
    return _with_logs(supervisor, Action.REOPENED, ProgramLogs.reopen, words)


def _with_logs(
    supervisor: Supervisor,
    action: Action,
    act: Callable[[ProgramLogs], None],
    words: Iterable[str],
) -> list[Pending]:
    found = []
    for target in resolve(supervisor.groups, words):
        waiters = [(p, attempt(partial(act, p.logs))) for p in target.programs]
        found += _pending(supervisor, action, target, waiters)
    return found


def _pending(
    supervisor: Supervisor, action: Action, target: Target, waiters: list[tuple[Program, Waiter]]
) -> list[Pending]:
    if not target.programs:
        unknown = Waiter.known(Fault.BAD_NAME, hint(supervisor.groups, [target]))
        return [Pending(action, target.group, target.name, unknown)]
    return [Pending(action, p.rank.group, p.rank.name, waiter) for p, waiter in waiters]


def _add_available(supervisor: Supervisor, words: Iterable[str], cause: int | None) -> None:
    """Make groups active that are only configured, when a start names them.

    Or a program of theirs, if the name means nothing that is active.
    """
    words = list(words)
    if ALL in words:
        return
    for word, target in zip(words, resolve(supervisor.groups, words), strict=True):
        for name, spec in supervisor.configured.items():
            is_meant = name == split_namespec(word)[0] or (not target.programs and _has(spec, word))
            if is_meant and name not in supervisor.groups:
                supervisor.add_group(spec, cause, autostart=lambda _group, _spec: False)


def _has(spec: GroupSpec, program: str) -> bool:
    return any(one.program == program for one in spec.programs)


def _start(program: Program, cause: int | None) -> Waiter:
    """Start it as a person does: refused at once when there is no command to execute."""
    possible = attempt(program.check_command)
    return program.start_nowait(cause) if possible.fault is Fault.SUCCESS else possible
