"""What becomes of processes, told on the console, and who is waited for at the end."""

from __future__ import annotations

import os
from math import inf
from typing import TYPE_CHECKING, Any

import pytest
import trio
from daemon_fakes import Daemon, Plan, group_of, open_daemon, spec_of

from trio_supervisor.console.labels import Labels
from trio_supervisor.console.words import words_of
from trio_supervisor.daemon.console import Console
from trio_supervisor.daemon.narrator import Narrator
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import Event, EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trio.testing import MockClock

_S = ProcessState


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"to_state": _S.STARTING}, ""),
        ({"to_state": _S.RUNNING, "pid": 7}, "RUNNING, pid 7"),
        (
            {"to_state": _S.EXITED, "detail": "exit status 0", "expected": True},
            "EXITED: exit status 0",
        ),
        (
            {"to_state": _S.EXITED, "detail": "exit status 3"},
            "EXITED: exit status 3 (not expected)",
        ),
        ({"to_state": _S.BACKOFF, "detail": "too quickly"}, "BACKOFF: too quickly"),
        ({"to_state": _S.STOPPED}, "STOPPED"),
        ({"kind": EventKind.WAIT, "detail": "waiting for db"}, "waiting for db"),
        ({"kind": EventKind.HEALTH, "detail": "unhealthy: 503"}, "unhealthy: 503"),
        ({"kind": EventKind.REQUEST, "detail": "start web"}, ""),
    ],
)
def test_what_is_worth_a_line(fields: dict[str, Any], words: str) -> None:
    event = Event.build({"id": 1, "kind": EventKind.PROCESS, "time": 0.0, "clock": 0.0, **fields})

    assert words_of(event) == words


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    """Writes to a file."""
    with (tmp_path / "shown").open("wb") as file:
        console = Console(file.fileno(), Labels([("quick", "quick"), ("slow", "slow")]), {})
        yield console
        os.close(console._fd)


async def test_who_is_waited_for_is_told_again_and_again(
    tmp_path: Path, console: Console, autojump_clock: MockClock
) -> None:
    quick = group_of("quick", spec_of("quick"), priority=1)
    daemon = Daemon(group_of("slow", spec_of("slow")), quick)
    daemon.spawner.plan("slow", Plan(obeys_after=inf))
    narrator = Narrator(daemon.supervisor, console)
    daemon.events.attach(narrator)
    async with open_daemon(daemon):
        await daemon.settled()
        console.sink("slow").write(b"finishing 3 jobs\n")
        pids = {p.rank.name: p.condition.pid for p in daemon.supervisor.programs()}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(narrator.tell_who_is_waited_for)
            daemon.supervisor.shutdown_nowait(None)
            await daemon.until(lambda: daemon.supervisor.program("slow").state is _S.STOPPED)
            nursery.cancel_scope.cancel()

    told = [line for line in (tmp_path / "shown").read_text().splitlines() if "still" in line]
    waits = f"quick | -- still RUNNING until it is its turn to stop: pid {pids['quick']}, %d s"
    still = (
        f"slow  | -- still STOPPING: pid {pids['slow']}, %d s of 10, last line: finishing 3 jobs"
    )
    assert told[:6] == [(one % seconds) for seconds in (1, 4, 7) for one in (waits, still)]
