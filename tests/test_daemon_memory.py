"""What is remembered of all that happened: the newest, the start-up, what led to the present."""

from __future__ import annotations

from typing import Any

import pytest

from trio_supervisor.daemon.memory import FIRST, NEWEST, STEPS, Memory
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import Event, EventKind

_S = ProcessState
ROOM = NEWEST + NEWEST // 2
LOOP = (_S.STARTING, _S.RUNNING, _S.EXITED)


class Daemon:
    """Writes down what would happen in one."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.last = 0
        self.newest: dict[str, int] = {}

    def add(self, kind: EventKind, cause: int | None, **more: Any) -> int:
        self.last += 1
        self.memory.add(Event(self.last, kind, 0.0, 0.0, cause, **more))
        return self.last

    def begin(self, detail: str, *names: str) -> None:
        began = self.add(EventKind.SUPERVISOR, None, detail=detail)
        for name in names:
            self.group(name, "added", began)
        for name in names:
            self.state(name, _S.STARTING)
        for name in names:
            self.state(name, _S.RUNNING)

    def group(self, name: str, detail: str, cause: int | None = None) -> None:
        self.newest[name] = self.add(EventKind.GROUP, cause, group=name, detail=detail)

    def state(self, name: str, to: _S, cause: int | None = None) -> None:
        self.newest[name] = self.add(
            EventKind.PROCESS, cause or self.newest[name], group=name, name=name, to_state=to
        )

    def loop(self, *names: str, times: int) -> None:
        for _ in range(times):
            for name in names:
                for state in LOOP:
                    self.state(name, state)

    def chain(self, name: str) -> list[int]:
        known = {event.id: event for event in self.memory.events}
        found, step = [], known.get(self.newest[name])
        while step is not None:
            found.append(step.id)
            step = known.get(step.cause or 0)
        return found[::-1]

    def kept_of(self, name: str) -> list[int]:
        return [event.id for event in self.memory.events if event.group == name]


def test_the_newest_are_kept_whatever_they_are_about() -> None:
    daemon = Daemon()
    for _ in range(ROOM + 1):
        daemon.add(EventKind.TICK, None)

    kept = [event.id for event in daemon.memory.events]

    assert len(kept) == NEWEST + FIRST  # the first ones of what is about no process
    assert kept[FIRST:] == list(range(daemon.last - NEWEST + 1, daemon.last + 1))


def test_a_crash_loop_pushes_out_neither_the_start_up_nor_why_the_others_are_as_they_are() -> None:
    daemon = Daemon()
    daemon.begin("started", "web", "db", "bad", "worse")
    asked = daemon.add(EventKind.REQUEST, None, detail="restart db")
    daemon.state("db", _S.STOPPING, asked)
    for state in (_S.STOPPED, _S.STARTING, _S.RUNNING):
        daemon.state("db", state)

    daemon.loop("bad", "worse", times=1500)

    assert daemon.chain("web") == [1, 2, 6, 10]
    assert daemon.chain("db") == [asked, *range(asked + 1, asked + 5)]
    assert set(range(1, 14)) <= {event.id for event in daemon.memory.events}
    assert len(daemon.chain("bad")) >= STEPS


def test_what_led_to_it_is_kept_of_other_processes_too() -> None:
    daemon = Daemon()
    daemon.begin("started", "web", "db", "bad")
    daemon.loop("db", times=20)
    daemon.state("db", _S.RUNNING)
    released = daemon.newest["db"]
    daemon.add(EventKind.WAIT, released, group="web", name="web")
    daemon.newest["web"] = daemon.last

    daemon.loop("db", "bad", times=1000)

    assert daemon.chain("web")[-2:] == [released, released + 1]
    assert len(daemon.chain("web")) >= STEPS


def test_a_reload_begins_anew() -> None:
    daemon = Daemon()
    daemon.begin("started", "web", "gone")
    daemon.begin("reloaded", "web", "bad")
    began = daemon.last - 6

    daemon.loop("bad", times=1500)

    assert daemon.chain("web")[0] == began
    assert daemon.kept_of("gone") == []


def test_groups_that_come_and_go_leave_nothing() -> None:
    daemon = Daemon()
    daemon.begin("started", "bad")
    for number in range(500):
        daemon.group(f"g{number}", "added")
        daemon.state(f"g{number}", _S.STARTING)
        daemon.group(f"g{number}", "removed")

    daemon.loop("bad", times=1500)

    assert {event.group for event in daemon.memory.events} == {"", "bad"}


def test_after_an_id_comes_all_or_none() -> None:
    daemon = Daemon()
    daemon.begin("started", "web", "bad")
    for _ in range(8):
        daemon.loop("bad", times=NEWEST // 8)
        memory = daemon.memory
        whole = [event.id for event in memory.after(memory.forgotten) or ()]

        assert whole == list(range(memory.forgotten + 1, daemon.last + 1))
        assert memory.after(daemon.last) == []
        if memory.forgotten:
            assert memory.after(memory.forgotten - 1) is None
            assert len(whole) >= NEWEST


@pytest.mark.slow
def test_it_is_bounded_with_many_processes_that_all_crash() -> None:
    daemon = Daemon()
    names = [f"p{number}" for number in range(300)]

    daemon.begin("started", *names)
    daemon.loop(*names, times=15)

    assert len(daemon.memory.events) <= 1.5 * (NEWEST + len(names) * (1 + FIRST + STEPS))
    assert all(daemon.chain(name) for name in names)
