"""The foreground on a terminal and in a pipe: Ctrl-C, a closed terminal, the launcher's console."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from rig import open_rig, shell, until  # noqa: F401  # the fixture

from trio_supervisor.daemon.proc import stat_of

if TYPE_CHECKING:
    from rig import Rig

CTRL_C = b"\x03"
CTRL_Z = b"\x1a"
COUNTER = """
trap 'echo got INT' INT
trap 'echo got TERM; kill $pid; exit 0' TERM
sleep 1000 & pid=$!
echo ready
while :; do wait; done
"""


class Terminal:
    """A command in a session of its own on a pseudo-terminal, and what the terminal shows."""

    def __init__(self, command: list[str], environment: dict[str, str], directory: str) -> None:
        self.shown = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execve(command[0], command, environment)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def shows(self, text: bytes) -> bool:
        """Read what has come; say whether a text is in all of it."""
        with suppress(OSError):  # EIO: nobody has the terminal any more
            while select.select([self.master], [], [], 0)[0]:
                if not (data := os.read(self.master, 65536)):
                    break
                self.shown += data
        return text in self.shown

    def close(self) -> None:
        """Close the window."""
        os.close(self.master)

    def exit_code(self) -> int:
        """Return the exit code of the command, reading on until it has ended."""

        def ended() -> tuple[int, int] | None:
            with suppress(OSError):
                self.shows(b"")
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return (pid, status) if pid else None

        return os.waitstatus_to_exitcode(until(ended, "its end")[1])


def counting(rig: Rig) -> None:
    """Write a configuration of three children that count the signals they get."""
    tables = [
        f"[program.c{n}]\ncommand = ['/bin/sh', '-c', '''{COUNTER}''']\n"
        f"stdout_logfile = 'c{n}.log'\nstartsecs = 0\n"
        for n in range(3)
    ]
    rig.write("\n".join(tables))


def on_terminal(rig: Rig, name: str, *arguments: str, **environment: str) -> Terminal:
    """Run one of our executables on a pseudo-terminal; wait until all children are ready."""
    command = [*rig.command(name), *arguments, "-c", str(rig.configuration)]
    terminal = Terminal(command, {**rig.environment, **environment}, str(rig.directory))
    wait_for_readiness(rig, terminal)
    return terminal


def wait_for_readiness(rig: Rig, terminal: Terminal) -> None:
    """Wait until all children count, reading what the terminal shows."""

    def are_ready() -> bool:
        terminal.shows(b"")
        return all(rig.text(f"c{n}.log") == "ready\n" for n in range(3))

    until(are_ready, "readiness")


def test_fault_34_ctrl_c_gives_each_child_one_stop_signal(rig: Rig) -> None:
    counting(rig)
    terminal = on_terminal(rig, "supervisord", "-n")

    terminal.type(CTRL_C)

    assert terminal.exit_code() == 0
    terminal.close()
    assert [rig.text(f"c{n}.log") for n in range(3)] == ["ready\ngot TERM\n"] * 3
    assert b"Traceback" not in terminal.shown
    assert rig.log.count("received SIGINT indicating exit request") == 1
    assert rig.marked() == set()


def test_ten_ctrl_c_in_a_burst_are_as_good_as_one(rig: Rig) -> None:
    counting(rig)
    terminal = on_terminal(rig, "supervisord", "-n")

    for _ in range(10):
        terminal.type(CTRL_C)

    assert terminal.exit_code() == 0
    terminal.close()
    assert [rig.text(f"c{n}.log") for n in range(3)] == ["ready\ngot TERM\n"] * 3
    assert b"Traceback" not in terminal.shown
    assert "SIGKILL" not in rig.log


def test_fault_35_a_closed_terminal_stops_everything(rig: Rig) -> None:
    counting(rig)
    terminal = on_terminal(rig, "supervisord", "-n")

    terminal.close()

    assert terminal.exit_code() == 0
    assert [rig.text(f"c{n}.log") for n in range(3)] == ["ready\ngot TERM\n"] * 3
    assert rig.marked() == set()


def test_fault_36_a_daemon_sent_to_the_background_goes_on_and_can_come_back(rig: Rig) -> None:
    counting(rig)
    (supervisord,) = rig.command("supervisord")
    script = f"{supervisord} -n -c {rig.configuration}; echo to the shell; read line; fg"
    terminal = Terminal(["/bin/sh", "-mc", script], rig.environment, str(rig.directory))
    wait_for_readiness(rig, terminal)
    before = rig.settle()

    terminal.type(CTRL_Z)
    until(lambda: terminal.shows(b"to the shell"), "the prompt")
    os.kill(before["c0"], signal.SIGKILL)
    until(lambda: rig.rows()["c0"].spawns == 2, "the replacement")
    terminal.type(b"\n")
    until(lambda: (found := stat_of(rig.info().pid)) and found.state == "S", "its return")
    terminal.type(CTRL_C)

    assert terminal.exit_code() == 0
    terminal.close()
    assert rig.text("c1.log") == "ready\ngot TERM\n"
    assert rig.marked() == set()


def test_fault_24_a_child_has_no_terminal_and_does_not_stop_when_it_reads(rig: Rig) -> None:
    script = "(: < /dev/tty) 2>&1 || echo none; echo ready; read line; echo read"
    rig.write(shell("reader", script, "startsecs = 0"))
    command = [*rig.command("supervisord"), "-n", "-c", str(rig.configuration)]
    terminal = Terminal(command, rig.environment, str(rig.directory))
    until(lambda: "ready" in rig.text("reader.log"), "readiness")
    pid = rig.settle()["reader"]

    terminal.type(b"for nobody\n")

    until(lambda: (found := stat_of(pid)) and found.state == "S", "its wait")
    assert "none\nready\n" in rig.text("reader.log")
    terminal.type(CTRL_C)
    assert terminal.exit_code() == 0
    terminal.close()
    assert "read\n" not in rig.text("reader.log")


def test_the_launcher_on_a_terminal_colours_names_and_counts_what_is_left(rig: Rig) -> None:
    counting(rig)
    terminal = on_terminal(rig, "trio-supervisor", "up", TERM="xterm")
    until(lambda: all(terminal.shows(b"c%d" % n) for n in range(3)), "all names")
    status = rig.ctl("status")

    terminal.type(CTRL_C)

    assert terminal.exit_code() == 0
    terminal.close()
    assert status.stdout.count("RUNNING") == 3
    assert b"m" + b"c0          | \x1b[0mready" in terminal.shown
    assert b"c2          | \x1b[0mgot TERM" in terminal.shown
    assert terminal.shown.endswith(b"\n0 processes left\r\n")


def test_the_launcher_tells_whom_it_waits_for_after_ctrl_c(rig: Rig) -> None:
    script = "trap 'echo saving' TERM; echo ready; while :; do read line; done"
    rig.write(shell("slow", script, "startsecs = 0\nstopwaitsecs = 2"))
    command = rig.command("trio-supervisor", "up", "--timestamps", "--no-color")
    command += ["-c", str(rig.configuration)]
    terminal = Terminal(command, rig.environment, str(rig.directory))
    until(lambda: terminal.shows(b"| ready\r\n"), "readiness")
    pid = rig.settle()["slow"]

    terminal.type(CTRL_C)

    assert terminal.exit_code() == 0
    terminal.close()
    told = rb"[\d:.]{12} slow        \| -- still STOPPING: pid %d, 1 s of 2, last line: saving\r\n"
    assert re.search(told % pid, terminal.shown)
    assert re.search(
        rb"slow        \| -- STOPPED: terminated by SIGKILL\r\n0 processes left\r\n$",
        terminal.shown,
    )


def test_the_launcher_knows_no_color(rig: Rig) -> None:
    counting(rig)
    terminal = on_terminal(rig, "trio-supervisor", "up", TERM="xterm", NO_COLOR="1")

    terminal.type(CTRL_C)

    assert terminal.exit_code() == 0
    terminal.close()
    assert b"c0          | ready\r\n" in terminal.shown
    assert b"\x1b[" not in terminal.shown


def test_the_launcher_in_a_pipe_runs_only_what_is_named(rig: Rig) -> None:
    counting(rig)

    launcher = rig.launch(
        *rig.command("trio-supervisor", "up", "-c", str(rig.configuration), "c0", "c2")
    )
    until(lambda: rig.text("console").count("| ready\n") == 2, "two")
    rows = rig.states()
    code = rig.finish(launcher, signal.SIGINT)

    assert code == 0
    assert {name for name, state in rows.items() if state == "RUNNING"} == {"c0", "c2"}
    told = rig.text("console")
    assert "\x1b[" not in told
    assert "c0          | ready\n" in told
    assert "c2          | got TERM\n" in told
    assert told.endswith("\n0 processes left\n")


def test_the_launcher_refuses_a_name_that_is_not_there(rig: Rig) -> None:
    counting(rig)

    launched = rig.run("trio-supervisor", "up", "-c", str(rig.configuration), "nosuch")

    assert launched.returncode == 2
    assert "nosuch" in launched.stderr
    assert "Traceback" not in launched.stderr


def test_fault_37_a_reader_who_leaves_does_not_end_the_launcher(rig: Rig) -> None:
    counting(rig)
    reading, writing = os.pipe()
    launcher = rig.launch(
        *rig.command("trio-supervisor", "up", "-c", str(rig.configuration)), stdout=writing
    )
    os.close(writing)
    until(lambda: all(rig.text(f"c{n}.log") for n in range(3)), "readiness")

    os.close(reading)

    assert rig.finish(launcher) == 0
    assert [rig.text(f"c{n}.log") for n in range(3)] == ["ready\ngot TERM\n"] * 3
    assert "Traceback" not in rig.text("console")
