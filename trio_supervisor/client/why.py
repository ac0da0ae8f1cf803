"""`why NAME`: what led to the present state of a process, each step with the one that caused it.

The daemon's events have their causes; the rest is to say them in plain words, oldest first.
"""

from __future__ import annotations

import re

from trio_supervisor.client import render
from trio_supervisor.client.commands import command, usage_error
from trio_supervisor.client.last_words import last_words
from trio_supervisor.client.processes import available, snapshot, tell
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import (
    Event,
    EventKind,
    FollowEvents,
)
from trio_supervisor.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.client.session import Session
    from trio_supervisor.protocol.messages import ProcessStatus

MOST_STEPS = 20
"""Steps that are told; a process that was restarted all day has thousands."""
_NOTHING = "(what led to this is no longer remembered)"
_KILLED = "terminated by SIGKILL"
_REQUEST = re.compile(r"(?P<words>.*?) \((?P<who>by [^()]*)\)")
_S = ProcessState
_CAME = {
    _S.STARTING: "was to start",
    _S.RUNNING: "was RUNNING",
    _S.BACKOFF: "failed to start",
    _S.STOPPING: "was told to stop",
    _S.STOPPED: "was down",
    _S.EXITED: "ended",
    _S.FATAL: "was given up, FATAL",
    _S.UNKNOWN: "was in no state that is known",
}


class Step(Record):
    """One event of a chain, in words, with what the process wrote last if it died there."""

    event: Event
    text: str
    output: tuple[str, ...] = ()


class Account(Record):
    """What led to the state of a process; ``forgotten`` is the event before the first step.

    ``not_started`` says why nothing led to it.
    """

    process: ProcessStatus
    steps: tuple[Step, ...] = ()
    forgotten: int | None = None
    not_started: str = ""


@command(
    "why",
    "why NAME ...         what led to the state of processes, step by step",
    "why --json ...       as one JSON object",
    has_json=True,
)
def why(session: Session, words: list[str]) -> None:
    if not words:
        usage_error(session, "why", "why requires a process name")
        return
    processes, unknown = snapshot(session, tuple(words))
    events = past(session)
    told = [account(session, one, events) for one in processes]
    if session.wants_json:
        from trio_supervisor.client.objects import to_text, why_object

        session.say(to_text(why_object(told, unknown)))
    else:
        for number, one in enumerate(told):
            _tell(session, one, is_first=number == 0)
        for outcome in unknown:
            tell(session, outcome)
    if unknown:
        session.fail()


def past(session: Session) -> dict[int, Event]:
    """Return all events that the daemon remembers, by id, oldest first."""
    told = session.stream(FollowEvents(past=True, all=True, follow=False))
    return {event.id: event for event in told if isinstance(event, Event)}


def chain(events: Mapping[int, Event], last: Event) -> list[Event]:
    """Follow the causes of an event back; return them oldest first, and itself."""
    found = [last]
    while (cause := found[-1].cause) is not None and cause in events:
        found.append(events[cause])
    return found[::-1]


def account(session: Session, process: ProcessStatus, events: Mapping[int, Event]) -> Account:
    """Tell what led to the state of a process, as far as it is remembered."""
    own = [e for e in events.values() if (e.group, e.name) == (process.group, process.name)]
    if not own:
        return Account(process, not_started=_not_started(session, process))
    causes = chain(events, own[-1])
    steps = [
        Step(event, text + _hint(event, events)) for event in causes if (text := sentence(event))
    ]
    told = [step.replace(output=last_words(session, step.event, events)) for step in steps]
    return Account(process, tuple(told), causes[0].cause)


def _not_started(session: Session, process: ProcessStatus) -> str:
    """Say why a process has not started by itself; empty if it has."""
    key = process.group, process.name
    found = [one for one in available(session) if (one.group, one.name) == key]
    if process.spawns or not found or found[0].chosen:
        return ""
    if found[0].chosen is False:
        return "it was not among the names that up was given"
    return "" if found[0].autostart else "it does not start by itself (autostart = false)"


