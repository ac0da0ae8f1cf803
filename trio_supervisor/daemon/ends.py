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
UNFINISHED = 1
"""Exit code when another has ended with 0 before the one whose code is wanted had ended."""
_S = ProcessState
_ENDED = frozenset({_S.EXITED, _S.BACKOFF, _S.FATAL})


class Ends:
    """Hears of every end; one by itself stops all, whether it would be started again or not.

    A task that has ended well is no end of anything, unless ``exit_code_from`` names it. The exit
    code is that of the process. Where another one is named it is never 0, and that of the named one
    if this fails by itself before it is told to stop: what we stop ends with any code, 0 as well.
    """

    wants_ticks = False

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._has_aborted = False

    def offer(self, event: Event) -> None:
        """Look whether this is the end."""
        supervisor, wanted = self._supervisor, self._supervisor.configuration.exit_code_from
        if not supervisor.configuration.abort_on_exit or event.to_state not in _ENDED:
            return
        program = self._program(event.group, event.name)
        if program is None:
            return
        is_wanted = program.rank.namespec == wanted
        code = shell_code(program.condition.returncode)
        if self._has_aborted:
            has_failed = event.from_state is not _S.STOPPING and program.condition.returncode
            if is_wanted and has_failed:
                supervisor.exit_code = code
        elif supervisor.state is SupervisorState.RUNNING and (is_wanted or not is_done(program)):
            self._has_aborted = True
            supervisor.exit_code = code if is_wanted or not wanted else code or UNFINISHED
            supervisor.end_because_of(program, event.id)

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
    return program.spec.is_task and program.condition.returncode in program.spec.exitcodes
