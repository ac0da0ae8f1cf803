"""What a child is given, how it ends, and how its whole tree is stopped."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rig import open_rig, until  # noqa: F401  # the fixture

from trio_supervisor.daemon.proc import children_of, stat_of
from trio_supervisor.errors import Fault
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import Outcome, Start, Stop, from_frame

if TYPE_CHECKING:
    from rig import Rig


def shell(name: str, script: str, options: str = "") -> str:
    """Return the table of a program that runs a script in /bin/sh."""
    return (
        f"[program.{name}]\ncommand = ['/bin/sh', '-c', '''{script}''']\n"
        f'stdout_logfile = "{name}.log"\n{options}\n'
    )


def up_at_once(name: str, script: str, options: str = "") -> str:
    """Return a table whose program counts as started at once and has a second to stop."""
    return shell(name, script, f"startsecs = 0\nstopwaitsecs = 0.5\n{options}")


def stop(rig: Rig, *names: str) -> list[str]:
    """Stop programs; return what is told of each, once nothing of them is left."""
    with rig.connect() as connection:
        outcomes = list(connection.stream(Stop(names)))
    return [f"{o.name} {o.fault.name}" for o in outcomes if isinstance(o, Outcome)]


def test_a_client_that_will_ask_no_more_still_gets_its_outcome(rig: Rig) -> None:
    rig.write(shell("web", "exec sleep 1000", "startsecs = 0.5\nautostart = false"))
    rig.start()

    with rig.connect() as connection:
        request = connection._send(Start(("web",)))
        connection._socket.shutdown(socket.SHUT_WR)
        outcome = connection._receive(request)

    assert isinstance(outcome, Outcome)
    assert outcome.fault is Fault.SUCCESS
    assert rig.states() == {"web": "RUNNING"}


# ── spawn errors ─────────────────────────────────────────────────────────────────────────────

SPAWN_ERRORS = {
    "missing": ("command = '/no/such/command'", "can't find command '/no/such/command'"),
    "unknown": ("command = 'nosuchcommand'", "can't find command 'nosuchcommand'"),
    "folder": ("command = '/tmp'", "command at '/tmp' is a directory"),
    "plain": ("command = '/etc/passwd'", "command at '/etc/passwd' is not executable"),
    "shebang": ("command = '%(here)s/shebang'", "couldn't exec"),
    "noexec": ("command = '%(here)s/noexec'", "ENOEXEC"),
    "nowhere": ("command = '/bin/true'\ndirectory = '/no/where'", "can't change to directory"),
    "quotes": ("""command = "/bin/echo 'open" """, "can't parse command"),
    "nul": ('command = ["/bin/echo", "a\\u0000b"]', "null byte"),
    "nulname": ('command = ["/bin/\\u0000"]', "can't find command"),
    "nulenv": ("command = '/bin/true'\nenvironment = { A = \"\\u0000\" }", "null byte"),
    "huge": (f"command = '/bin/true'\nenvironment = {{ A = '{'x' * 3_000_000}' }}", "E2BIG"),
}


def test_a_spawn_error_is_its_programs_alone_and_says_why(rig: Rig) -> None:
    _executable(rig.directory / "shebang", b"#!/no/such/interpreter\n")
    _executable(rig.directory / "noexec", b"\x00\x01\x02\x03")
    tables = [
        f"[program.{name}]\n{options}\nstartretries = 0\nstdout_logfile = 'NONE'"
        for name, (options, _) in SPAWN_ERRORS.items()
    ]
    rig.write("\n".join([*tables, up_at_once("good", "exec sleep 1000")]))

    rig.start()

    rig.settle(ProcessState.FATAL, *SPAWN_ERRORS)
    for name, row in rig.rows().items():
        if name != "good":
            assert SPAWN_ERRORS[name][1] in row.description, row
    rig.settle(ProcessState.RUNNING, "good")
    assert "Traceback" not in rig.log


def test_the_reason_stands_in_status_while_it_is_tried_again(rig: Rig) -> None:
    rig.write("[program.missing]\ncommand = '/no/such/command'\nstartretries = 50")

    rig.start()
    rig.settle(ProcessState.BACKOFF)

    status = rig.ctl("status").stdout
    assert "BACKOFF   can't find command '/no/such/command'" in status
    assert stop(rig, "missing") == ["missing SUCCESS"]
    assert rig.states() == {"missing": "STOPPED"}


def _executable(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o755)


# ── what a child is given ────────────────────────────────────────────────────────────────────


def test_a_child_has_three_descriptors_and_no_signal_ignored(rig: Rig) -> None:
    rig.write(up_at_once("curious", "ls -l /proc/self/fd; exec cat /proc/self/status"))

    def careless() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})

    rig.start(preexec_fn=careless)
    until(lambda: "SigIgn" in rig.text("curious.log"), "the status")

    told = rig.text("curious.log")
    told_signals = dict(line.split(":\t") for line in told.splitlines() if line.startswith("Sig"))
    # glibc keeps two signals from programs, and its posix_spawn may ignore one of them
    programs = sum(1 << number - 1 for number in signal.valid_signals())
    assert int(told_signals["SigBlk"], 16) == 0
    assert f"{int(told_signals['SigIgn'], 16) & programs:x}" == "0"
    names = [line.split(" -> ")[0].split()[-1] for line in told.splitlines() if " -> " in line]
    assert names == ["0", "1", "2", "3"]  # 3 is the directory that ls reads


def test_a_child_finds_its_names_in_its_environment(rig: Rig) -> None:
    rig.write(
        "[group.pair]\nprograms = ['curious']\n"
        + up_at_once("curious", "exec env", "environment = { OWN = 'a b', PYTHONUNBUFFERED = '' }")
    )

    rig.start()
    until(lambda: "OWN=" in rig.text("curious.log"), "the environment")

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

ORPHANS = "for i in 1 2 3 4 5 6 7 8 9; do (/bin/sleep 0.0$i & exit 98) & done; wait"


def test_every_exit_code_and_signal_is_told_as_it_was(rig: Rig) -> None:
    codes = [0, 1, 2, 3, 7, 42, 77, 126, 127, 128, 129, 130, 137, 143, 200, 254, 255]
    deadly = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31]
    once = "autorestart = false\nstdout_logfile = 'NONE'\nstartsecs = 0"
    rig.write(
        "\n".join(
            [f"[program.c{n}]\ncommand = '/bin/sh -c \"exit {n}\"'\n{once}" for n in codes]
            + [
                f"[program.s{n}]\ncommand = '/bin/sh -c \"ulimit -c 0; kill -{n} $$\"'\n{once}"
                for n in deadly
            ]
            # orphans die all the while: none of their statuses may be taken for another's
            + [up_at_once("noise", ORPHANS, "autorestart = false")]
        )
    )

    rig.start()
    rig.settle(ProcessState.EXITED)

    rows = rig.rows()
    assert {name: rows[name].returncode for name in rows if name != "noise"} == {
        **{f"c{n}": n for n in codes},
        **{f"s{n}": -n for n in deadly},
    }
    for number in deadly:
        name = signal.Signals(number).name
        assert f"exited: s{number} (terminated by {name}; not expected)" in rig.log


def test_orphans_leave_no_zombies(rig: Rig) -> None:
    rig.write(up_at_once("noise", f"{ORPHANS}; echo all; exec sleep 1000"))

    rig.start()
    until(lambda: rig.text("noise.log"), "the orphans")

    inner = rig.info().daemon_pid
    until(lambda: len(children_of(inner)) == 1, "the end of the orphans")
    assert rig.states() == {"noise": "RUNNING"}


# ── the stop ladder, on real trees ───────────────────────────────────────────────────────────

IGNORE = "trap '' TERM; while :; do /bin/sleep 1000; done"
ESCAPE = 'setsid /bin/sh -c "(trap \\"\\" TERM; echo escaped; exec /bin/sleep 1000) & exit"'
TREES = {
    "leader": f"echo ready; {IGNORE}",
    "member": f"({IGNORE}) & echo ready; exec sleep 1000",
    "wrapper": "/bin/sleep 1000 & echo ready; wait",
    "plain": "echo ready; /bin/sleep 1000; true",
    "escapee": f"{ESCAPE} & echo ready; exec sleep 1000",
    "orphan": f"{ESCAPE}; echo ready; exec sleep 1000",
    "holder": "(setsid /bin/sleep 1000 &) ; echo ready; exec sleep 1000",
}


def test_nothing_is_left_of_any_tree_when_stop_answers(rig: Rig) -> None:
    rig.write("\n".join(up_at_once(name, script) for name, script in TREES.items()))
    rig.start()
    for name in TREES:
        until(partial(_has_said, rig, name, "ready"), name)
    until(lambda: "escaped" in rig.text("orphan.log"), "the escape")

    assert stop(rig, "all") == [f"{name} SUCCESS" for name in sorted(TREES)]

    daemon = rig.info()
    assert rig.marked() == {daemon.pid, daemon.daemon_pid}
    assert set(rig.states().values()) == {"STOPPED"}
    assert "stopped: leader (terminated by SIGKILL)" in rig.log
    assert "stopped: wrapper (terminated by SIGTERM)" in rig.log
    assert "killing members of 'member'" in rig.log


def test_a_stopped_child_is_continued_to_take_its_signal(rig: Rig) -> None:
    rig.write(
        shell("frozen", "trap 'echo bye; exit 0' TERM; kill -STOP $$; sleep 1000", "startsecs = 0")
    )
    rig.start()
    pid = rig.settle()["frozen"]
    until(lambda: (found := stat_of(pid)) and found.state == "T", "the stop")

    assert stop(rig, "frozen") == ["frozen SUCCESS"]

    assert rig.text("frozen.log") == "bye\n"
    assert "stopped: frozen (exit status 0)" in rig.log


def test_what_is_printed_while_stopping_is_in_the_log(rig: Rig) -> None:
    rig.write(
        shell(
            "talker",
            "trap 'seq 20000; exit 0' TERM; echo ready; while :; do sleep 1000 & wait; done",
            "startsecs = 0",
        )
    )
    rig.start()
    until(lambda: rig.text("talker.log"), "the first line")

    assert stop(rig, "talker") == ["talker SUCCESS"]

    assert rig.text("talker.log").split() == ["ready", *map(str, range(1, 20001))]


def test_a_grandchild_that_holds_the_output_delays_nothing(rig: Rig) -> None:
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
    assert _names(rig).count("sleep") == 2


def test_a_client_that_leaves_in_the_middle_of_a_stop_changes_nothing(rig: Rig) -> None:
    rig.write(up_at_once("leader", f"echo ready; {IGNORE}"))
    rig.start()
    until(lambda: rig.text("leader.log"), "the trap")

    connection = rig.connect()
    connection._send(Stop(("leader",)))
    until(lambda: rig.states()["leader"] == "STOPPING", "STOPPING")
    connection.close()

    rig.settle(ProcessState.STOPPED)
    assert "stopped: leader (terminated by SIGKILL)" in rig.log


def test_a_hundred_starts_at_once_make_one_process(rig: Rig) -> None:
    rig.write(up_at_once("one", "exec sleep 1000", "autostart = false"))
    rig.start()

    with rig.connect() as connection:
        for _ in range(100):
            connection._send(Start(("one",)))
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
