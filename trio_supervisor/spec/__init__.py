"""What a configuration says, as frozen values: each option once, with type, default and help.

A loaded `ProgramSpec` is *one* process: numbered, expanded, its paths absolute. The same classes
describe the sections of a file (`SECTIONS`), whence the JSON Schema and the table of the manual.
"""

from __future__ import annotations

from typing import Any

from trio_supervisor.spec.daemon import IncludeSection as IncludeSection
from trio_supervisor.spec.daemon import InetServerSection as InetServerSection
from trio_supervisor.spec.daemon import InetServerSpec as InetServerSpec
from trio_supervisor.spec.daemon import SupervisorctlSpec as SupervisorctlSpec
from trio_supervisor.spec.daemon import SupervisordSpec as SupervisordSpec
from trio_supervisor.spec.daemon import UnixServerSpec as UnixServerSpec
from trio_supervisor.spec.groups import GroupSection as GroupSection
from trio_supervisor.spec.groups import GroupSpec as GroupSpec
from trio_supervisor.spec.health import Health as Health
from trio_supervisor.spec.health import Probe as Probe
from trio_supervisor.spec.health import Ready as Ready
from trio_supervisor.spec.kinds import FcgiProgramSpec as FcgiProgramSpec
from trio_supervisor.spec.kinds import ListenerSpec as ListenerSpec
from trio_supervisor.spec.order import Dependency as Dependency
from trio_supervisor.spec.programs import ProgramSpec as ProgramSpec
from trio_supervisor.spec.restart import BackoffSpec as BackoffSpec
from trio_supervisor.spec.restart import Intensity as Intensity
from trio_supervisor.spec.types import Spec as Spec


class Configuration(Spec, frozen=True, kw_only=True):
    """All that a configuration says, ready to be carried out.

    The last two are said by the launcher: the end of any process ends all, with the exit code of
    the one that is named (empty: of that process).
    """

    path: str
    base: str
    supervisord: SupervisordSpec
    unix_servers: tuple[UnixServerSpec, ...] = ()
    inet_servers: tuple[InetServerSpec, ...] = ()
    supervisorctl: SupervisorctlSpec
    groups: tuple[GroupSpec, ...] = ()
    warnings: tuple[str, ...] = ()
    included: tuple[str, ...] = ()
    abort_on_exit: bool = False
    exit_code_from: str = ""


SECTIONS: dict[str, Any] = {
    "supervisord": SupervisordSpec,
    "unix_http_server": UnixServerSpec,
    "inet_http_server": InetServerSection,
    "supervisorctl": SupervisorctlSpec,
    "program": ProgramSpec,
    "eventlistener": ListenerSpec,
    "fcgi-program": FcgiProgramSpec,
    "group": GroupSection,
    "include": IncludeSection,
}
"""The class that describes the options of each section of a file."""
