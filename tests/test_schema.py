"""The JSON Schema: printed, stored beside the sample, and complete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trio_supervisor.cli import schema
from trio_supervisor.config.judge import options_of
from trio_supervisor.config.schema import json_schema
from trio_supervisor.spec import SECTIONS

if TYPE_CHECKING:
    from typing import Any

STORED = Path(__file__).parent.parent / "conf" / "supervisord.schema.json"


def test_the_stored_schema_is_the_printed_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert schema.main([]) == 0

    assert capsys.readouterr().out == STORED.read_text()


def test_every_option_has_a_description() -> None:
    definitions = json_schema()["$defs"]

    for spec in SECTIONS.values():
        for name in options_of(spec):
            assert definitions[spec.__name__]["properties"][name]["description"].endswith(".")


@pytest.mark.parametrize(
    ("option", "types", "default"),
    [
        ("autostart", ["boolean", "string"], True),
        ("stdout_logfile_maxbytes", ["integer", "string"], "50MB"),
        ("stopsignal", ["integer", "string"], "TERM"),
        ("umask", ["integer", "string"], None),
        ("user", ["string", "integer"], None),
        ("exitcodes", ["array", "string"], [0]),
    ],
)
def test_an_option_may_be_written_as_text_too(option: Any, types: Any, default: Any) -> None:
    described = json_schema()["$defs"]["ProgramSpec"]["properties"][option]

    assert [kind["type"] for kind in described["anyOf"]] == types
    assert described.get("default") == default


def test_control_is_a_name_of_the_unix_server() -> None:
    properties = json_schema()["properties"]

    assert properties["control"] == properties["unix_http_server"]
