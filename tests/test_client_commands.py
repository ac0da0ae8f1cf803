"""Every command against a scripted daemon: lines and exit codes of supervisorctl."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest
from scripted import Answer, ScriptedDaemon

from trio_supervisor.cli.supervisorctl import main
from trio_supervisor.errors import Fault
from trio_supervisor.lifecycle import ProcessState, SupervisorState
from trio_supervisor.protocol.messages import (
    Action,
    Add,
    Available,
    AvailableProcess,
    Changes,
    Clear,
    Done,
    End,
    Error,
    GetAvailable,
    GetInfo,
    GetStatus,
    GroupChange,
    Hello,
    Info,
    Message,
    Outcome,
    ProcessStatus,
    Reload,
    Remove,
    Reopen,
    Reread,
    Restart,
    Rotate,
    Shutdown,
    Signal,
    Start,
    Statuses,
    Stop,
    Update,
)

if TYPE_CHECKING:
    from pathlib import Path

A, F, S = Action, Fault, ProcessState

CAT = ProcessStatus("cat", "cat", S.RUNNING, "pid 9443, uptime 0:00:24", pid=9443)
OFF = ProcessStatus("off", "off", S.STOPPED, "Not started")
WEB = ProcessStatus("web", "web_00", S.STARTING, pid=12)
INFO = Info("0.1.0", "supervisor", SupervisorState.RUNNING, 3274, 3275, "/etc/supervisord.conf")
NO_PROCESS = Outcome(A.FOUND, "nosuch", "nosuch", F.BAD_NAME)
HAVE_JSON = (
    "--json (these have it: "
    "avail, events, graph, pid, ps, reread, status, timeline, update, version, why)"
)
NO_GROUP = Outcome(A.FOUND, "nosuch", "", F.BAD_NAME)


def ctl(
    capsys: pytest.CaptureFixture[str], answers: dict[type[Message], Answer], *words: str
) -> tuple[str, int, list[Message]]:
    """Run one command; return stdout, the exit code and what was asked."""
    with ScriptedDaemon(answers) as daemon:
        code = main(["-s", daemon.url, *words])
    return capsys.readouterr().out, code, daemon.requests()


def outcome(action: Action, name: str, fault: Fault = F.SUCCESS, detail: str = "") -> Outcome:
    group, _, process = name.partition(":")
    return Outcome(action, group, process.strip("*") if ":" in name else group, fault, detail)


@pytest.mark.parametrize(
    ("words", "rows", "expected", "code"),
    [
        ("status", [Statuses((CAT, WEB))], ["cat" + " " * 30 + "RUNNING   pid 9443, uptime 0:00:24",
         "web:web_00" + " " * 23 + "STARTING  "], 0),
        ("status", [Statuses((CAT,)), Statuses((OFF,))],
         ["cat" + " " * 30 + "RUNNING   pid 9443, uptime 0:00:24",
          "off" + " " * 30 + "STOPPED   Not started"], 3),
        ("status", [], [], 0),
        ("status nosuch", [NO_PROCESS], ["nosuch: ERROR (no such process)"], 4),
        ("status nosuch:*", [NO_GROUP], ["nosuch: ERROR (no such group)"], 4),
        ("status cat nosuch", [Statuses((CAT,)), NO_PROCESS], ["nosuch: ERROR (no such process)",
         "cat" + " " * 30 + "RUNNING   pid 9443, uptime 0:00:24"], 4),
        ("status off nosuch", [Statuses((OFF,)), NO_PROCESS], ["nosuch: ERROR (no such process)",
         "off" + " " * 30 + "STOPPED   Not started"], 3),
    ],
)  # fmt: skip
def test_status_prints_a_table(
    capsys: pytest.CaptureFixture[str],
    words: str,
    rows: list[Message],
    expected: list[str],
    code: int,
) -> None:
    out, exit_code, _ = ctl(capsys, {GetStatus: [*rows, End()]}, *words.split())

    assert (out.splitlines(), exit_code) == (expected, code)


OPERATIONS = [
    ("start off", outcome(A.STARTED, "off"), "off: started", 0),
    ("start cat", outcome(A.STARTED, "cat", F.ALREADY_STARTED), "cat: ERROR (already started)", 0),
    ("start no", outcome(A.STARTED, "no", F.BAD_NAME), "no: ERROR (no such process)", 1),
    ("start no:*", outcome(A.STARTED, "no:*", F.BAD_NAME), "no: ERROR (no such group)", 2),
    ("start no:*", outcome(A.FOUND, "no:*", F.BAD_NAME), "no: ERROR (no such group)", 2),
    ("start nofile", outcome(A.STARTED, "nofile", F.NO_FILE), "nofile: ERROR (no such file)", 1),
    ("start isdir", outcome(A.STARTED, "isdir", F.NOT_EXECUTABLE),
     "isdir: ERROR (file is not executable)", 1),
    ("start quick", outcome(A.STARTED, "quick", F.SPAWN_ERROR), "quick: ERROR (spawn error)", 7),
    ("start stub", outcome(A.STARTED, "stub", F.ABNORMAL_TERMINATION),
     "stub: ERROR (abnormal termination)", 7),
    ("start web:web_00", outcome(A.STARTED, "web:web_00"), "web:web_00: started", 0),
    ("stop cat", outcome(A.STOPPED, "cat"), "cat: stopped", 0),
    ("stop cat", outcome(A.STOPPED, "cat", F.NOT_RUNNING), "cat: ERROR (not running)", 0),
    ("stop nosuch", outcome(A.STOPPED, "nosuch", F.BAD_NAME), "nosuch: ERROR (no such process)", 1),
    ("stop no:*", outcome(A.STOPPED, "no:*", F.BAD_NAME), "no: ERROR (no such group)", 1),
    ("restart cat", outcome(A.STARTED, "cat"), "cat: started", 0),
    ("signal HUP cat", outcome(A.SIGNALLED, "cat"), "cat: signalled", 0),
    ("signal X cat", outcome(A.SIGNALLED, "cat", F.BAD_SIGNAL), "cat: ERROR (bad signal name)", 1),
    ("signal HUP b", outcome(A.SIGNALLED, "b", F.NOT_RUNNING), "b: ERROR (not running)", 7),
    ("clear cat", outcome(A.CLEARED, "cat"), "cat: cleared", 0),
    ("rotate cat", outcome(A.ROTATED, "cat"), "cat: rotated", 0),
    ("reopen cat", outcome(A.REOPENED, "cat"), "cat: reopened", 0),
    ("rotate no", outcome(A.ROTATED, "no", F.FAILED, "no file"), "no: ERROR (no file)", 1),
    ("clear no", outcome(A.CLEARED, "no", F.BAD_NAME), "no: ERROR (no such process)", 1),
    ("clear no", outcome(A.CLEARED, "no", F.FAILED, "disk\nfull"), "no: ERROR (disk full)", 1),
    ("add exit0", outcome(A.ADDED, "exit0:"), "exit0: added process group", 0),
    ("add cat", outcome(A.ADDED, "cat:", F.ALREADY_ADDED),
     "ERROR: process group already active", 0),
    ("add no", outcome(A.ADDED, "no:", F.BAD_NAME), "ERROR: no such process/group: no", 1),
    ("remove exit0", outcome(A.REMOVED, "exit0:"), "exit0: removed process group", 0),
    ("remove cat", outcome(A.REMOVED, "cat:", F.STILL_RUNNING),
     "ERROR: process/group still running: cat", 1),
    ("remove no", outcome(A.REMOVED, "no:", F.BAD_NAME), "ERROR: no such process/group: no", 1),
    ("update x", outcome(A.UPDATED, "x:", F.BAD_NAME), "ERROR: no such group: x", 1),
]  # fmt: skip


@pytest.mark.parametrize(("words", "reply", "expected", "code"), OPERATIONS)
def test_outcomes_are_told_in_the_words_of_supervisorctl(
    capsys: pytest.CaptureFixture[str], words: str, reply: Outcome, expected: str, code: int
) -> None:
    kinds = (Start, Stop, Restart, Signal, Clear, Rotate, Reopen, Add, Remove, Update)
    answers: dict[type[Message], Answer] = {kind: [reply, End()] for kind in kinds}

    out, exit_code, _ = ctl(capsys, answers, *words.split())

    assert (out, exit_code) == (expected + "\n", code)


def test_restart_tells_both_passes(capsys: pytest.CaptureFixture[str]) -> None:
    replies = [outcome(A.STOPPED, "cat", F.NOT_RUNNING), outcome(A.STARTED, "cat"), End()]

    out, code, _ = ctl(capsys, {Restart: replies}, "restart", "cat")

    assert (out.splitlines(), code) == (["cat: ERROR (not running)", "cat: started"], 0)


def test_the_last_failure_gives_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    replies = [
        outcome(A.STARTED, "nosuch", F.BAD_NAME),
        outcome(A.STARTED, "quick", F.SPAWN_ERROR),
        outcome(A.STARTED, "cat"),
        End(),
    ]

    assert ctl(capsys, {Start: replies}, "start", "nosuch", "quick", "cat")[1] == 7


@pytest.mark.parametrize(
    ("words", "request_"),
    [
        (["status", "a", "b:*"], GetStatus(("a", "b:*"))),
        (["status", "a", "all"], GetStatus()),
        (["start", "a", "g:b"], Start(("a", "g:b"))),
        (["start", "a", "all"], Start(("all",))),
        (["stop a b"], Stop(("a", "b"))),
        (["restart", "g:"], Restart(("g:",))),
        (["signal HUP", "web"], Signal("HUP", ("web",))),
        (["signal", "SIGUSR1", "all"], Signal("SIGUSR1", ("all",))),
        (["clear", "a"], Clear(("a",))),
        (["rotate", "a"], Rotate(("a",))),
        (["reopen", "a", "all"], Reopen(("all",))),
        (["update"], Update()),
        (["update", "all"], Update()),
        (["update", "a", "b"], Update(("a", "b"))),
        (["update", "--dry-run", "a"], Update(("a",), dry_run=True)),
        (["add", "a", "b"], Add(("a", "b"))),
        (["remove", "a"], Remove(("a",))),
    ],
)
def test_words_become_targets_as_they_were_typed(
    capsys: pytest.CaptureFixture[str], words: list[str], request_: Message
) -> None:
    asked = ctl(capsys, {type(request_): [End()]}, *words)[2]

    assert asked == [request_]


@pytest.mark.parametrize(
    ("words", "error", "code"),
    [
        ("start", "start requires a process name", 2),
        ("stop", "stop requires a process name", 1),
        ("restart", "restart requires a process name", 1),
        ("signal HUP", "signal requires a signal name and a process name", 1),
        ("clear", "clear requires a process name", 1),
        ("rotate", "rotate requires a process name", 1),
        ("reopen", "reopen requires a process name", 1),
        ("tail", "too few arguments", 1),
        ("tail a b c d", "too many arguments", 1),
        ("maintail -f x", "too many arguments", 1),
        ("stop one --json", f"stop has no {HAVE_JSON}", 1),
        ("quit --json", f"quit has no {HAVE_JSON}", 1),
        ("reload --json", f"reload has no {HAVE_JSON}", 1),
        *(
            (f"{name} x", f"{name} accepts no arguments", 1)
            for name in ("avail", "version", "reload", "shutdown", "reread")
        ),
    ],
)
def test_a_usage_error_is_followed_by_the_help(
    capsys: pytest.CaptureFixture[str], words: str, error: str, code: int
) -> None:
    out, exit_code, asked = ctl(capsys, {}, *words.split())

    first, *rest = out.splitlines()
    assert (first, exit_code, asked) == (f"Error: {error}", code, [])
    assert rest[0].startswith(words.partition(" ")[0])


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("tail cat foo", "Error: bad channel 'foo'"),
        ("tail -x cat", "Error: bad argument -x"),
        ("tail -f", "Error: tail requires process name"),
        ("maintail x", "Error: bad argument x"),
        ("open foo", "ERROR: url must be http:// or unix://"),
        ("open", "ERROR: url must be http:// or unix://"),
        ("bogus arg", "*** Unknown syntax: bogus arg"),
        ("!x", "*** Unknown syntax: !x"),
    ],
)
def test_other_mistakes_are_one_line(
    capsys: pytest.CaptureFixture[str], words: str, error: str
) -> None:
    assert ctl(capsys, {}, *words.split()) == (error + "\n", 1, [])


def test_a_mistyped_command_is_answered_with_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["-s", "unix:///nonexistent", "statsu"])

    assert capsys.readouterr().err == "did you mean status? (help lists the commands)\n"


@pytest.mark.parametrize("words", ["add", "remove", "", "   "])
def test_nothing_to_do_does_nothing(capsys: pytest.CaptureFixture[str], words: str) -> None:
    assert ctl(capsys, {}, words) == ("", 0, [])


@pytest.mark.parametrize(
    ("words", "expected", "code"),
    [
        ("pid", "3274\n", 0),
        ("pid all", "9443\n0\n", 0),
        ("pid cat", "9443\n", 0),
        ("pid cat off", "9443\n0\n", 7),
        ("pid nosuch cat", "No such process nosuch\n9443\n", 1),
        ("pid g:*", "No such process g:*\n", 1),
    ],
)
def test_pid(capsys: pytest.CaptureFixture[str], words: str, expected: str, code: int) -> None:
    def snapshot(request: Message) -> list[Message]:
        assert isinstance(request, GetStatus)
        rows = {(): (CAT, OFF), ("cat",): (CAT,), ("off",): (OFF,)}
        found = rows.get(request.targets)
        return [NO_PROCESS if found is None else Statuses(found), End()]

    out, exit_code, _ = ctl(capsys, {GetInfo: [INFO], GetStatus: snapshot}, *words.split())

    assert (out, exit_code) == (expected, code)


def test_avail_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    rows = (
        AvailableProcess("cat", "cat", True, True, 999, 999),
        AvailableProcess("grp", "web_00", False, False, 1, 20),
    )

    out, code, _ = ctl(capsys, {GetAvailable: [Available(rows), End()]}, "avail")

    assert (out.splitlines(), code) == (
        [
            "cat                              in use    auto      999:999",
            "grp:web_00                       avail     manual    1:20",
        ],
        0,
    )


def test_reread_sorts_all_changes_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    changes = Changes(("new",), (GroupChange("one", ("command",)),), ("gone",), ("a: a warning",))

    with ScriptedDaemon({Reread: [changes]}) as daemon:
        code = main(["-s", daemon.url, "reread"])

    out, err = capsys.readouterr()
    assert (out, code) == ("gone: disappeared\nnew: available\none: changed\n", 0)
    assert err == "a: a warning\n"


def test_reread_without_changes_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    out, code, _ = ctl(capsys, {Reread: [Changes((), (), ())]}, "reread")

    assert (out, code) == ("No config updates to processes\n", 0)


@pytest.mark.parametrize(
    ("words", "kind"), [("reread", Reread), ("update", Update), ("reload", Reload)]
)
def test_a_bad_configuration_is_told_in_full(
    capsys: pytest.CaptureFixture[str], words: str, kind: type[Message]
) -> None:
    answers: dict[type[Message], Answer] = {
        kind: [Error(F.CANT_REREAD, "a.conf:1: x\na.conf:2: y")]
    }

    out, code, _ = ctl(capsys, answers, words)

    assert (out, code) == ("ERROR: CANT_REREAD: a.conf:1: x\na.conf:2: y\n", 1)


STEPS = [
    outcome(A.STOPPED, "gone:"),
    outcome(A.REMOVED, "gone:"),
    outcome(A.STOPPED, "one:"),
    outcome(A.UPDATED, "one:", detail="command, priority"),
    outcome(A.ADDED, "new:"),
    End(),
]


def test_update_tells_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    out, code, _ = ctl(capsys, {Update: STEPS}, "update")

    assert (out.splitlines(), code) == (
        [
            "gone: stopped",
            "gone: removed process group",
            "one: stopped",
            "one: updated process group",
            "new: added process group",
        ],
        0,
    )


def test_a_dry_run_says_so_on_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    out, _, _ = ctl(capsys, {Update: STEPS}, "update", "--dry-run")

    lines = out.splitlines()
    assert all(line.startswith("dry run: ") for line in lines)
    assert lines[3] == "dry run: one: updated process group (command, priority)"


LIST_OF_COMMANDS = """\

