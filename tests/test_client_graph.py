"""graph: what needs what, as a tree, for Mermaid, and as an object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scripted import ScriptedDaemon

from trio_supervisor.cli.supervisorctl import main
from trio_supervisor.client.graph import Node, tree
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import (
    Available,
    AvailableProcess,
    End,
    GetAvailable,
    GetStatus,
    ProcessStatus,
    Statuses,
)

if TYPE_CHECKING:
    import pytest


def ctl(capsys: pytest.CaptureFixture[str], words: str) -> tuple[str, int]:
    needs = {
        "web": ("api=ready", "shop:db=started"),
        "api": ("migrate=completed_ok",),
        "cron": ("api=ready",),
        "migrate": ("shop:db=started",),
        "alone": (),
    }
    first = {"web": 1, "migrate": 2}
    rows = [
        AvailableProcess(name, name, True, True, first.get(name, 3), 1, need)
        for name, need in needs.items()
    ]
    rows.append(AvailableProcess("shop", "db", True, True, 3, 1))
    states = {"web": ProcessState.STARTING, "api": ProcessState.FATAL, "cron": ProcessState.RUNNING}
    statuses = [ProcessStatus(name, name, state) for name, state in states.items()]
    statuses.append(ProcessStatus("shop", "db", ProcessState.RUNNING))
    answers: Any = {
        GetAvailable: [Available(tuple(rows)), End()],
        GetStatus: [Statuses(tuple(statuses)), End()],
    }
    with ScriptedDaemon(answers) as daemon:
        code = main(["-s", daemon.url, *words.split()])
    return capsys.readouterr().out, code


def test_a_tree_has_at_the_left_what_nobody_needs_as_it_starts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ctl(capsys, "graph")[0].splitlines() == [
        "web  STARTING",
        "├── api  FATAL  (ready)",
        "│   └── migrate  not active  (completed_ok)",
        "│       └── shop:db  RUNNING  (started)",
        "└── shop:db  RUNNING  (started)",
        "cron  RUNNING",
        "└── api  FATAL  (ready) …",
        "alone  not active",
    ]


def test_names_are_cut_so_that_the_tree_fits_a_terminal() -> None:
    long = "a-name-of-twenty-eight-signs"
    nodes = {
        name: Node(name, "RUNNING", needs)
        for name, needs in ((long, ((f"{long}:db", "started"),)), (f"{long}:db", ()))
    }

    assert list(tree(nodes, 40)) == [
        "a-name-of-twenty-eight-signs  RUNNING",
        "└── a-name-of-twent…  RUNNING  (started)",
    ]
    assert list(tree(nodes, 24)) == ["a-name-of-twen…  RUNNING", "└── a-name-…  RUNNING  …"]
    assert f"└── {long}:db  RUNNING  (started)" in list(tree(nodes))


def test_mermaid(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ctl(capsys, "graph --mermaid")[0].splitlines()

    assert lines[0] == "flowchart LR"
    assert '    p3["api<br/>FATAL"]:::failed' in lines
    assert '    p0["web<br/>STARTING"]:::busy' in lines
    assert "    p0 -->|ready| p3" in lines
    assert "    p0 -->|started| p5" in lines


def test_as_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(ctl(capsys, "graph --json")[0])["processes"]

    assert found[0] == {
        "namespec": "web",
        "state": "STARTING",
        "depends_on": {"api": "ready", "shop:db": "started"},
    }


def test_what_it_does_not_understand_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    shown, code = ctl(capsys, "graph --dot")

    assert shown.startswith("Error: graph does not understand: --dot\n")
    assert code == 1
