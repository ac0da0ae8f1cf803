"""What the launcher picks, and what the process above the daemon reads of the configuration."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from daemon_fakes import configuration_of, group_of, spec_of

from trio_supervisor.daemon.launch import Launch, Necessities, necessities, report
from trio_supervisor.daemon.selection import only
from trio_supervisor.errors import ConfigError, Problem, SupervisorError

if TYPE_CHECKING:
    from trio_supervisor.spec import Configuration

CONFIGURATION = configuration_of(
    group_of("web", spec_of("web"), spec_of("worker")),
    group_of("other", spec_of("one"), spec_of("two", autostart=False)),
)


def starting(configuration: Configuration) -> list[str]:
    """Return the names of what starts by itself."""
    return [p.process_name for g in configuration.groups for p in g.programs if p.starts_by_itself]


@pytest.mark.parametrize(
    ("names", "started"),
    [
        (("worker",), ["worker"]),
        (("web",), ["web", "worker"]),  # a process, and the group of its name
        (("web:web",), ["web"]),
        (("other:*",), ["one", "two"]),
        (("other",), ["one", "two"]),
        (("two", "web:web"), ["web", "two"]),
        (("w*",), ["web", "worker"]),
        (("oth*:*o",), ["two"]),
    ],
)
def test_only_what_is_named_starts(names: tuple[str, ...], started: list[str]) -> None:
    assert starting(only(CONFIGURATION, names)) == started


@pytest.mark.parametrize("name", ["nope", "web:one", "nope:*", "n*"])
def test_a_name_that_is_none_is_an_error_that_lists_them(name: str) -> None:
    with pytest.raises(SupervisorError) as problem:
        only(CONFIGURATION, ("worker", name))

    assert str(problem.value) == (
        f"no process or group is called {name!r} (there are: one, two, web, worker)"
    )


def needed(table: Any = None, **launch: Any) -> Necessities:
    """Read the necessities from a [supervisord] table and flags."""
    given: dict[str, Any] = {
        "program": "supervisord",
        "configuration": "/etc/supervisord.conf",
        "overrides": {},
        "directory": "/started/here",
        **launch,
    }
    return necessities(Launch(**given), {} if table is None else {"supervisord": table})


def test_without_options_it_daemonizes_with_a_pidfile_where_it_was_started() -> None:
    assert needed() == Necessities(False, None, "/started/here/supervisord.pid")


@pytest.mark.parametrize(("value", "expected"), [("true", True), (True, True), ("maybe", False)])
def test_nodaemon_is_read_from_either_dialect(value: object, expected: bool) -> None:
    assert needed({"nodaemon": value}).nodaemon is expected


def test_the_launcher_stays_in_the_foreground() -> None:
    assert needed(console=True).nodaemon


def test_flags_beat_the_file() -> None:
    found = needed(
        {"pidfile": "/file.pid", "user": "file"},
        overrides={"pidfile": "/flag.pid", "user": 1000, "nodaemon": True},
    )

    assert found == Necessities(True, "1000", "/flag.pid")


def test_the_pidfile_is_relative_to_the_directory() -> None:
    assert needed({"directory": "/srv", "pidfile": "run/x.pid"}).pidfile == "/srv/run/x.pid"
    assert needed({"directory": "sub"}).pidfile == "/started/here/sub/supervisord.pid"
    home = os.path.expanduser("~")
    assert needed({"pidfile": "~/x.pid"}).pidfile == f"{home}/x.pid"


def test_what_is_no_table_or_no_text_counts_as_nothing() -> None:
    assert needed(["odd"]) == needed()
    assert needed({"pidfile": 3, "directory": False}) == needed()


def test_each_problem_is_told_on_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    report("supervisord", ConfigError([Problem("f", 1, "a", "x"), Problem("f", 2, "b", "y")]))
    report("up", SupervisorError("z"))

    assert capsys.readouterr().err.splitlines() == [
        "Error: f:1: a: x",
        "Error: f:2: b: y",
        "For help, use supervisord -h",
        "Error: z",
        "For help, use up -h",
    ]
