"""The command line of supervisorctl, where it looks for its daemon, and what that costs."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from scripted import Answer, ScriptedDaemon

from trio_supervisor.cli.completion import parse_help
from trio_supervisor.cli.supervisorctl import main
from trio_supervisor.client.options import (
    NO_CONFIGURATION,
    VALUED,
    Options,
    find_address,
    parse,
)
from trio_supervisor.client.table import COMMANDS
from trio_supervisor.lifecycle import ProcessState
from trio_supervisor.protocol.messages import End, GetStatus, Message, ProcessStatus, Statuses
from trio_supervisor.source.address import (
    Address,
    address_path,
    ensure_runtime_directory,
    write_address,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAVY = (
    "trio asyncio msgspec tomli_w socket argparse typing dataclasses json tomllib "
    "readline cmd logging pathlib"
)
STATUS: dict[type[Message], Answer] = {
    GetStatus: [Statuses((ProcessStatus("cat", "cat", ProcessState.RUNNING, "pid 1"),)), End()]
}
RUN = """
import sys
before = set(sys.modules)
from trio_supervisor.cli.supervisorctl import main
code = main(sys.argv[1:])
print(code, *sorted(set(sys.modules) - before), file=sys.stderr)
"""


@pytest.fixture(autouse=True)
def _private_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", Options()),
        ("status web", Options(("status", "web"))),
        ("-c f status -x", Options(("status", "-x"), configuration="f")),
        ("-cf --serverurl=unix:///s", Options(configuration="f", serverurl="unix:///s")),
        ("--conf f -i pid", Options(("pid",), configuration="f", interactive=True)),
        ("-ih", Options(interactive=True, help=True)),
        ("-u ann -p= --username-x", None),
        ("-u ann -p secret", Options(username="ann", password="secret")),
        ("--history_file f", Options(history_file="f")),
        ("--history-file f", Options(history_file="f")),
        ("-r f -- -x", Options(("-x",), history_file="f")),
        ("status -c f", Options(("status",), configuration="f")),
        ("logs -f -c f web", Options(("logs", "-f", "web"), configuration="f")),
        ("down --json --configuration=f", Options(("down", "--json"), configuration="f")),
        ("start web --configuration f", Options(("start", "web"), configuration="f")),
        ("status -c", Options(("status", "-c"))),
        ("logs --grep -c web", Options(("logs", "--grep", "-c", "web"))),
        ("logs --grep -c -c f", Options(("logs", "--grep", "-c"), configuration="f")),
        ("logs -- -c web", Options(("logs", "--", "-c", "web"))),
        ("-s http://[::1]:9001 -?", Options(serverurl="http://[::1]:9001", help=True)),
    ],
)
def test_options_precede_the_command(words: str, expected: Options | None) -> None:
    if expected is None:
        with pytest.raises(Exception, match="option --username-x not recognized"):
            parse(words.split())
    else:
        assert parse(words.split()) == expected


def test_the_options_of_commands_that_have_values_are_known() -> None:
    helps = "\n".join(line for one in COMMANDS.values() for line in one.help)
    known = {option for option, value in parse_help(helps).items() if value not in {"", "NAME"}}

    assert known == VALUED


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("-c", "option -c requires argument"),
        ("-z", "option -z not recognized"),
        ("--version", "option --version not recognized"),
        ("--json status", "option --json not recognized here: it follows the command"),
        ("--interactive=1", "option --interactive must not have an argument"),
        ("-s foo status", "invalid value for -s 'foo': value 'foo' is not a URL"),
        ("-s https://h", "invalid value for -s 'https://h': value 'https://h' is not a URL"),
        ("-c a -c b status", "conflicting command line option '-c'"),
        ("-c a status --configuration=b", "conflicting command line option '--configuration'"),
        ("--h", "option --h not a unique prefix"),
        ("-c /nowhere/x.conf status", "could not find config file /nowhere/x.conf"),
    ],
)
def test_a_wrong_option_exits_2(capsys: pytest.CaptureFixture[str], words: str, error: str) -> None:
    code = main(words.split())

    out, err = capsys.readouterr()
    assert (out, code) == ("", 2)
    assert err.splitlines()[0] == f"Error: {error}"
    assert err.splitlines()[1].startswith("For help, use ")


def test_help_is_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-h"]) == 0
    assert capsys.readouterr().out.startswith("supervisorctl: ")


def test_a_server_given_needs_no_configuration() -> None:
    address, configuration = find_address(
        Options(serverurl="unix:///s", username="ann", password="x", history_file="h"), "/x/y/z"
    )

    assert address == Address("unix:///s", "ann", "x", "supervisor", "h")
    assert configuration is None


def test_without_any_file_it_is_the_original_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trio_supervisor.source.search.candidates", lambda _executable: ())

    assert find_address(Options(), "/x/y/z") == (Address(NO_CONFIGURATION), None)


@pytest.fixture(name="lost")
def find_nothing(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let no configuration be found, and nobody listen where supervisorctl looks then."""
    monkeypatch.setattr("trio_supervisor.source.search.os.path.isfile", lambda _path: False)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        monkeypatch.setattr("trio_supervisor.client.options.NO_CONFIGURATION", url)
        yield url


