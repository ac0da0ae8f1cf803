"""Groups: ``[group:x]``, and what the processes of one are together."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from trio_supervisor.spec.kinds import ListenerSpec
from trio_supervisor.spec.programs import ProgramSpec
from trio_supervisor.spec.restart import Intensity, Strategy
from trio_supervisor.spec.types import (
    Boolean,
    Integer,
    Names,
    Spec,
)


class GroupSpec(Spec, frozen=True, kw_only=True):
    """A group with its processes, sorted by priority and name."""

    name: str
    priority: int = 999
    programs: tuple[ProgramSpec, ...] = ()
    strategy: Strategy = "one_for_one"
    intensity: Intensity | None = None
    critical: bool = False

    @property
    def is_pool(self) -> bool:
        """True for the processes of an ``[eventlistener:x]``."""
        return any(isinstance(program, ListenerSpec) for program in self.programs)


class GroupSection(Spec, frozen=True, kw_only=True):
    """``[group:x]`` as a file has it."""

    programs: Annotated[
        Names,
        Meta(description="The programs that belong to the group; they lose their own groups."),
    ] = ()
    priority: Annotated[
        Integer, Meta(description="Its place in the order: low numbers start first, stop last.")
    ] = 999
    strategy: Annotated[
        Strategy,
        Meta(
            description="Which of its programs are started again when one has ended unexpectedly: "
            "one_for_one, only that; one_for_all, all that run; rest_for_one, those that depend on "
            "it, or, where no member depends on another, those after it in the order."
        ),
    ] = "one_for_one"
    intensity: Annotated[
        Intensity | None,
        Meta(
            description='How many unexpected ends it survives within a period, such as "5 in 30s"; '
            "one more, and all of the group is stopped and FATAL.",
            extra={"language": "intensity"},
        ),
    ] = None
    critical: Annotated[
        Boolean,
        Meta(
            description="When one of its processes is FATAL, stop everything; the daemon exits "
            "with 3."
        ),
    ] = False
