"""From events to spans: what each process was busy with, when, and what all had to wait for. Pure.

Times are seconds of the daemon's monotonic clock.
"""

from __future__ import annotations

from trio_supervisor.client.render import namespec
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import EventKind
from trio_supervisor.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trio_supervisor.protocol.messages import Event

PHASES = ("waiting", "starting", "settling", "probing", "ready", "pausing", "draining", "killed")
"""In the order of a life; settling is what is ready before its startsecs are over.

Pausing is the time between a failed start and the next one.
"""
BEGINNINGS = frozenset({"started", "reloaded"})
ENDING = "stopping"
_S = ProcessState
_AFTER = {
    _S.STARTING: "starting",
    _S.RUNNING: "ready",
    _S.BACKOFF: "pausing",
    _S.STOPPING: "draining",
}
_ENDS = frozenset({_S.STOPPED, _S.EXITED, _S.FATAL})


class Span(Record):
    """A phase of a process; killed is a moment."""

    phase: str
    begin: float
    end: float


class Row(Record):
    """The spans of one process, in order; ``settled`` is when it was up, failed, or down.

    Up means RUNNING and ready; of one that had to be waited for, when that was over.
    """

    name: str
    spans: tuple[Span, ...]
    settled: float
    outcome: str


class Chart(Record):
    """One start-up or shutdown; ``critical`` names those that it had to wait for, in order.

    ``forgotten`` names those of which not everything is known, each with the first event after it.
    """

    title: str
    begin: float
    end: float
    rows: tuple[Row, ...]
    critical: tuple[str, ...]
    forgotten: tuple[tuple[str, int], ...] = ()

    @property
    def duration(self) -> float:
        return self.end - self.begin

    def gaps(self) -> Iterator[str]:
        """Say of whom not everything is known."""
        for name, event in self.forgotten:
            yield f"of {name}, not all that led to event {event} is remembered"


def charts(events: Sequence[Event]) -> list[Chart]:
    """Return the last start-up that is remembered, and the shutdown if there is one."""
    first = _last_index(events, BEGINNINGS)
    last = _last_index(events, {ENDING})
    found = []
    if first is not None:
        until = last if last is not None and last > first else len(events)
        found.append(_start_up(events[first:until]))
    if last is not None and (first is None or last > first):
        found.append(_shutdown(events, last))
    return [chart for chart in found if chart is not None]


def _last_index(events: Sequence[Event], details: Iterable[str]) -> int | None:
    found = [
        at
        for at, event in enumerate(events)
        if event.kind is EventKind.SUPERVISOR and event.detail in details
    ]
    return found[-1] if found else None


def _start_up(events: Sequence[Event]) -> Chart | None:
    """Draw what started by itself, up to the moment when the last of it had settled, or to now."""
    known = {event.id: event for event in events}
    begin = events[0]
    own = {
        name: of_it
        for name, of_it in _by_process(events).items()
        if _root(known, of_it[0]) == begin.id
    }
    settled = {name: event for name in own if (event := _first_settled(own[name])) is not None}
    if not own:
        return None
    path: list[Event] = []
    if settled:
        path = _critical_start(known, max(settled.values(), key=lambda event: event.id))
    is_over = settled.keys() == own.keys()
    end = max(event.clock for event in (settled.values() if is_over else events))
    settled.update({_name(event): event for event in path})  # a task was to end
    rows = [_row(name, of_it, settled.get(name), end) for name, of_it in own.items()]
    forgotten = tuple(_forgotten(own, known, end))
    return Chart("start-up", begin.clock, end, _ordered(rows), tuple(map(_name, path)), forgotten)


def _forgotten(
    own: Mapping[str, Sequence[Event]], known: Mapping[int, Event], end: float
) -> Iterator[tuple[str, int]]:
    """Yield who did more up to a moment than is known, with the first event after the last gap."""
    for name, of_it in own.items():
        gaps = [
            e.id for e in of_it if e.cause is not None and e.cause not in known and e.clock <= end
        ]
        if gaps:
            yield name, gaps[-1]


def _row(name: str, own: Sequence[Event], settled: Event | None, end: float) -> Row:
    """Make the row of a process that started, or is still about to."""
    spans = _spans(own, end)
    if settled is not None:
        return Row(name, spans, settled.clock, _outcome(settled))
    return Row(name, spans, end, spans[-1].phase if spans else PHASES[1])


def _shutdown(events: Sequence[Event], at: int) -> Chart | None:
    """Draw how everything went down."""
    begin, later = events[at], events[at:]
    before = _by_process(events[:at])
    downs = {name: own[-1] for name, own in _by_process(later).items() if own[-1].to_state in _ENDS}
    if not downs:
        return None
    end = max(event.clock for event in downs.values())
    rows = []
    for name, event in downs.items():
        all_of_it = [*before.get(name, [])[-1:], *_by_process(later)[name]]
        spans = [s for s in _spans(all_of_it, end) if s.end > begin.clock]
        clipped = tuple(s.replace(begin=max(s.begin, begin.clock)) for s in spans)
        rows.append(Row(name, clipped, event.clock, _outcome(event)))
    path = _critical_stop(later, max(downs.values(), key=lambda event: event.id))
    return Chart("shutdown", begin.clock, end, _ordered(rows), path)


