"""The command that shows what happens as it happens, each event with what led to it."""

from __future__ import annotations

import sys

from trio_supervisor.client import render
from trio_supervisor.client.commands import command, usage_error
from trio_supervisor.client.logs import BANNER, ENDED, Escaper
from trio_supervisor.client.render import namespec
from trio_supervisor.protocol.messages import Event, EventKind, FollowEvents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trio_supervisor.client.session import Session

PAST = "--past"
NO_FOLLOW = "--no-follow"
_WITH_DETAIL = frozenset(EventKind) - {
    EventKind.GROUP,
    EventKind.TICK,
    EventKind.OUTPUT,
    EventKind.CAPTURE,
}
"""The kinds whose detail says what their types do not."""


@command(
    "events",
    "events [TYPE ...]      what happens from now on, or what is of a type; Ctrl-C ends it",
    "events --past ...      what happened before comes first, as far as it is remembered",
    "events --no-follow ... only that, and no Ctrl-C",
    "events --json ...      one JSON object a line",
    has_json=True,
)
def events(session: Session, words: list[str]) -> None:
    from trio_supervisor.protocol.happenings import NAMES, OWN

    types = tuple(word for word in words if word not in {PAST, NO_FOLLOW})
    known = (*NAMES, *OWN)
    if unknown := [word for word in types if word not in known]:
        usage_error(session, "events", f"no such type: {unknown[0]} (types: {' '.join(known)})")
        return
    follows = NO_FOLLOW not in words
    if follows and not session.wants_json:
        session.say(BANNER)
    sys.stdout.flush()
    try:
        _show_all(session, FollowEvents(PAST in words or not follows, True, follows), types)
        if follows and not session.wants_json:
            session.hint(ENDED)
    except KeyboardInterrupt:
        pass


def _show_all(session: Session, wanted: FollowEvents, types: tuple[str, ...]) -> None:
    from trio_supervisor.protocol.happenings import leaves_of, type_of

    shown = {*types, *leaves_of(types)}
    for event in session.stream(wanted):
        if isinstance(event, Event) and (not types or type_of(event) in shown):
            _show(session, event)


def _show(session: Session, event: Event) -> None:
    if session.wants_json:
        from trio_supervisor.client.objects import event_object, to_text

        session.say(to_text(event_object(event)))
    else:
        if event.lost:
            session.hint(f"[lost {event.lost} events: this terminal is slower than what happens]")
        session.say(line_of(event))
    sys.stdout.flush()


def line_of(event: Event) -> str:
    """Return the line of an event: time, id, type, what it is about, and the id of its cause."""
    from trio_supervisor.protocol.happenings import type_of

    about = [namespec(event.group, event.name or "*")] if event.group else []
    told = " ".join([*about, *_details(event)])
    cause = f" (because of {event.cause})" if event.cause is not None else ""
    return f"{render.moment(event.time)} {event.id:>5} {type_of(event)} {told}{cause}".rstrip()


def _details(event: Event) -> list[str]:
    """Say what its type does not."""
    found = []
    if event.from_state is not None:
        found.append(f"from {event.from_state.name}")
    if event.pid is not None:
        found.append(f"pid {event.pid}")
    if event.tries:
        found.append(f"try {event.tries}")
    if event.kind in _WITH_DETAIL:
        found.append(event.detail)
    if event.data:
        found.append(Escaper().escape(event.data.rstrip(b"\n"), final=True).replace("\n", "\\n"))
    return [words for words in found if words]
