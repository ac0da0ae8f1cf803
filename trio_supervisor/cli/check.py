"""``trio-supervisor check``: report everything that is wrong with a configuration."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from trio_supervisor.cli.parser import Parser
from trio_supervisor.errors import ConfigError

if TYPE_CHECKING:
    from trio_supervisor.config import Findings

_WRONG = 2


def main(arguments: list[str]) -> int:
    """Print one line for each problem on stderr, or that there is none on stdout.

    Exit code 2 when anything is wrong; a warning is, with --strict.
    """
    options = _parser().parse_args(arguments)
    try:
        path = _configuration(options.configuration or options.file)
        found = _examine(path)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return _WRONG
    for problem in found.errors:
        print(problem, file=sys.stderr)
    for problem in found.warnings:
        print(f"warning: {problem}", file=sys.stderr)
    if found.errors or (options.strict and found.warnings):
        return _WRONG
    print(_summary(found))
    return 0


def _parser() -> Parser:
    parser = Parser(
        "check",
        "Report everything that is wrong with a configuration.",
    )
    parser.add_argument("--strict", action="store_true", help="exit with 2 for warnings, too")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("file", nargs="?", metavar="FILE", help="default: where supervisord looks")
    which.add_argument(
        "-c", "--configuration", metavar="FILE", help="the same, as all commands have it"
    )
    return parser


def _configuration(given: str | None) -> str:
    from trio_supervisor.source.search import candidates, find_configuration, missing, shadowed

    path = find_configuration(given, sys.argv[0])
    if path is None:
        raise missing(candidates(sys.argv[0]))
    hidden = shadowed(path) if given is None else None
    if hidden:
        print(f"warning: {hidden}: is not read, because {path} is", file=sys.stderr)
    return path


def _examine(path: str) -> Findings:
    from trio_supervisor.config import examine
    from trio_supervisor.source import read

    return examine(read(path, os.environ))


def _summary(found: Findings) -> str:
    groups = found.configuration.groups
    programs = sum(len(group.programs) for group in groups)
    problems = _counted(len(found.warnings), "warning") if found.warnings else "no problems"
    return f"{_counted(programs, 'program')} in {_counted(len(groups), 'group')}, {problems}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
