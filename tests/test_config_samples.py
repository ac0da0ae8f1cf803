"""The samples in conf/ and the manual: complete, equal in both dialects, and true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from trio_supervisor.config import load
from trio_supervisor.config.judge import options_of
from trio_supervisor.source import read
from trio_supervisor.spec import SECTIONS, ProgramSpec

if TYPE_CHECKING:
    from typing import Any

ROOT = Path(__file__).parent.parent
SAMPLES = [ROOT / "conf" / "supervisord.toml", ROOT / "conf" / "supervisord.conf"]
INHERITED = set(options_of(ProgramSpec))
OPTIONS = [
    (section, name)
    for section, spec in SECTIONS.items()
    for name in options_of(spec)
    if spec is ProgramSpec or not issubclass(spec, ProgramSpec) or name not in INHERITED
]


def uncommented(text: str) -> Any:
    return re.sub(r"^[#;](?=[a-z_]+ ?=|\[)", "", text, flags=re.MULTILINE)


def test_both_samples_uncommented_give_the_same_configuration(tmp_path: Path) -> None:
    found = []
    for sample in SAMPLES:
        path = tmp_path / sample.name
        path.write_text(uncommented(sample.read_text()))
        found.append(load(read(str(path), {}), directory=str(tmp_path)))

    toml, ini = found
    assert replace(ini, path=toml.path, warnings=()) == replace(toml, warnings=())
    assert [group.name for group in toml.groups] == ["watcher", "examples", "php"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.suffix)
def test_a_sample_as_it_is_loads_without_a_word(sample: Any, tmp_path: Path) -> None:
    found = load(read(str(sample), {}), directory=str(tmp_path))

    assert found.warnings == ()
    assert found.groups == ()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.suffix)
def test_a_sample_has_every_option_of_every_section(sample: Any, tmp_path: Path) -> None:
    path = tmp_path / sample.name
    path.write_text(uncommented(sample.read_text()))

    found = read(str(path), {})

    named = {(place[0], place[-1]) for place in found.places}
    assert set(OPTIONS) <= named


def test_the_toml_sample_names_the_schema_in_its_first_line() -> None:
    assert SAMPLES[0].read_text().startswith("#:schema ./supervisord.schema.json\n")


@pytest.mark.parametrize(("section", "option"), OPTIONS)
def test_the_manual_explains_every_option(section: Any, option: Any) -> None:
    manual = (ROOT / "docs" / "configuration.md").read_text()
    table = re.search(rf"^### `\[{section}[\]:].*?(?=^##|\Z)", manual, re.MULTILINE | re.DOTALL)

    assert table is not None
    assert f"| `{option}` |" in table[0]
