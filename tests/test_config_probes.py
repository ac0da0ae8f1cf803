"""``ready`` and ``health``: one text for both dialects, and every mistake with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from configurations import loaded, problems, program

from trio_supervisor.spec import Health, Ready

if TYPE_CHECKING:
    from pathlib import Path

DB = "[program:db]\ncommand=x\n"


def reported(path: Path, option: str, text: str) -> str:
    """Return the one thing that is wrong with an option."""
    (found,) = problems(path, f"[program:web]\ncommand=x\n{option}={text}\n")
    return found.removeprefix(f"a.conf:3: program.web.{option}: ")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('{http = "http://h:80/up", status = 204}', Ready(http="http://h:80/up", status=204)),
        ('{tcp = "[::1]:5432", timeout = 9}', Ready(tcp="[::1]:5432", timeout=9.0)),
        (
            '{exec = ["pg_isready", "-q"], interval = 2}',
            Ready(exec=("pg_isready", "-q"), interval=2),
        ),
        ("{log = 'up on \\d+'}", Ready(log=r"up on \d+")),
        ("{notify = true}", Ready(notify=True)),
        ("{delay = 1.5}", Ready(delay=1.5)),
    ],
)
def test_ready_is_the_same_text_in_both_dialects(
    tmp_path: Path, written: str, expected: Ready
) -> None:
    ini = program(tmp_path, f"ready={written}")
    text = f"[program.web]\ncommand = '/bin/true'\nready = {written}\n"
    toml = loaded(tmp_path, text, "a.toml").groups[0].programs[0]

    assert ini.ready == toml.ready == expected


def test_health_has_its_numbers_and_what_to_do(tmp_path: Path) -> None:
    written = '{unix = "db.sock", retries = 2, start_period = 4, on_failure = "mark"}'

    health = program(tmp_path, f"health={written}").health

    unix = str(tmp_path / "db.sock")
    assert health == Health(unix=unix, retries=2, start_period=4, on_failure="mark")
    assert (health.interval, health.timeout, health.success_threshold) == (10, 5, 1)
    assert health.kind == "unix"


@pytest.mark.parametrize(
    ("option", "written", "expected"),
    [
        ("ready", "5", "'5' is not a table (example: {tcp = '127.0.0.1:80', timeout = 9})"),
        ("ready", "{tcp = ", "'{tcp =' is not a table (example: "),
        ("ready", "{}", "asks nothing (give it one of http, tcp, unix, exec, notify, log, delay)"),
        (
            "health",
            "{notify = false}",
            "asks nothing (give it one of http, tcp, unix, exec, notify)",
        ),
        ("ready", '{tcp = "a:1", log = "x"}', "asks by tcp and log (keep one of them)"),
        ("ready", '{htp = "http://a"}', "there is no htp in ready (did you mean http?)"),
        ("health", '{log = "x"}', "there is no log in health (it has http, "),
        (
            "ready",
            '{tcp = "5432"}',
            "'5432' is not host:port (examples: 127.0.0.1:5432, [::1]:5432)",
        ),
        ("ready", '{tcp = "::1:5432"}', "'::1:5432' is not host:port (examples: "),
        ("ready", '{http = "localhost:80"}', "'localhost:80' is not an http URL (example: "),
        ("ready", '{http = "http://a:b/"}', "'http://a:b/' has a host or a port that is none ("),
        ("ready", '{http = "http://[::1:80/"}', "'http://[::1:80/' has a host or a port that is n"),
        ("ready", '{http = "http://a:0/"}', "'http://a:0/': nobody listens on port 0 (example: "),
        ("ready", '{http = "https://a/"}', "'https://a/': probes speak no TLS (use exec = 'curl "),
        ("ready", '{http = "http://me:x@a/"}', "a URL of a probe has no user and password (use"),
        ("ready", '{http = "http://a/b c"}', "'http://a/b c' holds what a URL cannot (write it"),
        ("ready", '{tcp = "a:1", status = 204}', "status is for http only (take it out)"),
        ("ready", '{log = "("}', "log: '(' is not a regular expression: missing ) "),
        ("ready", '{exec = ""}', "exec is empty (example: "),
        ("ready", """{exec = "it's"}""", """exec: "it's" is no command: no closing quotation"""),
        ("ready", '{tcp = "a..b:80"}', "'a..b:80': 'a..b' is no name of a host (examples: "),
        ("ready", '{log = "x{99999999999}"}', "log: 'x{99999999999}' is not a regular expression"),
        ("health", '{tcp = "a:1", interval = 1e-9}', "interval: 1e-09 is refused: expected a numb"),
        ("health", "{notify = true, interval = inf}", "interval: 'inf' is not a number of second"),
        ("ready", "{delay = 0}", "delay: 0 is refused: expected a number > 0"),
        ("health", '{tcp = "a:1", retries = 0}', "retries: 0 is refused: expected an integer >= 1"),
        ("health", '{tcp = "a:1", on_failure = "kill"}', "on_failure: 'kill' is none of restart, "),
    ],
)
def test_a_probe_that_cannot_be_asked_is_an_error(
    tmp_path: Path, option: str, written: Any, expected: str
) -> None:
    assert reported(tmp_path, option, written).startswith(expected)


@pytest.mark.parametrize(
    ("probe", "condition"),
    [
        ("", "started"),
        ("ready={delay = 1}\n", "ready"),
        ("ready={delay = 1}\nhealth={tcp = 'a:1'}\n", "healthy"),
    ],
)
def test_unless_said_otherwise_the_most_that_a_program_promises_is_waited_for(
    tmp_path: Path, probe: str, condition: str
) -> None:
    text = f"{DB}{probe}[program:web]\ncommand=x\ndepends_on=db\n"

    programs = {group.name: group.programs[0] for group in loaded(tmp_path, text).groups}

    assert programs["web"].depends_on["db"].condition == condition


@pytest.mark.parametrize(
    ("condition", "remedy"),
    [
        ("healthy", "add health = {…} to it, or wait for it to be ready"),
        ("log_ready", 'add ready = {log = "…"} to it, or wait for it to be ready'),
    ],
)
def test_to_wait_for_a_probe_that_does_not_exist_is_an_error(
    tmp_path: Path, condition: str, remedy: str
) -> None:
    text = f"{DB}[program:web]\ncommand=x\ndepends_on=db={condition}\n"

    (found,) = problems(tmp_path, text)

    assert found == f"a.conf:5: program.web.depends_on: 'db' can never be {condition} ({remedy})"
