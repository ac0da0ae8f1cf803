"""The film in the README shows what it should, wherever it is shown; filming is no test."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parent.parent
FILM = ROOT / "docs" / "up.svg"
LARGEST = 120_000
"""Bytes that a picture in a README may have."""
STORY = [
    *("$ trio-supervisor up", "-- waiting for db (ready)", "ready for connections", "-- ready"),
    *("-- BACKOFF: exit status 1", "-- EXITED: exit status 0", "Ctrl-C stops everything"),
    *("$ supervisorctl status", "$ supervisorctl why worker", "worker was tried again"),
    *("^C", "received SIGINT", "-- STOPPED", "0 processes left"),
]


@pytest.fixture(name="film")
def parse_film() -> ET.Element:
    return ET.fromstring(FILM.read_text())


def test_the_film_tells_the_story(film: ET.Element) -> None:
    rows = "\n".join(
        "".join(row.itertext()) for row in film.iter("{http://www.w3.org/2000/svg}text")
    )

    assert [words for words in STORY if words not in rows] == []


def test_the_film_shows_only_commands_that_succeed(film: ET.Element) -> None:
    shown = "".join(film.itertext())

    assert "ERROR" not in shown
    assert "***" not in shown
    assert "command not found" not in shown


def test_the_film_plays_where_nothing_may_be_run_or_fetched(film: ET.Element) -> None:
    names = {element.tag.partition("}")[2] for element in film.iter()}

    assert names == {"svg", "style", "rect", "path", "circle", "text", "tspan"}
    assert not re.search(r"@import|url\(|href|@font-face", FILM.read_text())
    assert FILM.stat().st_size < LARGEST


def test_every_row_of_the_film_has_its_time(film: ET.Element) -> None:
    text = FILM.read_text()
    used = set(re.findall(r'style="animation-name: (\w+)', text))

    assert used
    assert used == set(re.findall(r"@keyframes (\w+)", text))
    rows = [row for row in film.iter() if "row" in row.get("class", "").split()]
    assert all(row.get("style") for row in rows)


def test_the_readme_shows_the_film_with_words_for_it(film: ET.Element) -> None:
    assert f"![{film.get('aria-label')}](docs/up.svg)" in (ROOT / "README.md").read_text()
