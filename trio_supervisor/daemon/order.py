"""Who needs whom: what must be there before a program is spawned, and gone before it is stopped.

Nobody polls: what may change the outlook is an event, and whoever waits looks again at whom it was
about; at all of them after an event that is about no process, such as a request.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.interest import Interests
from trio_supervisor.daemon.outlook import (
    is_leaving_something,
    is_met,
    still_to_come,
    why_hopeless,
)
from trio_supervisor.errors import Fault, RequestError
from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from trio_supervisor.daemon.events import EventBus
    from trio_supervisor.daemon.program import Program
    from trio_supervisor.protocol.messages import Event
    from trio_supervisor.spec import Dependency, GroupSpec

_S = ProcessState


class HopelessError(RequestError):
    """What is needed will not come; ``cause`` is the event that settled it.

    ``root`` is the first reason of a chain of failures, which does not grow from one to the next.
    """

    def __init__(self, detail: str, cause: int | None, root: str) -> None:
        super().__init__(Fault.SPAWN_ERROR, detail)
        self.cause = cause
        self.root = root


class Order:
    """The dependencies of all programs, as they are now; ``programs`` yields all there are.

    What is not among them may come as long as it is ``configured``.
    """

    wants_ticks = False

    def __init__(
        self,
        events: EventBus,
        programs: Callable[[], Iterable[Program]],
        configured: Callable[[], Mapping[str, GroupSpec]],
    ) -> None:
        self._programs = programs
        self._configured = configured
        self._known: dict[str, Program] | None = None
        self._dependants: dict[str, list[Program]] = {}
        self._all_dependants: dict[str, set[Program]] = {}
        self._circular: set[tuple[str, str]] = set()
        self._interests = Interests()
        events.attach(self)

    def change(self) -> None:
        """Take note that there are, or may be, other programs, or that one needs something else."""
        self._known = None
        self._interests.tell_all()

    def offer(self, event: Event) -> None:
        """Wake whom it may matter to; start those anew that were to be when this one is."""
        if not event.name:
            self._interests.tell_all()
            return
        name = _named(event)
        self._interests.tell(name)
        if event.to_state is not _S.STARTING:
            return
        for program in self._who_needs(name):
            if program.spec.depends_on[name].restart and program.condition.pid is not None:
                program.restart_nowait(f"{name}, which it needs, starts again", event.id)

    # ── up ──

    async def wait_for_all(self, program: Program, *, starts: bool) -> None:
        """Return when all that a program needs is there; HopelessError when it will not come.

        And those are down that are restarted with it. What is down of its needs is started if it
        ``starts``: a respawn does not, somebody may have stopped it.
        """
        if starts:
            self._start_what_is_needed(program)
        strategy = program.strategy
        if strategy is not None and strategy.leaving(program):  # as a rule nobody is
            names = strategy.others(program)
            await self._wait(program, names, lambda _: strategy.leaving(program))
        if program.spec.depends_on:
            await self._wait_for_needs(program)

    def has_all(self, program: Program) -> bool:
        """Say whether `wait_for_all` would return at once; False also when it would fail."""
        if program.strategy is not None and program.strategy.leaving(program):
            return False
        try:
            return not any(self._lack(program, name) for name in program.spec.depends_on)
        except HopelessError:
            return False

    async def _wait_for_needs(self, program: Program) -> None:
        lacking: dict[str, str] = {}

        def look(names: Iterable[str]) -> dict[str, str]:
            """Look at some of them again; return what is missing of all, in their order."""
            for name in names:
                lacking[name] = self._lack(program, name)
            return {name: lacking[name] for name in program.spec.depends_on if lacking[name]}

        await self._wait(program, program.spec.depends_on, look)

    async def _wait(
        self,
        program: Program,
        names: Iterable[str],
        look: Callable[[Iterable[str]], dict[str, str]],
    ) -> None:
        """Wait while something is missing of these, as ``look`` says, and let status say what."""
        with self._interests.open(names) as interest:
            waited_for = now = look(interest.names)
            try:
                while now:
                    waited_for = now
                    if program.condition.wait_for(list(now.values())):
                        program.history.note(f"waiting for {program.condition.waits_for}")
                    changed = await interest.changed()
                    # what is stopped together with it is no reason for it to fail
                    await trio.lowlevel.checkpoint_if_cancelled()
                    now = look(changed)
                if waited_for:
                    program.history.note("", self._newest_of(waited_for))  # all is there
            finally:
                program.condition.waits_for = ""

    def _newest_of(self, names: Iterable[str]) -> int | None:
        """Return the last event of those that were waited for."""
        found = map(self._find, names)
        causes = (program.history.cause for program in found if program is not None)
        return max((cause for cause in causes if cause is not None), default=None)

    def _start_what_is_needed(self, program: Program) -> None:
        for _, needed, dependency in self._needs(program):
            if needed is None or is_met(needed, dependency) or needed.stop_cause > program.asked:
                continue  # a stop that was asked for later stands
            if not needed.is_up or why_hopeless(needed):
                needed.start_nowait(program.history.cause, asked=program.asked)

    def _lack(self, program: Program, name: str) -> str:
        """Say what is still to come of what a program needs; HopelessError if it will not."""
        needed, dependency = self._find(name), program.spec.depends_on[name]
        if (name, program.rank.namespec) in self._circular:
            return ""
        if needed is not None and is_met(needed, dependency):
            return f"{name} (down)" if is_leaving_something(needed) else ""
        why = why_hopeless(needed) if needed is not None else self._why_absent(name)
        if not why:
            absent = "until update adds it"
            return f"{name} ({absent if needed is None else still_to_come(needed, dependency)})"
        if not dependency.required:
            return ""
        if program.condition.is_respawn and needed is not None and needed.state is _S.STOPPED:
            return f"{name} (stopped)"  # by somebody, who may start it again
        cause = needed.history.cause if needed is not None else None
        root = needed.condition.root if needed is not None else ""
        raise HopelessError(f"it needs {name}, which {why}", cause, root or f"{name} {why}")

    def _why_absent(self, name: str) -> str:
        """Say why what is not there, or is about to go, will not come; empty while it may."""
        group_name, _, process = name.partition(":")
        group = self._configured().get(group_name)
        names = {one.process_name for one in group.programs} if group is not None else ()
        may_come = name in self._all() or (process or group_name) in names
        return "" if may_come else "was taken out of the configuration"

    def _needs(self, program: Program) -> Iterator[tuple[str, Program | None, Dependency]]:
        for name, dependency in program.spec.depends_on.items():
            needed = self._find(name)
            if (name, program.rank.namespec) not in self._circular:
                yield name, needed, dependency

    # ── down ──

    async def wait_for_dependants(self, program: Program) -> None:
        """Return when nobody is left that needs a program and is being stopped as well.

        Directly or not; or as soon as somebody is in a hurry.
        """
        if not self.all_dependants(program):
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._see_them_go, program, nursery.cancel_scope)
            await program.orders.hurry.wait()
            nursery.cancel_scope.cancel()

    async def _see_them_go(self, program: Program, scope: trio.CancelScope) -> None:
        """Let those have their turn that are waited for, and cancel when the last has gone."""
        names = (one.rank.namespec for one in self.all_dependants(program))
        with self._interests.open(names) as interest:
            while leaving := self._leaving(program):
                for dependant in leaving:
                    if dependant.turn_to_stop is not None:
                        dependant.turn_to_stop.set()
                await interest.changed()
        scope.cancel()

    def _leaving(self, program: Program) -> list[Program]:
        return [one for one in self.all_dependants(program) if one.is_leaving]

    # ── who is there ──

    def all_dependants(self, program: Program) -> set[Program]:
        """Return who needs a program, directly or not."""
        self._all()
        name = program.rank.namespec
        if name not in self._all_dependants:
            self._all_dependants[name] = self._who_needs_in_the_end(name)
        return self._all_dependants[name]

    def _who_needs_in_the_end(self, name: str) -> set[Program]:
        found: set[Program] = set()
        names = [name]
        while names:
            new = set(self._dependants.get(names.pop(), ())) - found
            found |= new
            names += (one.rank.namespec for one in new)
        return found

    def look_again(self, program: Program) -> None:
        """Take note that a program has changed in a way that is no event."""
        self._interests.tell(program.rank.namespec)

    def _find(self, name: str) -> Program | None:
        """Return a program; none while its group is not active, or is being taken out."""
        found = self._all().get(name)
        return None if found is None or found.orders.is_closed else found

    def _who_needs(self, name: str) -> list[Program]:
        self._all()
        return self._dependants.get(name, [])

    def _all(self) -> Mapping[str, Program]:
        """Return all programs; they are looked at again when there was a change."""
        if self._known is None:
            self._known = {program.rank.namespec: program for program in self._programs()}
            self._dependants, self._all_dependants = {}, {}
            for program in self._known.values():
                for name in program.spec.depends_on:
                    self._dependants.setdefault(name, []).append(program)
            self._break_circles()
        return self._known

    def _break_circles(self) -> None:
        """Let nobody count that needs what needs it.

        No configuration has that, but one program may run as one says, another as the next.
        """
        self._circular = set()
        names = {name: [p.rank.namespec for p in them] for name, them in self._dependants.items()}
        try:
            TopologicalSorter(names).prepare()
        except CycleError:
            self._circular = {
                (name, one.rank.namespec)
                for name, them in self._dependants.items()
                for one in them
                if name
                in {each.rank.namespec for each in self._who_needs_in_the_end(one.rank.namespec)}
            }
            self._dependants = {
                name: [one for one in them if (name, one.rank.namespec) not in self._circular]
                for name, them in self._dependants.items()
            }


def _named(event: Event) -> str:
    return event.name if event.name == event.group else f"{event.group}:{event.name}"
