"""How programs are started again, and their groups given up."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from trio_supervisor.spec.types import Spec

_DAY = 86_400

Strategy = Literal["one_for_one", "one_for_all", "rest_for_one"]
"""Who is started again with a process that ended unexpectedly, under the names of OTP."""


class BackoffSpec(Spec, frozen=True, kw_only=True):
    """How long to wait before a program that failed is started again."""

    base: Annotated[
        float, Meta(ge=0, le=_DAY, description="How many seconds the first failure waits.")
    ] = 1.0
    factor: Annotated[
        float,
        Meta(ge=1, le=100, description="How many times longer each further failure waits."),
    ] = 2.0
    max: Annotated[float, Meta(ge=0, le=_DAY, description="The longest wait in seconds.")] = 60.0
    jitter: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="By which fraction a wait is longer or shorter at random, so that many do "
            "not come back in step.",
        ),
    ] = 0.0
    reset_after: Annotated[
        float,
        Meta(
            ge=0,
            le=_DAY,
            description="After how many seconds in one run the failures before it are forgotten.",
        ),
    ] = 60.0


class Intensity(Spec, frozen=True, kw_only=True):
    """How many unexpected ends a group survives within a period."""

    times: Annotated[int, Meta(ge=0, description="How many unexpected ends.")]
    seconds: Annotated[float, Meta(gt=0, description="The period in seconds.")]
