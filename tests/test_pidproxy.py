"""`pidproxy` and `echo_supervisord_conf`: small executables that the original has, too."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rig import open_rig, until  # noqa: F401  # the fixture

from trio_supervisor.cli.pidproxy import CANNOT_EXECUTE, USAGE
from trio_supervisor.config import load
from trio_supervisor.source import read

if TYPE_CHECKING:
    import subprocess

    from rig import Rig

SAMPLE = Path(__file__).parent.parent / "conf" / "supervisord.conf"
TALKS = """\
trap 'echo hup >> heard' HUP; trap 'echo term >> heard; exit 5' TERM
echo $$ > {pidfile}; while :; do sleep 1000 & wait $!; done"""


def proxied(rig: Rig, *command: str) -> subprocess.Popen[bytes]:
    """Start pidproxy on a command, with a pidfile of its own."""
    return rig.launch(*rig.command("pidproxy", "pid", *command))


def test_signals_go_to_whom_the_pidfile_names(rig: Rig) -> None:
    # the proxied command is another process than the one that the file names
    other = rig.launch("/bin/sh", "-c", TALKS.format(pidfile="pid"))
    until(lambda: rig.text("pid"), "the pidfile")
    proxy = proxied(rig, "/bin/sh", "-c", "echo up > up; exec sleep 1000")
    until(lambda: rig.text("up"), "the command")

    proxy.send_signal(signal.SIGHUP)
    until(lambda: rig.text("heard") == "hup\n", "HUP")
    proxy.send_signal(signal.SIGTERM)

    assert proxy.wait(5) == 0
    assert other.wait(5) == 5
    assert rig.text("heard") == "hup\nterm\n"
    for pid in rig.marked():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not rig.marked(), "the end of all")


@pytest.mark.parametrize("text", ["", "nonsense", "-1", "0", "9" * 30])
def test_a_bad_pidfile_is_told_and_nobody_is_signalled(rig: Rig, text: str) -> None:
    (rig.directory / "pid").write_text(text)
    proxy = proxied(rig, "/bin/sh", "-c", "echo up > up; read x < go; exit 3")
    os.mkfifo(rig.directory / "go")
    until(lambda: rig.text("up"), "the command")

    proxy.send_signal(signal.SIGTERM)
    until(lambda: rig.text("console"), "the message")
    (rig.directory / "go").write_text("x\n")

    assert rig.text("console") == "Can't read child pidfile pid!\n"
    assert proxy.wait(5) == 3


def test_it_ends_with_the_command_and_its_code(rig: Rig) -> None:
    assert rig.run("pidproxy", "pid", "/bin/sh", "-c", "exit 7").returncode == 7
    assert rig.run("pidproxy", "pid", "sh", "-c", "kill -9 $$").returncode == 128 + 9


def test_it_ends_with_the_command_also_where_ends_were_ignored(rig: Rig) -> None:
    ignore = partial(signal.signal, signal.SIGCHLD, signal.SIG_IGN)

    assert rig.run("pidproxy", "pid", "/bin/sh", "-c", "exit 7", preexec_fn=ignore).returncode == 7


def test_what_cannot_be_run_is_told(rig: Rig) -> None:
    found = rig.run("pidproxy", "pid", "./nowhere")
    assert (found.returncode, found.stderr) == (
        CANNOT_EXECUTE,
        "pidproxy: cannot execute ./nowhere: No such file or directory\n",
    )

    found = rig.run("pidproxy", "pid")
    assert (found.returncode, found.stdout) == (1, f"{USAGE}\n")


def test_a_sample_that_cannot_be_written_is_told(rig: Rig) -> None:
    found = rig.run("/bin/sh", "-c", 'exec "$0" > /dev/full', *rig.command("echo_supervisord_conf"))

    assert found.returncode == 1
    assert found.stderr == "echo_supervisord_conf: cannot write: No space left on device\n"


def test_a_reader_of_the_sample_may_leave(rig: Rig) -> None:
    words = '"$0" | :; "$0" | head -n 1'
    found = rig.run("/bin/sh", "-c", words, *rig.command("echo_supervisord_conf"))

    assert (found.stdout.count("\n"), found.stderr) == (1, "")


def test_the_sample_is_printed_and_loads(rig: Rig) -> None:
    found = rig.run("echo_supervisord_conf", "whatever")

    assert (found.returncode, found.stdout) == (0, SAMPLE.read_text())
    path = rig.directory / "supervisord.conf"
    path.write_text(found.stdout)
    assert load(read(str(path), {}), directory=str(rig.directory)).warnings == ()
