"""Reading whole configurations: expansions, includes, defaults, templates."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from trio_supervisor.errors import ConfigError
from trio_supervisor.source import read
from trio_supervisor.source.expansion import expand

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%(a)s", "x"),
        ("%(n)02d", "03"),
        ("100%", "100%"),
        ("%d %s", "%d %s"),
        ("%%", "%"),
        ("%%(a)s", "%(a)s"),
        ("%(a)s%(n)d%%", "x3%"),
    ],
)
def test_known_names_are_replaced_and_other_percent_signs_stay(text: str, expected: Any) -> None:
    assert expand(text, {"a": "x", "n": 3}) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("%(program_nam)s", "did you mean %(program_name)s?"),
        ("%(zzz)s", "known are here, program_name"),
        ("%(ENV_HOME)s", "no variable HOME"),
        ("%(here)s", "cannot be used here"),
        ("%(program_name", "has no end"),
        ("%(program_name)d", "does not fit"),
    ],
)
def test_what_cannot_be_expanded_is_explained(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"%\(") as caught:
        expand(text, {"program_name": "web", "ENV_SECRET": "x"})

    assert words in str(caught.value)
    assert "SECRET" not in str(caught.value)


def written(path: Any, text: str) -> Any:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text)
    return str(path)


def test_here_is_the_directory_of_each_file_even_with_a_percent_sign(tmp_path: Path) -> None:
    base = tmp_path / "50%s"
    written(base / "more" / "b.conf", "[program:b]\ncommand=%(here)s/b\n")
    main = written(base / "a.conf", "[supervisord]\nlogfile=%(here)s/l\n[include]\nfiles=more/*\n")

    found = read(main, {})

    assert found.tree["supervisord"]["logfile"] == f"{base}/l"
    assert expand(found.tree["program"]["b"]["command"], {}) == f"{base}/more/b"


def test_a_later_file_overrides_option_by_option(tmp_path: Path) -> None:
    written(tmp_path / "d" / "1.conf", "[program:w]\ncommand=one\numask=1\n")
    written(tmp_path / "d" / "2.toml", '[program.w]\ncommand="two"\n')
    main = written(tmp_path / "a.conf", "[include]\nfiles=d/*.conf d/*.toml\n[program:w]\nuser=x\n")

    found = read(main, {})

    assert found.tree["program"]["w"] == {"user": "x", "command": "two", "umask": "1"}
    assert found.included == (f"{tmp_path}/d/1.conf", f"{tmp_path}/d/2.toml")
    assert found.place("program", "w", "command").file == f"{tmp_path}/d/2.toml"


def test_a_file_that_matches_twice_counts_where_it_matches_last(tmp_path: Path) -> None:
    written(tmp_path / "d" / "1.conf", "[program:w]\ncommand=one\n")
    written(tmp_path / "d" / "2.conf", "[program:w]\ncommand=two\n[program:m]\ncommand=two\n")
    main = written(
        tmp_path / "d" / "a.conf", "[include]\nfiles=*.conf 1.conf a.conf\n[program:m]\ncommand=m\n"
    )

    found = read(main, {})

    assert found.tree["program"] == {"w": {"command": "one"}, "m": {"command": "m"}}
    assert found.included == tuple(f"{tmp_path}/d/{name}.conf" for name in "21a")


def test_an_included_file_includes_nothing(tmp_path: Path) -> None:
    written(tmp_path / "b.conf", "[include]\nfiles=c.conf\n")
    written(tmp_path / "c.conf", "[program:c]\n")
    main = written(tmp_path / "a.toml", '[include]\nfiles = ["b.conf"]\n')

    found = read(main, {})

    assert "program" not in found.tree


def test_a_pattern_without_a_match_is_a_warning(tmp_path: Path) -> None:
    found = read(written(tmp_path / "a.conf", "\n[include]\nfiles=no/*.conf\n"), {})

    assert str(found.warnings[0]).startswith(f"{tmp_path}/a.conf:3: include.files: ")


def test_an_include_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="include: names no files"):
        read(written(tmp_path / "a.conf", "[include]\n"), {})


def test_a_pattern_that_cannot_be_expanded_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"include\.files: %\(x\)s is not known"):
        read(written(tmp_path / "a.conf", "[include]\nfiles=%(x)s\n"), {})


def test_syntax_errors_of_all_included_files_are_reported_together(tmp_path: Path) -> None:
    for name in ("1.conf", "2.toml"):
        written(tmp_path / "d" / name, "nonsense\n")

    with pytest.raises(ConfigError) as caught:
        read(written(tmp_path / "a.conf", "[include]\nfiles=d/*\n"), {})

    assert [one.file for one in caught.value.problems] == [
        f"{tmp_path}/d/1.conf",
        f"{tmp_path}/d/2.toml",
    ]


def test_default_fills_what_sections_leave_open(tmp_path: Path) -> None:
    text = "[DEFAULT]\nautostart=no\numask=1\n[program:a]\numask=2\n[program:b]\n"

    found = read(written(tmp_path / "a.conf", text), {})

    assert found.tree["program"] == {
        "a": {"umask": "2", "autostart": "no"},
        "b": {"umask": "1", "autostart": "no"},
    }


def test_both_dialects_give_the_same_tree(tmp_path: Path) -> None:
    ini = written(tmp_path / "a.conf", "[program:w]\ncommand=x\n[supervisord]\nuser=%(ENV_U)s\n")
    toml = written(tmp_path / "a.toml", '[program.w]\ncommand="x"\n[supervisord]\nuser="%(ENV_U)s"')

    assert read(ini, {"U": "me"}).tree == read(toml, {"U": "me"}).tree


def test_a_value_that_cannot_be_expanded_is_a_problem_and_not_the_end(tmp_path: Path) -> None:
    found = read(written(tmp_path / "a.conf", "[supervisord]\nlogfile=%(x)s\n"), {})

    (problem,) = found.problems
    assert str(problem) == (
        f"{tmp_path}/a.conf:2: supervisord.logfile: "
        "%(x)s is not known (known are here, host_node_name and ENV_…)"
    )


def test_a_template_is_refused_with_the_command_that_uses_it(tmp_path: Path) -> None:
    path = written(tmp_path / "a.toml", "[configure.port]\ndefault=1\n")

    with pytest.raises(ConfigError, match=f"trio-supervisor configure {path}"):
        read(path, {})


def test_a_file_that_is_no_text_is_refused_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_bytes(b"[a]\nx=\xff\n")

    with pytest.raises(ConfigError, match=r"a\.conf:2: is not UTF-8"):
        read(str(path), {})


def test_an_environment_never_shows_in_a_repr(tmp_path: Path) -> None:
    found = read(written(tmp_path / "a.conf", ""), {"TOKEN": "hunter2"})

    assert "hunter2" not in repr(found)


def test_importing_search_and_address_costs_no_heavy_module() -> None:
    code = (
        "import sys; before = set(sys.modules); "
        "import trio_supervisor.source.search, trio_supervisor.source.address as a; "
        "a.identity('/x'); a.read_address('/none'); "
        "print(*sorted({'re', 'typing', 'tomllib', 'shlex', 'hashlib', 'pathlib', 'tempfile'} "
        "& (set(sys.modules) - before)))"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "\n"
