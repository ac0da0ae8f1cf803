"""Events under the names that supervisor has for them, which listeners subscribe to.

A name is that of a type and of all types below it: PROCESS_STATE means PROCESS_STATE_RUNNING, too.
"""

from __future__ import annotations

from functools import cache

from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import EventKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trio_supervisor.protocol.messages import Event

TICKS = (5, 60, 3600)
"""Seconds between the ticks of each type."""

LEAVES = (
    *(f"PROCESS_STATE_{state.name}" for state in ProcessState),
    "PROCESS_COMMUNICATION_STDOUT",
    "PROCESS_COMMUNICATION_STDERR",
    "PROCESS_LOG_STDOUT",
    "PROCESS_LOG_STDERR",
    "REMOTE_COMMUNICATION",
    "SUPERVISOR_STATE_CHANGE_RUNNING",
    "SUPERVISOR_STATE_CHANGE_STOPPING",
    *(f"TICK_{seconds}" for seconds in TICKS),
    "PROCESS_GROUP_ADDED",
    "PROCESS_GROUP_REMOVED",
)
"""The types that events have."""
_BRANCHES = (
    "EVENT",
    "PROCESS_STATE",
    "PROCESS_COMMUNICATION",
    "PROCESS_LOG",
    "SUPERVISOR_STATE_CHANGE",
    "TICK",
    "PROCESS_GROUP",
)
NAMES = (*_BRANCHES, *LEAVES)
"""What a listener may subscribe to."""
OWN = ("REQUEST", "SUPERVISOR", "HEALTH", "WAIT")
"""The types for which supervisor has no name; no listener hears of them."""

_PREFIXES = {
    EventKind.GROUP: "PROCESS_GROUP",
    EventKind.SUPERVISOR: "SUPERVISOR_STATE_CHANGE",
    EventKind.OUTPUT: "PROCESS_LOG",
    EventKind.CAPTURE: "PROCESS_COMMUNICATION",
    EventKind.TICK: "TICK",
}


def name_of(event: Event) -> str:
    """Return the name of an event's type; empty for what supervisor has no type for."""
    if event.to_state is not None:
        return f"PROCESS_STATE_{event.to_state.name}"
    if event.kind is EventKind.REMOTE:
        return "REMOTE_COMMUNICATION"
    name = f"{_PREFIXES.get(event.kind, '')}_{event.detail.upper()}"
    return name if name in LEAVES else ""


def type_of(event: Event) -> str:
    """Return the name of an event's type, our own where supervisor has none for it."""
    return name_of(event) or event.kind.name


@cache
def leaves_of(names: tuple[str, ...]) -> frozenset[str]:
    """Return the types that names stand for."""
    beginnings = tuple(f"{name}_" for name in names)
    return frozenset(
        leaf for leaf in LEAVES if "EVENT" in names or f"{leaf}_".startswith(beginnings)
    )
