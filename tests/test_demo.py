"""The demonstration from end to end: real executables on terminals, thirteen workers, every line.

Each worker numbers the lines of a run, and the last of them is the goodbye. So the log files prove
that nothing was lost on the way into them, and `tail -fq .logs/*` must have shown the same lines.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from terminal import CTRL_C, Bench, Terminal, until
from workers import GROUPS, NAMES, TEMPLATE, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPTS = Path(sys.executable).parent
SHOWN = [
    name if name == group else f"{group}:{name}"
    for group, names in GROUPS.items()
    for name in names
]
ROW = re.compile(r"(\S+) +([A-Z]{5,}) *(?:pid (\d+), )?.*")
LINE = re.compile(r"([a-z]+)\[(\d+)\] .+")
CONSOLE_LINE = re.compile(r"(?:\^C)?[a-z]+ +\| (.+)")  # the terminal echoes Ctrl-C where it is
PROMPT = "supervisor> "
MORE = '\n[program.notes]\ncommand = "sleep 3600"\nstdout_logfile = "NONE"\n'


class Row(NamedTuple):
    state: str
    pid: str | None


class Environment:
    """A copy of the demonstration, with ports of its own."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.file = bench.directory / "supervisord.toml"
        self.base = free_ports()
        self.ports = f"--port_base={self.base}", f"--page_port={self.base + len(NAMES)}"
        shutil.copytree(TEMPLATE.parent, bench.directory / "conf")
        self.run("trio-supervisor", "configure", *self.ports)

    def open(self, script: str, *words: str) -> Terminal:
        return self.bench.open(str(SCRIPTS / script), *words)

    def run(self, script: str, *words: str) -> str:
        shown, code = self.bench.run(str(SCRIPTS / script), *words)
        assert code == 0, shown
        return shown

    def control(self, *words: str) -> list[str]:
        return self.run("supervisorctl", *words).splitlines()

    def status(self) -> dict[str, Row]:
        shown, code = self.bench.run(str(SCRIPTS / "supervisorctl"), "status")
        found = rows(shown)
        assert code == (3 if {"STOPPED", "EXITED"} & {row.state for row in found.values()} else 0)
        return found

    def all_running(self, *more: str) -> dict[str, str | None]:
        """Wait until everything is RUNNING; return the pids."""
        seen: dict[str, Row] = {}

        def are_running() -> bool:
            seen.clear()
            seen.update(self.status())
            return {row.state for row in seen.values()} == {"RUNNING"}

        until(are_running, "all to be RUNNING")
        assert sorted(seen) == sorted([*SHOWN, *more])
        return {name: row.pid for name, row in seen.items()}

    def see_page(self) -> None:
        """Wait until the page of the web server shows that all workers answer."""
        until(lambda: "13 of 13 workers answer" in self._page(), "all workers to answer")

    def follow(self) -> Terminal:
        """Follow all logs, from the moment that there are any."""
        until(lambda: set(NAMES) <= {log.stem for log in self._logs()}, "the log files")
        return self.bench.open("sh", "-c", "exec tail -fq .logs/*")

    def written(self) -> dict[str, list[str]]:
        """Return the lines of each worker's log file."""
        return {log.stem: log.read_text().splitlines() for log in self._logs()}

    def assert_nothing_is_left(self, *apart_from: Terminal) -> None:
        """Wait for the last process to end: no process, socket, address or pidfile may stay."""
        pids = {terminal.pid for terminal in apart_from}
        until(lambda: set(self.bench.alive()) <= pids, "all processes to end")

        files = {path for path in self.bench.directory.glob("run/**/*") if not path.is_dir()}
        assert not files
        assert not list(self.bench.directory.glob("*.pid"))

    def _logs(self) -> list[Path]:
        logs = self.bench.directory.glob(".logs/*.log")
        return [log for log in logs if log.stem != "supervisord"]

    def _page(self) -> str:
        try:
            with urlopen(f"http://127.0.0.1:{self.base + NAMES.index('webserver')}/") as answer:
                page: str = answer.read().decode()
                return page
        except (URLError, ConnectionError):
            return ""


def rows(shown: str) -> dict[str, Row]:
    """Read the table of `status`."""
    matches = [ROW.fullmatch(line.rstrip()) for line in shown.splitlines()]
    return {match[1]: Row(match[2], match[3]) for match in matches if match}


def runs(lines: list[str]) -> list[list[str]]:
    """Split a worker's lines into its runs; AssertionError when a line is missing or damaged."""
    found: list[list[str]] = []
    for line in lines:
        match = LINE.fullmatch(line)
        assert match, line
        if match[2] == "1":
            found.append([])
        assert int(match[2]) == len(found[-1]) + 1, (line, found[-1][-1:])
        found[-1].append(line)
    return found


def by_worker(shown: list[str]) -> dict[str, list[str]]:
    """Sort lines of all workers by the worker that wrote them."""
    found: dict[str, list[str]] = {name: [] for name in NAMES}
    for line in shown:
        match = LINE.fullmatch(line)
        if match and match[1] in found:
            found[match[1]].append(line)
    return found


