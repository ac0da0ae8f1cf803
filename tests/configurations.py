"""Configurations for tests: written, read and loaded in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trio_supervisor.config import load
from trio_supervisor.errors import ConfigError
from trio_supervisor.source import read

if TYPE_CHECKING:
    from pathlib import Path

    from trio_supervisor.spec import Configuration, ProgramSpec

ENVIRONMENT = {"HOME": "/root", "NAME": "x"}


def loaded(path: Path, text: str, name: str = "a.conf", *, strict: bool = False) -> Configuration:
    """Load a text as a file of a directory, which is also the current one."""
    file = path / name
    file.write_text(text)
    return load(read(str(file), ENVIRONMENT), directory=str(path), strict=strict)


def problems(path: Path, text: str, name: str = "a.conf", *, strict: bool = False) -> list[str]:
    """List what is wrong, without the directory of the file."""
    with pytest.raises(ConfigError) as caught:
        loaded(path, text, name, strict=strict)
    return [str(problem).removeprefix(f"{path}/") for problem in caught.value.problems]


def program(path: Path, options: str, before: str = "") -> ProgramSpec:
    """Load the one process of a file with one program, called web."""
    (group,) = loaded(path, f"{before}[program:web]\ncommand=/bin/true\n{options}\n").groups
    (spec,) = group.programs
    return spec
