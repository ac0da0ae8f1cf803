"""`trio-supervisor check`: lines and exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trio_supervisor.cli.check import main

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    monkeypatch.chdir(tmp_path)

    def run(text: str, *arguments: str) -> Any:
        (tmp_path / "supervisord.conf").write_text(text)
        code = main(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err.replace(f"{tmp_path}/", "")

    return run


GOOD = "[program:a]\ncommand=x\n[program:b]\ncommand=x\n[group:g]\nprograms=a,b\n"


def test_a_good_file_is_counted(check: Any) -> None:
    assert check(GOOD) == (0, "2 programs in 1 group, no problems\n", "")


def test_every_error_is_a_line_on_stderr(check: Any) -> None:
    code, out, err = check("[program:a]\numask=9\n")

    assert (code, out) == (2, "")
    assert [line.split(": ")[0] for line in err.splitlines()] == [
        "supervisord.conf:1",
        "supervisord.conf:2",
    ]


def test_a_warning_is_said_and_passes(check: Any) -> None:
    code, out, err = check(f"[programs:c]\n{GOOD}", "supervisord.conf")

    assert (code, out) == (0, "2 programs in 1 group, 1 warning\n")
    assert err.startswith("warning: supervisord.conf:1: programs:c: is no section")


def test_a_warning_fails_when_strict(check: Any) -> None:
    code, out, _ = check(f"[programs:c]\n{GOOD}", "--strict")

    assert (code, out) == (2, "")


def test_what_is_no_ini_is_an_error_without_a_traceback(check: Any) -> None:
    code, _, err = check("nonsense\n")

    assert code == 2
    assert err.startswith("supervisord.conf:1: 'nonsense' stands before the first [section]")


def test_a_missing_file_is_named(check: Any) -> None:
    assert check("", "/nowhere/x.conf") == (2, "", "could not find config file /nowhere/x.conf\n")


def test_a_hidden_file_is_mentioned(check: Any, tmp_path: Path) -> None:
    (tmp_path / "supervisord.toml").touch()

    _, _, err = check("")

    assert err == "warning: supervisord.conf: is not read, because supervisord.toml is\n"


def test_without_a_configuration_the_places_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    code = main([])

    assert code == 2
    assert f"{tmp_path}/supervisord.toml" in capsys.readouterr().err
