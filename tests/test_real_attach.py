"""attach on a real daemon: debuggers, keys, windows, and a terminal that is given back."""

from __future__ import annotations

import os
import signal
import sys
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from rig import open_rig, until  # noqa: F401  # the fixture
from terminal import CTRL_C, Bench

from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from rig import Rig
    from terminal import Terminal

CTRL_BRACKET = "\x1d"
BANNER = "==> Press Ctrl-] to leave <==\n"
DEBUGGED = """
import os, signal, time
answer = 41
breakpoint()
print("answer", answer, flush=True)
signal.signal(signal.SIGWINCH, lambda *_: print("size", *os.get_terminal_size(), flush=True))
while True:
    time.sleep(0.01)
"""
PASTED = 300_000
TAKING = f"""
import hashlib, os, tty
tty.setraw(0)
print("paste", flush=True)
taken = b""
while len(taken) < {PASTED}:
    taken += os.read(0, 65536)
print("taken", hashlib.sha256(taken).hexdigest(), flush=True)
os.read(0, 1)
"""
"""A program that takes a long paste, and tells what came."""
FULL_SCREEN = r"printf '\033[?1049h\033[?25l\033[?1000;2004hfull'; sleep 1000"

LONG = r"printf '\033[?1049h'; printf '%0200000d' 7; printf drawn; touch drawn; sleep 1000"


@pytest.fixture(name="daemon")
def serve(rig: Rig) -> subprocess.Popen[bytes]:
    (rig.directory / "debugged.py").write_text(DEBUGGED)
    (rig.directory / "taking.py").write_text(TAKING)
    rig.write(
        f"""
[program.debugged]
command = ['{sys.executable}', '-B', 'debugged.py']
tty = true
stdout_logfile = 'debugged.log'
startsecs = 0
[program.repl]
command = ['{sys.executable}', '-I', '-q']
tty = true
stdout_logfile = 'NONE'
environment = {{ TERM = 'dumb' }}
startsecs = 0
autorestart = false
[program.full]
command = ['/bin/sh', '-c', '''{FULL_SCREEN}''']
tty = true
stdout_logfile = 'NONE'
startsecs = 0
[program.long]
command = ['/bin/sh', '-c', '''{LONG}''']
tty = true
stdout_logfile = 'NONE'
startsecs = 0
[program.taking]
command = ['{sys.executable}', '-IB', 'taking.py']
tty = true
stdout_logfile = 'taking.log'
startsecs = 0
[program.counting]
command = ['/bin/sh', '-c', 'head -c {PASTED} | sha256sum; exec sleep 1000']
stdout_logfile = 'counting.log'
startsecs = 0
[program.cat]
command = 'cat'
stdout_logfile = 'cat.log'
startsecs = 0
[program.off]
command = 'cat'
tty = true
autostart = false
"""
    )
    daemon = rig.start()
    rig.settle(ProcessState.RUNNING, "debugged", "repl", "full", "cat")
    return daemon


@pytest.fixture(name="bench")
def open_bench(rig: Rig, daemon: object) -> Iterator[Bench]:
    with Bench(rig.directory, **rig.environment) as bench:
        yield bench


def attach(bench: Bench, rig: Rig, name: str) -> Terminal:
    """Attach from a shell that tells before and after how the terminal is."""
    command = " ".join(rig.command("supervisorctl", "-c", str(rig.configuration), "attach", name))
    terminal = bench.open("sh", "-c", f"stty -g; {command}; echo code $?; stty -g; echo end")
    terminal.expect(BANNER)
    return terminal


def given_back(terminal: Terminal) -> str:
    """Wait for the end; assert that the terminal is as before, return how attach ended."""
    assert terminal.wait() == 0
    lines = terminal.text.splitlines()
    assert lines[-1] == "end"
    assert lines[-2] == lines[0]
    return lines[-3]


