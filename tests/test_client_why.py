"""why: the chain of causes in plain words, and what a process wrote before it died."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from rig import ASLEEP, open_rig, shell, until, up_at_once  # noqa: F401  # the fixture
from scripted import ScriptedDaemon

from trio_supervisor.cli.supervisorctl import main
from trio_supervisor.client.why import chain, sentence
from trio_supervisor.daemon.memory import NEWEST
from trio_supervisor.errors import Fault
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import (
    Action,
    Channel,
    End,
    Event,
    EventKind,
    FollowEvents,
    GetAvailable,
    GetLogs,
    GetStatus,
    LogPart,
    Outcome,
    ProcessStatus,
    Signal,
    Statuses,
)

if TYPE_CHECKING:
    from rig import Rig

_S = ProcessState


def changed(number: int, name: str, before: _S, after: _S, **more: Any) -> Event:
    return Event(
        id=number,
        kind=EventKind.PROCESS,
        time=float(number),
        clock=float(number),
        group=name,
        name=name,
        from_state=before,
        to_state=after,
        **more,
    )


def told(number: int, kind: EventKind, detail: str, **more: Any) -> Event:
    return Event(id=number, kind=kind, time=0.0, clock=0.0, detail=detail, **more)


STARTED = told(1, EventKind.SUPERVISOR, "started")
PAST = [
    STARTED,
    changed(2, "web", _S.STOPPED, _S.STARTING, cause=1),
    changed(3, "db", _S.STOPPED, _S.STARTING, cause=1),
    changed(4, "db", _S.STARTING, _S.BACKOFF, cause=3, pid=7, detail="exit status 3"),
    changed(5, "web", _S.STARTING, _S.FATAL, cause=4, detail="it needs db, which is FATAL"),
    End(),
]
ROW = ProcessStatus("web", "web", _S.FATAL, "it needs db, which is FATAL")


def part(channel: Channel, time: float, data: bytes) -> LogPart:
    return LogPart("db", "db", channel, time, data)


WROTE = [
    part(Channel.STDOUT, 3.1, b"".join(b"%d\n" % number for number in range(8))),
    part(Channel.STDOUT, 3.4, b"no \x1b]0;table\n"),
    part(Channel.STDERR, 3.2, b"oh\nno"),
    Outcome(Action.FOUND, "db", "db", Fault.NO_FILE, "no log file"),
    End(),
]


def ctl(capsys: pytest.CaptureFixture[str], words: str, past: Any = PAST) -> tuple[str, int]:
    unknown = Outcome(Action.FOUND, "nope", "nope", Fault.BAD_NAME)
    answers: Any = {
        GetStatus: [Statuses((ROW,)), unknown, End()],
        GetAvailable: [End()],
        FollowEvents: past,
        GetLogs: WROTE,
    }
    with ScriptedDaemon(answers) as daemon:
        code = main(["-s", daemon.url, *words.split()])
        asked = [one for one in daemon.requests() if isinstance(one, GetLogs)]
    assert asked in ([], [GetLogs(("db:db",), 10, 3.0)])
    return capsys.readouterr().out, code


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (told(1, EventKind.SUPERVISOR, "stopping"), "supervisord was to stop"),
        (
            told(1, EventKind.REQUEST, "stop ('a', 'g:b') True (by pid 7 of uid 0)"),
            "somebody asked: stop a g:b (by pid 7 of uid 0)",
        ),
        (told(1, EventKind.REQUEST, "stop ('g:g', 'g:gg')"), "somebody asked: stop g g:gg"),
        (told(1, EventKind.GROUP, "added", group="g"), ""),
        (told(1, EventKind.GROUP, "removed", group="g"), "the group g was removed"),
        (
            told(1, EventKind.WAIT, "waiting for db (started)", group="g", name="web"),
            "g:web was waiting for db (started)",
        ),
        (told(1, EventKind.WAIT, "", group="g", name="g"), "g had all it needs"),
        (told(1, EventKind.HEALTH, "unhealthy: 500", group="g", name="g"), "g was unhealthy: 500"),
        (told(1, EventKind.TICK, "5"), ""),
        (changed(1, "a", _S.STOPPED, _S.STARTING), "a was to start"),
        (
            changed(1, "a", _S.BACKOFF, _S.STARTING, tries=1),
            "a was tried again, after a start that failed",
        ),
        (
            changed(1, "a", _S.BACKOFF, _S.STARTING, tries=2),
            "a was tried again, after 2 starts that failed",
        ),
        (changed(1, "a", _S.EXITED, _S.STARTING), "a was to start again"),
        (changed(1, "a", _S.STARTING, _S.RUNNING, pid=7), "a was RUNNING with pid 7"),
        (
            changed(1, "a", _S.STARTING, _S.BACKOFF, detail="exit status 3"),
            "a failed to start: exit status 3",
        ),
        (
            changed(1, "a", _S.STOPPING, _S.BACKOFF, detail="terminated by SIGTERM", tries=1),
            "a failed to start: terminated by SIGTERM",
        ),
        (
            changed(1, "a", _S.STOPPING, _S.BACKOFF, detail="exit status 0", expected=True),
            "a ended: exit status 0",
        ),
        (
            changed(1, "a", _S.EXITED, _S.BACKOFF, detail="exit status 3"),
            "a was to wait before it starts again",
        ),
        (changed(1, "a", _S.BACKOFF, _S.STARTING), "a was to start again"),
        (
            changed(1, "a", _S.STOPPING, _S.EXITED, detail="terminated by SIGTERM"),
            "a ended: terminated by SIGTERM",
        ),
        (
            changed(1, "a", _S.RUNNING, _S.EXITED, expected=True, detail="exit status 0"),
            "a ended, as it may: exit status 0",
        ),
        (
            changed(1, "a", _S.RUNNING, _S.EXITED, detail="terminated by SIGKILL"),
            "a ended, which was not expected: terminated by SIGKILL",
        ),
    ],
)
def test_events_in_words(event: Event, expected: str) -> None:
    assert sentence(event) == expected


def test_a_chain_ends_where_nothing_is_remembered() -> None:
    lost = changed(9, "web", _S.STOPPED, _S.STARTING, cause=4)
    last = changed(12, "web", _S.STARTING, _S.RUNNING, cause=9)

    assert chain({9: lost, 12: last}, last) == [lost, last]


def test_the_causes_come_first_with_the_last_words_of_the_dead(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown, code = ctl(capsys, "why web nope")

    lines = [line.strip().partition("  ")[2] or line.strip() for line in shown.splitlines()]
    assert lines == [
        "web is FATAL: it needs db, which is FATAL",
        "",
        "supervisord started",
        "db was to start",
        "db failed to start: exit status 3",
        *(f"| {number}" for number in range(1, 8)),
        "| oh",
        "| no",
        r"| no \x1b]0;table",
        "web was given up, FATAL: it needs db, which is FATAL",
        "nope: ERROR (no such process)",
    ]
    assert code == 1


def test_what_has_run_since_has_no_last_words(capsys: pytest.CaptureFixture[str]) -> None:
    again = changed(6, "db", _S.STARTING, _S.RUNNING, cause=4, pid=8)

    assert "|" not in ctl(capsys, "why web", [*PAST[:-1], again, End()])[0]


def test_what_is_forgotten_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    rest = [PAST[4], End()]

    shown = ctl(capsys, "why web", rest)[0]

    assert "(event 4, which led to this, is no longer remembered)" in shown
    assert json.loads(ctl(capsys, "why --json web", rest)[0])["processes"][0]["forgotten"] == 4
    assert "(what led to this is no longer remembered)" in ctl(capsys, "why web", [End()])[0]


def test_of_many_steps_the_last_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    many = [changed(n, "web", _S.EXITED, _S.STARTING, cause=n - 1) for n in range(2, 40)]

    shown = ctl(capsys, "why web", [STARTED, *many, End()])[0]

    assert "(19 earlier steps are left out; all of them: events --past --no-follow)" in shown
    assert shown.count("was to start again") == 20


def test_as_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    shown, code = ctl(capsys, "why --json web nope")

    found = json.loads(shown)
    (process,) = found["processes"]
    assert [step["id"] for step in process["steps"]] == [1, 3, 4, 5]
    assert process["steps"][2]["output"][-1] == r"no \x1b]0;table"
    assert (found["errors"][0]["name"], code) == ("nope", 1)


def test_without_a_name_it_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    shown, code = ctl(capsys, "why")

    assert shown.startswith("Error: why requires a process name\nwhy NAME ...")
    assert code == 1


def test_a_failed_migration_explains_what_waits_for_it(rig: Rig) -> None:
    rig.write(
        up_at_once("db", "exec sleep 1000")
        + shell("migrate", "echo no such table; exit 2", 'type = "task"\ndepends_on = ["db"]')
        + up_at_once("api", "exec sleep 1000", 'depends_on = ["migrate"]')
    )
    rig.start()
    rig.settle(_S.FATAL, "api")

    lines = [line.partition("  ")[2] for line in rig.ctl("why", "api").stdout.splitlines()]

    assert [line[14:] if line[:1].isdecimal() else line.strip() for line in lines[2:]] == [
        "supervisord started",
        "db was to start",
        f"db was RUNNING with pid {rig.rows()['db'].pid}",
        "migrate had all it needs",
        lines[6][14:],
        "migrate ended, which was not expected: exit status 2",
        "| no such table",
        "api was given up, FATAL: it needs migrate, which has ended with exit status 2",
    ]


@pytest.mark.slow
def test_what_happens_again_and_again_is_no_reason_to_forget(rig: Rig) -> None:
    rig.write(
        up_at_once("db", "exec sleep 1000")
        + up_at_once("web", "exec sleep 1000", 'depends_on = ["db"]')
    )
    rig.start()
    rig.settle(_S.RUNNING, "web")
    before = steps(rig, "web")
    with rig.connect() as connection:
        for _ in range(NEWEST * 3 // 2):
            list(connection.stream(Signal("0", ("db",))))

    assert steps(rig, "web") == before
    assert before[0] == "supervisord started"
    assert rig.ctl("timeline").stdout.startswith("start-up: ")


def test_a_stop_that_was_asked_for_names_who_asked(rig: Rig) -> None:
    rig.write(up_at_once("web", "exec sleep 1000"))
    rig.start()
    rig.settle(_S.RUNNING)
    rig.ctl("stop", "web")

    shown = rig.ctl("why", "web").stdout

    assert "somebody asked: stop web (by pid " in shown
    assert "web was down: terminated by SIGTERM" in shown


def steps(rig: Rig, name: str) -> list[str]:
    """Return the steps of a process without their times, and without pids and seconds."""
    lines = rig.ctl("why", name).stdout.splitlines()[2:]
    told = [line[14:] if line.lstrip()[:1].isdecimal() else line.strip() for line in lines]
    return [line.strip().partition(" with pid ")[0] for line in told]


def test_what_outlives_its_leader_is_told_in_whole_sentences(rig: Rig) -> None:
    rig.write(up_at_once("web", f"{ASLEEP}; exit 3", "autorestart = false"))
    rig.start()
    rig.settle(_S.EXITED)
    until(lambda: "started" in steps(rig, "web")[-1], "the end of all of it")

    assert steps(rig, "web") == [
        "supervisord started",
        "web was to start",
        "web was RUNNING",
        "web ended, which was not expected: exit status 3",
        "web was gone with all that it had started",
    ]


def test_what_does_not_start_by_itself_says_so(rig: Rig) -> None:
    rig.write(shell("web", "exec sleep 1000", "autostart = false"))
    rig.start()

    assert steps(rig, "web") == [
        "it does not start by itself (autostart = false), and nobody has started it"
    ]
    (found,) = json.loads(rig.ctl("why", "--json", "web").stdout)["processes"]
    assert found["not_started"] == "it does not start by itself (autostart = false)"
    assert (found["steps"], found["forgotten"]) == ([], None)


def test_what_up_was_not_given_says_so(rig: Rig) -> None:
    rig.write(up_at_once("db", "exec sleep 1000") + up_at_once("web", "exec sleep 1000"))
    up = rig.launch(*rig.command("trio-supervisor", "up", "db"))
    rig.wait_for_answers(up)

    assert steps(rig, "web") == [
        "it was not among the names that up was given, and nobody has started it"
    ]


def test_a_crash_after_it_ran_is_no_failed_start(rig: Rig) -> None:
    crash = "echo broken; exit 3"
    rig.write(up_at_once("web", f"/bin/sleep 0.2; {crash}", "backoff = {base = 60}"))
    rig.start()
    rig.settle(_S.BACKOFF)

    assert steps(rig, "web") == [
        "supervisord started",
        "web was to start",
        "web was RUNNING",
        "web ended, which was not expected: exit status 3",
        "| broken",
        "web was to wait before it starts again",
    ]


@pytest.mark.parametrize(
    ("name", "trap", "end"),
    [
        ("KILL", "", ", which was not expected: terminated by SIGKILL"),
        ("TERM", "trap 'exit 0' TERM", ", as it may: exit status 0"),
    ],
)
def test_who_sent_a_signal_is_named(rig: Rig, name: str, trap: str, end: str) -> None:
    script = f"{trap}\necho ready; while :; do /bin/sleep 0.05; done"
    rig.write(up_at_once("web", script, "autorestart = false"))
    rig.start()
    until(lambda: "ready" in rig.text("web.log"), "its trap")
    rig.ctl("signal", name, "web")
    rig.settle(_S.EXITED)

    told = [line for line in steps(rig, "web") if not line.startswith("|")]

    assert told[0].startswith(f"somebody asked: signal {name} web (by pid ")
    assert told[1] == f"web ended{end}"


def test_a_signal_that_did_not_end_it_is_no_cause(rig: Rig) -> None:
    loop = "while :; do /bin/sleep 0.05; [ -e end ] && exit 3; done"
    script = f"trap 'echo reloaded' HUP; echo up; {loop}"
    rig.write(up_at_once("web", script, "autorestart = false"))
    rig.start()
    until(lambda: "up" in rig.text("web.log"), "its trap")
    rig.ctl("signal", "HUP", "web")
    until(lambda: "reloaded" in rig.text("web.log"), "the signal")
    (rig.directory / "end").touch()
    rig.settle(_S.EXITED)

    assert "supervisord started" in steps(rig, "web")


def test_sigkill_from_nobody_we_know_is_told(rig: Rig) -> None:
    rig.write(up_at_once("web", "exec sleep 1000", "autorestart = false"))
    rig.start()
    os.kill(rig.settle()["web"], signal.SIGKILL)
    rig.settle(_S.EXITED)

    assert steps(rig, "web")[-1] == (
        "web ended, which was not expected: terminated by SIGKILL (not sent by supervisord; "
        "perhaps by the kernel for want of memory: see dmesg)"
    )


def test_only_what_the_run_that_died_wrote_is_shown(rig: Rig) -> None:
    # what was written within a hundredth of a second counts as written together
    crash = "echo start $SUPERVISOR_PROCESS_NAME; /bin/sleep 0.1; echo boom >&2; /bin/sleep 0.1"
    rig.write(shell("web", f"{crash}; echo end; exit 3", "startretries = 1"))
    rig.start()
    rig.settle(_S.FATAL)

    assert [line for line in steps(rig, "web") if "|" in line] == [
        "| start web",
        "| boom",
        "| end",
    ]
    assert rig.text("web.log").count("start web") == 2


def test_what_is_replaced_because_it_is_unhealthy_has_not_failed_to_start(rig: Rig) -> None:
    health = "health = {exec = 'exit 9', interval = 0.1, retries = 1}\nbackoff = {base = 60}"
    rig.write(up_at_once("web", "exec sleep 1000", health))
    rig.start()
    rig.settle(_S.BACKOFF)

    told = steps(rig, "web")

    assert [line for line in told if "unhealthy" in line][-1].startswith("web was told to stop: ")
    assert told[-2:] == [
        "web ended: terminated by SIGTERM",
        "web was to wait before it starts again",
    ]
    assert not any("failed" in line for line in told)
