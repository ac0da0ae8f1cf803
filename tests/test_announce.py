"""What the launcher says of the logs and of how many run."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import pytest
import trio
from daemon_fakes import Daemon, Plan, group_of, open_daemon, spec_of

from trio_supervisor.daemon.announce import Place, announce, counted, pattern_of
from trio_supervisor.spec import Ready

if TYPE_CHECKING:
    from pathlib import Path

    from trio.testing import MockClock


async def hear(daemon: Daemon, seconds: float = 60) -> None:
    """Let a daemon announce itself, as the root does: before there is anything to hear of."""
    with trio.fail_after(100):
        async with trio.open_nursery() as services:
            place = Place(os.getcwd(), "supervisorctl")
            await services.start(announce, daemon.supervisor, place)
            async with open_daemon(daemon):
                await trio.sleep(seconds)


@pytest.mark.parametrize(
    ("path", "pattern"),
    [("web.log", "web.log"), (".logs/web.log", ".logs/*"), ("../web.log", "../*")],
)
def test_only_a_directory_of_logs_is_named_as_a_whole(
    tmp_path: Path, path: str, pattern: str
) -> None:
    assert pattern_of(str(tmp_path / path), str(tmp_path)) == pattern


@pytest.mark.parametrize(
    ("count", "whole", "words"),
    [
        (1, 1, "1 process is"),
        (13, 13, "all 13 processes are"),
        (0, 1, "0 of 1 processes are"),
        (1, 2, "1 of 2 processes is"),
    ],
)
def test_one_process_is_no_crowd(count: int, whole: int, words: str) -> None:
    assert counted(count, whole) == words


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ready": Ready(delay=5)}, "1 process is RUNNING and ready after 5.0 s"),
        ({}, "1 process is RUNNING after 1.0 s"),
        ({"type": "task", "startsecs": 0.0}, "1 process is RUNNING after 0.0 s"),
    ],
)
async def test_it_is_said_when_all_is_ready(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture, options: Any, words: str
) -> None:
    caplog.set_level(logging.INFO)
    await hear(Daemon(group_of("web", spec_of("web", **options))))

    assert words in caplog.text


async def test_what_has_failed_is_named_when_nothing_more_is_to_come(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    programs = [spec_of(name, startretries=1) for name in ("web", "bad", "worse", "seed")]
    tasks = [spec_of(name, type="task", autorestart=False) for name in ("lost", "done")]
    off = spec_of("off", autostart=False)
    daemon = Daemon(group_of("all", *programs, *tasks), group_of("off", off))
    for name in ("bad", "worse"):
        for _ in range(2):
            daemon.spawner.plan(name, Plan(lasts=0.5))
    daemon.spawner.plan("seed", Plan(lasts=1.5))
    daemon.spawner.plan("lost", Plan(lasts=1.5, returncode=3))
    daemon.spawner.plan("done", Plan(lasts=1.5))
    await hear(daemon)

    (told,) = (line for line in caplog.messages if "Ctrl-C" in line)
    assert told == (
        "2 of 6 processes are RUNNING after 2.0 s; FATAL: bad, worse; EXITED: lost, seed; "
        "Ctrl-C stops everything"
    )
    assert any(line.startswith("control: ") for line in caplog.messages)


async def test_a_long_start_up_is_told_as_it_is_and_when_it_is_over(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    slow, quick = spec_of("slow", ready=Ready(delay=30)), spec_of("quick")
    await hear(Daemon(group_of("all", slow, quick)))

    assert [line for line in caplog.messages if "ctl" in line or "Ctrl" in line] == [
        (
            "1 of 2 processes is RUNNING and ready after 10.0 s; not ready: slow; "
            "Ctrl-C stops everything"
        ),
        "control: supervisorctl",
        "all 2 processes are RUNNING and ready after 30.0 s; Ctrl-C stops everything",
    ]


async def test_where_nothing_starts_by_itself_is_told_how_to_reach_it(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await hear(Daemon(group_of("off", spec_of("off", autostart=False))))

    assert "no process starts by itself; Ctrl-C stops everything" in caplog.messages
    assert any(line.startswith("control: ") for line in caplog.messages)


async def test_nothing_is_told_of_a_start_up_that_is_stopped(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await hear(Daemon(group_of("web", spec_of("web"))), seconds=0.5)

    assert not any("Ctrl-C" in line for line in caplog.messages)
