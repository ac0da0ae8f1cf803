"""When the bytes of a log came: spans of a file, and what a moment means in it."""

from __future__ import annotations

import time

import pytest

from trio_supervisor.daemon import marks
from trio_supervisor.daemon.marks import Marks, Span


@pytest.fixture(name="clock")
def set_clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [100.0]
    monkeypatch.setattr(time, "time", lambda: clock[0])
    return clock


def noted(clock: list[float], *steps: tuple[float, int]) -> Marks:
    found = Marks()
    for moment, size in steps:
        clock[0] = moment
        found.note(size)
    return found


def test_spans_say_when_bytes_came(clock: list[float]) -> None:
    found = noted(clock, (1.0, 10), (1.001, 5), (2.0, 5))

    assert list(found.spans(0, 20)) == [Span(1.0, 0, 15), Span(2.0, 15, 20)]
    assert list(found.spans(16, 20)) == [Span(2.0, 16, 20)]


def test_what_a_file_had_before_has_no_time(clock: list[float]) -> None:
    found = noted(clock, (1.0, 10))

    assert list(found.spans(0, 30)) == [Span(None, 0, 20), Span(1.0, 20, 30)]
    assert found.first_since(0.0, 30) == 20


def test_a_file_that_began_anew_is_found_from_its_end(clock: list[float]) -> None:
    found = noted(clock, (1.0, 10), (2.0, 10), (3.0, 10))

    assert list(found.spans(0, 15)) == [Span(2.0, 0, 5), Span(3.0, 5, 15)]
    assert found.first_since(1.0, 15) == 0
    assert found.first_since(2.5, 15) == 5
    assert found.first_since(4.0, 15) == 15


def test_the_number_of_marks_is_bounded_and_the_newest_are_kept(clock: list[float]) -> None:
    found = noted(clock, *((float(moment), 1) for moment in range(1, 5001)))
    spans = list(found.spans(0, 5000))

    assert len(spans) <= marks.MOST
    assert spans[0] == Span(1.0, 0, spans[1].begin)
    assert spans[-1].end == 5000
    assert spans[-1].time is not None
    assert spans[-1].time > 4980
    assert all(one.time == one.begin + 1.0 for one in spans)
