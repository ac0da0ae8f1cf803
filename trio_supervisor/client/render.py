"""Values to lines of text, and to exit codes: pure, byte for byte what supervisorctl prints.

Tools split every line of stdout, so a value never becomes more than one line here.
"""

from __future__ import annotations

import time

from trio_supervisor.errors import Fault
from trio_supervisor.lifecycle import STOPPED_STATES, ProcessState
from trio_supervisor.protocol.messages import Action

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trio_supervisor.protocol.messages import (
        AvailableProcess,
        Changes,
        Member,
        Outcome,
        ProcessStatus,
    )

NAME_WIDTH = 30
"""Least width of the name in a status line, before the three spaces that follow it."""
MOST_NAMED = 8
"""Names of one state in a summary."""

_DONE = {
    Action.FOUND: "found",
    Action.STARTED: "started",
    Action.STOPPED: "stopped",
    Action.SIGNALLED: "signalled",
    Action.CLEARED: "cleared",
    Action.ADDED: "added process group",
    Action.REMOVED: "removed process group",
    Action.UPDATED: "updated process group",
    Action.KILLED: "killed",
    Action.ROTATED: "rotated",
    Action.REOPENED: "reopened",
}

_REFUSED = {
    Fault.BAD_NAME: "no such process",
    Fault.BAD_SIGNAL: "bad signal name",
    Fault.NO_FILE: "no such file",
    Fault.NOT_EXECUTABLE: "file is not executable",
    Fault.ABNORMAL_TERMINATION: "abnormal termination",
    Fault.SPAWN_ERROR: "spawn error",
    Fault.ALREADY_STARTED: "already started",
    Fault.NOT_RUNNING: "not running",
    Fault.SHUTDOWN_STATE: "supervisor shutting down",
}

_HARMLESS = {
    (Action.STARTED, Fault.ALREADY_STARTED),
    (Action.STOPPED, Fault.NOT_RUNNING),
    (Action.KILLED, Fault.NOT_RUNNING),
    (Action.ADDED, Fault.ALREADY_ADDED),
}
"""Refusals that leave the exit code alone: what was wanted is so already."""

_DEAD = {Fault.SPAWN_ERROR, Fault.ABNORMAL_TERMINATION, Fault.NOT_RUNNING}


def namespec(group: str, name: str) -> str:
    """Return the displayed name; an empty ``name`` means the group itself."""
    return group if name in {group, ""} else f"{group}:{name}"


def status_lines(processes: Sequence[ProcessStatus]) -> list[str]:
    """Return the table of ``status``, its first column as wide as the longest name needs.

    The members of a process, if they were asked for, come in lines below its own.
    """
    names = [namespec(process.group, process.name) for process in processes]
    width = max([NAME_WIDTH, *map(len, names)]) + 3
    lines = []
    for name, process in zip(names, processes, strict=True):
        words = _one_line(process.description)
        lines.append(f"{name:<{width}}{process.state.name:<10}{words}")
        if process.members:
            lines += member_lines(process.members)
    return lines


def member_lines(members: Iterable[Member]) -> list[str]:
    return [f"  pid {member.pid:<8}{printable(member.command)}".rstrip() for member in members]


def stray_lines(strays: Sequence[Member]) -> list[str]:
    """Return what follows the table when processes run that belong to no program."""
    if not strays:
        return []
    return ["strays (they belong to no program, and go with supervisord):", *member_lines(strays)]