def _by_process(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Sort what is about processes by name; what only says something of them, too."""
    found: dict[str, list[Event]] = {}
    for event in events:
        if event.kind in {EventKind.PROCESS, EventKind.WAIT, EventKind.HEALTH}:
            found.setdefault(_name(event), []).append(event)
    return found


def _name(event: Event) -> str:
    return namespec(event.group, event.name)


def _root(known: Mapping[int, Event], event: Event) -> int | None:
    """Follow the causes to the first; None when that was before all that is known."""
    while event.cause is not None:
        if event.cause not in known:
            return None
        event = known[event.cause]
    return event.id


def _is_ready(event: Event) -> bool:
    return event.kind is EventKind.HEALTH and event.detail == "ready"


def _first_settled(own: Sequence[Event]) -> Event | None:
    """Find the event with which a process was RUNNING and ready, or had failed for good."""
    is_running = False
    for at, event in enumerate(own):
        if event.kind is EventKind.PROCESS:
            is_running = event.to_state is _S.RUNNING
        is_news = _is_ready(event) or event.to_state is _S.RUNNING
        if is_running and is_news and not _is_probed(own[at + 1 :]):
            return event
        if event.to_state in {_S.FATAL, _S.EXITED}:
            return event
    return None


def _is_probed(later: Iterable[Event]) -> bool:
    """Say whether a run that has just become RUNNING still has to become ready."""
    for event in later:
        if event.kind is EventKind.PROCESS:
            return False
        if event.kind is EventKind.HEALTH and event.detail.startswith(("ready", "not ready")):
            return True
    return False


def _spans(own: Sequence[Event], end: float) -> tuple[Span, ...]:
    """Cut the life of a process into phases, as far as ``end``."""
    found: list[Span] = []
    phase, since = "", 0.0
    for at, event in enumerate(own):
        after = _phase_after(event, phase, own[at + 1 :])
        if after == phase:
            continue
        if (phase, after) == ("starting", "waiting"):
            phase = after  # it has waited from the beginning
            continue
        if phase and event.clock > since:
            found.append(Span(phase, since, min(event.clock, end)))
        if phase == "draining" and "SIGKILL" in event.detail:
            found.append(Span("killed", event.clock, event.clock))
        phase, since = after, event.clock
    if phase:
        found.append(Span(phase, since, end))
    return tuple(span for span in found if span.begin <= end)


def _phase_after(event: Event, phase: str, later: Sequence[Event]) -> str:
    if event.kind is EventKind.WAIT:
        return ("waiting" if event.detail else "starting") if phase in PHASES[:2] else phase
    if event.kind is EventKind.HEALTH:
        if not _is_ready(event):
            return phase
        return "settling" if phase == "starting" else "ready"
    if event.to_state is _S.RUNNING and _is_probed(later):
        return "probing"
    return "" if event.to_state is None else _AFTER.get(event.to_state, "")


def _outcome(event: Event) -> str:
    if event.to_state is None or event.to_state is _S.RUNNING:
        return "ready"
    return "killed" if "SIGKILL" in event.detail else event.to_state.name


def _ordered(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Order rows as a waterfall: by the end of what each had to wait for."""

    def began(row: Row) -> tuple[float, float, str]:
        work = next((s for s in row.spans if s.phase != "waiting"), None)
        return (work.begin if work else row.settled, row.settled, row.name)

    return tuple(sorted(rows, key=began))


def _critical_start(known: Mapping[int, Event], last: Event) -> list[Event]:
    """Follow back, from the last that was ready, what released each from its wait."""
    path = [last]
    while (released := _release(known, path[-1])) is not None:
        path.append(released)
    return path[::-1]


def _release(known: Mapping[int, Event], event: Event) -> Event | None:
    """Find the event of another process because of which one could start, or gave up."""
    key = (event.group, event.name)
    cause: Event | None = event
    while cause is not None and (cause.group, cause.name) == key:
        cause = known.get(cause.cause) if cause.cause is not None else None
    return cause if cause is not None and cause.kind is not EventKind.GROUP and cause.name else None


def _critical_stop(later: Sequence[Event], last: Event) -> tuple[str, ...]:
    """Follow back, from the last that went, whose end let each have its turn."""
    path = [_name(last)]
    event: Event | None = last
    while event is not None:
        begin = next(
            e
            for e in later
            if (e.group, e.name) == (event.group, event.name) and e.kind is EventKind.PROCESS
        )
        ends = [e for e in later if e.id < begin.id and e.to_state in _ENDS]
        event = ends[-1] if ends else None
        if event is not None:
            path.append(_name(event))
    return tuple(reversed(path))
