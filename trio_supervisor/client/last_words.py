"""What a process wrote last in the run in which it died, from all its logs, merged by time."""

from __future__ import annotations

from trio_supervisor.client.journal import Lines
from trio_supervisor.client.logs import Escaper
from trio_supervisor.client.screen import cut
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import GetLogs, LogPart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.client.journal import Line
    from trio_supervisor.client.session import Session
    from trio_supervisor.protocol.messages import Event

LAST_LINES = 10
LONGEST = 500
"""Characters of a line that are shown."""
_S = ProcessState
_ENDS = frozenset({_S.BACKOFF, _S.EXITED})


def last_words(session: Session, event: Event, events: Mapping[int, Event]) -> tuple[str, ...]:
    """Return what a process wrote last, if it died here and has not run since."""
    has_died = event.to_state in _ENDS and event.from_state not in _ENDS
    if not has_died or event.expected or event.pid is None:
        return ()
    own = [e for e in events.values() if (e.group, e.name) == (event.group, event.name)]
    if any(e.id > event.id and e.pid not in {None, event.pid} for e in own):
        return ()
    starts = [e.time for e in own if e.id < event.id and e.to_state is _S.STARTING]
    since = starts[-1] if starts else event.time  # without, whose lines they are is not known
    wanted = GetLogs((f"{event.group}:{event.name}",), LAST_LINES, since)
    lines = Lines()
    found: list[Line] = []
    for reply in session.stream(wanted):
        if isinstance(reply, LogPart):
            found += lines.of(reply)
    found += lines.rest()
    found.sort(key=lambda line: line.time)  # stable: lines of one moment keep their order
    return tuple(_shown(line.text) for line in found[-LAST_LINES:])


def _shown(text: bytes) -> str:
    plain = Escaper().escape(text, final=True)
    return cut(plain.rstrip(), LONGEST)