def test_a_debugger_is_served(bench: Bench, rig: Rig) -> None:
    terminal = attach(bench, rig, "debugged")
    terminal.expect("(Pdb) ")

    terminal.type("p answer\r")
    terminal.expect("41\n")
    terminal.expect("(Pdb) ")
    terminal.type("!answer += 1\rc\r")
    terminal.expect("answer 42\n")
    terminal.resize(33, 99)
    terminal.expect("size 99 33\n")
    terminal.type(CTRL_BRACKET)

    assert given_back(terminal) == "code 0"
    assert "\ndebugged: left, it goes on\n" in terminal.text
    assert rig.states()["debugged"] == "RUNNING"
    assert "answer 42\n" in rig.text("debugged.log")


def test_a_repl_hears_ctrl_c_and_ctrl_d(bench: Bench, rig: Rig) -> None:
    terminal = attach(bench, rig, "repl")
    terminal.expect(">>> ")

    terminal.type("6 * 7\r")
    terminal.expect("42\n")
    terminal.type("import time; time.sleep(1000)\r")
    terminal.expect("1000)\n")
    terminal.type(CTRL_C)
    terminal.expect("KeyboardInterrupt\n")
    terminal.expect(">>> ")
    terminal.type("\x04")

    assert given_back(terminal) == "code 0"
    assert "repl: it has ended (EXITED: " in terminal.text


def test_a_long_paste_comes_whole_and_in_order(bench: Bench, rig: Rig) -> None:
    pasted = "".join(f"{number:05}" for number in range(PASTED // 5))
    until(lambda: "paste" in rig.text("taking.log"), "its readiness")
    terminal = attach(bench, rig, "taking")
    terminal.expect("paste\n")

    terminal.type(pasted)
    terminal.expect(f"taken {sha256(pasted.encode()).hexdigest()}")
    terminal.type(CTRL_BRACKET)

    assert given_back(terminal) == "code 0"


def test_a_large_file_goes_through_fg_whole(bench: Bench, rig: Rig) -> None:
    sent = b"".join(b"%04d\n" % (number % 10_000) for number in range(PASTED // 5))
    (rig.directory / "large").write_bytes(sent)
    command = " ".join(rig.command("supervisorctl", "-c", str(rig.configuration), "fg", "counting"))

    terminal = bench.open("sh", "-c", f"{command} < large")

    terminal.expect(f"{sha256(sent).hexdigest()}  -\n")
    assert terminal.wait() == 0


def test_who_attaches_again_sees_what_was_there(bench: Bench, rig: Rig) -> None:
    first = attach(bench, rig, "repl")
    first.type("'a' + 'b'\r")
    first.expect("'ab'\n")
    first.type(CTRL_BRACKET)
    given_back(first)

    second = attach(bench, rig, "repl")
    second.expect("'ab'\n>>> ")
    second.type(f"'c' + 'd'\r{CTRL_BRACKET}")

    assert given_back(second) == "code 0"


def test_what_a_screen_program_switched_on_is_switched_off(bench: Bench, rig: Rig) -> None:
    terminal = attach(bench, rig, "full")
    terminal.expect("full")

    terminal.type(CTRL_BRACKET)

    assert given_back(terminal) == "code 0"
    after = terminal.shown.partition(b"full")[2]
    for undone in (b"\x1b[?1049l", b"\x1b[?1000l", b"\x1b[?2004l", b"\x1b[?25h", b"\x1b[0m"):
        assert undone in after


def client_of(bench: Bench, name: str) -> int:
    """Return the pid of the client that is attached to a program."""
    alive = bench.alive().items()
    (client,) = [pid for pid, words in alive if words.endswith(f" attach {name} ")]
    return client


def test_what_was_switched_on_long_ago_is_switched_on_for_who_attaches(
    bench: Bench, rig: Rig
) -> None:
    until((rig.directory / "drawn").exists, "much output")
    terminal = attach(bench, rig, "long")
    terminal.expect("drawn")

    terminal.type(CTRL_BRACKET)

    assert given_back(terminal) == "code 0"
    _, entered, picture = terminal.shown.partition(b"\x1b[?1049h")
    assert entered
    assert b"\x1b[?1049l" in picture.partition(b"drawn")[2]


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGALRM,
        signal.SIGABRT,
        signal.SIGRTMAX,
    ],
)
def test_a_signal_gives_the_terminal_back(bench: Bench, rig: Rig, number: signal.Signals) -> None:
    terminal = attach(bench, rig, "repl")
    terminal.expect(">>> ")

    os.kill(client_of(bench, "repl"), number)

    assert given_back(terminal) == f"code {128 + number}"
    assert rig.states()["repl"] == "RUNNING"


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGSTOP])
def test_who_is_stopped_gives_the_terminal_back_and_takes_it_again(
    bench: Bench, rig: Rig, number: signal.Signals
) -> None:
    shell = bench.open("bash", "--norc", "--noprofile", "-i")
    shell.type("PS1='shell''> '; stty -g\r")
    before = shell.expect("shell> ").splitlines()[-2]
    command = rig.command("supervisorctl", "-c", str(rig.configuration), "attach", "full")
    shell.type(" ".join(command) + "\r")
    shell.expect(BANNER)
    shell.expect("full")

    os.kill(client_of(bench, "full"), number)
    shell.expect("Stopped")
    shell.expect("shell> ")
    shown = len(shell.shown)
    shell.type("fg; stty -g\r")
    until(lambda: b"\x1b[?1049h" in shell.shown[shown:], "the screen of the program")
    shell.type(CTRL_BRACKET)  # without a return: it comes only where no lines are waited for

    shell.expect("full: left, it goes on\n")
    assert before in shell.expect("shell> ")
    assert shell.shown.count(b"\x1b[?1049l") == (2 if number == signal.SIGTSTP else 1)
    shell.type("exit\r")
    assert shell.wait() == 0


