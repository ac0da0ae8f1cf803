"""The command that shows what happens: its lines, its objects, its filter."""

from __future__ import annotations

import json
import re

import pytest
from scripted import ScriptedDaemon

from trio_supervisor.cli.supervisorctl import main
from trio_supervisor.client.events import line_of
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import End, Event, EventKind, FollowEvents, Message

_S = ProcessState
STARTED = Event(
    id=12,
    kind=EventKind.PROCESS,
    time=1795343195.25,
    clock=1.0,
    cause=7,
    group="g",
    name="web",
    from_state=_S.STARTING,
    to_state=_S.RUNNING,
    pid=4711,
)
ASKED = Event(id=13, kind=EventKind.REQUEST, time=0.5, clock=2.0, detail="stop web (uid 0)", lost=3)
WROTE = Event(
    id=14,
    kind=EventKind.OUTPUT,
    time=0.5,
    clock=2.0,
    group="web",
    name="web",
    pid=7,
    detail="stdout",
    data=b"one\n\x1b]0;two\xff\n",
)


def ctl(capsys: pytest.CaptureFixture[str], words: str) -> tuple[str, str, int, list[Message]]:
    with ScriptedDaemon({FollowEvents: [STARTED, ASKED, WROTE, End()]}) as daemon:
        code = main(["-s", daemon.url, *words.split()])
    out, err = capsys.readouterr()
    return out, err, code, daemon.requests()


def test_each_event_is_a_line_with_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    out, err, code, asked = ctl(capsys, "events")

    assert asked == [FollowEvents(False, True)]
    assert code == 0
    lines = [re.sub(r"^..:..:", "", line) for line in out.splitlines()[1:]]
    assert lines == [
        "35.250    12 PROCESS_STATE_RUNNING g:web from STARTING pid 4711 (because of 7)",
        "00.500    13 REQUEST stop web (uid 0)",
        r"00.500    14 PROCESS_LOG_STDOUT web pid 7 one\n\x1b]0;two\xff",
    ]
    assert err.startswith("[lost 3 events")


def test_types_choose_among_them(capsys: pytest.CaptureFixture[str]) -> None:
    out, _, _, asked = ctl(capsys, "events --past PROCESS_STATE TICK")

    assert asked == [FollowEvents(True, True)]
    assert [line.split()[2] for line in out.splitlines()[1:]] == ["PROCESS_STATE_RUNNING"]


def test_a_type_is_what_the_lines_say(capsys: pytest.CaptureFixture[str]) -> None:
    out, _, code, _ = ctl(capsys, "events REQUEST HEALTH")

    assert [line.split()[2] for line in out.splitlines()[1:]] == ["REQUEST"]
    assert code == 0


@pytest.mark.parametrize("words", ["--past --no-follow", "--no-follow"])
def test_the_past_alone_has_an_end(capsys: pytest.CaptureFixture[str], words: str) -> None:
    out, _, code, asked = ctl(capsys, f"events {words} PROCESS_STATE")

    assert asked == [FollowEvents(True, True, False)]
    assert (len(out.splitlines()), code) == (1, 0)


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    out, err, _, _ = ctl(capsys, "events --json")

    first, second, third = map(json.loads, out.splitlines())
    assert first == {
        "id": 12,
        "type": "PROCESS_STATE_RUNNING",
        "time": "2026-11-22T10:26:35.250Z",
        "cause": 7,
        "group": "g",
        "name": "web",
        "namespec": "g:web",
        "from_state": "STARTING",
        "pid": 4711,
        "tries": 0,
        "expected": None,
        "detail": "",
        "data": "",
        "lost": 0,
    }
    assert (second["type"], second["lost"]) == ("REQUEST", 3)
    assert third["data"] == "one\n\x1b]0;two\\xff\n"
    assert err == ""


def test_an_unknown_type_is_told_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    out, _, code, asked = ctl(capsys, "events PROCES_STATE")

    assert (code, asked) == (1, [])
    assert "no such type: PROCES_STATE (types: EVENT PROCESS_STATE" in out
    assert " REQUEST SUPERVISOR HEALTH WAIT)" in out


def test_what_was_found_out_is_told() -> None:
    event = STARTED.replace(kind=EventKind.HEALTH, from_state=None, to_state=None, detail="ready")

    assert line_of(event).endswith(" HEALTH g:web pid 4711 ready (because of 7)")
