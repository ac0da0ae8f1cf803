"""A nursery over the programs of one group: the failure domain, and what one cancel stops."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import trio
from msgspec.structs import replace

from trio_supervisor.daemon.strategy import Strategy
from trio_supervisor.daemon.turns import Rank

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio_supervisor.daemon.program import Program
    from trio_supervisor.daemon.waiter import Waiter
    from trio_supervisor.spec import GroupSpec, ProgramSpec

log = logging.getLogger(__name__)


class Group:
    """The programs of a group, kept by one nursery.

    ``spec`` is the active configuration. ``down`` is set when the group was told to end and all
    of its processes have, or live on although they were killed.
    """

    def __init__(
        self,
        spec: GroupSpec,
        make: Callable[[ProgramSpec, Rank], Program],
        tell_end: Callable[[Program], None] = lambda _program: None,
    ) -> None:
        """Make the programs; ``tell_end`` hears of each that comes to rest."""
        self.spec = spec
        self.name = spec.name
        self.programs = {
            program.process_name: make(program, _rank(spec, program)) for program in spec.programs
        }
        self.down = trio.Event()
        self._places = {name: trio.Lock() for name in self.programs}
        self._nursery: trio.Nursery | None = None
        self._generations: trio.Nursery | None = None
        self._scope = trio.CancelScope()
        self._tell_end = tell_end
        self._was_stuck = False
        self._is_closed = False
        strategy = Strategy(spec, self.programs.values(), self._fail)
        for program in self.programs.values():
            program.tell_down = partial(self._take_note_of_end, program)
            if spec.strategy != "one_for_one" or spec.intensity is not None:
                program.strategy = strategy

    @property
    def order(self) -> tuple[int, str]:
        """Its place among the groups: they start in this order and stop in the reverse."""
        return self.spec.priority, self.name

    async def run(self) -> None:
        """Host the tasks of the programs until cancelled; `stop_nowait` only begins anew."""
        try:
            with self._scope:
                async with trio.open_nursery() as self._generations:
                    self._generations.start_soon(self._host_all)
                    await trio.sleep_forever()
        finally:
            for program in self.programs.values():
                program.orders.close()
                program.logs.close()
            self.down.set()

    async def _host_all(self) -> None:
        """Be the nursery that one cancel stops; the next one opens while this still closes."""
        async with trio.open_nursery() as self._nursery:
            for name in self.programs:
                self._nursery.start_soon(self._host, name)

    async def _host(self, name: str) -> None:
        """Keep one program's task; a bug in it must not take its siblings' processes down."""
        program = self.programs[name]
        async with self._places[name]:  # the task before may still bring its process to an end
            while True:
                try:
                    await program.run()
                except Exception:
                    log.exception("%s: supervision failed, giving up on it", program.rank.name)
                    program.give_up()

    def stop_nowait(self, cause: int | None) -> list[tuple[Program, Waiter]]:
        """Stop all that is up, at once: cancel the nursery, once."""
        waiters = self.note_stop(cause)
        if self._nursery is not None and self._generations is not None and not self._is_closed:
            self._nursery.cancel_scope.cancel()
            self._nursery = None  # the one that is about to open has nothing to stop yet
            self._generations.start_soon(self._host_all)
        return waiters

    def _fail(self, why: str, cause: int | None) -> None:
        """Stop all that is up; what was is FATAL then."""
        for program in self.programs.values():
            program.note_failure(why)
        self.stop_nowait(cause)

    def note_stop(self, cause: int | None) -> list[tuple[Program, Waiter]]:
        """Want all of it down, where the caller cancels a scope around the group."""
        return [(program, program.note_stop(cause)) for program in self.programs.values()]

    def remove_nowait(self, cause: int | None) -> None:
        """End the group's task, stopping what is up; wait for ``down``."""
        self.note_stop(cause)
        self.close()
        self._scope.cancel()

    def close(self) -> None:
        """Take no more orders: the group is on its way out, all of its nurseries are cancelled."""
        self._is_closed = True
        for program in self.programs.values():
            program.orders.close()
        self._look_who_is_up()

    def _take_note_of_end(self, program: Program) -> None:
        self._tell_end(program)
        self._was_stuck |= program.is_stuck
        self._look_who_is_up()

    def _look_who_is_up(self) -> None:
        """Count as down when nothing is left but what cannot be killed, perhaps for long."""
        if not self._was_stuck:
            return  # asked for each of a thousand programs, the rest would take a second
        programs = self.programs.values()
        if any(p.is_stuck and p.orders.is_closed for p in programs) and all(
            p.is_at_rest or p.is_stuck for p in programs
        ):
            self.down.set()

    @property
    def is_down(self) -> bool:
        """True when no process of it is up or on its way down."""
        return all(program.is_at_rest for program in self.programs.values())

    def why_stuck(self) -> str:
        """Say what of it cannot be killed; empty when nothing."""
        return next((p.why_stuck() for p in self.programs.values() if p.is_stuck), "")

    def stopped_since(self, cause: int | None) -> set[str]:
        """Return the processes whose last order was a stop, asked for after some other event."""
        programs = self.programs.items()
        return {name for name, program in programs if program.stop_cause > (cause or 0)}

    @property
    def active(self) -> GroupSpec:
        """What really runs: members that were started anew may be ahead of the group's spec."""
        programs = tuple(program.spec for program in self.programs.values())
        return replace(self.spec, programs=programs)

    def wait_for_turn(self) -> list[trio.Event]:
        """Let none of its programs be signalled before the event of each is set."""
        turns = []
        for program in self.programs.values():
            program.turn_to_stop = trio.Event()
            turns.append(program.turn_to_stop)
        return turns

    def configure(self, spec: GroupSpec) -> None:
        """Note what the next start of each program will run; new members wait for an update."""
        for program in spec.programs:
            if program.process_name in self.programs:
                self.programs[program.process_name].configured = program


def _rank(group: GroupSpec, program: ProgramSpec) -> Rank:
    return Rank(group.priority, group.name, program.priority, program.process_name)
