"""``trio-supervisor doctor``: report what containment rests on here, with remedies.

It becomes the user of the configuration first, as supervisord does: then it sees what that sees.
That user may not be able to read this package, so everything is imported before.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from trio_supervisor.cli.parser import Parser
from trio_supervisor.errors import ConfigError, SupervisorError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_supervisor.cli.findings import Finding
    from trio_supervisor.spec import Configuration

_UNHEALTHY, _USAGE_ERROR = 1, 2


def main(arguments: list[str]) -> int:
    """Print one line for each finding; return 1 when one of them is a problem."""
    import json

    from trio_supervisor.cli.findings import Level
    from trio_supervisor.cli.supervisord import configuration

    options = _parser().parse_args(arguments)
    try:
        path = configuration(options.configuration)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return _USAGE_ERROR
    findings = list(_examine(path))
    problems = sum(finding.level is Level.PROBLEM for finding in findings)
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    if options.json:
        rows = [_object(finding) for finding in findings]
        print(json.dumps({"configuration": path, "findings": rows}, ensure_ascii=False))
    else:
        for finding in findings:
            print(finding)
        print(f"problems: {problems}, warnings: {warnings}")
    return _UNHEALTHY if problems else 0


def _parser() -> Parser:
    parser = Parser(
        "doctor",
        "Report what containment rests on here: the machine, the limits, the daemon "
        "of a configuration, and what an earlier run has left. Each finding is ok, a warning or "
        "a problem, with a remedy.",
    )
    parser.add_argument(
        "-c", "--configuration", metavar="FILE", help="default: where supervisord looks"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _examine(path: str) -> Iterator[Finding]:
    from trio_supervisor.cli import machine, remains
    from trio_supervisor.cli.findings import ok, problem

    configuration = _load(path)
    if configuration is None:
        yield problem("configuration", f"{path} has errors", f"trio-supervisor check {path}")
    else:
        yield ok("configuration", path)
        yield _user(configuration)
    yield from machine.containment()
    yield machine.init()
    yield machine.terminal()
    if configuration is not None:
        yield machine.descriptors(configuration)
        yield machine.processes(configuration)
    yield from remains.of(path, configuration)


def _load(path: str) -> Configuration | None:
    from trio_supervisor import config, source

    try:
        return config.load(source.read(path, os.environ))
    except ConfigError:
        return None


def _user(configuration: Configuration) -> Finding:
    """Become the daemon's user, and say what that means."""
    from trio_supervisor.cli.findings import of_error, ok, problem, warning
    from trio_supervisor.daemon.start import become

    user = configuration.supervisord.user
    if user is not None:
        try:
            become(user)
        except SupervisorError as error:
            return of_error("user", error)
    if foreign := _foreign(configuration):
        return problem(
            "user",
            f"only root can start programs as another user: {', '.join(foreign)}",
            "start supervisord as root, or remove their user",
        )
    if user is None and os.getuid() == 0:
        return warning(
            "user",
            "root, and so are all programs that have no user of their own",
            'set user in [supervisord]; user = "root" says that it is meant',
        )
    return ok("user", f"uid {os.getuid()}")


def _foreign(configuration: Configuration) -> list[str]:
    """Name the programs that become another user, where that takes root and we are not."""
    from trio_supervisor.daemon.identity import account_of

    if os.getuid() == 0:
        return []
    return sorted(
        {
            program.process_name
            for group in configuration.groups
            for program in group.programs
            if program.user is not None and account_of(program.user).uid != os.getuid()
        }
    )


def _object(finding: Finding) -> dict[str, str | None]:
    return {
        "subject": finding.subject,
        "level": finding.level,
        "text": finding.text,
        "remedy": finding.remedy or None,
    }
