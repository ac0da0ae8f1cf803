"""What a program needs before it starts: ``depends_on``."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from trio_supervisor.spec.types import Boolean, Spec

Met = Literal["started", "ready", "healthy", "completed", "completed_ok", "log_ready"]
"""When a dependency is met."""


class Dependency(Spec, frozen=True, kw_only=True):
    """How a program needs another one."""

    condition: Annotated[
        Met | None,
        Meta(
            description="What it waits for; unless set, the most that the other promises: healthy, "
            "ready, for a task completed_ok, else started."
        ),
    ] = None
    required: Annotated[
        Boolean, Meta(description="Whether it fails without the other, or starts all the same.")
    ] = True
    restart: Annotated[
        Boolean, Meta(description="Whether it is started again when the other is.")
    ] = False
