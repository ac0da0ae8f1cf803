"""Faults of a process tree: who does not obey, who escapes, who multiplies while being stopped."""

from __future__ import annotations

import os
import select
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from rig import IGNORE, Rig, open_rig, stop, until, up_at_once  # noqa: F401  # the fixture

from trio_supervisor.daemon.proc import children_of, variable

if TYPE_CHECKING:
    from collections.abc import Iterable

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
STORM = """
trap storm TERM
storm() { n=0; while [ $n -lt 40 ]; do (setsid /bin/sh -c "$STORM" &); n=$((n+1)); done; }
echo ready
while :; do /bin/sleep 1000 & wait; done
"""


class Stopped(NamedTuple):
    """What became of all trees when one `stop all` was answered."""

    before: dict[str, int]
    answers: list[str]
    left: dict[str, int]
    states: dict[str, str]
    log: str

    def assert_gone(self, name: str, at_least: int) -> None:
        """Prove that a tree had so many processes, and has none."""
        assert self.before[name] >= at_least
        assert f"{name} SUCCESS" in self.answers
        assert (self.left[name], self.states[name]) == (0, "STOPPED")


@pytest.fixture(scope="module", name="stopped")
def stop_all_trees(tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    """Run all trees under one daemon, and stop them together."""
    rig = Rig(tmp_path_factory.mktemp("trees"))
    try:
        rig.write(
            "\n".join(
                up_at_once(name, script, f"environment = {{ TREE = '{name}' }}")
                for name, script in TREES.items()
            )
        )
        rig.start()
        _wait_for_words(rig, TREES, "ready")
        _wait_for_words(rig, ("escapee", "orphan"), "escaped")
        before = _count(rig)
        answers = stop(rig, "all")
        return Stopped(before, answers, _count(rig), rig.states(), rig.log)
    finally:
        rig.close()


def _count(rig: Rig) -> dict[str, int]:
    return {name: len(rig.marked(f"TREE={name}")) for name in TREES}


def _wait_for_words(rig: Rig, names: Iterable[str], word: str) -> None:
    until(lambda: all(word in rig.text(f"{name}.log") for name in names), word)


def test_fault_01_a_leader_that_ignores_the_signal_is_killed_and_that_is_told(
    stopped: Stopped,
) -> None:
    stopped.assert_gone("leader", at_least=2)
    assert "stopped: leader (terminated by SIGKILL)" in stopped.log


def test_fault_02_a_member_that_ignores_the_signal_is_killed_too(stopped: Stopped) -> None:
    stopped.assert_gone("member", at_least=3)
    assert "killing members of 'member'" in stopped.log


@pytest.mark.parametrize("name", ["escapee", "orphan", "holder"])
def test_fault_03_who_left_the_session_is_stopped_as_a_member(stopped: Stopped, name: str) -> None:
    stopped.assert_gone(name, at_least=2)


@pytest.mark.parametrize("name", ["wrapper", "plain"])
def test_fault_05_a_shell_takes_its_child_along(stopped: Stopped, name: str) -> None:
    stopped.assert_gone(name, at_least=2)
    assert f"stopped: {name} (terminated by SIGTERM)" in stopped.log


def test_fault_03_a_mark_is_seen_while_its_process_executes_another_program() -> None:
    again = 'n=$((n+1)); export n; [ $n -gt 500 ] && echo over || exec /bin/sh -c "$AGAIN"'
    mark = {"AGAIN": again, "MARK": "x", "n": "0"}

    command = ["/bin/sh", "-c", again]
    with subprocess.Popen(command, env=mark, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while variable(process.pid, "MARK") == b"x":
            pass
        is_over = select.select([process.stdout], [], [], 0)[0]

    assert is_over


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run programs as others")
def test_fault_06_who_forks_at_each_signal_is_not_signalled_into_a_storm(rig: Rig) -> None:
    rig.write(
        """
        [program.storm]
        command = ["prlimit", "--nproc=250:250", "/bin/sh", "-c", 'eval "$STORM"']
        user = "nobody"
        stdout_logfile = "storm.log"
        startsecs = 0
        stopwaitsecs = 0.5
        """
        f"environment = {{ STORM = '''{STORM}''' }}"
    )
    rig.start()
    until(lambda: rig.text("storm.log"), "readiness")

    assert stop(rig, "storm") == ["storm SUCCESS"]

    info = rig.info()
    assert 1 < rig.text("storm.log").count("ready") <= 41  # nobody but the first was signalled
    assert rig.marked() == {info.pid, info.daemon_pid}
    assert not _of_nobody(info.daemon_pid)


def _of_nobody(daemon: int) -> list[int]:
    """Return the children of the daemon that are another user's."""
    found = []
    for pid in children_of(daemon):
        with suppress(FileNotFoundError):
            if Path(f"/proc/{pid}").stat().st_uid != os.getuid():
                found.append(pid)
    return found
