"""``trio-supervisor schema``: print the JSON Schema of a supervisord.toml."""

from __future__ import annotations

import json
import sys

from trio_supervisor.cli.parser import Parser


def main(arguments: list[str]) -> int:
    """Print the schema; it takes no arguments but --help."""
    from trio_supervisor.config.schema import json_schema

    parser = Parser("schema", "Print the JSON Schema of a supervisord.toml.")
    parser.parse_args(arguments)
    json.dump(json_schema(), sys.stdout, indent=2)
    print()
    return 0
