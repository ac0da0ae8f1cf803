"""timeline: spans of a start-up and a shutdown, what all had to wait for, and how it is drawn."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from rig import open_rig, shell, until, up_at_once  # noqa: F401  # the fixture
from scripted import ScriptedDaemon

from trio_supervisor.cli.supervisorctl import main
from trio_supervisor.client.picture import page
from trio_supervisor.client.spans import Chart, Row, Span, charts
from trio_supervisor.client.timeline import lines_of
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import End, Event, EventKind, FollowEvents

if TYPE_CHECKING:
    from pathlib import Path

    from rig import Rig

_S = ProcessState


class Past:
    """Events that are written down one after the other, as a daemon would."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.clock = 100.0

    def add(self, kind: EventKind, after: float, cause: int | None, **more: Any) -> int:
        self.clock = round(self.clock + after, 6)
        number = len(self.events) + 1
        self.events.append(Event(number, kind, self.clock, self.clock, cause, **more))
        return number

    def daemon(self, detail: str, after: float = 0.0) -> int:
        return self.add(EventKind.SUPERVISOR, after, None, detail=detail)

    def state(self, name: str, after: float, states: str, cause: int, **more: Any) -> int:
        before, to = (getattr(_S, word) for word in states.split())
        fields = {"group": name, "name": name, "from_state": before, "to_state": to, **more}
        return self.add(EventKind.PROCESS, after, cause, **fields)

    def note(self, name: str, after: float, detail: str, cause: int, kind: EventKind) -> int:
        return self.add(kind, after, cause, group=name, name=name, detail=detail)


def start_up() -> Past:
    """Write down how web waits for db, which has a probe."""
    past = Past()
    begun = past.daemon("started")
    db = past.state("db", 0.0, "STOPPED STARTING", begun)
    web = past.state("web", 0.0, "STOPPED STARTING", begun)
    web = past.note("web", 0.0, "waiting for db (ready)", web, EventKind.WAIT)
    db = past.state("db", 1.0, "STARTING RUNNING", db, pid=7)
    ready = past.note("db", 2.0, "ready", db, EventKind.HEALTH)
    web = past.note("web", 0.0, "", ready, EventKind.WAIT)
    past.state("web", 1.0, "STARTING RUNNING", web, pid=8)
    return past


def shown(chart: Chart) -> dict[str, list[tuple[str, float, float]]]:
    start = chart.begin
    return {
        row.name: [(s.phase, s.begin - start, s.end - start) for s in row.spans]
        for row in chart.rows
    }


def test_a_start_up_waits_starts_probes_and_is_ready() -> None:
    (chart,) = charts(start_up().events)

    assert (chart.title, chart.duration, chart.critical) == ("start-up", 4.0, ("db", "web"))
    assert shown(chart) == {
        "db": [("starting", 0.0, 1.0), ("probing", 1.0, 3.0), ("ready", 3.0, 4.0)],
        "web": [("waiting", 0.0, 3.0), ("starting", 3.0, 4.0), ("ready", 4.0, 4.0)],
    }
    assert [(row.settled - chart.begin, row.outcome) for row in chart.rows] == [
        (3.0, "ready"),
        (4.0, "ready"),
    ]


def test_what_is_ready_before_it_is_running_settles() -> None:
    past = Past()
    begun = past.daemon("started")
    db = past.state("db", 0.0, "STOPPED STARTING", begun)
    web = past.state("web", 0.0, "STOPPED STARTING", begun)
    web = past.note("web", 0.0, "waiting for db (ready)", web, EventKind.WAIT)
    ready = past.note("db", 0.25, "ready", db, EventKind.HEALTH)
    web = past.note("web", 0.0, "", ready, EventKind.WAIT)
    past.state("web", 0.25, "STARTING RUNNING", web)
    past.state("db", 0.5, "STARTING RUNNING", ready)

    (chart,) = charts(past.events)

    assert (chart.duration, chart.critical) == (1.0, ("db",))
    assert shown(chart) == {
        "db": [("starting", 0.0, 0.25), ("settling", 0.25, 1.0), ("ready", 1.0, 1.0)],
        "web": [("waiting", 0.0, 0.25), ("starting", 0.25, 0.5), ("ready", 0.5, 1.0)],
    }


def test_a_failed_start_pauses_and_is_given_up() -> None:
    past = Past()
    begun = past.daemon("started")
    web = past.state("web", 0.0, "STOPPED STARTING", begun)
    web = past.state("web", 0.5, "STARTING BACKOFF", web)
    web = past.state("web", 1.0, "BACKOFF STARTING", web)
    web = past.state("web", 0.5, "STARTING BACKOFF", web)
    past.state("web", 0.0, "BACKOFF FATAL", web)

    (chart,) = charts(past.events)

    assert shown(chart)["web"] == [
        ("starting", 0.0, 0.5),
        ("pausing", 0.5, 1.5),
        ("starting", 1.5, 2.0),
    ]
    assert chart.rows[0].outcome == "FATAL"


