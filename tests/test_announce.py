"""What the launcher says of the logs and of how many run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trio_supervisor.daemon.announce import counted, pattern_of

if TYPE_CHECKING:
    from pathlib import Path


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
