"""The tree of supervisor's event types, and what its listeners are told of each."""

from __future__ import annotations

from typing import Any

import pytest

from trio_supervisor.daemon.payloads import header, payload
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.happenings import LEAVES, NAMES, OWN, leaves_of, name_of, type_of
from trio_supervisor.protocol.messages import Event, EventKind

_S = ProcessState
_K = EventKind


def event(kind: EventKind, **fields: Any) -> Event:
    """Make an event of the process g:n."""
    return Event(id=9, kind=kind, time=0.0, clock=0.0, group="g", name="n", **fields)


def change(before: ProcessState, after: ProcessState, **fields: Any) -> Event:
    """Make a transition."""
    return event(_K.PROCESS, from_state=before, to_state=after, **fields)


PROCESS = "processname:n groupname:g"
TOLD = [
    (
        change(_S.STOPPED, _S.STARTING),
        "PROCESS_STATE_STARTING",
        f"{PROCESS} from_state:STOPPED tries:0",
    ),
    (
        change(_S.STARTING, _S.BACKOFF, tries=2, pid=7),
        "PROCESS_STATE_BACKOFF",
        f"{PROCESS} from_state:STARTING tries:2",
    ),
    (
        change(_S.STARTING, _S.RUNNING, pid=7),
        "PROCESS_STATE_RUNNING",
        f"{PROCESS} from_state:STARTING pid:7",
    ),
    (
        change(_S.RUNNING, _S.EXITED, pid=7, expected=True),
        "PROCESS_STATE_EXITED",
        f"{PROCESS} from_state:RUNNING expected:1 pid:7",
    ),
    (
        change(_S.RUNNING, _S.STOPPING, pid=7),
        "PROCESS_STATE_STOPPING",
        f"{PROCESS} from_state:RUNNING pid:7",
    ),
    (
        change(_S.STOPPING, _S.STOPPED),
        "PROCESS_STATE_STOPPED",
        f"{PROCESS} from_state:STOPPING pid:0",
    ),
    (
        change(_S.BACKOFF, _S.FATAL, pid=7),
        "PROCESS_STATE_FATAL",
        f"{PROCESS} from_state:BACKOFF",
    ),
    (
        event(_K.OUTPUT, pid=7, detail="stderr", data="é\n".encode()),
        "PROCESS_LOG_STDERR",
        f"{PROCESS} pid:7 channel:stderr\né\n",
    ),
    (
        event(_K.CAPTURE, pid=7, detail="stdout", data=b"hi"),
        "PROCESS_COMMUNICATION_STDOUT",
        f"{PROCESS} pid:7\nhi",
    ),
    (
        event(_K.REMOTE, detail="mytype", data=b"mydata"),
        "REMOTE_COMMUNICATION",
        "type:mytype\nmydata",
    ),
    (event(_K.SUPERVISOR, detail="running"), "SUPERVISOR_STATE_CHANGE_RUNNING", ""),
    (event(_K.SUPERVISOR, detail="stopping"), "SUPERVISOR_STATE_CHANGE_STOPPING", ""),
    (event(_K.TICK, detail="60", data=b"when:60"), "TICK_60", "when:60"),
    (event(_K.GROUP, detail="added"), "PROCESS_GROUP_ADDED", "groupname:g\n"),
    (event(_K.GROUP, detail="removed"), "PROCESS_GROUP_REMOVED", "groupname:g\n"),
]


@pytest.mark.parametrize(("happened", "name", "told"), TOLD, ids=[name for _, name, _ in TOLD])
def test_an_event_has_the_name_and_the_payload_of_supervisor(
    happened: Event, name: str, told: str
) -> None:
    assert (name_of(happened), payload(happened).decode()) == (name, told)


def test_what_is_stopped_between_two_attempts_has_no_pid() -> None:
    happened = change(_S.BACKOFF, _S.STOPPED, pid=7)

    assert payload(happened).decode() == f"{PROCESS} from_state:BACKOFF pid:0"


def test_the_header_counts_bytes() -> None:
    happened, data = event(_K.REMOTE, detail="x", data=b""), "seven é".encode()

    line = header(happened, len(data), server="me", pool="ears", serial=3)

    assert line == (
        b"ver:3.0 server:me serial:9 pool:ears poolserial:3 eventname:REMOTE_COMMUNICATION len:8\n"
    )


@pytest.mark.parametrize("kind", [_K.REQUEST, _K.SUPERVISOR])
def test_what_supervisor_has_no_type_for_has_no_name(kind: EventKind) -> None:
    assert name_of(event(kind, detail="started")) == ""


def test_a_type_stands_for_those_below_it() -> None:
    assert leaves_of(("EVENT",)) == frozenset(LEAVES)
    assert leaves_of(("TICK",)) == {"TICK_5", "TICK_60", "TICK_3600"}
    assert leaves_of(("TICK_60", "PROCESS_LOG_STDERR")) == {"TICK_60", "PROCESS_LOG_STDERR"}
    assert leaves_of(("TICK_6",)) == frozenset()
    assert all(leaves_of((name,)) for name in NAMES)


def test_what_has_no_type_of_supervisor_has_one_of_its_own() -> None:
    kinds = (_K.REQUEST, _K.SUPERVISOR, _K.HEALTH, _K.WAIT)

    assert tuple(type_of(event(kind, detail="started")) for kind in kinds) == OWN
    assert type_of(change(_S.STOPPED, _S.STARTING)) == "PROCESS_STATE_STARTING"
