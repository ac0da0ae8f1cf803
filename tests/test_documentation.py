"""README and docs tell what is so: examples are run or checked, and links lead somewhere."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
from configurations import loaded
from terminal import Bench, until

from trio_supervisor.cli import configure, launcher
from trio_supervisor.client.table import COMMANDS

ROOT = Path(__file__).parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]
SCRIPTS = Path(sys.executable).parent
MODULE = re.compile(r"`((?:\w+/)?\w+\.py)`")
LEAVES = {"quit", "exit"}


class Block(NamedTuple):
    """A code block of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def typed(self) -> list[str]:
        return [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(page, text.count("\n", 0, one.start()) + 1, one[1], one[2]) for one in found]


BLOCKS = [block for page in PAGES for block in blocks(page)]


def of(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def name(value: object) -> str:
    """Name a page or a block among the tests."""
    if isinstance(value, Block):
        return f"{value.page.name}:{value.line}"
    return Path(str(value)).name


def anchors(page: Path) -> set[str]:
    """Return the names that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands(text: str) -> list[list[str]]:
    """Return the words of each command of ours that a text names in backticks."""
    spans = re.findall(r"`([^`\n]+)`", text)
    ours = [span.split() for span in spans if re.match(r"(supervisorctl|trio-supervisor) ", span)]
    return [words for words in ours if re.fullmatch(r"[a-z]+", words[1])]


def assert_exists(words: list[str]) -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    match words:
        case ["make", target]:
            assert target in targets
        case ["trio-supervisor", command, *_]:
            assert command in launcher.COMMANDS or command in COMMANDS
        case ["supervisorctl", command, *_]:
            assert command in COMMANDS or command in LEAVES
        case _:
            assert words[0] == "supervisord"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        if "://" not in link:
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_that_are_named_exist(page: Path) -> None:
    for words in commands(page.read_text()):
        assert_exists(words)


@pytest.mark.parametrize("block", of("console"), ids=name)
def test_commands_that_are_shown_exist(block: Block) -> None:
    assert block.typed
    for line in block.typed:
        assert_exists(line.split())


@pytest.mark.parametrize("block", of("toml"), ids=name)
def test_configurations_load(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    variables = tomllib.loads(block.text).get("configure")
    if variables is None:
        (tmp_path / ".logs").mkdir()
        assert not loaded(tmp_path, block.text, "a.toml").warnings
        return

    (tmp_path / "template.toml").write_text(block.text)
    asked = [variable for variable, options in variables.items() if "default" not in options]
    answers = [f"--{variable}=somebody" for variable in asked]
    assert configure.main(["template.toml", *answers]) == 0


def test_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text()

    for command in COMMANDS:
        assert f"`{command}`" in readme
    for command in launcher.COMMANDS:
        assert f"`trio-supervisor {command}" in readme


def test_architecture_has_every_module_and_no_other() -> None:
    package = ROOT / "trio_supervisor"
    files = {str(path.relative_to(package)) for path in package.rglob("*.py")}
    named = set(MODULE.findall((ROOT / "docs" / "architecture.md").read_text()))

    assert named == {file for file in files if not file.endswith("__.py")}


@pytest.mark.slow
def test_quick_start_of_the_readme_works(tmp_path: Path) -> None:
    (configuration,) = (block.text for block in of("toml") if block.page.name == "README.md")
    (session,) = (
        block for block in of("console") if block.page.name == "README.md" and "\n$ s" in block.text
    )
    (tmp_path / "supervisord.toml").write_text(configuration.replace('"8000"', '"0"'))
    with Bench(tmp_path, XDG_RUNTIME_DIR=str(tmp_path), PATH=f"{SCRIPTS}:/usr/bin:/bin") as bench:
        for typed, promised in re.findall(r"^\$ (.+)\n([^$]*)", session.text, re.MULTILINE):
            shown, code = bench.run("sh", "-c", typed)
            assert code == 0, shown
            assert not promised or shown == promised
        until(lambda: not bench.alive(), "all processes to end")