def test_the_death_of_the_daemon_gives_the_terminal_back(bench: Bench, rig: Rig) -> None:
    terminal = attach(bench, rig, "repl")
    terminal.expect(">>> ")

    os.kill(rig.info().daemon_pid, signal.SIGKILL)

    assert given_back(terminal) == "code 1"
    assert "supervisord closed the connection" in terminal.text
    rig.finish(rig.start())  # which removes what the dead one left


def test_the_end_of_the_daemon_gives_the_terminal_back(
    bench: Bench, rig: Rig, daemon: subprocess.Popen[bytes]
) -> None:
    terminal = attach(bench, rig, "full")
    terminal.expect("full")

    assert rig.finish(daemon) == 0

    assert given_back(terminal) == "code 0"
    assert "full: it has ended (STOPPED" in terminal.text


def test_without_a_terminal_it_is_fg(bench: Bench, rig: Rig) -> None:
    command = rig.command("supervisorctl", "-c", str(rig.configuration), "attach", "cat")
    terminal = bench.open(*command)
    terminal.expect("Press Ctrl-C to exit <==\n")

    terminal.type("over and\n")
    terminal.expect("over and\nover and\n")
    terminal.type(CTRL_C)

    assert terminal.wait() == 0
    assert rig.ctl("attach", "off").stdout == "ERROR: process not running\n"
    assert rig.ctl("attach", "nosuch").stdout == "ERROR: bad process name supplied\n"
    assert rig.ctl("attach").returncode == 1


def test_the_shell_goes_on_after_it(bench: Bench, rig: Rig) -> None:
    shell = bench.open(*rig.command("supervisorctl", "-c", str(rig.configuration)))
    shell.expect("supervisor> ")

    shell.type("attach repl\r")
    shell.expect(BANNER)
    shell.type("'a' + 'b'\r")
    shell.expect("'ab'")
    shell.type(CTRL_BRACKET)
    shell.expect("supervisor> ")
    shell.type("pid repl\r")
    shell.expect("supervisor> ")
    shell.type("quit\r")

    assert shell.wait() == 0
    until(lambda: rig.states()["repl"] == "RUNNING", "it to go on")
