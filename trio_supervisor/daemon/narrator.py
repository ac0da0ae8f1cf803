"""What becomes of the processes, told on the launcher's console; at the end, who is waited for.

It is told of every event when it happens, so a line stands where it belongs among the output.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import trio

from trio_supervisor.console.words import words_of
from trio_supervisor.daemon.proc import pid_list
from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from trio_supervisor.daemon.console import Console
    from trio_supervisor.daemon.program import Program
    from trio_supervisor.daemon.supervisor import Supervisor
    from trio_supervisor.protocol.messages import Event

log = logging.getLogger(__name__)
_S = ProcessState
FIRST_REPORT = 1.0
"""Seconds after the request to end everything; most of what ends does so within them."""
REPORT_EVERY = 3.0
LONGEST_QUOTE = 80
"""Characters of the last line of a process that is waited for."""


class Narrator:
    """A subscriber of all events that shows some of them as lines of their own."""

    wants_ticks = False

    def __init__(self, supervisor: Supervisor, console: Console) -> None:
        self._supervisor = supervisor
        self._console = console
        self._since: dict[tuple[str, str], float] = {}
        """When each process came into the state that it is in."""

    def offer(self, event: Event) -> None:
        """Show an event that is worth a line."""
        if event.to_state is not None:
            self._since[event.group, event.name] = event.clock
        if text := words_of(event):
            self._console.say(self._console.labels.of(event.group, event.name), text)

    async def tell_who_is_waited_for(self) -> None:
        """When everything is to end, tell now and then what has not ended yet."""
        await self._supervisor.is_ending.wait()
        began = trio.current_time()
        await trio.sleep(FIRST_REPORT)
        log.info("Ctrl-C again kills what is left")
        while True:
            for program in self._supervisor.programs():
                label = self._console.labels.of(program.rank.group, program.rank.name)
                if text := self._why_waited_for(program, began, self._console.last_line(label)):
                    self._console.say(label, text)
            await trio.sleep(REPORT_EVERY)

    def _why_waited_for(self, program: Program, began: float, last: str) -> str:
        """Say how long a process has been waited for, and its last line; or nothing."""
        condition = program.condition
        pids = condition.left or ({condition.pid} if condition.pid is not None else set())
        if not pids:
            return ""
        since = self._since.get((program.rank.group, program.rank.name), began)
        seconds = trio.current_time() - max(since, began)
        state = condition.state.name
        if condition.state in {_S.STARTING, _S.RUNNING}:
            state += " until it is its turn to stop"
        text = f"still {state}: pid {pid_list(pids)}, {seconds:.0f} s"
        if program.is_stuck:
            text += ", cannot be killed"
        elif condition.state is _S.STOPPING:
            text += f" of {program.spec.stopwaitsecs:g}"
        return text + (f", last line: {_quoted(last)}" if last else "")


def _quoted(line: str) -> str:
    return line if len(line) <= LONGEST_QUOTE else f"{line[: LONGEST_QUOTE - 1]}…"
