"""The benchmark's own arithmetic, and that both sides are given the same configuration."""

from __future__ import annotations

import configparser
import os
import subprocess
import tomllib
from pathlib import Path

import pytest
from rig import until

from benchmarks import proc, table, tools
from benchmarks.__main__ import ROWS
from benchmarks.harness import open_workplace
from benchmarks.rows import Must, Result, Row, Side, for_each
from benchmarks.tools import Original, Ours, Plan

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def _result(must: Must, bound: float, reference: list[float], ours: list[float]) -> Result:
    row = Row(name="row", title="a row", unit="ms", must=must, bound=bound)
    return Result(row, {Side.REFERENCE: reference, Side.OURS: ours})


@pytest.mark.parametrize(
    ("must", "bound", "reference", "ours", "verdict"),
    [
        (Must.AT_MOST_TIMES, 0.25, [8, 4, 100], [2, 1, 99], "held"),
        (Must.AT_MOST_TIMES, 0.25, [8], [2.1], "missed"),
        (Must.AT_LEAST_TIMES, 1.4, [100], [140], "held"),
        (Must.AT_LEAST_TIMES, 1.4, [100], [139], "missed"),
        (Must.AT_MOST, 0, [], [0], "held"),
        (Must.AT_MOST, 0, [0], [1], "missed"),
        (Must.AT_MOST_TIMES, 0.25, [], [1], "not measured"),
        (Must.AT_MOST, 10, [1], [], "not measured"),
        (Must.NOTHING, 0, [1], [1], "-"),
    ],
)
def test_the_verdict_compares_medians_with_the_bound(
    must: Must, bound: float, reference: list[float], ours: list[float], verdict: str
) -> None:
    assert _result(must, bound, reference, ours).verdict == verdict


def test_a_reference_of_zero_has_no_ratio() -> None:
    assert _result(Must.AT_MOST, 0, [0], [0]).ratio is None


def test_row_names_are_unique() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_both_sides_get_the_same_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "honcho").touch()
    monkeypatch.setenv("BENCH_PEERS", str(tmp_path))
    monkeypatch.setattr(tools, "ours_bin", lambda: tmp_path)  # nothing is installed
    plan = Plan({"a": "/bin/sleep 1", "b": "/bin/true x"}, {"redirect_stderr": True})

    Original().configure(plan, tmp_path)
    Ours().configure(plan, tmp_path)

    ini = configparser.RawConfigParser()
    ini.read(tmp_path / "supervisord.conf")
    toml = tomllib.loads((tmp_path / "supervisord.toml").read_text())
    assert {name: ini[f"program:{name}"]["command"] for name in "ab"} == dict(plan.commands)
    assert {name: toml["program"][name]["command"] for name in "ab"} == dict(plan.commands)
    assert ini["program:a"].getboolean("redirect_stderr") is True
    assert toml["program"]["a"]["redirect_stderr"] is True


def test_the_page_takes_a_new_table_in_place_of_the_old(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text())

    table.write(page, "first table")
    table.write(page, "second table")

    assert "second table" in page.read_text()
    assert "first table" not in page.read_text()


def test_a_page_without_a_place_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing\n")

    with pytest.raises(SystemExit, match="no place for the table"):
        table.write(page, "a table")


def test_leaving_a_workplace_kills_what_carries_its_mark() -> None:
    with open_workplace() as place:
        marked = place.popen(["/bin/sh", "-c", f"{place.sleeper} & wait"])
        until(place.programs, "the sleeper")  # before its exec has ended, nobody can see a mark
        stranger = subprocess.Popen(["/bin/sleep", "60"])

    assert marked.wait(5) != 0
    assert proc.carriers(place.mark, "environ") == []
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_process_that_is_gone_counts_as_nothing() -> None:
    child = subprocess.Popen(["/bin/true"])
    child.wait()

    assert proc.began(child.pid) is None
    assert proc.cpu([child.pid]) == proc.pss([child.pid]) == proc.switches([child.pid]) == 0


def test_own_numbers_can_be_read() -> None:
    own = [os.getpid()]

    assert proc.pss(own) > 1_000_000
    assert proc.cpu_exact(own) > 0
    assert proc.switches(own) > 0


def test_rows_for_several_numbers_differ_in_name_title_and_bound() -> None:
    pattern = Row(name="n-{}", title="{} of them", unit="s", must=Must.AT_MOST)

    found = for_each({1: 0.5, 20: 3}, pattern)

    assert [(row.name, row.title, row.bound, row.unit) for row in found.values()] == [
        ("n-1", "1 of them", 0.5, "s"),
        ("n-20", "20 of them", 3, "s"),
    ]