def printable(text: str) -> str:
    """Escape what a program may have put into its command line to play with the terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def moment(seconds: float) -> str:
    """Return the time of day, with milliseconds."""
    milliseconds = int(seconds % 1 * 1000)
    return f"{time.strftime('%H:%M:%S', time.localtime(seconds))}.{milliseconds:03d}"


def status_exit_code(processes: Iterable[ProcessStatus]) -> int:
    """Return 3 if any process is down, else 0."""
    return 3 if any(process.state in STOPPED_STATES for process in processes) else 0


def avail_line(process: AvailableProcess) -> str:
    name = namespec(process.group, process.name)
    used = "in use" if process.in_use else "avail"
    start = "auto" if process.autostart else "manual"
    return f"{name:<32} {used:<9} {start:<9} {process.group_priority}:{process.priority}"


def outcome_line(outcome: Outcome) -> str:
    """Return ``web: started``, ``web: ERROR (not running)`` and the like."""
    name = namespec(outcome.group, outcome.name)
    if outcome.fault == Fault.SUCCESS:
        return f"{name}: {_DONE[outcome.action]}"
    return f"{name}: ERROR ({refusal(outcome)})"


def refusal(outcome: Outcome) -> str:
    """Return supervisorctl's words for a fault, else the daemon's own."""
    if outcome.fault == Fault.BAD_NAME and not outcome.name:
        return "no such group"
    known = _REFUSED.get(outcome.fault)
    return known or _one_line(outcome.detail) or outcome.fault.name.lower().replace("_", " ")


def explanation(outcome: Outcome) -> str:
    """Return what the daemon adds to the words of a refusal, empty if there is nothing."""
    if outcome.fault == Fault.SUCCESS or outcome.detail in {"", refusal(outcome)}:
        return ""
    return f"{namespec(outcome.group, outcome.name)}: {_one_line(outcome.detail)}"


def outcome_exit_code(outcome: Outcome) -> int:
    """Return the exit code that an outcome asks for (0: none)."""
    if outcome.fault == Fault.SUCCESS or (outcome.action, outcome.fault) in _HARMLESS:
        return 0
    if outcome.fault in _DEAD:
        return 7
    unknown_group = outcome.fault == Fault.BAD_NAME and not outcome.name
    return 2 if unknown_group and outcome.action == Action.STARTED else 1


def add_line(outcome: Outcome) -> str:
    match outcome.fault:
        case Fault.ALREADY_ADDED:
            return "ERROR: process group already active"
        case Fault.BAD_NAME:
            return f"ERROR: no such process/group: {outcome.group}"
        case _:
            return outcome_line(outcome)


def remove_line(outcome: Outcome) -> str:
    match outcome.fault:
        case Fault.STILL_RUNNING:
            return f"ERROR: process/group still running: {outcome.group}"
        case Fault.BAD_NAME:
            return f"ERROR: no such process/group: {outcome.group}"
        case _:
            return outcome_line(outcome)


def update_line(outcome: Outcome, *, dry_run: bool = False) -> str:
    """Return the line of one step; a dry run says so, and names the fields that changed."""
    if outcome.fault == Fault.BAD_NAME:
        return f"ERROR: no such group: {outcome.group}"
    if not dry_run:
        return outcome_line(outcome)
    fields = f" ({_one_line(outcome.detail)})" if outcome.detail else ""
    return f"dry run: {outcome_line(outcome.replace(detail=''))}{fields}"


def changes_lines(changes: Changes) -> list[str]:
    """Return what ``reread`` prints, sorted by name."""
    lines = [
        *((name, f"{name}: available") for name in changes.added),
        *((change.group, f"{change.group}: changed") for change in changes.changed),
        *((name, f"{name}: disappeared") for name in changes.removed),
    ]
    return [line for _, line in sorted(lines)] or ["No config updates to processes"]


def summary(processes: Iterable[ProcessStatus]) -> str:
    """Return ``5 processes: 4 RUNNING; FATAL: api``: how many run, and which do not."""
    names: dict[ProcessState, list[str]] = {}
    for process in processes:
        names.setdefault(process.state, []).append(process.name)
    running = len(names.pop(ProcessState.RUNNING, []))
    count = running + sum(map(len, names.values()))
    told = [f"{count} process{'es' * (count != 1)}: {running} RUNNING"]
    return "; ".join([*told, *(f"{state.name}: {_some(names[state])}" for state in sorted(names))])


def _some(names: list[str]) -> str:
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())
