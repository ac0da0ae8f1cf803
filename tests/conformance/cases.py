"""The cases: a worker, what happens to the launcher, and what must hold beside an empty table.

In each one the launcher has to end within a limit, and nothing that it started may be left when it
has. What a case asks beyond that it says in its act, before the end, or in its judge, after it.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from dataclasses import dataclass

from conformance import workers
from conformance.run import LIMIT, Run, parent, state

SETTLING = 1.2
"""Seconds for the kernel to bury what a launcher has killed before it ended."""
BETWEEN = 1.5
"""Seconds between two Ctrl-C of somebody who has lost patience."""
SHOWN = 2.0
"""Seconds in which a launcher must have shown what a worker printed."""
TOLD = re.compile(r"(?i:code|status|exit\w*|ended|returned|down)\W{0,3}(?:\w+\W{1,3}){0,2}7\b")


def nothing(run: Run) -> None:
    """Judge by what is left alone."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One line of the table."""

    name: str
    title: str
    worker: Callable[[workers.Report], object]
    act: Callable[[Run], None]
    judge: Callable[[Run], None] = nothing
    roles: tuple[str, ...] = ()
    """Who must be there beside the leader before anything happens."""
    workers: int = 1
    patience: float = SETTLING
    """Seconds after the end of the process that was started in which all must be gone."""


def interrupt(run: Run) -> None:
    """Press what ends the launcher: Ctrl-C, unless it takes something else for that."""
    run.begin()
    run.window.type(run.tool.interrupt)


def interrupt_twice(run: Run) -> None:
    interrupt(run)
    if not run.wait(lambda: run.has_ended, BETWEEN):
        interrupt(run)


def terminate(run: Run) -> None:
    run.begin()
    run.kill(run.pid, signal.SIGTERM)


def kill_launcher(run: Run) -> None:
    run.begin()
    run.kill(run.pid)


def kill_daemon(run: Run) -> None:
    daemon = run.daemon()
    run.begin()
    run.kill(daemon)


def close_terminal(run: Run) -> None:
    run.begin()
    run.window.hang_up()


def stop_and_interrupt(run: Run) -> None:
    run.kill(run.leader, signal.SIGSTOP)
    assert run.wait(lambda: state(run.leader) == "T", SHOWN), "the worker does not stop"
    interrupt(run)


def await_exit_code(run: Run) -> None:
    """Wait for the launcher to end by itself, or to show how the worker ended."""
    told = run.wait(lambda: run.has_ended or TOLD.search(run.window.text), 2 * SHOWN)
    run.note = "shown" if TOLD.search(run.window.text) else ""
    if not (told and run.wait(lambda: run.has_ended, 0.5)):
        interrupt(run)


def judge_exit_code(run: Run) -> None:
    if run.window.code == 7:
        run.note = "passed on"
    elif not run.note:
        run.faults.append("exit code 7 is neither passed on nor shown")


def await_prompt(run: Run) -> None:
    if not run.wait(lambda: workers.PROMPT in run.window.text, SHOWN):
        run.faults.append("a prompt is not shown")
    interrupt(run)


def judge_signals(run: Run) -> None:
    heard = [run.said("got", report) for report in run.reports]
    run.note = ", ".join(dict.fromkeys(" ".join(words) or "nothing" for words in heard))
    if any(len(words) != 1 for words in heard):
        run.faults.append(f"signals for one Ctrl-C: {run.note}")
        run.note = ""


def judge_storm(run: Run) -> None:
    run.note = f"{len(run.said('storm'))} forks"


def await_burial(run: Run) -> None:
    """Let orphans end; fail when somebody of the launcher's keeps them as zombies."""
    orphans = [int(pid) for pid in run.said("orphan")]
    run.wait(lambda: all(state(pid) in {"Z", None} for pid in orphans), 2 * SHOWN)

    def kept() -> list[int]:
        mine = {run.pid, *run.bench.alive()}
        return [pid for pid in orphans if state(pid) == "Z" and parent(pid) in mine]

    if not run.wait(lambda: not kept(), 1.0):
        run.faults.append(f"{len(kept())} zombies after 1 s")
    interrupt(run)


CASES = (
    Case(name="ctrl-c", title="Ctrl-C, three workers", worker=workers.plain, act=interrupt,
         workers=3),
    Case(name="ctrl-c-twice", title="Ctrl-C twice, the worker ignores signals",
         worker=workers.stubborn, act=interrupt_twice),
    Case(name="term", title="SIGTERM", worker=workers.plain, act=terminate),
    Case(name="kill-launcher", title="`kill -9` of the process that was started",
         worker=workers.escaping, act=kill_launcher, roles=("grandchild",), patience=LIMIT),
    Case(name="kill-daemon", title="`kill -9` of the process under it",
         worker=workers.escaping, act=kill_daemon, roles=("grandchild",), patience=LIMIT),
    Case(name="closed", title="the terminal is closed", worker=workers.escaping,
         act=close_terminal, roles=("grandchild",)),
    Case(name="ignores", title="Ctrl-C, the worker ignores signals", worker=workers.stubborn,
         act=interrupt),
    Case(name="member", title="Ctrl-C, a child in the worker's group ignores signals",
         worker=workers.family, act=interrupt, roles=("member",)),
    Case(name="escaped", title="Ctrl-C, a grandchild has a session of its own",
         worker=workers.escaping, act=interrupt, roles=("grandchild",)),
    Case(name="scrubbed", title="the same, with an empty environment",
         worker=workers.scrubbed, act=interrupt, roles=("grandchild",)),
    Case(name="storm", title="Ctrl-C, the worker forks while being stopped",
         worker=workers.storm, act=interrupt, judge=judge_storm),
    Case(name="stopped", title="Ctrl-C, the worker was stopped by SIGSTOP", worker=workers.plain,
         act=stop_and_interrupt),
    Case(name="exit-7", title="the worker exits with 7", worker=workers.failing,
         act=await_exit_code, judge=judge_exit_code),
    Case(name="prompt", title="the worker asks, without a newline", worker=workers.asking,
         act=await_prompt),
    Case(name="signals", title="signals heard for one Ctrl-C, three workers",
         worker=workers.counting, act=interrupt, judge=judge_signals, workers=3),
    Case(name="zombies", title="orphans end while the worker runs", worker=workers.orphaning,
         act=await_burial, roles=("orphan",)),
)  # fmt: skip
