"""Commands that are shown can be typed as they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trio_supervisor.source.shown import command

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(name="bin_")
def make_executable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the directory of an installation, below the current directory, and nothing in PATH."""
    directory = tmp_path / "venv" / "bin"
    directory.mkdir(parents=True)
    (directory / "supervisorctl").touch(0o755)
    (tmp_path / "supervisord.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    return directory


def shown(bin_: Path, configuration: str = "supervisord.toml") -> str:
    file = str(bin_.parent.parent / configuration)
    return command("supervisorctl", file, str(bin_ / "trio-supervisor"))


def test_there_is_a_path_where_the_shell_would_not_find_it(bin_: Path) -> None:
    assert shown(bin_) == "venv/bin/supervisorctl"


def test_there_is_a_path_where_the_shell_would_find_another(
    bin_: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "supervisorctl").touch(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/other:{bin_}")

    assert shown(bin_) == "venv/bin/supervisorctl"


def test_a_name_will_do_where_the_shell_finds_it(
    bin_: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "supervisorctl").symlink_to(bin_ / "supervisorctl")
    monkeypatch.setenv("PATH", str(tmp_path / "links"))

    assert shown(bin_) == "supervisorctl"


def test_what_is_in_the_current_directory_is_no_mere_name(
    bin_: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bin_)

    assert shown(bin_).startswith("./supervisorctl")


def test_what_is_not_installed_beside_it_is_named(tmp_path: Path, bin_: Path) -> None:
    file = str(tmp_path / "supervisord.toml")

    assert command("supervisord", file, str(bin_ / "trio-supervisor")) == "supervisord"


def test_another_configuration_is_named_as_a_shell_takes_it(bin_: Path) -> None:
    assert shown(bin_, "my own.toml") == "venv/bin/supervisorctl -c 'my own.toml'"
