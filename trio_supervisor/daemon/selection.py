"""Which processes start with the daemon, when the launcher was given names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from trio_supervisor.daemon.targets import matches
from trio_supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from trio_supervisor.spec import Configuration, GroupSpec, ProgramSpec


def only(configuration: Configuration, names: tuple[str, ...]) -> Configuration:
    """Let just the named processes and groups start by themselves; the others can be started.

    Raises SupervisorError for a name that is none.
    """
    for name in names:
        if not any(_means(name, group, p.process_name) for group, p in _processes(configuration)):
            known = ", ".join(sorted({p.process_name for _, p in _processes(configuration)}))
            raise SupervisorError(f"no process or group is called {name!r} (there are: {known})")
    return replace(
        configuration,
        groups=tuple(_starting(group, names) for group in configuration.groups),
    )


def _processes(configuration: Configuration) -> list[tuple[str, ProgramSpec]]:
    return [(group.name, p) for group in configuration.groups for p in group.programs]


def _starting(group: GroupSpec, names: tuple[str, ...]) -> GroupSpec:
    programs = (
        replace(p, autostart=any(_means(name, group.name, p.process_name) for name in names))
        for p in group.programs
    )
    return replace(group, programs=tuple(programs))


def _means(word: str, group: str, name: str) -> bool:
    """Say whether a word means a process: as a target, or its group."""
    return word == group or matches(word, group, name)
