"""Which processes start with the daemon, when the launcher was given names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from trio_supervisor.daemon.targets import means
from trio_supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio_supervisor.spec import Configuration, GroupSpec, ProgramSpec


def only(
    configuration: Configuration, names: tuple[str, ...], *, no_deps: bool = False
) -> Configuration:
    """Let just the named processes and groups start by themselves; the others can be started.

    With ``no_deps`` they do without those others. Raises SupervisorError for a name that is none.
    """
    for name in names:
        if not any(_is_meant(name, group, p) for group, p in _processes(configuration)):
            known = ", ".join(sorted({p.process_name for _, p in _processes(configuration)}))
            raise SupervisorError(f"no process or group is called {name!r} (there are: {known})")
    groups = tuple(_starting(group, names) for group in configuration.groups)
    if no_deps:
        groups = tuple(_alone(group, groups) for group in groups)
    return replace(configuration, groups=groups)


def aborting(configuration: Configuration, name: str) -> Configuration:
    """Let the end of any process be the end of all, with the exit code of one (empty: of any).

    That one is started, whatever its ``autostart``: without it the end would never come.
    Raises SupervisorError for what is not the name of one process.
    """
    found = [(group, p) for group, p in _processes(configuration) if _is(name, group, p)]
    if name and len(found) != 1:
        known = ", ".join(_namespec(group, p) for group, p in _processes(configuration))
        raise SupervisorError(
            f"--exit-code-from: {name!r} is not the name of one process (there are: {known})"
        )
    code_from = _namespec(*found[0]) if name else ""
    groups = tuple(_with(group, code_from) for group in configuration.groups)
    return replace(configuration, groups=groups, abort_on_exit=True, exit_code_from=code_from)


def _namespec(group: str, program: ProgramSpec) -> str:
    name = program.process_name
    return name if name == group else f"{group}:{name}"


def _is_meant(name: str, group: str, program: ProgramSpec) -> bool:
    return means(name, group, program.process_name, program.program)


def _is(name: str, group: str, program: ProgramSpec) -> bool:
    names = {program.process_name, f"{group}:{program.process_name}", program.program}
    return name in names


def _with(group: GroupSpec, namespec: str) -> GroupSpec:
    """Let one process start by itself as well."""
    programs = (
        replace(p, chosen=True) if _namespec(group.name, p) == namespec else p
        for p in group.programs
    )
    return replace(group, programs=tuple(programs))


def _alone(group: GroupSpec, groups: Iterable[GroupSpec]) -> GroupSpec:
    """Let programs need none of those that do not start."""
    starting = {_namespec(one.name, p) for one in groups for p in one.programs if p.chosen}
    programs = (
        replace(p, depends_on={name: d for name, d in p.depends_on.items() if name in starting})
        for p in group.programs
    )
    return replace(group, programs=tuple(programs))


def _processes(configuration: Configuration) -> list[tuple[str, ProgramSpec]]:
    return [(group.name, p) for group in configuration.groups for p in group.programs]


def _starting(group: GroupSpec, names: tuple[str, ...]) -> GroupSpec:
    programs = (
        replace(p, chosen=any(_is_meant(name, group.name, p) for name in names))
        for p in group.programs
    )
    return replace(group, programs=tuple(programs))
