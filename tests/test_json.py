"""The objects of ``--json``: keys and values as docs/supervisorctl.md promises them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from scripted import Answer, ScriptedDaemon

from trio_supervisor.cli.supervisorctl import main
from trio_supervisor.errors import Fault
from trio_supervisor.lifecycle import ProcessState, SupervisorState
from trio_supervisor.protocol.messages import (
    Action,
    Available,
    AvailableProcess,
    Changes,
    End,
    Error,
    GetAvailable,
    GetInfo,
    GetStatus,
    GroupChange,
    Info,
    Message,
    Outcome,
    ProcessStatus,
    Reread,
    Statuses,
    Update,
)

INFO = Info("0.1.0", "supervisor", SupervisorState.RUNNING, 10, 11, "/etc/supervisord.toml")
WEB = ProcessStatus(
    "web", "a", ProcessState.RUNNING, "pid 7, uptime 0:00:01", 7, True, started=1.5, spawns=2
).replace(ready=True, health="healthy")
DOWN = ProcessStatus("é", "é", ProcessState.EXITED, "", stopped=0.0, returncode=-9)
UNKNOWN = Outcome(Action.FOUND, "no", "no", Fault.BAD_NAME)
ERROR = {
    "group": "no",
    "name": "no",
    "namespec": "no",
    "action": "FOUND",
    "fault": "BAD_NAME",
    "detail": "",
}


def ctl(
    capsys: pytest.CaptureFixture[str], answers: dict[type[Message], Answer], words: str
) -> tuple[Any, int]:
    """Run a command that prints one object on one line; return it and the exit code."""
    with ScriptedDaemon(answers) as daemon:
        code = main(["-s", daemon.url, *words.split()])
    (line,) = capsys.readouterr().out.splitlines()
    return json.loads(line), code


def test_status(capsys: pytest.CaptureFixture[str]) -> None:
    answers: dict[type[Message], Answer] = {GetStatus: [Statuses((WEB, DOWN)), UNKNOWN, End()]}

    found, code = ctl(capsys, answers, "status --json web:a é no")

    assert code == 3
    assert found["errors"] == [ERROR]
    assert found["processes"][0] == {
        "group": "web",
        "name": "a",
        "namespec": "web:a",
        "state": "RUNNING",
        "description": "pid 7, uptime 0:00:01",
        "pid": 7,
        "wanted": True,
        "started": "1970-01-01T00:00:01.500Z",
        "stopped": None,
        "returncode": None,
        "spawn_error": "",
        "spawns": 2,
        "stale": False,
        "stdout_logfile": "",
        "stderr_logfile": "",
        "members": [],
        "events_lost": 0,
        "ready": True,
        "health": "healthy",
    }
    assert found["processes"][1]["stopped"] == "1970-01-01T00:00:00.000Z"
    assert found["processes"][1]["namespec"] == "é"


@pytest.mark.parametrize(
    ("words", "processes", "errors", "code"),
    [
        ("pid --json", [], [], 0),
        ("pid web:a --json", [{"group": "web", "name": "a", "namespec": "web:a", "pid": 7}], [], 0),
        ("pid --json é", [{"group": "é", "name": "é", "namespec": "é", "pid": None}], [], 7),
        ("pid no --json", [], [ERROR], 1),
    ],
)
def test_pid(
    capsys: pytest.CaptureFixture[str], words: str, processes: Any, errors: Any, code: int
) -> None:
    def snapshot(request: Message) -> list[Message]:
        assert isinstance(request, GetStatus)
        known = {"web:a": WEB, "é": DOWN}
        rows = tuple(known[name] for name in request.targets if name in known)
        return [Statuses(rows) if rows else UNKNOWN, End()]

    found, exit_code = ctl(capsys, {GetInfo: [INFO], GetStatus: snapshot}, words)

    expected = {"pid": 10, "daemon_pid": 11, "processes": processes, "errors": errors}
    assert (found, exit_code) == (expected, code)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl(capsys, {GetInfo: [INFO]}, "version --json")[0] == {
        "version": "0.1.0",
        "identifier": "supervisor",
        "state": "RUNNING",
        "configuration": "/etc/supervisord.toml",
    }


def test_avail(capsys: pytest.CaptureFixture[str]) -> None:
    rows = Available((AvailableProcess("web", "a", True, False, 1, 2, ("db=ready",)),))

    assert ctl(capsys, {GetAvailable: [rows, End()]}, "avail --json")[0] == {
        "processes": [
            {
                "group": "web",
                "name": "a",
                "namespec": "web:a",
                "in_use": True,
                "autostart": False,
                "group_priority": 1,
                "priority": 2,
                "depends_on": {"db": "ready"},
            }
        ]
    }


def test_reread(capsys: pytest.CaptureFixture[str]) -> None:
    changes = Changes(("new",), (GroupChange("one", ("command",)),), ("gone",), ("warning",))

    assert ctl(capsys, {Reread: [changes]}, "reread --json")[0] == {
        "added": ["new"],
        "changed": [{"group": "one", "fields": ["command"]}],
        "removed": ["gone"],
        "warnings": ["warning"],
    }


def test_update(capsys: pytest.CaptureFixture[str]) -> None:
    step = Outcome(Action.UPDATED, "one", "", detail="command")

    assert ctl(capsys, {Update: [step, End()]}, "update --dry-run --json")[0] == {
        "dry_run": True,
        "outcomes": [
            {
                "group": "one",
                "name": "",
                "namespec": "one",
                "action": "UPDATED",
                "fault": None,
                "detail": "command",
            }
        ],
    }


def test_failures_are_objects_too(capsys: pytest.CaptureFixture[str]) -> None:
    refused: dict[type[Message], Answer] = {Reread: [Error(Fault.CANT_REREAD, "a:1: x\na:2: y")]}

    assert ctl(capsys, refused, "reread --json") == (
        {"error": {"fault": "CANT_REREAD", "detail": "a:1: x\na:2: y"}},
        1,
    )
    assert main(["-s", "unix:///nowhere/s", "status", "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["fault"] == "UNREACHABLE"
