"""Descriptors and processes: what the configuration asks for, what the programs will need.

``minfds`` and ``minprocs`` are raised for everybody, as supervisord does. What the daemon needs
above that for the pipes, logs and pidfds of many programs is its own: it is raised for the daemon
alone, and each program is started through prlimit(1) with the limits that were there before.
"""

from __future__ import annotations

import logging
import resource
import shutil
from typing import TYPE_CHECKING

from trio_supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from trio_supervisor.spec import Configuration

log = logging.getLogger(__name__)

RESERVE = 264
"""Descriptors for connections, spawns under way, and everything else."""
PER_PROCESS = 6
"""Descriptors of one process: pidfd, three pipes, two log files."""
PER_PROBE = 6
"""Descriptors of a probe: pidfd, pipes and a few for the moment, or a socket."""


def raise_limits(minfds: int, minprocs: int) -> None:
    """Raise the soft limits for this process and its children; SupervisorError if we may not."""
    _at_least(resource.RLIMIT_NOFILE, "RLIMIT_NOFILE", "minfds", minfds)
    if hasattr(resource, "RLIMIT_NPROC"):
        _at_least(resource.RLIMIT_NPROC, "RLIMIT_NPROC", "minprocs", minprocs)


def _at_least(kind: int, name: str, option: str, least: int) -> None:
    soft, hard = resource.getrlimit(kind)
    if soft == resource.RLIM_INFINITY or soft >= least:
        return
    new_hard = hard if hard == resource.RLIM_INFINITY else max(hard, least)
    try:
        resource.setrlimit(kind, (least, new_hard))
    except (ValueError, OSError) as problem:
        raise SupervisorError(
            f"{option}={least} is more than this user may have ({name}: soft limit {soft}, hard "
            f"limit {hard}): lower {option}, or raise the limit for this user"
        ) from problem
    log.info("Increased %s limit to %d", name, least)


def process_count(configuration: Configuration) -> int:
    """Count the configured processes."""
    return sum(len(group.programs) for group in configuration.groups)


def descriptors_for(configuration: Configuration) -> int:
    """Return how many descriptors the daemon of a configuration needs."""
    programs = [program for group in configuration.groups for program in group.programs]
    probes = sum(program.ready is not None or program.health is not None for program in programs)
    return RESERVE + PER_PROCESS * len(programs) + PER_PROBE * probes


class DescriptorBudget:
    """The descriptors of the daemon, and what keeps its programs' limit as it was.

    ``prefix`` goes before every command.
    """

    def __init__(self) -> None:
        self.prefix: tuple[str, ...] = ()

    def reserve(self, configuration: Configuration) -> None:
        """Make room for all configured processes; SupervisorError with the number if we may not."""
        count = process_count(configuration)
        needed = descriptors_for(configuration)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft == resource.RLIM_INFINITY or soft >= needed:
            return
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise SupervisorError(
                f"{count} processes need {needed} descriptors, and at most {hard} are allowed: "
                f"raise the hard limit (ulimit -Hn {needed}), or run fewer"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        prlimit = shutil.which("prlimit")
        if prlimit and not self.prefix:
            self.prefix = (prlimit, f"--nofile={soft}:", "--")
