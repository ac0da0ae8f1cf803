"""Programs with a terminal of their own: what they find, what logs and console have of it."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rig import open_rig, shell, stop, until  # noqa: F401  # the fixture
from terminal import CTRL_C, Bench

from trio_supervisor.daemon.proc import stat_of
from trio_supervisor.protocol.messages import Done, Write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rig import Rig

LOOK = """
import os, signal, sys
print("ttys", *map(os.isatty, (0, 1, 2)))
print("own", os.ttyname(0) == os.ttyname(2), os.getsid(0) == os.getpid() == os.tcgetpgrp(0))
print("controlling", os.isatty(os.open("/dev/tty", os.O_RDWR)))
print("term", os.environ["TERM"], os.environ.get("od.d"))
print("size", *os.get_terminal_size())
print("err", file=sys.stderr)
signal.signal(signal.SIGWINCH, lambda *_: print("size", *os.get_terminal_size(), flush=True))
print("name? ", end="", flush=True)
print("hello", input())
while True:
    signal.pause()
"""


def looking(rig: Rig, options: str = "") -> None:
    """Write a configuration with a program that tells of its terminal."""
    (rig.directory / "look.py").write_text(LOOK)
    rig.write(
        f"[program.look]\ncommand = ['{sys.executable}', '-IB', 'look.py']\ntty = true\n"
        f"stdout_logfile = 'look.log'\nstartsecs = 0\n{options}"
    )


@pytest.fixture(name="bench")
def open_bench(rig: Rig) -> Iterator[Bench]:
    with Bench(rig.directory, **{**rig.environment, "TERM": "xterm", "NO_COLOR": "1"}) as bench:
        yield bench


def test_a_program_has_a_terminal_of_its_own(rig: Rig) -> None:
    looking(rig, "environment = { 'od.d' = 'kept' }\n")
    rig.environment.pop("TERM", None)
    rig.start()
    until(lambda: "name? " in rig.text("look.log"), "the question")

    assert rig.text("look.log") == (
        "ttys True True True\nown True True\ncontrolling True\nterm xterm-256color kept\n"
        "size 80 24\nerr\nname? "
    )
    assert rig.rows()["look"].stderr_logfile == ""
    assert stop(rig, "look") == ["look SUCCESS"]


def test_the_leader_is_the_program_itself(rig: Rig) -> None:
    looking(rig)
    rig.start()
    until(lambda: "name? " in rig.text("look.log"), "the question")

    pid = rig.settle()["look"]
    found = stat_of(pid)
    assert found is not None
    assert found.session == pid
    assert b"look.py" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_what_is_written_to_it_is_typed(rig: Rig) -> None:
    looking(rig)
    rig.start()
    until(lambda: "name? " in rig.text("look.log"), "the question")

    with closing(rig.connect()) as connection:
        connection.ask(Write("look", b"ada\n"), Done)

    until(lambda: "name? ada\nhello ada\n" in rig.text("look.log"), "the answer, after its echo")


def test_the_window_is_that_of_the_console_and_follows_it(rig: Rig, bench: Bench) -> None:
    looking(rig)
    up = bench.open(*rig.command("trio-supervisor", "up", "-c", str(rig.configuration)))
    up.resize(30, 100)
    until(lambda: "name? " in rig.text("look.log"), "the question")

    up.resize(50, 132)

    until(lambda: "size 118 50\n" in rig.text("look.log"), "the size, less the names")
    up.type(CTRL_C)
    assert up.wait() == 0
    assert "look        | name? " in up.text
    assert up.text.endswith("\n0 processes left\n")


def test_nothing_is_lost_at_the_end_of_a_terminal(rig: Rig) -> None:
    last = "trap '' HUP; (sleep 0.3; seq 1 20000) & echo leader gone"
    rig.write(
        f'[program.late]\ncommand = ["/bin/sh", "-c", """{last}"""]\ntty = true\n'
        "stdout_logfile = 'late.log'\nstartsecs = 0\nautorestart = false\nleave_behind = true\n"
    )
    rig.start()

    until(lambda: rig.text("late.log").endswith("\n20000\n"), "the last line")
    wanted = ["leader gone", *map(str, range(1, 20001))]
    assert rig.text("late.log").splitlines() == wanted


def test_a_stop_reaches_all_of_it_and_its_last_words_are_kept(rig: Rig) -> None:
    script = "trap 'echo bye; exit 0' TERM; setsid sleep 1000 & echo ready; while :; do wait; done"
    rig.write(
        f'[program.web]\ncommand = ["/bin/sh", "-c", """{script}"""]\ntty = true\n'
        "stdout_logfile = 'web.log'\nstartsecs = 0\n"
    )
    daemon = rig.start()
    until(lambda: "ready" in rig.text("web.log"), "readiness")

    assert stop(rig, "web") == ["web SUCCESS"]

    assert rig.text("web.log") == "ready\nbye\n"
    assert rig.finish(daemon) == 0
    assert rig.marked() == set()
    assert "SIGKILL" not in rig.log


def test_without_setsid_it_is_told_what_is_missing(rig: Rig) -> None:
    looking(rig)
    rig.environment["PATH"] = "/nonexistent"
    rig.start()

    answer = rig.ctl("start", "look")

    assert "tty = true needs setsid(1) (install util-linux, or take tty out)" in rig.log
    assert answer.returncode != 0


def test_a_terminal_is_the_programs_users(rig: Rig) -> None:
    if os.getuid() != 0:
        pytest.skip("only root gives files away")
    script = "stat -c %U $(tty); : > $(tty) && echo opened; sleep 1000"
    rig.write(
        f'[program.web]\ncommand = ["/bin/sh", "-c", """{script}"""]\ntty = true\n'
        "stdout_logfile = 'web.log'\nuser = 'nobody'\ndirectory = '/'\n"
    )
    rig.start()

    until(lambda: "opened" in rig.text("web.log"), "the terminal to be opened")
    assert rig.text("web.log") == "nobody\nopened\n"


def test_the_lines_of_a_terminal_can_tell_that_it_is_ready(rig: Rig) -> None:
    rig.write(
        '[program.web]\ncommand = ["/bin/sh", "-c", "echo listening; sleep 1000"]\ntty = true\n'
        "stdout_logfile = 'NONE'\nstartsecs = 0\nready = { log = '^listening$' }\n"
    )
    rig.start()

    until(lambda: rig.rows()["web"].ready, "its readiness")


# ── narrow terminals ─────────────────────────────────────────────────────────────────────────


def test_tables_and_charts_fit_a_narrow_terminal_and_a_pipe_has_all(rig: Rig) -> None:
    long = "a-name-of-twenty-eight-signs"
    options = "startsecs = 0\nautostart = true"
    rig.write(shell(long, "exec sleep 1000", options))
    rig.start()
    rig.settle()
    with Bench(rig.directory, **rig.environment) as bench:
        for words in ("ps", "graph", "timeline"):
            command = " ".join(rig.command("supervisorctl", words))
            narrow, code = bench.run("/bin/sh", "-c", f"stty cols 34; exec {command}")

            rows = [line for line in narrow.splitlines() if line.lstrip("* ").startswith("a-name")]
            assert (code, len(rows)) == (0, 1)
            assert len(rows[0]) <= 34
            assert "…" in rows[0]
            assert f"{long}  " in rig.ctl(words).stdout
