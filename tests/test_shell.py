"""The interactive shell, on pipes and on a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from scripted import Answer, ScriptedDaemon

from trio_supervisor.cli.supervisorctl import main
from trio_supervisor.client import table  # noqa: F401  # the commands
from trio_supervisor.client.session import Session
from trio_supervisor.client.shell import Shell
from trio_supervisor.errors import Fault
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import (
    Done,
    End,
    Error,
    GetStatus,
    Hello,
    Message,
    ProcessStatus,
    Shutdown,
    Start,
    Statuses,
)
from trio_supervisor.source.address import Address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = (
    ProcessStatus("cat", "cat", ProcessState.RUNNING, "pid 1", pid=1),
    ProcessStatus("web", "web_00", ProcessState.STOPPED, "Not started"),
    ProcessStatus("web", "web_01", ProcessState.RUNNING, "pid 2", pid=2),
)
STATUS: dict[type[Message], Answer] = {
    GetStatus: [Statuses(ROWS), End()],
    Shutdown: [Done()],
    Start: [End()],
}
TABLE = (
    "cat                              RUNNING   pid 1\n"
    "web:web_00                       STOPPED   Not started\n"
    "web:web_01                       RUNNING   pid 2\n"
)
CODE = "import sys; from trio_supervisor.cli.supervisorctl import main; sys.exit(main())"


@pytest.fixture
def daemon() -> Iterator[ScriptedDaemon]:
    with ScriptedDaemon(STATUS) as daemon:
        yield daemon


def shell(url: str, typed: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CODE, "-s", url, *options]
    return subprocess.run(
        command, input=typed, capture_output=True, text=True, check=False, timeout=30
    )


def test_it_shows_the_status_first_and_leaves_at_the_end_of_input(daemon: ScriptedDaemon) -> None:
    done = shell(daemon.url, "")

    assert (done.stdout, done.stderr) == (TABLE + "supervisor> ", "\n")
    assert done.returncode == 0


def test_errors_stay_in_the_shell(daemon: ScriptedDaemon) -> None:
    done = shell(daemon.url, "bogus\n\n!x\nstart\nexit\nstatus\n")

    lines = done.stdout.removeprefix(TABLE).split("supervisor> ")
    assert lines[1:4] == ["*** Unknown syntax: bogus\n", "", "*** Unknown syntax: !x\n"]
    assert lines[4].startswith("Error: start requires a process name\n")
    assert lines[5:] == [""]
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("typed", "asked", "shown"),
    [
        ("shutdown\nn\n", False, ""),
        ("shutdown\ny\n", True, "Shut down\n"),
        ("shutdown\nYES\n", True, "Shut down\n"),
        ("shutdown\n", False, ""),
    ],
)
def test_shutdown_is_confirmed(daemon: ScriptedDaemon, typed: str, asked: bool, shown: str) -> None:
    done = shell(daemon.url, typed)

    question = "supervisor> Really shut the remote supervisord process down y/N? "
    assert done.stdout.removeprefix(TABLE).startswith(question + shown)
    assert (Shutdown() in daemon.requests()) is asked


def test_interactive_asks_in_a_one_shot_too(daemon: ScriptedDaemon) -> None:
    done = shell(daemon.url, "n\n", "-i", "shutdown")

    assert (done.returncode, daemon.requests()) == (0, [])


def test_it_outlives_an_absent_daemon() -> None:
    done = shell("unix:///nowhere/s", "pid\n")

    line = "unix:///nowhere/s no such file\n"
    assert done.stdout == f"{line}supervisor> {line}supervisor> "
    assert done.returncode == 0


def test_history_is_kept_for_the_owner_only(daemon: ScriptedDaemon, tmp_path: Path) -> None:
    history = tmp_path / "history"

    on_terminal(daemon.url, b"help pid\r", b"\x04", options=("-r", str(history)))

    assert "help pid" in history.read_text()
    assert history.stat().st_mode & 0o777 == 0o600


def test_a_history_that_cannot_be_kept_is_told(daemon: ScriptedDaemon, tmp_path: Path) -> None:
    done = shell(daemon.url, "", "-r", str(tmp_path))

    assert done.returncode == 0
    assert f"{tmp_path}: the history cannot be" in done.stderr


def test_ctrl_c_leaves_with_success(daemon: ScriptedDaemon) -> None:
    shown, code = on_terminal(daemon.url, b"\x03")

    assert code == 0
    assert b"Traceback" not in shown


def on_terminal(url: str, *typed: bytes, options: tuple[str, ...] = ()) -> tuple[bytes, int]:
    """Run the shell on a terminal; type one thing at each prompt; return all that it shows."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["/usr/bin/env", "setsid", "--ctty", sys.executable, "-c", CODE, "-s", url, *options],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with process:
        for key in typed:
            shown += _until(ours, b"supervisor> ")
            os.write(ours, key)
        shown += _until(ours, None, again=typed[-1])
        code = process.wait(20)
    os.close(ours)
    return shown, code


def _until(terminal: int, mark: bytes | None, *, again: bytes = b"") -> bytes:
    """Read until a mark, or until the last process has left the terminal.

    ``again`` is typed once more when nothing happens, as a person would: a Ctrl-C between the
    prompt and readline's wait for a key is noted by Python only at the next key.
    """
    shown = b""
    while mark is None or mark not in shown:
        if again and not select.select([terminal], [], [], 2)[0]:
            os.write(terminal, again)
            continue
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break  # EIO: nobody is there any more
        if not data:
            break
        shown += data
    return shown


@pytest.mark.parametrize(
    ("line", "text", "expected"),
    [
        ("start ", "", ["cat ", "web:* ", "web:web_00 ", "web:web_01 "]),
        ("start web:w", "web:w", ["web:web_00 ", "web:web_01 "]),
        ("update ", "", ["cat ", "web "]),
        ("help st", "st", ["start ", "status ", "stop "]),
        ("version ", "", []),
    ],
)
def test_arguments_are_completed(
    daemon: ScriptedDaemon, line: str, text: str, expected: list[str]
) -> None:
    shell = Shell(Session(Address(daemon.url)))

    assert shell.completedefault(text, line, 0, 0) == expected
    assert shell.completedefault(text, line, 0, 0) == expected
    assert len(daemon.requests()) <= 1


def test_commands_are_completed(daemon: ScriptedDaemon) -> None:
    shell = Shell(Session(Address(daemon.url)))

    assert shell.completenames("re") == ["reload ", "remove ", "reopen ", "reread ", "restart "]


def test_completion_survives_an_absent_daemon() -> None:
    assert Shell(Session(Address("unix:///nowhere/s"))).completedefault("", "start ", 0, 0) == []


def test_a_login_is_asked_for_and_the_command_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedDaemon({Start: [End()]}) as daemon:

        def judge(message: Hello) -> list[Message]:
            right = message.password == "secret"
            return [Hello(1) if right else Error(Fault.UNAUTHORIZED)]

        monkeypatch.setattr(daemon, "greet", judge)
        monkeypatch.setattr("sys.stdin", StringIO("ann\n"))
        monkeypatch.setattr("getpass.getpass", lambda _prompt: "secret")
        code = main(["-i", "-s", daemon.url, "start", "x"])

    out = capsys.readouterr().out
    assert (out, code) == ("Server requires authentication\nUsername:\n", 0)
    assert daemon.requests()[-1] == Start(("x",))
