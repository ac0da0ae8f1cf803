"""What the launcher says of the logs and of how many run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import trio
from daemon_fakes import Daemon, group_of, open_daemon, spec_of

from trio_supervisor.daemon.announce import announce, counted, pattern_of
from trio_supervisor.spec import Ready

if TYPE_CHECKING:
    from pathlib import Path

    from trio.testing import MockClock


@pytest.mark.parametrize(
    ("path", "pattern"),
    [("web.log", "web.log"), (".logs/web.log", ".logs/*"), ("../web.log", "../*")],
)
def test_only_a_directory_of_logs_is_named_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, pattern: str
) -> None:
    monkeypatch.chdir(tmp_path)

    assert pattern_of(str(tmp_path / path)) == pattern


@pytest.mark.parametrize(("count", "words"), [(1, "1 process is"), (13, "all 13 processes are")])
def test_one_process_is_no_crowd(count: int, words: str) -> None:
    assert counted(count) == words


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
    async with open_daemon(Daemon(group_of("web", spec_of("web", **options)))) as daemon:
        with trio.fail_after(100):
            await announce(daemon.supervisor)

    assert words in caplog.text
