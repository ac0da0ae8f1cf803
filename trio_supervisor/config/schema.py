"""The JSON Schema of a supervisord.toml, with which editors complete and explain it."""

from __future__ import annotations

import signal
from typing import Any

import msgspec

from trio_supervisor.config.judge import NUMBERS_ARE_TEXT, Option, options_of
from trio_supervisor.config.unserved import UNSERVED_FAMILIES
from trio_supervisor.source.tree import FAMILIES, SERVERS
from trio_supervisor.source.values import SIZES
from trio_supervisor.spec import SECTIONS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ALSO_TEXT = frozenset(
    {
        "boolean",
        "integer",
        "seconds",
        "size",
        "octal",
        "signal",
        "exit_codes",
        "environment",
        "intensity",
        "words",
        "table",
    }
)
_TEXT = {"type": "string"}
_NOT_YET = "Understood, but not served yet."


def json_schema() -> dict[str, Any]:
    """Describe the whole file: every section, every option, its default and its help."""
    references, definitions = msgspec.json.schema_components(SECTIONS.values())
    for spec in SECTIONS.values():
        properties = definitions[spec.__name__]["properties"]
        definitions[spec.__name__]["properties"] = {
            option.name: _as_written(properties[option.name], option)
            for option in options_of(spec).values()
        }
    properties = {
        name: _section(name, reference)
        for name, reference in zip(SECTIONS, references, strict=True)
    }
    unserved = {name: {"type": "object", "description": _NOT_YET} for name in UNSERVED_FAMILIES}
    return {
        "$schema": _DIALECT,
        "title": "supervisord.toml",
        "type": "object",
        "properties": {**properties, "control": properties["unix_http_server"], **unserved},
        "additionalProperties": False,
        "$defs": definitions,
    }


def _section(name: str, reference: dict[str, Any]) -> dict[str, Any]:
    """Allow the names that a family needs, and that a server may have."""
    named = {"type": "object", "additionalProperties": reference}
    if name in FAMILIES:
        return named
    return {"anyOf": [reference, named]} if name in SERVERS else reference


def _as_written(described: dict[str, Any], option: Option) -> dict[str, Any]:
    """Describe what a file may have for an option, which can be more than its value's type."""
    outer = {key: described.pop(key) for key in ("description", "default") if key in described}
    kinds = [kind for kind in described.get("anyOf", [described]) if kind.get("type") != "null"]
    if option.language == "dependencies":
        for kind in kinds:
            kind["additionalProperties"] = {"anyOf": [kind["additionalProperties"], _TEXT]}
        kinds += ({"type": "array", "items": _TEXT}, _TEXT)
    if option.language in _ALSO_TEXT:
        kinds.append({"type": "string"})
    if option.language in NUMBERS_ARE_TEXT and {"type": "string"} in kinds[:1]:
        kinds.append({"type": "integer"})
    if outer.get("default") is None:
        outer.pop("default", None)
    else:
        outer["default"] = as_written(option, outer["default"])
    return {**outer, **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})}


def as_written(option: Option, value: Any) -> Any:
    """Give a value as a person writes it in TOML: modes in octal, signals by name."""
    match option.language:
        case "octal":
            return f"{value:03o}"
        case "signal":
            return signal.Signals(value).name.removeprefix("SIG")
        case "size" if value and value % SIZES["MB"] == 0:
            return f"{value // SIZES['MB']}MB"
        case _:
            return list(value) if isinstance(value, tuple) else value
