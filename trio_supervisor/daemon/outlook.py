"""Whether what one program needs of another is so, or may still come: judged from how that is now.

Pure: whoever asks looks again when something has happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_supervisor.daemon.condition import how_it_ended
from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from trio_supervisor.daemon.program import Program
    from trio_supervisor.spec import Dependency

_S = ProcessState


def outlook(program: Program, wanted: Dependency) -> str | None:
    """Say why a condition cannot become true; empty when it is, None while it still may."""
    if is_met(program, wanted):
        return ""
    why = why_hopeless(program)
    return f"it {why}" if why else None


def is_met(needed: Program, dependency: Dependency) -> bool:
    """Say whether a condition is true now."""
    condition = needed.condition
    has_ended = _has_ended(needed)
    is_ok = has_ended and condition.returncode in needed.spec.exitcodes
    is_done = is_ok and needed.spec.is_task  # it has been what it is to be
    is_up = needed.state in {_S.STARTING, _S.RUNNING} and not needed.is_leaving
    match dependency.condition:
        case "completed":
            return has_ended
        case "completed_ok":
            return is_ok
        case "ready" | "log_ready":
            return is_done or (condition.is_ready and is_up)
        case "healthy":
            return condition.health == "healthy" and is_up
        case _:
            return is_done or (needed.state is _S.RUNNING and is_up)


def is_leaving_something(needed: Program) -> bool:
    """Say whether processes of one that has ended are still to go."""
    stays = needed.spec.leave_behind or needed.is_stuck
    return needed.state is _S.EXITED and not (needed.is_at_rest or stays)


def still_to_come(needed: Program, dependency: Dependency) -> str:
    """Say in a few words what is waited for, and what speaks against it now."""
    condition = dependency.condition or ""
    if condition == "healthy" and needed.condition.health == "unhealthy":
        return f"{condition}, now unhealthy: {needed.condition.why_unhealthy}"
    return condition


def why_hopeless(needed: Program) -> str:
    """Say why a condition cannot become true; empty while it can."""
    condition = needed.condition
    if needed.orders.is_about_to_start:
        return ""
    if needed.state is _S.FATAL:
        return f"is FATAL: {condition.root or condition.spawn_error}"
    if _has_ended(needed):
        assert condition.returncode is not None
        how = how_it_ended(condition.returncode)
        return f"has ended with {how}" if condition.returncode >= 0 else f"was {how}"
    why = f": {condition.why_stopped}" if condition.why_stopped else ""
    return f"is stopped{why}" if needed.is_at_rest else ""


def _has_ended(needed: Program) -> bool:
    """Say whether it has ended by itself, and nobody has asked for another run."""
    is_over = needed.state is _S.EXITED and needed.condition.is_over
    return is_over and not needed.orders.is_about_to_start
