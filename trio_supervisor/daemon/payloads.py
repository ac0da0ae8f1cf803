"""Events as supervisor's listeners read them: a header line, and what belongs to the type.

The words are those of supervisor's events.py. ``len`` counts bytes, as its manual says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.happenings import name_of
from trio_supervisor.protocol.messages import EventKind

if TYPE_CHECKING:
    from trio_supervisor.protocol.messages import Event

_S = ProcessState


def header(event: Event, length: int, *, server: str, pool: str, serial: int) -> bytes:
    """Return the line before a payload of so many bytes; ``serial`` is that of the pool."""
    return (
        f"ver:3.0 server:{server} serial:{event.id} pool:{pool} poolserial:{serial} "
        f"eventname:{name_of(event)} len:{length}\n"
    ).encode()


def payload(event: Event) -> bytes:
    """Return what an event is about."""
    match event.kind:
        case EventKind.PROCESS:
            return _transition(event).encode()
        case EventKind.GROUP:
            return f"groupname:{event.group}\n".encode()
        case EventKind.REMOTE:
            return f"type:{event.detail}\n".encode() + event.data
        case EventKind.OUTPUT:
            return f"{_process(event)} channel:{event.detail}\n".encode() + event.data
        case EventKind.CAPTURE:
            return f"{_process(event)}\n".encode() + event.data
        case _:
            return event.data


def _process(event: Event) -> str:
    return f"processname:{event.name} groupname:{event.group} pid:{event.pid or 0}"


def _transition(event: Event) -> str:
    assert event.from_state is not None
    words = f"processname:{event.name} groupname:{event.group} from_state:{event.from_state.name}"
    match event.to_state:
        case _S.STARTING | _S.BACKOFF:
            return f"{words} tries:{event.tries}"
        case _S.EXITED:
            return f"{words} expected:{int(event.expected)} pid:{event.pid or 0}"
        case _S.RUNNING | _S.STOPPING | _S.STOPPED:
            is_gone = event.from_state is _S.BACKOFF
            return f"{words} pid:{0 if is_gone else event.pid or 0}"
        case _:
            return words
