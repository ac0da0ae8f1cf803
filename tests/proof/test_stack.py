"""Real services in the order of what they need: `make proof`. Skipped where they are missing."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from stack import MISSING, Stack
from terminal import CTRL_C, Bench, Terminal, until
from workers import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

SCRIPTS = Path(sys.executable).parent
PATIENCE = 60.0
ROUNDS = 50 if os.environ.get("TRIO_SUPERVISOR_SOAK") else 2
NEEDS = [
    ("initdb", "PROCESS_STATE_EXITED", "postgres"),
    ("postgres", "ready", "migrate"),
    ("migrate", "PROCESS_STATE_EXITED", "web"),
    ("redis", "ready", "consumer"),
    ("web", "ready", "nginx"),
]
"""Who must have come how far before whom."""


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Give a place that other users may enter, and prove that nothing of it is left."""
    directory = Path(tempfile.mkdtemp(prefix="proof-"))
    directory.chmod(0o755)
    with Bench(directory) as bench:
        yield bench
    shutil.rmtree(directory)


class Up:
    """`up` on a terminal, with a stack."""

    def __init__(self, bench: Bench, **options: str) -> None:
        self.bench = bench
        self.stack = Stack(bench.directory, **options)
        self.terminal: Terminal = bench.open(str(SCRIPTS / "trio-supervisor"), "up")

    def control(self, *words: str) -> str:
        """Run a command of supervisorctl; return what it says."""
        return self.bench.run(str(SCRIPTS / "supervisorctl"), *words)[0]

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the status of each program by its name."""
        found = json.loads(self.control("status", "--json").partition("\n")[0])
        return {row["name"]: row for row in found.get("processes", [])}

    def past(self) -> list[dict[str, Any]]:
        """Return all that has happened so far."""
        command = [str(SCRIPTS / "supervisorctl"), "events", "--past", "--json"]
        shown = self.bench.run("timeout", "-s", "INT", "2", *command)[0]
        return [json.loads(line) for line in shown.splitlines() if line.startswith("{")]

    def until_ready(self) -> None:
        """Wait until nginx passes on what the application says."""
        until(lambda: self.rows().get("nginx", {}).get("ready"), "the stack", PATIENCE)

    def end(self) -> None:
        """Type Ctrl-C; prove that all is down."""
        self.terminal.type(CTRL_C)
        self.terminal.expect("0 processes left", PATIENCE)
        assert self.terminal.wait(PATIENCE) == 0


def test_each_part_starts_when_what_it_needs_is_there(bench: Bench) -> None:
    up = Up(bench)
    up.until_ready()

    with urlopen(f"http://127.0.0.1:{up.stack.nginx}/supervisord.toml", timeout=5) as answer:
        assert b"[program.postgres]" in answer.read()
    events, rows = up.past(), up.rows()
    for first, what, then in NEEDS:
        (reached,) = [e["time"] for e in events if e["name"] == first and what in _words(e)]
        assert reached <= rows[then]["started"], (first, then)
    assert {row["spawns"] for row in rows.values()} == {1}
    assert {rows[name]["state"] for name in NAMES} == {"RUNNING"}
    up.end()

    stopped = re.findall(r"stopped: (\w+)", up.terminal.text)
    for first, _, then in NEEDS:
        if {first, then} <= set(stopped):
            assert stopped.index(then) < stopped.index(first), stopped


def test_what_asked_for_it_is_started_again_with_what_it_needs(bench: Bench) -> None:
    up = Up(bench)
    up.until_ready()
    before = up.rows()

    os.kill(before["redis"]["pid"], signal.SIGKILL)

    def are_back() -> bool:
        after = up.rows()
        return all(
            after[name]["pid"] not in {None, before[name]["pid"]} and after[name]["ready"]
            for name in ("redis", "consumer")
        )

    until(are_back, "redis and its consumer", PATIENCE)
    after = up.rows()
    for name in ("postgres", "web", "nginx"):
        assert after[name]["pid"] == before[name]["pid"]
    up.end()


def test_a_failed_migration_stops_what_waits_for_it_and_why_says_so(bench: Bench) -> None:
    up = Up(bench, migration="create table")
    until(lambda: up.rows().get("nginx", {}).get("state") == "FATAL", "the end of it", PATIENCE)

    rows = up.rows()
    assert rows["web"]["description"] == "it needs migrate, which has ended with exit status 1"
    assert rows["postgres"]["ready"]
    why = up.control("why", "nginx")
    assert "migrate" in why
    assert "syntax error" in why
    up.end()


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_ctrl_c_at_any_moment_leaves_nothing(bench: Bench, seed: int) -> None:
    up = Up(bench)
    with contextlib.suppress(subprocess.TimeoutExpired):
        up.terminal.wait(random.Random(seed).uniform(0.3, 6.0))

    up.end()

    assert bench.alive() == {}


def _words(event: dict[str, Any]) -> set[str]:
    return {event["type"], event["detail"]}
