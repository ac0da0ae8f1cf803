"""Where the output of real processes goes: files, channels, rotation, followers."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from rig import open_rig, until  # noqa: F401  # the fixture

from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from rig import Rig

BOTH = "echo out; echo err >&2; echo out again; exec sleep 1000"


def program(name: str, script: str, options: str) -> str:
    """Return the table of a program that runs a script and counts as started at once."""
    command = f"command = ['/bin/sh', '-c', '''{script}''']"
    return f"[program.{name}]\n{command}\nstartsecs = 0\n{options}\n"


def test_each_channel_has_its_log_and_redirected_they_share_one_in_order(rig: Rig) -> None:
    rig.write(
        program("two", BOTH, "stdout_logfile = 'two.out'\nstderr_logfile = 'two.err'")
        + program("one", BOTH, "stdout_logfile = 'one.log'\nredirect_stderr = true")
        + program("none", BOTH, "stdout_logfile = 'NONE'\nstderr_logfile = 'NONE'")
    )

    rig.start()
    until(lambda: rig.text("two.out").count("\n") == 2, "two lines")
    until(lambda: rig.text("one.log").count("\n") == 3, "three lines")
    until(lambda: rig.text("two.err"), "an error")

    assert rig.text("two.out") == "out\nout again\n"
    assert rig.text("two.err") == "err\n"
    assert rig.text("one.log") == "out\nerr\nout again\n"
    assert rig.rows()["none"].stdout_logfile == ""
    assert "none: ERROR (no log file)" in rig.ctl("tail", "none").stdout


def test_auto_logs_have_private_files_that_the_next_daemon_removes(rig: Rig) -> None:
    rig.write(program("auto", "echo hello; exec sleep 1000", ""))
    daemon = rig.start()
    path = rig.rows()["auto"].stdout_logfile
    name = os.path.basename(path)
    until(lambda: rig.text(name) == "hello\n", "the line")
    mode = os.stat(path).st_mode & 0o777
    assert rig.ctl("tail", "auto").stdout == "hello\n\n"
    rig.finish(daemon)
    was_kept = os.path.exists(path)

    rig.start()

    assert name.startswith("auto-stdout---supervisor-")
    assert (mode, was_kept, os.path.exists(path)) == (0o600, True, False)


def test_full_logs_rotate_and_keep_every_line(rig: Rig) -> None:
    # 60 lines of 100 bytes, one after the other: the next when the one before is in a file
    options = (
        "stdout_logfile = 'loud.log'\nstdout_logfile_maxbytes = 1000\nstdout_logfile_backups = 20"
    )
    script = 'while read n; do printf "%099d\\\\n" $n; done < numbers'
    rig.write(program("loud", script, f"{options}\nautorestart = false").replace("\\\\n", "\\n"))
    os.mkfifo(rig.directory / "numbers")

    rig.start()
    with (rig.directory / "numbers").open("w", buffering=1) as numbers:
        for number in range(60):
            print(number, file=numbers)
            until(lambda: _lines(rig)[-1:] == [number], str(number))  # noqa: B023  # at once
    rig.settle(ProcessState.EXITED)

    assert _lines(rig) == list(range(60))
    sizes = [path.stat().st_size for path in rig.directory.glob("loud.log.*")]
    assert sizes == [1000] * 6


def _lines(rig: Rig) -> list[int]:
    """Return the numbers in a log and its backups, oldest first."""
    names = sorted(rig.directory.glob("loud.log.*"), key=lambda path: -int(path.suffix[1:]))
    text = "".join(rig.text(path.name) for path in [*names, rig.directory / "loud.log"])
    return [int(line) for line in text.split()]


def test_tail_f_shows_the_past_and_what_comes_until_ctrl_c(rig: Rig) -> None:
    options = "stdout_logfile = 'talker.log'"
    rig.write(program("talker", "echo first; while read l; do echo $l; done < words", options))
    os.mkfifo(rig.directory / "words")
    rig.start()
    until(lambda: rig.text("talker.log"), "the first line")

    tail = rig.launch(
        *rig.command("supervisorctl", "-c", str(rig.configuration), "tail", "-f", "talker")
    )
    banner = "==> Press Ctrl-C to exit <==\n"
    until(lambda: rig.text("console").endswith(f"{banner}first\n"), "the past")
    with (rig.directory / "words").open("w", buffering=1) as words:
        print("second", file=words)
        until(lambda: rig.text("console").endswith("first\nsecond\n"), "what comes")

        assert rig.finish(tail, signal.SIGINT) == 0
        assert "Traceback" not in rig.text("console")


def test_a_log_can_be_followed_before_its_program_has_run(rig: Rig) -> None:
    options = "stdout_logfile = 'later.log'\nautostart = false"
    rig.write(program("later", "exit 0", options))

    rig.start()

    assert (rig.directory / "later.log").exists()


def test_what_goes_to_stdout_of_the_daemon_and_is_not_taken_stalls_nobody(rig: Rig) -> None:
    # a container's stdout that nobody reads: more than it and our queue hold
    options = "stdout_logfile = '/dev/stdout'\nredirect_stderr = true"
    loud = "seq 700000; echo done > finished; exec sleep 1000"
    rig.write(program("loud", loud, options) + program("quiet", BOTH, ""))
    reading, writing = os.pipe()
    daemon = rig.start(stdout=writing)
    os.close(writing)

    until(lambda: rig.text("finished") == "done\n", "the end of what is never read")
    until(lambda: "it does not take what is written" in rig.log, "the report")
    assert set(rig.settle()) == {"loud", "quiet"}

    rig.finish(daemon)
    with open(reading, "rb") as taken:
        assert b"\n1000\n1001\n" in taken.read()


def test_logs_that_are_moved_or_removed_come_back_within_a_second(rig: Rig) -> None:
    talks = "while read l; do echo $l; done < words"
    rig.write(program("talker", talks, "stdout_logfile = 'talker.log'"))
    os.mkfifo(rig.directory / "words")
    rig.start()

    with (rig.directory / "words").open("w", buffering=1) as words:
        print("first", file=words)
        until(lambda: rig.text("talker.log"), "the first line")
        (rig.directory / "talker.log").unlink()
        os.rename(rig.directory / "supervisord.log", rig.directory / "old.log")
        removed = time.monotonic()
        until(lambda: (print("x", file=words), rig.text("talker.log"))[1], "the new file")

    assert time.monotonic() - removed < 2
    until(lambda: "exited: talker" in rig.log, "the end, in a new file")


def test_logs_are_rotated_and_reopened_when_asked_for(rig: Rig) -> None:
    talks = "echo first; while read l; do echo $l; done < words"
    rig.write(program("talker", talks, "stdout_logfile = 'talker.log'"))
    os.mkfifo(rig.directory / "words")
    rig.start()
    until(lambda: rig.text("talker.log"), "the first line")

    assert rig.ctl("rotate", "talker").stdout == "talker: rotated\n"
    (rig.directory / "talker.log").rename(rig.directory / "moved.log")
    assert rig.ctl("reopen", "all").stdout == "talker: reopened\n"
    with (rig.directory / "words").open("w", buffering=1) as words:
        print("second", file=words)
        until(lambda: rig.text("talker.log") == "second\n", "the second line")

    assert (rig.text("talker.log.1"), rig.text("moved.log")) == ("first\n", "")


def test_a_log_that_cannot_be_written_costs_output_and_nothing_else(rig: Rig) -> None:
    (rig.directory / "folder").mkdir()
    rig.write(
        program("full", "seq 1000; exec sleep 1000", "stdout_logfile = '/dev/full'")
        + program("nowhere", "seq 1000; exec sleep 1000", "stdout_logfile = 'folder'")
    )

    rig.start()
    until(lambda: "cannot write /dev/full" in rig.log, "the report")

    assert set(rig.settle()) == {"full", "nowhere"}
    assert "folder of nowhere: " in rig.log