def sentence(event: Event) -> str:
    """Say what happened; empty for what explains nothing."""
    name = render.namespec(event.group, event.name)
    match event.kind:
        case EventKind.SUPERVISOR:
            what = "was to stop" if event.detail == "stopping" else event.detail
            return f"supervisord {what}"
        case EventKind.REQUEST:
            return _request(event.detail)
        case EventKind.GROUP if event.detail != "added":
            return f"the group {name} was {event.detail}"
        case EventKind.WAIT | EventKind.HEALTH:
            return f"{name} was {event.detail}" if event.detail else f"{name} had all it needs"
        case EventKind.PROCESS:
            return f"{name} {_change(event)}"
        case _:
            return ""


def _request(detail: str) -> str:
    """Turn ``stop ('web',) True (by pid 7 of uid 0)`` into what was typed, and who did."""
    match = _REQUEST.fullmatch(detail)
    words, who = (match["words"], match["who"]) if match else (detail, "")
    plain = re.sub(r"[(),']+", "", words).removesuffix(" True").removesuffix(" False")
    plain = re.sub(r"(?<!\S)(\S+):\1(?!\S)", r"\1", plain)  # the name that is displayed
    return f"somebody asked: {plain}" + (f" ({who})" if who else "")


def _change(event: Event) -> str:
    """Say how a process came into a state."""
    if event.from_state is None or event.to_state is None:
        return "changed"
    words, detail = _CAME[event.to_state], f": {event.detail}" if event.detail else ""
    match event.from_state, event.to_state:
        case _S.BACKOFF | _S.EXITED, _S.STARTING:
            return _again(event.tries)
        case _S.EXITED, _S.BACKOFF:
            return "was to wait before it starts again"  # its end has been told
        case _S.RUNNING, _S.EXITED:
            words += ", as it may" if event.expected else ", which was not expected"
        case _S.STOPPING, _S.BACKOFF if event.expected:
            words = _CAME[_S.EXITED]  # it was stopped because of another
        case _, _S.RUNNING:
            detail = f" with pid {event.pid}"
        case _:
            pass
    return words + detail


def _hint(event: Event, events: Mapping[int, Event]) -> str:
    """Say who may have killed what nobody has asked to end."""
    is_stray = event.from_state in {_S.STARTING, _S.RUNNING} and event.detail == _KILLED
    cause = events.get(event.cause or 0)
    if not is_stray or (cause is not None and cause.kind is EventKind.REQUEST):
        return ""
    return " (not sent by supervisord; perhaps by the kernel for want of memory: see dmesg)"


def _again(tries: int) -> str:
    """Say why it is started by itself: after starts that failed, or after its end."""
    if not tries:
        return "was to start again"
    starts = "a start that failed" if tries == 1 else f"{tries} starts that failed"
    return f"was tried again, after {starts}"


def _tell(session: Session, told: Account, *, is_first: bool) -> None:
    if not is_first:
        session.say("")
    process, steps = told.process, told.steps
    name = render.namespec(process.group, process.name)
    words = f": {process.description}" if process.description else ""
    session.say(f"{name} is {process.state.name}{words}")
    session.say("")
    if not steps:
        has_not = f"{told.not_started}, and nobody has started it"
        session.say(f"  {has_not if told.not_started else _NOTHING}")
    if told.forgotten is not None:
        session.say(f"  (event {told.forgotten}, which led to this, is no longer remembered)")
    if len(steps) > MOST_STEPS:
        left_out = len(steps) - MOST_STEPS
        session.say(
            f"  ({left_out} earlier steps are left out; all of them: events --past --no-follow)"
        )
    for step in steps[-MOST_STEPS:]:
        session.say(f"  {render.moment(step.event.time)}  {render.printable(step.text)}")
        for line in step.output:
            session.say(f"                | {line}")
