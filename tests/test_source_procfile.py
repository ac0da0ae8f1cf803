"""Procfiles: which lines count, and the tree that comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from trio_supervisor.config import examine, load
from trio_supervisor.errors import ConfigError
from trio_supervisor.source import read
from trio_supervisor.source.procfile import make_logs
from trio_supervisor.source.tree import Place

if TYPE_CHECKING:
    from pathlib import Path

    from trio_supervisor.source.tree import Source
    from trio_supervisor.spec import ProgramSpec

TEXT = """\
# how it runs here
web: python app.py --port $PORT

worker:   sh -c 'echo 100% %(here)s'
"""


def source(path: Path, text: str = TEXT, concurrency: str = "", **variables: str) -> Source:
    file = path / "Procfile"
    file.write_text(text)
    return read(str(file), variables, concurrency)


def specs(path: Path, *given: str, **variables: str) -> dict[str, ProgramSpec]:
    configuration = load(source(path, *given, **variables))
    return {p.process_name: p for group in configuration.groups for p in group.programs}


def complaint(path: Path, *given: str, **variables: str) -> str:
    with pytest.raises(ConfigError) as caught:
        specs(path, *given, **variables)
    return str(caught.value).replace(f"{path}/", "")


def ports(found: dict[str, ProgramSpec]) -> dict[str, str]:
    return {name: spec.environment["PORT"] for name, spec in found.items()}


def test_each_line_is_a_process_that_a_shell_runs(tmp_path: Path) -> None:
    found = specs(tmp_path)

    assert list(found) == ["web.1", "worker.1"]
    assert found["web.1"].command == ("/bin/sh", "-c", "python app.py --port $PORT")
    assert found["web.1"].directory == str(tmp_path)
    assert found["web.1"].environment["PS"] == "web.1"


def test_percent_signs_are_the_shells(tmp_path: Path) -> None:
    directory = tmp_path / "50% %(here)s"
    directory.mkdir()

    found = specs(directory)

    assert found["worker.1"].command[2] == "sh -c 'echo 100% %(here)s'"
    assert found["worker.1"].directory == str(directory)


def test_logs_are_beside_it_in_a_directory_of_their_own(tmp_path: Path) -> None:
    configuration = load(source(tmp_path))

    assert configuration.supervisord.logfile == str(tmp_path / ".logs/supervisord.log")
    assert configuration.supervisord.pidfile == str(tmp_path / ".logs/supervisord.pid")
    assert configuration.groups[0].programs[0].stdout_logfile == str(tmp_path / ".logs/web.1.log")


def test_places_are_lines_of_the_procfile(tmp_path: Path) -> None:
    assert source(tmp_path).place("program", "worker.1", "command").line == 4
    assert source(tmp_path).place("program", "web.1") == Place(str(tmp_path / "Procfile"), 2)


@pytest.mark.parametrize(
    ("concurrency", "variables", "expected"),
    [
        ("", {}, {"web.1": "5000", "worker.1": "5100"}),
        ("web=2", {}, {"web.1": "5000", "web.2": "5001", "worker.1": "5100"}),
        ("web=0", {}, {"worker.1": "5100"}),
        ("", {"PORT": "80"}, {"web.1": "80", "worker.1": "180"}),
    ],
)
def test_ports_count_by_type_and_by_instance(
    tmp_path: Path, concurrency: str, variables: Any, expected: Any
) -> None:
    assert ports(specs(tmp_path, TEXT, concurrency, **variables)) == expected


def test_the_order_of_the_file_is_that_of_the_start(tmp_path: Path) -> None:
    assert list(specs(tmp_path, "z: true\na: true\nm: true\n")) == ["z.1", "a.1", "m.1"]


@pytest.mark.parametrize("line", ["web : x", " web: x", "we b: x", "web:", "x"])
def test_what_honcho_passes_over_is_told(tmp_path: Path, line: str) -> None:
    found = examine(source(tmp_path, f"a: b\n{line}\n"))

    assert [p.process_name for group in found.configuration.groups for p in group.programs] == [
        "a.1"
    ]
    (warning,) = found.warnings
    assert (warning.line, line.strip() in str(warning)) == (2, True)


def test_what_is_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    assert complaint(tmp_path, "# a: b\n").startswith("Procfile: names no process")
    assert "Procfile:3: 'a' stands in line 1" in complaint(tmp_path, "a: b\nc: d\na: e")
    assert complaint(tmp_path, PORT="x").startswith("environment: PORT: 'x' is not the number")
    told = complaint(tmp_path, TEXT, "wbe=2")
    assert told.endswith("--concurrency: 'wbe' is no type of the Procfile (it has web, worker)")
    for given in ("web", "web=x", "web=-1"):
        assert f"--concurrency: '{given}' is not" in complaint(tmp_path, TEXT, given)


def test_other_names_of_it_are_known_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "Procfile.dev").write_text(TEXT)
    (tmp_path / "a.conf").write_text("[program:web]\ncommand=x\n")

    assert read(str(tmp_path / "Procfile.dev"), {}).dialect == "procfile"
    with pytest.raises(ConfigError, match="--concurrency: is for a Procfile"):
        read(str(tmp_path / "a.conf"), {}, "web=2")


def test_the_logs_directory_is_made_and_kept_out_of_version_control(tmp_path: Path) -> None:
    file = str(tmp_path / "Procfile")
    make_logs(file)
    make_logs(file)

    assert (tmp_path / ".logs/.gitignore").read_text() == "*\n"


def test_a_directory_that_cannot_have_logs_is_named(tmp_path: Path) -> None:
    (tmp_path / ".logs").write_text("a file")

    with pytest.raises(ConfigError, match=r"the logs cannot be written to .*\.logs"):
        make_logs(str(tmp_path / "Procfile"))