def assert_complete(written: dict[str, list[str]], *, killed: str | None = None) -> None:
    """Assert that every run of every worker ends in its goodbye, but one of the killed worker."""
    assert sorted(written) == sorted(NAMES)
    for name, lines in written.items():
        without = [run for run in runs(lines) if " goodbye after " not in run[-1]]
        assert len(without) == (name == killed), without


def assert_followed(tail: Terminal, written: dict[str, list[str]]) -> None:
    """Assert that `tail` has shown exactly what the workers wrote."""
    until(lambda: by_worker(tail.text.splitlines()) == written, "tail to show every line")


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    with Bench(tmp_path, XDG_RUNTIME_DIR=str(runtime), TERM="xterm") as bench:
        yield Environment(bench)


@pytest.mark.slow
def test_a_day_with_the_daemon(environment: Environment) -> None:
    environment.run("supervisord")
    tail = environment.follow()
    starting = environment.status()

    assert sorted(starting) == sorted(SHOWN)
    assert {row.state for row in starting.values()} <= {"STARTING", "RUNNING"}
    pids = environment.all_running()
    environment.see_page()
    pids = restart_all(environment, pids)
    pids = update(environment, pids)
    reload(environment, pids)
    kill_one(environment)
    talk_in_the_shell(environment)
    assert environment.control("shutdown") == ["Shut down"]
    environment.assert_nothing_is_left(tail)
    written = environment.written()
    assert_complete(written, killed="kloud")
    assert_followed(tail, written)


def restart_all(environment: Environment, before: dict[str, str | None]) -> dict[str, str | None]:
    said = environment.control("restart", "all")

    assert said == [f"{name}: {done}" for done in ("stopped", "started") for name in before]
    pids = environment.all_running()
    assert not set(pids.values()) & set(before.values())
    return pids


def update(environment: Environment, before: dict[str, str | None]) -> dict[str, str | None]:
    """Change one group, add another: the other groups keep their pids."""
    text = environment.file.read_text()
    talkative = 'environment = { LOG_LEVEL = "debug" }'
    text = text.replace("[program.webserver]\n", f"[program.webserver]\n{talkative}\n")
    environment.file.write_text(text + MORE)

    assert environment.control("reread") == ["notes: available", "webserver: changed"]
    assert environment.control("update") == [
        "webserver: stopped",
        "webserver: updated process group",
        "notes: added process group",
    ]
    pids = environment.all_running("notes")
    kept = {name for name in before if pids[name] == before[name]}
    assert kept == {name for name in SHOWN if name.partition(":")[0] != "webserver"}
    return pids


def reload(environment: Environment, before: dict[str, str | None]) -> None:
    text = environment.file.read_text()
    environment.file.write_text(text.replace(MORE, ""))

    assert environment.control("reload") == ["Restarted supervisord"]
    until(lambda: "notes" not in environment.status(), "the program to disappear")
    pids = environment.all_running()
    assert not set(pids.values()) & set(before.values())


def kill_one(environment: Environment) -> None:
    before = environment.status()["environment:kloud"]
    assert before.pid
    os.kill(int(before.pid), signal.SIGKILL)

    def is_replaced() -> bool:
        now = environment.status()["environment:kloud"]
        return now.state == "RUNNING" and now.pid != before.pid

    until(is_replaced, "a new kloud")


def talk_in_the_shell(environment: Environment) -> None:
    shell = environment.open("supervisorctl")
    assert sorted(rows(shell.expect(PROMPT))) == sorted(SHOWN)

    shell.type("stat\t")
    shell.expect("status ")
    shell.type("\r")
    assert {row.state for row in rows(shell.expect(PROMPT)).values()} == {"RUNNING"}
    shell.type("help\r")
    assert "restart" in shell.expect(PROMPT)
    shell.type("stop environment:kl\t\r")
    assert "environment:kloud: stopped\n" in shell.expect(PROMPT)
    shell.type("start environment:kloud\r")
    assert "environment:kloud: started\n" in shell.expect(PROMPT)
    shell.type("exit\r")
    assert shell.wait() == 0


@pytest.mark.slow
def test_a_day_in_the_foreground(environment: Environment) -> None:
    up = environment.open("trio-supervisor", "up")
    tail = environment.follow()
    up.expect("all 13 processes are RUNNING")
    up.expect("control: ")
    up.expect("supervisorctl\n")
    up.expect(f"web page: http://127.0.0.1:{environment.base + len(NAMES)}/\n")
    up.expect("logs: tail -fq .logs/*\n")
    environment.all_running()
    environment.see_page()
    up.type(CTRL_C)

    assert up.wait() == 0
    environment.assert_nothing_is_left(tail)
    assert up.text.splitlines()[-1] == "0 processes left"
    written = environment.written()
    assert_complete(written)
    assert_followed(tail, written)
    shown = [match[1] for line in up.text.splitlines() if (match := CONSOLE_LINE.fullmatch(line))]
    assert by_worker(shown) == written
