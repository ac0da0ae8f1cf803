"""``depends_on``: from the names in a file to processes that exist, in an order that exists."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from trio_supervisor.config.judge import near

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trio_supervisor.config.judge import Judge
    from trio_supervisor.spec import Dependency, GroupSpec, ProgramSpec

    Origins = Mapping[tuple[str, str], tuple[str, str]]


def in_order(
    judge: Judge, groups: tuple[GroupSpec, ...], origins: Origins
) -> tuple[GroupSpec, ...]:
    """Replace the names in all dependencies by those of processes; report what cannot be met.

    ``origins`` has the section that each process (group, name) was made of.
    """
    if not any(program.depends_on for group in groups for program in group.programs):
        return groups
    return _Graph(judge, groups, origins).resolved()


class _Graph:
    """All processes of a configuration, and what they need."""

    def __init__(self, judge: Judge, groups: tuple[GroupSpec, ...], origins: Origins) -> None:
        self._judge = judge
        self._groups = groups
        self._origins = origins
        self._specs = {
            (group.name, program.process_name): program
            for group in groups
            for program in group.programs
        }
        self._named = {name: list(self._members(name)) for name in self._names()}

    def resolved(self) -> tuple[GroupSpec, ...]:
        found = tuple(self._resolve(group) for group in self._groups)
        needs = {
            _namespec(group.name, program.process_name): list(program.depends_on)
            for group in found
            for program in group.programs
        }
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            self._report(list(reversed(error.args[1][1:])))
        return found

    def _names(self) -> Iterator[str]:
        for group, name in self._specs:
            yield from (group, _namespec(group, name), f"{group}:*")
        for family, name in self._origins.values():
            if family != "eventlistener":
                yield name

    def _members(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield the processes of a program's name, of a group's, or the one of a namespec."""
        for key in self._specs:
            group = key[0]
            if name in {group, f"{group}:*", _namespec(*key)} or self._origins[key][1] == name:
                yield key

    def _resolve(self, group: GroupSpec) -> GroupSpec:
        programs = (self._with_processes(group.name, program) for program in group.programs)
        return replace(group, programs=tuple(programs))

    def _with_processes(self, group: str, program: ProgramSpec) -> ProgramSpec:
        needed: dict[str, Dependency] = {}
        for name, dependency in program.depends_on.items():
            path = (*self._origins[group, program.process_name], "depends_on")
            if name not in self._named:
                remedy = near(name, self._named) or f" (add a section [program:{name}])"
                tell = self._judge.error if dependency.required else self._judge.warn
                tell(path, f"there is no program or group {name!r}{remedy}")
                continue
            for key in self._nearest(group, name):
                condition = dependency.condition or _most(self._specs[key])
                if remedy := _remedy(self._specs[key], condition):
                    self._judge.error(path, f"{name!r} can never be {condition} ({remedy})")
                needed[_namespec(*key)] = replace(dependency, condition=condition)
        return replace(program, depends_on=needed)

    def _nearest(self, group: str, name: str) -> Iterable[tuple[str, str]]:
        """Prefer those of the own group: a program in several groups needs its neighbours."""
        found = self._named[name]
        return [key for key in found if key[0] == group] or found

    def _report(self, cycle: list[str]) -> None:
        first = next(key for key in self._specs if _namespec(*key) in cycle)
        start = cycle.index(_namespec(*first))
        names = [*cycle[start:], *cycle[: start + 1]]
        text = f"can never be met: {' needs '.join(names)} (take one of them out)"
        self._judge.error((*self._origins[first], "depends_on"), text)


def _most(spec: ProgramSpec) -> str:
    """Return the most that a program promises."""
    if spec.is_task:
        return "completed_ok"
    if spec.health is not None:
        return "healthy"
    return "started" if spec.ready is None else "ready"


def _remedy(spec: ProgramSpec, condition: str) -> str:
    """Say what a program lacks so that a condition could become true; empty when nothing."""
    if condition == "healthy" and spec.health is None:
        return "add health = {…} to it, or wait for it to be ready"
    if condition == "log_ready" and (spec.ready is None or spec.ready.log is None):
        return 'add ready = {log = "…"} to it, or wait for it to be ready'
    if condition.startswith("completed") and spec.autorestart is True:
        return "autorestart = true starts it again: take that out, or wait for it to be started"
    return ""


def _namespec(group: str, name: str) -> str:
    return name if name == group else f"{group}:{name}"