def test_a_task_is_waited_for_until_its_end() -> None:
    past = Past()
    begun = past.daemon("started")
    task = past.state("task", 0.0, "STOPPED STARTING", begun)
    web = past.state("web", 0.0, "STOPPED STARTING", begun)
    web = past.note("web", 0.0, "waiting for task (completed_ok)", web, EventKind.WAIT)
    task = past.state("task", 0.0, "STARTING RUNNING", task)
    task = past.state("task", 2.0, "RUNNING EXITED", task, expected=True)
    web = past.note("web", 0.0, "", task, EventKind.WAIT)
    past.state("web", 1.0, "STARTING RUNNING", web)

    (chart,) = charts(past.events)

    assert chart.critical == ("task", "web")
    assert (chart.rows[0].settled - chart.begin, chart.rows[0].outcome) == (2.0, "EXITED")


def test_what_a_person_starts_later_is_no_part_of_it() -> None:
    past = start_up()
    asked = past.add(EventKind.REQUEST, 100.0, None, detail="start late")
    late = past.state("late", 0.0, "STOPPED STARTING", asked)
    past.state("late", 1.0, "STARTING RUNNING", late)

    (chart,) = charts(past.events)

    assert (set(shown(chart)), chart.duration) == ({"db", "web"}, 4.0)


def test_a_start_up_under_way_is_drawn_as_far_as_it_is() -> None:
    (chart,) = charts(start_up().events[:5])

    assert {row.name: row.outcome for row in chart.rows} == {"db": "ready", "web": "waiting"}


def test_whose_past_has_gaps_is_told() -> None:
    past = Past()
    begun = past.daemon("started")
    web = past.state("web", 0.0, "STOPPED STARTING", begun)
    past.state("web", 0.5, "STARTING BACKOFF", web)
    past.events.append(past.events[-1].replace(id=90, cause=89, clock=200.0))

    (chart,) = charts(past.events)

    assert chart.forgotten == (("web", 90),)
    told = "of web, not all that led to event 90 is remembered"
    assert told in lines_of([chart], 45, "utf-8", colours=False)
    assert told in page([chart])


def test_a_shutdown_drains_kills_and_has_an_order() -> None:
    past = start_up()
    stopping = past.daemon("stopping", 10.0)
    web = past.state("web", 0.0, "RUNNING STOPPING", stopping)
    past.state("web", 2.0, "STOPPING STOPPED", web, detail="terminated by SIGKILL")
    db = past.state("db", 0.0, "RUNNING STOPPING", stopping)
    past.state("db", 1.0, "STOPPING STOPPED", db, detail="exit status 0")

    _, chart = charts(past.events)

    assert (chart.title, chart.duration, chart.critical) == ("shutdown", 3.0, ("web", "db"))
    assert shown(chart) == {
        "web": [("draining", 0.0, 2.0), ("killed", 2.0, 2.0)],
        "db": [("ready", 0.0, 2.0), ("draining", 2.0, 3.0)],
    }
    assert [row.outcome for row in chart.rows] == ["killed", "STOPPED"]


def test_nothing_comes_of_nothing() -> None:
    past = Past()
    past.daemon("started")

    assert charts([]) == []
    assert charts(past.events) == []
    past.daemon("stopping")
    assert charts(past.events) == []


CHART = Chart(
    "start-up",
    0.0,
    2.0,
    (
        Row("db", (Span("starting", 0.0, 1.0), Span("ready", 1.0, 2.0)), 1.0, "ready"),
        Row("<web>", (Span("waiting", 0.0, 1.0), Span("killed", 2.0, 2.0)), 2.0, "killed"),
    ),
    ("db", "<web>"),
)


def test_a_chart_in_a_terminal() -> None:
    assert lines_of([CHART], 45, "utf-8", colours=False) == [
        "start-up: 2.00 s",
        "",
        "* db     ▒▒▒▒▒▒▒▒▒▒███████████  1.00 s ready",
        "* <web>  ··········          ✖  2.00 s killed",
        "",
        "* what it had to wait for: db > <web>",
        "",
        "· waiting  ▒ starting  █ ready  ✖ killed",
    ]
    assert "====####" in "".join(lines_of([CHART], 10, "ascii", colours=False))
    assert "\x1b[33m▒▒" in "".join(lines_of([CHART], 45, "utf-8", colours=True))


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("outcome", ["ready", "STOPPED", "killed"])
def test_no_row_of_a_chart_is_wider_than_the_terminal(width: int, outcome: str) -> None:
    rows = tuple(row.replace(name=row.name * 9, outcome=outcome) for row in CHART.rows)

    lines = lines_of([CHART.replace(rows=rows, critical=())], width, "utf-8", colours=False)

    assert [len(line) for line in lines[2:4]] == [width, width]
    assert lines[3].startswith("  <web><web")
    assert ("…" in lines[3]) == (width <= 80)


