"""docs/faults.md and the tests agree: each fault has a test, or the reason why it has none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).parent.parent
CATALOGUE = TESTS.parent / "docs" / "faults.md"
FAULTS = 90


class Row(NamedTuple):
    """A fault: its number, what the page says of it, and the tests that it names."""

    number: int
    text: str
    tests: list[str]


def _row(line: str) -> Row:
    number, fault, here, proof = (cell.strip() for cell in line.strip("|\n").split(" |"))
    return Row(int(number), f"{fault}: {here}", re.findall(r"`(test_\w+)`", proof))


ROWS = [_row(line) for line in CATALOGUE.read_text().splitlines() if re.match(r"\| \d+ \|", line)]
DEFINED = {
    name
    for file in TESTS.rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
}


def test_every_fault_has_a_row() -> None:
    assert [row.number for row in ROWS] == list(range(1, FAULTS + 1))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number:02}")
def test_a_fault_has_tests_that_exist_or_a_reason(row: Row) -> None:
    assert bool(row.tests) != ("no test: " in row.text)
    assert set(row.tests) <= DEFINED


def test_every_numbered_test_is_in_its_row() -> None:
    named = {test for row in ROWS for test in row.tests if f"test_fault_{row.number:02}_" in test}

    assert {name for name in DEFINED if name.startswith("test_fault_")} <= named
