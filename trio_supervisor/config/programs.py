"""Programs, event listeners and groups: from sections to the processes of each group."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from trio_supervisor.config.env_files import env_files
from trio_supervisor.config.judge import near, options_of
from trio_supervisor.config.order import in_order
from trio_supervisor.config.paths import absolute, log_path
from trio_supervisor.protocol.happenings import NAMES
from trio_supervisor.source.expansion import names_of
from trio_supervisor.source.procfile import type_of
from trio_supervisor.source.values import shared_socket
from trio_supervisor.spec import (
    FcgiProgramSpec,
    GroupSection,
    GroupSpec,
    ListenerSpec,
    ProgramSpec,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.config.judge import Judge
    from trio_supervisor.spec import SupervisordSpec

_NAME = re.compile(r"[^\s:/]+")
_KINDS: dict[str, type[ProgramSpec]] = {
    "program": ProgramSpec,
    "fcgi-program": FcgiProgramSpec,
    "eventlistener": ListenerSpec,
}
"""What each family of sections describes."""
_HANDLER = "supervisor.dispatchers:default_handler"


def groups_of(judge: Judge, base: str, shared: SupervisordSpec) -> tuple[GroupSpec, ...]:
    """Make all groups; ``shared`` has what programs get that have none of their own."""
    return _Programs(judge, base, shared).groups()


class _Section(NamedTuple):
    """A section that makes processes: where it is, what it has."""

    path: tuple[str, str]
    given: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.path[1]

    @property
    def kind(self) -> type[ProgramSpec]:
        return _KINDS[self.path[0]]


class _Programs:
    """What all programs of one configuration share while they are made."""

    def __init__(self, judge: Judge, base: str, shared: SupervisordSpec) -> None:
        tree = judge.source.tree
        self.judge = judge
        self.base = base
        self.environment = shared.environment
        self.env_file = shared.env_file
        self.strip_ansi = shared.strip_ansi
        self.names = names_of({**judge.source.environment, **shared.environment})
        programs, self.shared, self.listeners = (
            {
                name: _Section((family, name), {"process_name": "%(program_name)s", **given})
                for name, given in _tables(judge, tree, family).items()
            }
            for family in _KINDS
        )
        self.group_sections = _tables(judge, tree, "group")
        self.sections = {**self.shared, **programs}
        self.origins: dict[tuple[str, str], tuple[str, str]] = {}

    def groups(self) -> tuple[GroupSpec, ...]:
        for section in (*self.sections.values(), *self.listeners.values()):
            self._check_section(section)
        for name in self.shared:
            if self.sections[name].kind is ProgramSpec:
                path = self.shared[name].path
                self.judge.error(path, f"has the name of [program:{name}] (rename one of them)")
        named = [self._group(name, given) for name, given in self.group_sections.items()]
        listed = {program for _, programs in named for program in programs}
        own = [self._own_group(one) for name, one in self.sections.items() if name not in listed]
        own += [self._own_group(one) for one in self.listeners.values()]
        groups = [spec for spec in (*(spec for spec, _ in named), *own) if spec.programs]
        ordered = tuple(sorted(groups, key=lambda group: (group.priority, group.name)))
        return in_order(self.judge, ordered, self.origins)

    def _check_section(self, section: _Section) -> None:
        options = options_of(section.kind)
        _check_name(self.judge, section.path, section.name)
        self.judge.known(section.path, section.given, options)
        self.judge.complete(section.path, section.given, options)

    def _group(self, name: str, given: Mapping[str, Any]) -> tuple[GroupSpec, tuple[str, ...]]:
        path = ("group", name)
        _check_name(self.judge, path, name)
        found = self.judge.values(path, given, GroupSection)
        section = GroupSection(**found)
        if not section.programs and "programs" not in given:
            self.judge.warn(path, "has no programs; the group is left out")
        members = [one for one in dict.fromkeys(section.programs) if self._exists(path, one)]
        specs = [one for member in members for one in self._processes(self.sections[member], name)]
        spec = self._assembled(path, name, section.priority, specs)
        more = {"strategy", "intensity", "critical"} & found.keys()
        return replace(spec, **{option: found[option] for option in more}), tuple(members)

    def _own_group(self, section: _Section) -> GroupSpec:
        """Give what no group lists a group of its own, as the original does."""
        path, name = section.path, section.name
        if name in self.group_sections:
            text = f"has the name of [group:{name}], which does not list it (rename one of them)"
            self.judge.error(path, text)
        elif section.kind is ListenerSpec and name in self.sections:
            self.judge.error(path, f"has the name of [program:{name}] (rename one of them)")
        specs = self._processes(section, name)
        priority = specs[0].priority if specs else GroupSpec(name=name).priority
        return self._assembled(path, name, priority, specs)

    def _exists(self, path: tuple[str, ...], program: str) -> bool:
        if program in self.sections:
            return True
        key = (*path, "programs")
        if program in self.listeners:
            text = f"{program!r} is an event listener, which is a group of its own (take it out)"
            self.judge.error(key, text)
        else:
            hint = near(program, self.sections) or f" (add a section [program:{program}])"
            self.judge.error(key, f"there is no program {program!r}{hint}")
        return False

    def _assembled(
        self, path: tuple[str, ...], name: str, priority: int, specs: list[ProgramSpec]
    ) -> GroupSpec:
        seen: set[str] = set()
        for spec in specs:
            if spec.process_name in seen:
                text = f"two processes would be called {name}:{spec.process_name}"
                self.judge.error(path, f"{text} (change a process_name)")
            seen.add(spec.process_name)
        ordered = sorted(specs, key=lambda spec: (spec.priority, spec.process_name))
        return GroupSpec(name=name, priority=priority, programs=tuple(ordered))

    def _processes(self, section: _Section, group: str) -> list[ProgramSpec]:
        """Make each numbered process of a section for the group that it is in."""
        path, given = section
        names = {**self.names, "program_name": section.name, "group_name": group}
        counts: dict[str, int] = {"numprocs": 1, "numprocs_start": 0}
        for option in counts:
            if option in given:
                counts.update(self._value(section, option, names))
        count, start = counts["numprocs"], counts["numprocs_start"]
        if count > 1 and "%(process_num)" not in str(given["process_name"]):
            text = "must hold %(process_num)d when numprocs is above 1"
            self.judge.error(
                (*path, "process_name"), f"{text} (%(program_name)s_%(process_num)02d)"
            )
            return []
        numbered = ({**names, "numprocs": count, "process_num": start + i} for i in range(count))
        specs = [spec for these in numbered if (spec := self._process(section, these))]
        self.origins.update({(group, spec.process_name): path for spec in specs})
        return specs

    def _process(self, section: _Section, names: dict[str, object]) -> ProgramSpec | None:
        path, own = section.path, dict[str, str]()
        if "environment" in section.given:
            found = self._value(section, "environment", names)
            own = found.get("environment", {})
            names = {**names, **{f"ENV_{name}": value for name, value in own.items()}}
        given: dict[str, Any] = {"environment": {**self.environment, **own}}
        given["own_environment"] = tuple(sorted(own))
        given["program"] = self._program_of(section)
        for option in section.given:
            if option != "environment":
                given.update(self._value(section, option, names))
        needed = (option.name for option in options_of(section.kind).values() if option.required)
        if not {"process_name", *needed} <= given.keys():
            return None  # reported: the section has no command, or one that is wrong
        _check_name(self.judge, (*path, "process_name"), given["process_name"])
        if given.get("tty") and section.kind is not ProgramSpec:
            text = "cannot be true: its stdin has another use (take it out)"
            self.judge.error((*path, "tty"), text)
        if section.kind is ListenerSpec:
            self._check_listener(path, given)
        if section.kind is FcgiProgramSpec:
            self._check_socket(path, given)
        return section.kind(**self._finished(path, given))

    def _program_of(self, section: _Section) -> str:
        """Return what all of its processes are called: its name, the type in a Procfile."""
        return type_of(section.name) if self.judge.source.dialect == "procfile" else section.name

    def _check_listener(self, path: tuple[str, str], given: dict[str, Any]) -> None:
        """Judge what only event listeners have; take out what has no effect, spell the events."""
        given["events"] = tuple(event.upper() for event in given["events"])
        for event in given["events"]:
            if event not in NAMES:
                text = f"{event!r} is no type of events{near(event, NAMES)}"
                self.judge.error((*path, "events"), text)
        if not given["events"]:
            self.judge.error((*path, "events"), "names no events (EVENT stands for all)")
        if given.get("redirect_stderr"):
            text = "cannot be true: the stdout of an event listener is its protocol (take it out)"
            self.judge.error((*path, "redirect_stderr"), text)
        for option in ("stdout_events_enabled", "stdout_capture_maxbytes"):
            if given.pop(option, None):
                text = "has no effect here: the stdout of an event listener is its protocol"
                self.judge.warn((*path, option), text)
        handler = given.get("result_handler", _HANDLER)
        if handler != _HANDLER:
            text = f"{handler!r} is not called: OK means that an event is done with"
            self.judge.warn((*path, "result_handler"), text)

    def _check_socket(self, path: tuple[str, str], given: Mapping[str, Any]) -> None:
        """Report a socket that is none, and what a TCP port has no use for."""
        try:
            is_unix = isinstance(shared_socket(given["socket"]), str)
        except ValueError as error:
            self.judge.error((*path, "socket"), str(error))
            return
        for option in () if is_unix else ("socket_owner", "socket_mode"):
            if option in given:
                text = "is for unix sockets only (remove it, or give socket = unix:///path)"
                self.judge.error((*path, option), text)

    def _value(self, section: _Section, option: str, names: Mapping[str, object]) -> dict[str, Any]:
        options, path = options_of(section.kind), (*section.path, option)
        if option not in options:
            return {}
        return self.judge.value(path, options[option], section.given[option], names)

    def _join_outputs(self, path: tuple[str, str], given: dict[str, Any]) -> None:
        """Let stderr have no log of its own, where it goes with stdout."""
        for option in ("tty", "redirect_stderr"):
            if given.get(option) and given.get("stderr_logfile", "AUTO") not in ("AUTO", "NONE"):
                self.judge.warn((*path, "stderr_logfile"), f"{option} is set; it is ignored")
            if given.get(option):
                given |= {"redirect_stderr": True, "stderr_logfile": "NONE"}

    def _name_files(self, path: tuple[str, str], given: dict[str, Any]) -> None:
        """Put the files with variables together: those of all, then its own."""
        own = env_files(self.judge, (*path, "env_file"), self.base, given.get("env_file", ()))
        given["env_file"] = (*self.env_file, *own)
        if not given["env_file"]:
            del given["own_environment"]  # it says nothing then

    def _finished(self, path: tuple[str, str], given: dict[str, Any]) -> dict[str, Any]:
        """Make paths absolute and settle what options say about one another."""
        given.setdefault("strip_ansi", self.strip_ansi)
        if given.get("type") == "task":
            given = {"autorestart": False, **given, "startsecs": 0.0}  # it cannot end too soon
        self._name_files(path, given)
        given["directory"] = absolute(self.base, given.get("directory") or "")
        if str(given.get("serverurl") or "AUTO").upper() == "AUTO":
            given["serverurl"] = None
        for option in ("ready", "health"):
            if (probe := given.get(option)) is not None and probe.unix is not None:
                given[option] = replace(probe, unix=absolute(self.base, probe.unix))
        for option in ("stdout_logfile", "stderr_logfile"):
            if option in given:
                given[option] = log_path(self.judge, (*path, option), self.base, given[option])
        self._join_outputs(path, given)
        if given.get("stopasgroup") and given.get("killasgroup") is False:
            text = "cannot be false when stopasgroup is true (remove one of them)"
            self.judge.error((*path, "killasgroup"), text)
        return given


def _tables(judge: Judge, tree: Mapping[str, Any], family: str) -> dict[str, dict[str, Any]]:
    """Give the sections of a family that are tables; report what is none."""
    named = tree.get(family, {})
    tables = {}
    for name, value in named.items() if isinstance(named, dict) else ():
        if isinstance(value, dict):
            tables[name] = value
        else:
            judge.error((family, name), f"is not a table (write [{family}.NAME], then the option)")
    return tables


def _check_name(judge: Judge, path: tuple[str, ...], name: str) -> None:
    if not _NAME.fullmatch(name):
        text = "names are not empty and hold no space, ':' or '/'"
        judge.error(path, f"{name!r} is not a name of a {path[0]} ({text})")
