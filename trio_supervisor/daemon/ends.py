"""The end of one process as the end of all: what ``up --abort-on-exit`` asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_supervisor.lifecycle import ProcessState, SupervisorState

if TYPE_CHECKING:
    from trio_supervisor.daemon.program import Program
    from trio_supervisor.daemon.supervisor import Supervisor
    from trio_supervisor.protocol.messages import Event

NEVER_SPAWNED = 127
"""Exit code for what could not be executed, as a shell's."""
_S = ProcessState
_ENDED = frozenset({_S.EXITED, _S.BACKOFF, _S.FATAL})


class Ends:
    """Hears of every end; one by itself stops all, whether it would be started again or not.

    A task that has ended well is no end of anything. The exit code is that of the process, or of
    the one that ``exit_code_from`` names, as soon as that has ended, too.
    """

    wants_ticks = False

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._has_aborted = False

    def offer(self, event: Event) -> None:
        """Look whether this is the end."""
        configuration = self._supervisor.configuration
        if not configuration.abort_on_exit or event.to_state is None:
            return
        program = self._program(event.group, event.name)
        if program is None:
            return
        if self._has_aborted:
            self._take_code_of(program)
        elif (
            event.to_state in _ENDED
            and self._supervisor.state is SupervisorState.RUNNING
            and not is_done(program)
        ):
            self._has_aborted = True
            self._supervisor.exit_code = shell_code(program.condition.returncode)
            for one in self._supervisor.programs():
                self._take_code_of(one)
            self._supervisor.end_because_of(program, event.id)

    def _take_code_of(self, program: Program) -> None:
        """Exit with its code, if it is the one whose code is wanted, and it has one."""
        is_wanted = program.rank.namespec == self._supervisor.configuration.exit_code_from
        if is_wanted and program.condition.pid is None and program.condition.stopped is not None:
            self._supervisor.exit_code = shell_code(program.condition.returncode)

    def _program(self, group: str, name: str) -> Program | None:
        found = self._supervisor.groups.get(group)
        return found.programs.get(name) if found else None


def shell_code(returncode: int | None) -> int:
    """Return the exit code that a shell would give: 128 + n for signal n."""
    if returncode is None:
        return NEVER_SPAWNED
    return returncode if returncode >= 0 else 128 - returncode


def is_done(program: Program) -> bool:
    """Say whether it is a task that has ended well."""
    return program.spec.type == "task" and program.condition.returncode in program.spec.exitcodes
