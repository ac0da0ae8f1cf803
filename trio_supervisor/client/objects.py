"""What ``--json`` prints: one object a command. `docs/supervisorctl.md` is its contract.

Imported only when it is asked for: json and datetime cost as much as the whole command.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from trio_supervisor.client.render import namespec
from trio_supervisor.errors import Fault
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.happenings import type_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from trio_supervisor.client.graph import Node
    from trio_supervisor.client.spans import Chart
    from trio_supervisor.client.usage import Usage
    from trio_supervisor.client.why import Account
    from trio_supervisor.protocol.messages import (
        AvailableProcess,
        Changes,
        Event,
        Info,
        Member,
        Outcome,
        ProcessStatus,
    )


def to_text(value: dict[str, Any]) -> str:
    return json.dumps(value)  # ASCII: names and commands may hold what terminals act on


def error_object(fault: str, detail: str) -> dict[str, Any]:
    return {"error": {"fault": fault, "detail": detail}}


def status_object(
    processes: Iterable[ProcessStatus], unknown: Iterable[Outcome], strays: Iterable[Member]
) -> dict[str, Any]:
    return {
        "processes": [_process(process) for process in processes],
        "strays": [_member(member) for member in strays],
        "errors": [_outcome(outcome) for outcome in unknown],
    }


def usage_object(
    processes: Iterable[ProcessStatus], used: Iterable[Usage | None], unknown: Iterable[Outcome]
) -> dict[str, Any]:
    return {
        "processes": [
            {
                **_process(process),
                "cpu_seconds": one.cpu if one else None,
                "memory": one.memory if one else None,
                "ports": list(one.ports) if one else [],
            }
            for process, one in zip(processes, used, strict=True)
        ],
        "errors": [_outcome(outcome) for outcome in unknown],
    }


def pid_object(
    info: Info, processes: Iterable[ProcessStatus], unknown: Iterable[Outcome]
) -> dict[str, Any]:
    return {
        "pid": info.pid,
        "daemon_pid": info.daemon_pid,
        "processes": [{**_named(one.group, one.name), "pid": one.pid} for one in processes],
        "errors": [_outcome(outcome) for outcome in unknown],
    }


def version_object(info: Info) -> dict[str, Any]:
    return {
        "version": info.version,
        "identifier": info.identifier,
        "state": info.state.name,
        "configuration": info.configuration,
    }


def available_object(processes: Iterable[AvailableProcess]) -> dict[str, Any]:
    return {
        "processes": [
            {
                **_named(process.group, process.name),
                "in_use": process.in_use,
                "autostart": process.autostart,
                "group_priority": process.group_priority,
                "priority": process.priority,
                "depends_on": _dependencies(process),
            }
            for process in processes
        ]
    }


def _dependencies(process: AvailableProcess) -> dict[str, str]:
    """Map what a process needs to the condition."""
    return {
        name: condition for name, _, condition in (d.rpartition("=") for d in process.depends_on)
    }


def changes_object(changes: Changes) -> dict[str, Any]:
    return {
        "added": list(changes.added),
        "changed": [
            {"group": change.group, "fields": list(change.fields)} for change in changes.changed
        ],
        "removed": list(changes.removed),
        "warnings": list(changes.warnings),
    }


def update_object(outcomes: Iterable[Outcome], *, dry_run: bool) -> dict[str, Any]:
    return {"dry_run": dry_run, "outcomes": [_outcome(outcome) for outcome in outcomes]}


def event_object(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": type_of(event),
        "time": _moment(event.time),
        "cause": event.cause,
        **_named(event.group, event.name),
        "from_state": event.from_state.name if event.from_state is not None else None,
        "pid": event.pid,
        "tries": event.tries,
        "expected": event.expected if event.to_state is ProcessState.EXITED else None,
        "detail": event.detail,
        "data": event.data.decode(errors="backslashreplace"),
        "lost": event.lost,
    }


def why_object(told: Iterable[Account], unknown: Iterable[Outcome]) -> dict[str, Any]:
    return {
        "processes": [
            {
                **_process(one.process),
                "steps": [
                    {**event_object(step.event), "text": step.text, "output": list(step.output)}
                    for step in one.steps
                ],
                "forgotten": one.forgotten,
                "not_started": one.not_started,
            }
            for one in told
        ],
        "errors": [_outcome(outcome) for outcome in unknown],
    }


def graph_object(nodes: Iterable[Node]) -> dict[str, Any]:
    return {
        "processes": [
            {"namespec": node.name, "state": node.state, "depends_on": dict(node.needs)}
            for node in nodes
        ]
    }


def timeline_object(charts: Iterable[Chart]) -> dict[str, Any]:
    """Seconds are those since the beginning of a chart."""
    return {
        "charts": [
            {
                "title": chart.title,
                "seconds": round(chart.duration, 6),
                "critical": list(chart.critical),
                "rows": [
                    {
                        "namespec": row.name,
                        "settled": round(row.settled - chart.begin, 6),
                        "outcome": row.outcome,
                        "spans": [
                            {
                                "phase": span.phase,
                                "begin": round(span.begin - chart.begin, 6),
                                "end": round(span.end - chart.begin, 6),
                            }
                            for span in row.spans
                        ],
                    }
                    for row in chart.rows
                ],
                "forgotten": dict(chart.forgotten),
            }
            for chart in charts
        ]
    }


def _process(process: ProcessStatus) -> dict[str, Any]:
    return {
        **_named(process.group, process.name),
        "state": process.state.name,
        "description": process.description,
        "pid": process.pid,
        "wanted": process.wanted,
        "started": _moment(process.started),
        "stopped": _moment(process.stopped),
        "returncode": process.returncode,
        "spawn_error": process.spawn_error,
        "spawns": process.spawns,
        "stale": process.stale,
        "stdout_logfile": process.stdout_logfile,
        "stderr_logfile": process.stderr_logfile,
        "members": [_member(member) for member in process.members],
        "events_lost": process.events_lost,
        "ready": process.ready,
        "health": process.health,
    }


def _member(member: Member) -> dict[str, Any]:
    return {"pid": member.pid, "command": member.command}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        **_named(outcome.group, outcome.name),
        "action": outcome.action.name,
        "fault": None if outcome.fault == Fault.SUCCESS else outcome.fault.name,
        "detail": outcome.detail,
    }


def _named(group: str, name: str) -> dict[str, Any]:
    return {"group": group, "name": name, "namespec": namespec(group, name)}


def _moment(seconds: float | None) -> str | None:
    """Return a Unix time as RFC 3339 in UTC, to the millisecond."""
    if seconds is None:
        return None
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