class Checker(HTMLParser):
    """Takes note of elements, and that each of them is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)
        assert not {"src", "href"} & {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_picture_is_whole_and_needs_nothing_else() -> None:
    text = page([CHART, CHART.replace(title="shutdown", critical=())])
    checker = Checker()
    checker.feed(text)

    assert checker.open == []
    assert checker.seen.count("svg") == 2
    assert "script" not in checker.seen
    assert "&lt;web&gt;" in text
    assert "<web>" not in text
    assert not re.search(r"https?:|url\(|@import", text)


def ctl(capsys: pytest.CaptureFixture[str], words: str, past: Past) -> tuple[str, int]:
    with ScriptedDaemon({FollowEvents: [*past.events, End()]}) as daemon:
        code = main(["-s", daemon.url, *words.split()])
    return capsys.readouterr().out, code


def test_the_command_draws_and_writes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    drawn, _ = ctl(capsys, "timeline", start_up())
    written, code = ctl(capsys, f"timeline --html {tmp_path}/t.html", start_up())
    found = json.loads(ctl(capsys, "timeline --json", start_up())[0])

    assert drawn.startswith("start-up: 4.00 s\n")
    assert (written, code) == (f"written: {tmp_path}/t.html\n", 0)
    assert (tmp_path / "t.html").read_text().startswith("<!DOCTYPE html>")
    assert found["charts"][0]["critical"] == ["db", "web"]
    assert found["charts"][0]["rows"][0]["spans"][1] == {
        "phase": "probing",
        "begin": 1.0,
        "end": 3.0,
    }


def test_what_it_cannot_do_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert ctl(capsys, "timeline", Past()) == (
        "the start-up is no longer remembered: too much has happened since\n",
        1,
    )
    assert (
        "cannot be written: Is a dir" in ctl(capsys, f"timeline --html {tmp_path}", start_up())[0]
    )
    for words in ("x", "--html a b"):
        assert "does not understand" in ctl(capsys, f"timeline {words}", start_up())[0]
    for words in ("--html", "--html -f"):
        assert "--html needs a FILE" in ctl(capsys, f"timeline {words}", start_up())[0]


def test_the_console_and_the_timeline_agree(rig: Rig) -> None:
    ready = "startsecs = 1\nready = {log = 'up'}"
    rig.write(shell("web", "/bin/sleep 0.2; echo up; exec sleep 1000", ready))
    up = rig.launch(*rig.command("trio-supervisor", "up"))
    rig.wait_for_answers(up)
    until(lambda: "is RUNNING and ready after" in rig.text("console"), "the end of the start-up")

    (chart,) = json.loads(rig.ctl("timeline", "--json").stdout)["charts"]
    found = re.search(r"ready after (\S+) s", rig.text("console"))

    assert found is not None
    assert chart["seconds"] >= 1.0
    assert abs(chart["seconds"] - float(found[1])) < 0.5


def test_a_real_day_from_start_to_end(rig: Rig) -> None:
    rig.write(
        up_at_once("db", "exec sleep 1000")
        + shell("seed", "exit 0", 'type = "task"\ndepends_on = ["db"]')
        + up_at_once("web", "trap '' TERM; while :; do sleep 1; done", 'depends_on = ["seed"]')
    )
    daemon = rig.start()
    rig.settle(_S.RUNNING, "web")
    follower = rig.launch(
        *rig.command("supervisorctl", "-c", str(rig.configuration), "timeline", "-f", "--json")
    )
    until(lambda: "waiting for the end" in rig.text("console"), "the first event")
    rig.ctl("shutdown", "--wait")
    assert follower.wait(20) == 0
    assert daemon.wait(20) == 0

    line = next(line for line in rig.text("console").splitlines() if line.startswith("{"))
    up, down = json.loads(line)["charts"]
    assert up["critical"] == ["db", "seed", "web"]
    assert down["critical"][0] == "web"
    assert {row["namespec"]: row["outcome"] for row in down["rows"]} == {
        "web": "killed",
        "db": "STOPPED",
    }