@pytest.mark.parametrize(
    ("words", "code"), [("status", 4), ("start web", 4), ("reread", 1), ("down", 4)]
)
def test_who_has_no_configuration_hears_where_one_was_looked_for(
    lost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, code: int
) -> None:
    assert main(words.split()) == code

    out, err = capsys.readouterr()
    assert out == f"{lost} refused connection\n"
    assert err.startswith("no configuration was found (supervisord.toml or supervisord.conf in ")
    assert f", {tmp_path}, {tmp_path}/etc, /etc, " in err
    assert f"; {tmp_path}/Procfile)\ngive one with -c FILE, or an address with -s URL" in err


def test_who_has_given_an_address_does_not(lost: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-s", lost, "status"]) == 4
    assert capsys.readouterr().err == (
        "is supervisord running there? (start it with: supervisord -c FILE)\n"
    )


def test_the_address_a_daemon_left_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "supervisord.conf"
    file.write_text("this is no configuration")
    left = Address("unix:///left", "ann", "secret")
    ensure_runtime_directory()
    write_address(address_path(str(file)), left)

    assert find_address(Options(configuration=str(file)), "x") == (left, str(file))


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("[supervisorctl]\nserverurl = unix:///a\n", "unix:///a"),
        ("[unix_http_server]\nfile = /b\n", "unix:///b"),
        ("[inet_http_server]\nport = 127.0.0.1:9001\n", "http://127.0.0.1:9001"),
    ],
)
def test_else_the_file_is_read(tmp_path: Path, text: str, url: str) -> None:
    file = tmp_path / "supervisord.conf"
    file.write_text(text)

    assert find_address(Options(configuration=str(file)), "x")[0].serverurl == url


def test_an_unreadable_configuration_is_told_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "supervisord.toml"
    file.write_text("[supervisorctl\n")

    assert main(["-c", str(file), "status"]) == 2
    assert f"{file}:1" in capsys.readouterr().err


def test_the_hint_names_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "other.conf"
    file.write_text("[unix_http_server]\nfile = /nowhere/s\n")

    assert main(["-c", str(file), "start", "x"]) == 7
    out, err = capsys.readouterr()
    assert out == "unix:///nowhere/s no such file\n"
    assert err.endswith("start it with: supervisord -c other.conf\n")


def test_who_typed_trio_supervisor_is_told_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "supervisord.conf").write_text("[unix_http_server]\nfile = /nowhere/s\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["/opt/x/bin/trio-supervisor"])

    main(["ps"])
    main(["-s", "unix:///nowhere/s", "ps"])

    assert capsys.readouterr().err.splitlines() == [
        "supervisord is not running; start it with: trio-supervisor up",
        "is supervisord running there? (start it with: trio-supervisor -c FILE up)",
    ]


def run(*words: str) -> tuple[str, set[str]]:
    """Run a fresh interpreter; return its stdout and the modules that it loaded."""
    command = [sys.executable, "-c", RUN, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    code, *modules = done.stderr.split()
    assert code == "0", done
    return done.stdout, set(modules)


def test_a_command_loads_nothing_that_costs_time(tmp_path: Path) -> None:
    file = tmp_path / "supervisord.toml"
    file.touch()
    with ScriptedDaemon(STATUS) as daemon:
        ensure_runtime_directory()
        write_address(address_path(str(file)), Address(daemon.url))

        out, modules = run("-c", str(file), "status")

    assert out.startswith("cat ")
    assert modules & set(HEAVY.split()) == set()


@pytest.mark.parametrize("name", ["supervisord.toml", "supervisord.conf"])
def test_a_command_that_reads_the_file_loads_neither_trio_nor_msgspec(
    tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    with ScriptedDaemon(STATUS) as daemon:
        value = f'"{daemon.url}"' if name.endswith("toml") else daemon.url
        file.write_text(f"[supervisorctl]\nserverurl = {value}\n")

        out, modules = run("-c", str(file), "status")

    assert out.startswith("cat ")
    assert modules & {"trio", "asyncio", "msgspec", "tomli_w"} == set()


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    rows = tuple(ProcessStatus("g", f"p{n}", ProcessState.RUNNING, "x" * 99) for n in range(5000))
    with ScriptedDaemon({GetStatus: [Statuses(rows), End()]}) as daemon:
        code = "import sys; from trio_supervisor.cli.supervisorctl import main; sys.exit(main())"
        process = subprocess.Popen(
            [sys.executable, "-c", code, "-s", daemon.url, "status"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        with process, process.stderr:
            complaint = process.stderr.read()

    assert (complaint, process.returncode) == (b"", 1)
