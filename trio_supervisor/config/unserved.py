"""What is understood but not carried out yet: each such thing is named once, in a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_supervisor.source.tree import sections

if TYPE_CHECKING:
    from trio_supervisor.config.judge import Judge
    from trio_supervisor.source.tree import Path
    from trio_supervisor.spec import Configuration, Spec

UNSERVED_FAMILIES = ("eventlistener", "fcgi-program", "ctlplugin", "rpcinterface")
_OPTIONS = (
    "stdout_capture_maxbytes",
    "stdout_events_enabled",
    "stderr_capture_maxbytes",
    "stderr_events_enabled",
)
_SERVED_INTERFACE = "supervisor"  # the name under which the original's files list their own


def warn_of_unserved(judge: Judge, configuration: Configuration) -> None:
    """Name the sections and the options in use that have no effect yet."""
    for family in UNSERVED_FAMILIES:
        names = judge.source.tree.get(family)
        for name in names if isinstance(names, dict) else ():
            if (family, name) != ("rpcinterface", _SERVED_INTERFACE):
                judge.warn((family, name), "is not served yet; the section is ignored")
    used = _used_options(judge, configuration)
    if used:
        first = next(iter(used.values()))
        names = ", ".join(used)
        judge.warn(first, f"accepted, but not served yet: {names}")


def _used_options(judge: Judge, configuration: Configuration) -> dict[str, Path]:
    """Map each such option to where it stands first; its default asks for nothing."""
    programs = [spec for group in configuration.groups for spec in group.programs]
    specs: list[Spec] = [*programs, configuration.supervisord]
    asked = {name for name in _OPTIONS if any(getattr(spec, name, 0) for spec in specs)}
    used: dict[str, Path] = {}
    for path, options in sections(judge.source.tree):
        for name in asked & options.keys():
            used.setdefault(name, (*path, name))
    return dict(sorted(used.items(), key=lambda item: judge.source.place(*item[1]).line or 0))
