"""Writing TOML: atomic, and only when the content differs."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from trio_supervisor.config.writing import write_toml

if TYPE_CHECKING:
    from pathlib import Path


def test_a_document_is_written_under_its_comment(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"

    assert write_toml(str(path), {"a": {"b": 1}}, "made by x\nfor y") is True

    assert path.read_text().startswith("# made by x\n# for y\n\n[a]")
    assert tomllib.loads(path.read_text()) == {"a": {"b": 1}}
    assert [one.name for one in tmp_path.iterdir()] == ["a.toml"]


def test_an_equal_document_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    write_toml(str(path), {"a": 1}, "x")
    before = path.stat()

    assert write_toml(str(path), {"a": 1}, "x") is False

    assert path.stat().st_ino == before.st_ino


def test_the_mode_and_the_link_of_an_existing_file_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "a.toml", tmp_path / "link.toml"
    path.touch(0o600)
    link.symlink_to(path)

    write_toml(str(link), {"a": 1}, "x")

    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.toml").mkdir()

    with pytest.raises(OSError, match=r"a\.toml"):
        write_toml(str(tmp_path / "a.toml"), {"a": 1}, "x")

    assert [one.name for one in tmp_path.iterdir()] == ["a.toml"]
