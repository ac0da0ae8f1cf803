"""The environment of a run: what all inherit, and what the program and its files add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from trio_supervisor.config.env_files import filled
from trio_supervisor.errors import ConfigError, Fault, RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.spec import ProgramSpec

_ABANDON: dict[str, Any] = {"abandon_on_cancel": True}  # trio-typing does not know it


async def environment_of(spec: ProgramSpec, inherited: Mapping[str, str]) -> dict[str, str]:
    """Put together the variables of the next run; the files of the program are read anew.

    RequestError for a file that is missing or wrong. A file may be on a mount that hangs: it is
    read in a thread, and whoever stops the program does not wait for that.
    """
    given = inherited, spec.environment, spec.env_file, spec.own_environment
    if not spec.env_file:
        return filled(*given)
    try:
        return await trio.to_thread.run_sync(filled, *given, **_ABANDON)
    except ConfigError as problem:
        told = "; ".join(map(str, problem.problems))
        raise RequestError(Fault.SPAWN_ERROR, f"env_file: {told}") from problem
