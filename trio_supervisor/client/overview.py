"""The command ps: a table of all processes for people."""

from __future__ import annotations

import time

from trio_supervisor.client import render
from trio_supervisor.client.commands import command
from trio_supervisor.client.processes import ALL, snapshot, tell
from trio_supervisor.client.screen import cut, room_for_names, terminal_width
from trio_supervisor.client.usage import Looker, Usage
from trio_supervisor.pids import is_ours
from trio_supervisor.protocol.messages import GetInfo, Info

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trio_supervisor.client.session import Session
    from trio_supervisor.protocol.messages import Member, ProcessStatus

_KILO = 1024
_LEAST = 10
_RIGHT = {"PID", "RESTARTS", "CPU", "MEMORY"}


@command(
    "ps",
    "ps [NAME ...]        all processes, or some, with pid, uptime, restarts, CPU, memory and",
    "                     ports, those of all that belongs to each: NAME, GROUP:NAME, GROUP:*",
    "ps --json ...        as one JSON object",
    has_json=True,
    unreachable_code=4,
)
def ps(session: Session, words: list[str]) -> None:
    strays: list[Member] = []
    processes, unknown = snapshot(session, () if ALL in words else tuple(words), strays)
    looker = Looker() if is_ours(session.ask(GetInfo(), Info).pid_space) else None
    used = [None if looker is None else _usage(looker, process) for process in processes]
    if unknown:
        session.fail(4)
    if session.wants_json:
        from trio_supervisor.client.objects import to_text, usage_object

        session.say(to_text(usage_object(processes, used, unknown)))
        return
    for outcome in unknown:
        tell(session, outcome)
    rows = [row(process, one) for process, one in zip(processes, used, strict=True)]
    for line in fitting(rows, terminal_width()):
        session.say(line)


def _usage(looker: Looker, process: ProcessStatus) -> Usage | None:
    return looker.at(member.pid for member in process.members) if process.members else None


def row(process: ProcessStatus, used: Usage | None) -> dict[str, str]:
    """Return the cells of a process by their heads."""
    uptime = None
    if process.pid is not None and process.started is not None:
        uptime = max(0.0, time.time() - process.started)
    return {
        "NAME": render.namespec(process.group, process.name),
        "STATE": process.state.name,
        "READY": _readiness(process) if process.pid is not None else "",
        "PID": str(process.pid or "-"),
        "UPTIME": _duration(uptime),
        "RESTARTS": str(max(0, process.spawns - 1)),
        "CPU": f"{100 * used.cpu / uptime:.1f}%" if used and uptime else "-",
        "MEMORY": _size(used.memory) if used else "-",
        "PORTS": ",".join(map(str, used.ports)) if used else "",
        "NOTE": "" if process.pid is not None else " ".join(process.description.splitlines()),
    }


def fitting(rows: list[dict[str, str]], width: int | None) -> list[str]:
    """Return the table; where it is too wide for a terminal, with names and lines that are cut."""
    lines = table(rows)
    widest = max(map(len, lines), default=0)
    if width is None or widest <= width:
        return lines
    longest = room_for_names(width, widest - max(len(one["NAME"]) for one in rows))
    lines = table([{**one, "NAME": cut(one["NAME"], longest)} for one in rows])
    return [cut(line, width) for line in lines]


def table(rows: list[dict[str, str]]) -> list[str]:
    """Return the lines of a table, without the columns that nobody has anything for."""
    heads = [head for head in rows[0] if any(one[head] for one in rows)] if rows else []
    rows = [dict(zip(heads, heads, strict=True)), *rows]
    widths = {head: max(len(one[head]) for one in rows) for head in heads}
    return [
        "  ".join(
            one[head].rjust(widths[head]) if head in _RIGHT else one[head].ljust(widths[head])
            for head in heads
        ).rstrip()
        for one in (rows if heads else [])
    ]


def _readiness(process: ProcessStatus) -> str:
    """Say how its health is, where that is looked at, else whether it is ready."""
    return process.health or ("ready" if process.ready else "not yet")


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _size(size: int) -> str:
    amount, unit = float(size), "B"
    for unit in ("B", "K", "M", "G"):  # the last one is used
        if amount < _KILO or unit == "G":
            break
        amount /= _KILO
    return f"{amount:.1f}{unit}" if amount < _LEAST else f"{amount:.0f}{unit}"
