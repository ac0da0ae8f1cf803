"""The conformance suite: ours in a few of its cases, and that it sees what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conformance import report
from conformance.cases import CASES, TOLD, Case
from conformance.report import Rounds
from conformance.run import Cell, perform
from conformance.tools import OUR_OWN, TOOLS, Tool, template

ROOT = Path(__file__).parent.parent
QUICK = {"ctrl-c", "scrubbed", "kill-launcher", "kill-daemon", "closed", "member", "prompt"}
CARELESS = """sh -c 'trap "exit 3" INT; {worker} & wait'"""


def case(name: str) -> Case:
    (found,) = (one for one in CASES if one.name == name)
    return found


def cell(**seen: object) -> Cell:
    return Cell(**{"tool": "up", "case": "term", "seconds": 0.1, "code": 0, **seen})  # type: ignore[arg-type]  # as given


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(QUICK))
@pytest.mark.parametrize("tool", OUR_OWN)
def test_ours_leaves_nothing(tool: str, name: str) -> None:
    seen = perform(TOOLS[tool], case(name))

    assert seen.is_asked
    assert seen.is_green, seen


@pytest.mark.slow
def test_a_careless_launcher_is_seen_through() -> None:
    seen = perform(template(CARELESS), case("scrubbed"))

    assert seen.left == ("grandchild",)
    assert seen.code == 3
    assert not seen.is_green


@pytest.mark.slow
def test_what_one_process_cannot_be_asked_is_no_failure() -> None:
    seen = perform(template(CARELESS), case("kill-daemon"))

    assert not seen.is_asked
    assert seen.note == "it is one process"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["echo {worker}", "sh -c '{worker} &'"])
def test_a_launcher_that_does_not_wait_for_its_worker_was_not_tried(command: str) -> None:
    seen = perform(template(command), case("term"))

    (fault,) = seen.faults
    assert fault.startswith("not tried: the launcher ended")


@pytest.mark.slow
def test_the_command_tells_as_json_and_by_its_exit_code() -> None:
    words = ["--cmd", CARELESS, "--case", "scrubbed", "--json", "--rounds", "2"]

    told = subprocess.run(
        [sys.executable, "-m", "tests.conformance", *words],
        cwd=ROOT, check=False, capture_output=True, text=True, timeout=30,
    )  # fmt: skip

    assert told.returncode == 1, told.stderr
    cells = json.loads(told.stdout)["cells"]
    assert [one["left"] for one in cells] == [["grandchild"]] * 2


def test_a_command_without_a_place_for_the_worker_is_refused() -> None:
    with pytest.raises(
        SystemExit, match=r"the worker has no place in it; write one of .*\{worker\}"
    ):
        template("overmind start")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a {worker}", ["a", "run", "me"]),
        ("a {quoted}", ["a", "run me", "run too"]),
        ("a -f {procfile}", ["a", "-f", "{directory}/Procfile"]),
    ],
)
def test_a_command_gets_the_workers_as_it_likes(
    text: str, words: list[str], tmp_path: Path
) -> None:
    made = template(text).prepare(["run me", "run too"], tmp_path)

    assert made == [word.format(directory=tmp_path) for word in words]
    assert (tmp_path / "Procfile").read_text() == "w0: exec run me\nw1: exec run too\n"


@pytest.mark.parametrize(
    ("shown", "is_told"),
    [
        ("exited: w0 (exit status 7; not expected)", True),
        ("worker exited with code 7", True),
        ("App [w0:0] exited with code [7] via signal [SIGINT]", True),
        ("DOWN (7)", True),
        ("w0 stopped (rc=7)", False),
        ("spawned: 'w0' with pid 7", False),
        ("exited: w0 (exit status 0; expected) 17:07:07", False),
    ],
)
def test_what_counts_as_showing_an_exit_code(shown: str, is_told: bool) -> None:
    assert bool(TOLD.search(shown)) is is_told


def test_one_red_round_is_enough() -> None:
    rounds = Rounds((cell(seconds=9.0), cell(left=("member", "leader", "member")), cell()))

    assert not rounds.is_green
    assert "| 2/3 green | 2 member, leader |" in report.table([rounds])


def test_the_page_shows_the_slowest_of_green_rounds_and_counts_the_cases() -> None:
    results = [
        Rounds((cell(seconds=0.1), cell(seconds=0.3, note="shown"))),
        Rounds((cell(case="member", left=("member",), faults=("never ends",), code=None),)),
        Rounds((cell(case="kill-daemon", is_asked=False),)),
    ]
    tool = Tool(name="up", prepare=lambda *_: [], version=lambda: "1.0")

    page = report.matrix(results, [tool], [case(one.worst.case) for one in results])

    column = [line.split("|")[2].strip() for line in page.splitlines()]
    assert column[0] == "up 1.0"
    assert column[2:] == [
        "0.30 s, code 0, shown",
        "**left: member; never ends**",
        "-",
        "**1 of 2**",
    ]


def test_a_page_keeps_what_is_around_the_table(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")

    report.write(page, "new")

    assert page.read_text() == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"


def test_a_page_without_a_place_for_the_table_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing\n")

    with pytest.raises(SystemExit, match="no place for the table"):
        report.write(page, "new")
