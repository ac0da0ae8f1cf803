"""What a child is given, how it ends, and how its whole tree is stopped."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rig import ASLEEP, IGNORE, ORPHANS, open_rig, shell, stop, until, up_at_once  # noqa: F401  # the fixture

from trio_supervisor.daemon.proc import children_of, stat_of
from trio_supervisor.errors import Fault
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import Outcome, Start, Stop, from_frame

if TYPE_CHECKING:
    from rig import Rig


def test_a_client_that_will_ask_no_more_still_gets_its_outcome(rig: Rig) -> None:
    rig.write(shell("web", "exec sleep 1000", "startsecs = 0.5\nautostart = false"))
    rig.start()

    with rig.connect() as connection:
        request = connection.send(Start(("web",)))
        connection._socket.shutdown(socket.SHUT_WR)
        outcome = connection._receive(request)

    assert isinstance(outcome, Outcome)
    assert outcome.fault is Fault.SUCCESS
    assert rig.states() == {"web": "RUNNING"}


# ── what cannot be spawned ────────────────────────────────────────────────────────────────────


def test_the_reason_stands_in_status_while_it_is_tried_again(rig: Rig) -> None:
    rig.write("[program.missing]\ncommand = '/no/such/command'\nstartretries = 50")

    rig.start()
    rig.settle(ProcessState.BACKOFF)

    status = rig.ctl("status").stdout
    assert "BACKOFF   can't find command '/no/such/command'" in status
    assert stop(rig, "missing") == ["missing SUCCESS"]
    assert rig.states() == {"missing": "STOPPED"}


# ── what a child is given ────────────────────────────────────────────────────────────────────


def test_fault_22_a_child_ignores_and_blocks_nothing_whatever_its_launcher_did(rig: Rig) -> None:
    rig.write(up_at_once("curious", "exec cat /proc/self/status"))

    def careless() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})

    rig.start(preexec_fn=careless)
    until(lambda: "SigCgt" in rig.text("curious.log"), "the status")

    told = dict(line.split(":\t", 1) for line in rig.text("curious.log").splitlines())
    # glibc keeps two signals from programs, and its posix_spawn may ignore one of them
    programs = sum(1 << number - 1 for number in signal.valid_signals())
    assert int(told["SigBlk"], 16) == 0
    assert f"{int(told['SigIgn'], 16) & programs:x}" == "0"


def test_fault_23_a_child_has_three_descriptors(rig: Rig) -> None:
    rig.write(up_at_once("curious", "ls -l /proc/self/fd; echo all"))

    with open(os.devnull) as careless:
        rig.start(pass_fds=(careless.fileno(),))
    until(lambda: "all" in rig.text("curious.log"), "the list")

    lines = [line for line in rig.text("curious.log").splitlines() if " -> " in line]
    names = [line.split(" -> ")[0].split()[-1] for line in lines]
    assert names == ["0", "1", "2", "3"]  # 3 is the directory that ls reads


def test_a_child_finds_its_names_in_its_environment(rig: Rig) -> None:
    rig.write(
        "[group.pair]\nprograms = ['curious']\n"
        + up_at_once("curious", "env; echo", "environment = { OWN = 'a b', PYTHONUNBUFFERED = '' }")
    )

    rig.start()
    until(lambda: rig.text("curious.log").endswith("\n\n"), "the environment")

    told = dict(line.split("=", 1) for line in rig.text("curious.log").splitlines() if "=" in line)
    assert told["SUPERVISOR_ENABLED"] == "1"
    assert told["SUPERVISOR_PROCESS_NAME"] == "curious"
    assert told["SUPERVISOR_GROUP_NAME"] == "pair"
    assert told["SUPERVISOR_SERVER_URL"].startswith("unix:///")
    assert (told["OWN"], told["PYTHONUNBUFFERED"]) == ("a b", "")


def test_umask_and_directory_are_as_configured(rig: Rig) -> None:
    (rig.directory / "deep").mkdir()
    script = "pwd; umask; exec sleep 1000"
    rig.write(
        up_at_once("own", script, "umask = '077'\ndirectory = '%(here)s/deep'")
        + up_at_once("common", script),
        "umask = '027'",
    )

    rig.start()
    until(lambda: rig.text("own.log").count("\n") == 2, "what one says")
    until(lambda: rig.text("common.log").count("\n") == 2, "what the other says")

    assert rig.text("own.log").split() == [str(rig.directory / "deep"), "0077"]
    assert rig.text("common.log").split() == [str(rig.directory), "0027"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run programs as others")
def test_root_runs_a_program_as_another_user(rig: Rig) -> None:
    rig.write(up_at_once("other", "id -un; id -G; exec sleep 1000", "user = 'nobody'"))

    rig.start()
    until(lambda: rig.text("other.log").count("\n") == 2, "who it is")

    assert rig.text("other.log").split()[0] == "nobody"
    assert "0" not in rig.text("other.log").split()
    assert stop(rig, "other") == ["other SUCCESS"]


def test_stdin_never_ends(rig: Rig) -> None:
    rig.write(shell("cat", "exec cat", "startsecs = 0.3"))

    rig.start()

    assert rig.settle()["cat"]
    assert rig.rows()["cat"].spawns == 1


# ── how it ends ──────────────────────────────────────────────────────────────────────────────


def test_fault_39_orphans_leave_no_zombies(rig: Rig) -> None:
    rig.write(up_at_once("noise", f"{ORPHANS}; echo all; exec sleep 1000"))

    rig.start()
    until(lambda: rig.text("noise.log"), "the orphans")

    inner = rig.info().daemon_pid
    until(lambda: len(children_of(inner)) == 1, "the end of the orphans")
    assert rig.states() == {"noise": "RUNNING"}


# ── the stop ladder, on real trees ───────────────────────────────────────────────────────────


def test_fault_07_a_stopped_child_is_continued_to_take_its_signal(rig: Rig) -> None:
    rig.write(
        shell("frozen", "trap 'echo bye; exit 0' TERM; kill -STOP $$; sleep 1000", "startsecs = 0")
    )
    rig.start()
    pid = rig.settle()["frozen"]
    until(lambda: (found := stat_of(pid)) and found.state == "T", "the stop")

    assert stop(rig, "frozen") == ["frozen SUCCESS"]

    assert rig.text("frozen.log") == "bye\n"
    assert "stopped: frozen (exit status 0)" in rig.log


def test_fault_10_what_is_printed_while_stopping_is_in_the_log(rig: Rig) -> None:
    rig.write(
        shell(
            "talker",
            f"trap 'seq 20000; exit 0' TERM; {ASLEEP}; echo ready; while :; do wait; done",
            "startsecs = 0",
        )
    )
    rig.start()
    until(lambda: rig.text("talker.log"), "the first line")

    assert stop(rig, "talker") == ["talker SUCCESS"]

    assert rig.text("talker.log").split() == ["ready", *map(str, range(1, 20001))]


def test_fault_09_a_grandchild_that_holds_the_output_delays_nothing(rig: Rig) -> None:
    rig.write(up_at_once("holder", "echo hi; sleep 1000 & exit 0", "autorestart = false"))

    rig.start()
    rig.settle(ProcessState.EXITED)

    until(lambda: "sleep" not in _names(rig), "the end of the grandchild")
    assert rig.text("holder.log") == "hi\n"


def test_a_killed_process_is_replaced_with_its_members_gone(rig: Rig) -> None:
    rig.write(up_at_once("pair", "sleep 1000 & echo up; exec sleep 1000"))
    rig.start()
    first = rig.settle()["pair"]
    until(lambda: rig.text("pair.log"), "the first run")

    os.kill(first, signal.SIGKILL)
    until(lambda: rig.text("pair.log") == "up\nup\n", "the second run")

    assert rig.settle()["pair"] != first
    until(lambda: "sh" not in _names(rig), "both to be executed")
    assert _names(rig).count("sleep") == 2


def test_a_client_that_leaves_in_the_middle_of_a_stop_changes_nothing(rig: Rig) -> None:
    rig.write(up_at_once("leader", f"echo ready; {IGNORE}"))
    rig.start()
    until(lambda: rig.text("leader.log"), "the trap")

    connection = rig.connect()
    connection.send(Stop(("leader",)))
    until(lambda: rig.states()["leader"] == "STOPPING", "STOPPING")
    connection.close()

    rig.settle(ProcessState.STOPPED)
    assert "stopped: leader (terminated by SIGKILL)" in rig.log


def test_fault_20_a_hundred_starts_at_once_make_one_process(rig: Rig) -> None:
    rig.write(up_at_once("one", "exec sleep 1000", "autostart = false"))
    rig.start()

    with rig.connect() as connection:
        for _ in range(100):
            connection.send(Start(("one",)))
        replies = [from_frame(connection._next_frame()) for _ in range(200)]  # each with its End

    faults = [reply.fault.name for reply in replies if isinstance(reply, Outcome)]

    assert sorted(faults) == ["ALREADY_STARTED"] * 99 + ["SUCCESS"]
    assert rig.rows()["one"].spawns == 1


def _has_said(rig: Rig, name: str, word: str) -> bool:
    return word in rig.text(f"{name}.log")


def _names(rig: Rig) -> list[str]:
    """Return the executables' names of all that runs in a rig."""
    found = []
    for pid in rig.marked():
        with suppress(OSError):
            found.append(Path(f"/proc/{pid}/comm").read_text().strip())
    return found