default commands (type help <topic>):
=====================================
add     down    graph     open  reload  restart   start   timeline  why
attach  events  kill      pid   remove  rotate    status  update \x20
avail   exit    logs      ps    reopen  shutdown  stop    version\x20
clear   fg      maintail  quit  reread  signal    tail    wait   \x20

"""


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl(capsys, {GetInfo: [INFO]}, "version")[:2] == ("0.1.0\n", 0)
    assert ctl(capsys, {}, "help", "nosuch")[:2] == ("*** No help on nosuch\n", 0)
    assert ctl(capsys, {}, "?start")[0].startswith("start NAME")
    assert ctl(capsys, {}, "help")[:2] == (LIST_OF_COMMANDS, 0)


@pytest.mark.parametrize(
    "words", ["stop --help", "stop all --help", "shutdown --help", "tail --help"]
)
def test_who_asks_for_help_changes_nothing(capsys: pytest.CaptureFixture[str], words: str) -> None:
    out, exit_code, asked = ctl(capsys, {}, *words.split())

    assert (out.split()[0], exit_code, asked) == (words.split(maxsplit=1)[0], 0, [])


def test_reload_and_shutdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl(capsys, {Reload: [Done()]}, "reload")[:2] == ("Restarted supervisord\n", 0)
    assert ctl(capsys, {Shutdown: [Done()]}, "shutdown") == ("Shut down\n", 0, [Shutdown()])
    out, code, asked = ctl(capsys, {Shutdown: [Done()]}, "shutdown", "--wait")
    assert (out, code, asked) == ("Shut down\n", 0, [Shutdown(wait=True)])


@pytest.mark.parametrize(
    ("words", "kind", "expected", "code"),
    [
        ("avail", GetAvailable, "ERROR: supervisor shutting down\n", 1),
        ("start x", Start, "ERROR: supervisor shutting down\n", 1),
        ("update", Update, "ERROR: already shutting down\n", 1),
        ("shutdown", Shutdown, "ERROR: already shutting down\n", 0),
    ],
)
def test_a_daemon_that_is_shutting_down_says_so(
    capsys: pytest.CaptureFixture[str],
    words: str,
    kind: type[Message],
    expected: str,
    code: int,
) -> None:
    out, exit_code, _ = ctl(capsys, {kind: [Error(F.SHUTDOWN_STATE)]}, *words.split())

    assert (out, exit_code) == (expected, code)


def test_open_shows_the_status_of_the_other_daemon(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedDaemon({GetStatus: [Statuses((CAT,)), End()]}) as daemon:
        code = main(["-s", "unix:///nowhere", "open", daemon.url])

    assert code == 0
    assert capsys.readouterr().out.startswith("cat  ")


@pytest.mark.parametrize("words", ["quit", "exit"])
def test_leaving_prints_no_data(capsys: pytest.CaptureFixture[str], words: str) -> None:
    assert ctl(capsys, {}, words) == ("", 0, [])


def test_the_reason_of_a_spawn_error_is_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    reply = outcome(A.STARTED, "quick", F.SPAWN_ERROR, "too many open files")

    with ScriptedDaemon({Start: [reply, End()]}) as daemon:
        main(["-s", daemon.url, "start", "quick"])

    assert capsys.readouterr().err == "quick: too many open files\n"


@pytest.mark.parametrize(
    ("detail", "hint"), [("", ""), ("did you mean g:no?", "no: did you mean g:no?\n")]
)
def test_a_likely_name_is_a_hint(
    capsys: pytest.CaptureFixture[str], detail: str, hint: str
) -> None:
    stop = [outcome(A.STOPPED, "no", F.BAD_NAME, detail), End()]
    status = [NO_PROCESS.replace(group="no", name="no", detail=detail), End()]

    with ScriptedDaemon({Stop: stop, GetStatus: status}) as daemon:
        main(["-s", daemon.url, "stop", "no"])
        main(["-s", daemon.url, "status", "no"])
        main(["-s", daemon.url, "pid", "no"])

    told = "no: ERROR (no such process)\n" * 2 + "No such process no\n"
    assert capsys.readouterr() == (told, hint * 3)


def test_an_unknown_command_is_followed_by_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-s", "unix:///nowhere", "bogus"]) == 1

    assert capsys.readouterr().err == "help lists the commands\n"


def test_a_reload_under_way_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedDaemon({Stop: [Error(F.SHUTDOWN_STATE, "supervisor is reloading")]}) as daemon:
        assert main(["-s", daemon.url, "stop", "a"]) == 1

    assert capsys.readouterr() == ("ERROR: supervisor shutting down\n", "supervisor is reloading\n")


def test_ctrl_c_ends_a_command_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def press_ctrl_c(_request: Message) -> list[Message]:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return [End()]  # wakes a wait that the signal came just before

    with ScriptedDaemon({Start: press_ctrl_c}) as daemon:
        assert main(["-s", daemon.url, "start", "a"]) == 130

    assert capsys.readouterr() == ("", "\n")


ABSENT = [
    ("status", 4, 4),
    *((words, 7, 4) for words in ("start x", "stop x", "restart x", "pid", "version", "tail x")),
    *((words, 7, 4) for words in ("tail -f x", "maintail", "signal HUP x", "clear x")),
    *((words, 1, 1) for words in ("avail", "reread", "update", "add x", "remove x", "reload")),
]


@pytest.mark.parametrize(("words", "no_file", "refused"), ABSENT)
def test_an_absent_daemon_is_named_with_a_remedy(
    capsys: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
    words: str,
    no_file: int,
    refused: int,
) -> None:
    plain = tmp_path_factory.mktemp("s") / "plain"
    plain.touch()

    codes = [main(["-s", f"unix://{path}", *words.split()]) for path in ("/nowhere/s", plain)]

    out, err = capsys.readouterr()
    lines = [line for line in out.splitlines() if not line.startswith("==>")]
    assert lines == ["unix:///nowhere/s no such file", f"unix://{plain} refused connection"]
    assert "supervisord -c FILE" in err
    assert codes == [no_file, refused]


@pytest.mark.skipif(os.getuid() == 0, reason="nothing is denied to root")
def test_a_locked_socket_is_told_with_a_remedy(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with ScriptedDaemon(path=str(tmp_path / "s")) as daemon:
        (tmp_path / "s").chmod(0)
        code = main(["-s", daemon.url, "pid"])

    out, err = capsys.readouterr()
    assert (out, code) == (f"{daemon.url} permission denied\n", 1)
    assert "chmod and chown" in err


def test_shutdown_of_an_absent_daemon_asks_whether_it_is_down(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["-s", "unix:///nowhere/s", "shutdown"]) == 1
    assert capsys.readouterr().out == (
        "ERROR: unix:///nowhere/s no such file (already shut down?)\n"
    )


def test_a_missing_login_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedDaemon(hello=[Error(F.UNAUTHORIZED, "a password is needed")]) as daemon:
        code = main(["-s", daemon.url, "status"])

    out, err = capsys.readouterr()
    assert (out, code) == ("Server requires authentication\n", 1)
    assert "-u and -p" in err


@pytest.mark.parametrize(
    "hello", [Hello(2), Error(F.UNSUPPORTED_VERSION, "this daemon speaks version 2")]
)
def test_another_protocol_version_exits_5(
    capsys: pytest.CaptureFixture[str], hello: Message
) -> None:
    with ScriptedDaemon(hello=[hello]) as daemon:
        code = main(["-s", daemon.url, "version"])

    assert code == 5
    assert "another version of the control protocol" in capsys.readouterr().out
