"""What events mean for whoever watches a console, in words."""

from __future__ import annotations

from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import EventKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trio_supervisor.protocol.messages import Event

_S = ProcessState
TOLD = frozenset({_S.RUNNING, _S.BACKOFF, _S.EXITED, _S.FATAL, _S.STOPPED})
"""What comes before these is soon over, and is told when it is not."""


def words_of(event: Event) -> str:
    """Say what an event means for whoever watches the console; empty if that is nothing."""
    match event.kind:
        case EventKind.PROCESS if event.to_state in TOLD:
            return _words_of_state(event)
        case EventKind.WAIT | EventKind.HEALTH:
            return event.detail
        case _:
            return ""


def _words_of_state(event: Event) -> str:
    assert event.to_state is not None
    words = event.to_state.name
    if event.to_state is _S.RUNNING:
        return f"{words}, pid {event.pid}"
    if event.detail:
        words += f": {event.detail}"
    if event.to_state is _S.EXITED and not event.expected:
        words += " (not expected)"
    return words
