"""fg on a real daemon: from a terminal, in the shell, and with input from a pipe."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from rig import PATIENCE, open_rig, until  # noqa: F401  # the fixture
from terminal import CTRL_C, Bench

from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rig import Rig
    from terminal import Terminal

CTRL_D = "\x04"
ECHO = "while read line; do echo got $line; echo err $line >&2; [ $line = quit ] && exit 3; done"
PROGRAMS = f"""
[program.echo]
command = ['/bin/sh', '-c', '{ECHO}']
stdout_logfile = 'echo.out'
stderr_logfile = 'echo.err'
startsecs = 0
autorestart = false
[program.cat]
command = '/bin/cat'
stdout_logfile = 'cat.log'
redirect_stderr = true
startsecs = 0
[program.deaf]
command = '/bin/sleep 1000'
stdout_logfile = 'NONE'
stderr_logfile = 'NONE'
startsecs = 0
[program.off]
command = '/bin/cat'
autostart = false
"""


@pytest.fixture(name="served")
def serve(rig: Rig) -> Rig:
    rig.write(PROGRAMS)
    rig.start()
    rig.settle(ProcessState.RUNNING, "echo", "cat", "deaf")
    return rig


@pytest.fixture(name="bench")
def open_bench(served: Rig) -> Iterator[Bench]:
    with Bench(served.directory, **served.environment) as bench:
        yield bench


def attach(bench: Bench, served: Rig, *words: str) -> Terminal:
    command = served.command("supervisorctl", "-c", str(served.configuration), *words)
    return bench.open(*command)


def piped(served: Rig, data: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        served.command("supervisorctl", "-c", str(served.configuration), *words),
        env=served.environment,
        cwd=served.directory,
        input=data,
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )


def test_lines_typed_go_to_the_program_and_its_answers_come(bench: Bench, served: Rig) -> None:
    terminal = attach(bench, served, "fg", "echo")
    terminal.expect("Press Ctrl-C to exit <==\n")

    terminal.type("hello\n")
    until(lambda: {"got hello", "err hello"} <= {*terminal.text.splitlines()}, "both answers")
    terminal.type(CTRL_C)

    assert terminal.wait() == 0
    assert served.states()["echo"] == "RUNNING"


def test_ctrl_d_leaves_the_program_running(bench: Bench, served: Rig) -> None:
    terminal = attach(bench, served, "fg", "cat")
    terminal.expect("Press Ctrl-C to exit <==\n")

    terminal.type(CTRL_D)

    assert terminal.wait() == 0
    assert served.states()["cat"] == "RUNNING"


def test_the_end_of_the_program_is_told(bench: Bench, served: Rig) -> None:
    terminal = attach(bench, served, "fg", "echo")
    terminal.expect("Press Ctrl-C to exit <==\n")

    terminal.type("quit\n")
    shown = terminal.expect("it has ended")

    assert terminal.wait() == 0
    assert "echo: it has ended (EXITED: exit status 3)" in terminal.text
    assert "got quit" in shown


def test_the_shell_goes_on_after_it(bench: Bench, served: Rig) -> None:
    terminal = attach(bench, served)
    terminal.expect("supervisor> ")

    terminal.type("fg cat\n")
    terminal.expect("Press Ctrl-C to exit <==\n")
    terminal.type("over and\n")
    terminal.expect("over and\nover and")  # the terminal's echo, and the program's
    terminal.type(CTRL_C)
    terminal.expect("supervisor> ")
    terminal.type("pid cat\n")
    terminal.expect("supervisor> ")
    terminal.type("quit\n")

    assert terminal.wait() == 0


def test_piped_input_is_sent_and_answered(served: Rig) -> None:
    done = piped(served, b"one\ntwo\n", "fg", "echo")

    assert (done.stdout, done.returncode) == (b"got one\ngot two\n", 0)
    assert done.stderr == b"err one\nerr two\n"


def test_more_than_a_program_reads_at_once_is_sent_whole(served: Rig) -> None:
    data = b"".join(b"line %d\n" % number for number in range(400_000))

    done = piped(served, data, "fg", "cat")

    assert done.returncode == 0
    until(lambda: len(served.text("cat.log")) == len(data), "the last line")
    assert served.text("cat.log").encode() == data


def test_what_is_not_there_is_refused(served: Rig) -> None:
    def said(*words: str) -> tuple[bytes, int]:
        done = piped(served, b"", "fg", *words)
        return done.stdout, done.returncode

    assert said("off") == (b"ERROR: process not running\n", 1)
    assert said("nosuch") == (b"ERROR: bad process name supplied\n", 1)
    assert said("all") == (b"ERROR: bad process name supplied\n", 1)
    assert said("cat", "echo") == (b"ERROR: too many process names supplied\n", 1)
    assert said()[0].startswith(b"ERROR: no process name supplied\nfg NAME")


def test_a_program_without_logs_still_takes_input(served: Rig) -> None:
    done = piped(served, b"x\n", "fg", "deaf")

    assert done.returncode == 0
    assert b"nothing to show" in done.stderr


def test_commands_that_a_shell_reads_from_a_pipe_are_not_sent(served: Rig) -> None:
    shell = subprocess.Popen(
        served.command("supervisorctl", "-c", str(served.configuration)),
        env=served.environment,
        cwd=served.directory,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert shell.stdin is not None
    shell.stdin.write(b"fg echo\nversion\nquit\n")
    shell.stdin.flush()
    served.ctl("stop", "echo")  # else it would stay: nobody is there to leave

    shell.communicate(timeout=PATIENCE)
    assert served.text("echo.out") == ""
