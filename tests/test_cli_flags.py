"""The command line of supervisord, and the launcher's choice of a command."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from rig import open_rig  # noqa: F401  # the fixture

from trio_supervisor import __version__
from trio_supervisor.cli import launcher
from trio_supervisor.cli.flags import FLAGS, help_text, parse
from trio_supervisor.errors import SupervisorError

if TYPE_CHECKING:
    from rig import Rig

pytestmark = pytest.mark.usefixtures("keep_ctrl_c")


def test_nothing_given_is_nothing_overridden() -> None:
    flags = parse([])

    assert flags.configuration is None
    assert flags.overrides == {}
    assert not flags.asks_help
    assert not flags.asks_version


def test_values_are_converted() -> None:
    given = "-c f.conf -n -s -u 1000 -m 027 -d /d -l /l -y 2KB -z 3 -e WARN -j /p -i me"
    more = "-q /q -k -a 10 -t --minprocs=20"

    flags = parse([*given.split(), *more.split()])

    assert flags.configuration == "f.conf"
    assert flags.overrides == {
        "nodaemon": True,
        "silent": True,
        "user": "1000",
        "umask": 0o027,
        "directory": "/d",
        "logfile": "/l",
        "logfile_maxbytes": 2048,
        "logfile_backups": 3,
        "loglevel": "warn",
        "pidfile": "/p",
        "identifier": "me",
        "childlogdir": "/q",
        "nocleanup": True,
        "minfds": 10,
        "strip_ansi": True,
        "minprocs": 20,
    }


def test_a_switch_takes_no_value_from_what_follows_it() -> None:
    switches = [flag for flag in FLAGS if flag.option and not flag.convert]

    for flag in switches:
        overrides = parse([f"-{flag.short}", "--minprocs=20"]).overrides
        assert overrides == {flag.option: True, "minprocs": 20}


def test_long_names_mean_the_same() -> None:
    assert parse(["--nodaemon", "--configuration=f"]) == parse(["-n", "-cf"])


@pytest.mark.parametrize("word", ["-h", "--help", "-?"])
def test_help_is_asked_for_in_three_ways(word: str) -> None:
    assert parse([word]).asks_help


def test_version_is_asked_for() -> None:
    assert parse(["-v"]).asks_version


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["-n", "-n"], "conflicting command line option '-n'"),
        (["-n", "--nodaemon"], "conflicting command line option '--nodaemon'"),
        (["extra"], "positional arguments are not supported: ['extra']"),
        (["-x"], "option -x not recognized"),
        (["--nope"], "option --nope not recognized"),
        (["-c"], "option -c requires argument"),
    ],
)
def test_a_mistake_is_told_as_by_supervisord(words: list[str], text: str) -> None:
    with pytest.raises(SupervisorError) as problem:
        parse(words)

    assert str(problem.value) == text


@pytest.mark.parametrize("words", [["-e", "loud"], ["-m", "9"], ["-y", "much"], ["-z", "x"]])
def test_a_bad_value_is_named_with_its_option(words: list[str]) -> None:
    with pytest.raises(SupervisorError, match=f"invalid value for {words[0]} '{words[1]}': "):
        parse(words)


def test_help_tells_every_option() -> None:
    text = help_text("supervisord")

    assert all(f"--{flag.long}" in text for flag in FLAGS)
    assert max(map(len, text.splitlines())) <= 100


# ── the launcher ──


def test_the_launcher_tells_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert launcher.main(["--help"]) == 0
    text = capsys.readouterr().out

    assert launcher.main([]) == 2
    assert capsys.readouterr().out == text
    assert all(command in text for command in launcher.COMMANDS)


def test_the_launcher_tells_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert launcher.main(["--version"]) == 0

    assert capsys.readouterr().out == f"{__version__}\n"


def test_the_launcher_runs_its_own_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert launcher.main(["schema"]) == 0

    assert capsys.readouterr().out.startswith("{")


def test_every_other_word_is_a_supervisorctl_command(capsys: pytest.CaptureFixture[str]) -> None:
    code = launcher.main(["-s", "unix:///nonexistent/socket", "version"])

    assert code != 0
    assert "unix:///nonexistent/socket no such file" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("-d", "/no/such"), "--directory: '/no/such' is not an existing directory"),
        (("-l", "/no/such/x"), "--logfile: the directory of '/no/such/x' does not exist"),
        (("-q", "/no/such"), "--childlogdir: '/no/such' is not an existing directory"),
        (("-j", "/no/such/x"), "--pidfile: the directory of '/no/such/x' does not exist"),
        (("-u", "nobody-at-all"), "--user: 'nobody-at-all' is not a user of this machine"),
        (("-z", "-1"), "--logfile_backups: -1 is refused: expected an integer >= 0"),
        (("-a", "-1"), "--minfds: -1 is refused: expected an integer >= 0"),
        (("--minprocs=-1",), "--minprocs: -1 is refused: expected an integer >= 0"),
    ],
)
def test_what_is_wrong_with_a_flag_is_not_blamed_on_the_file(
    rig: Rig, flags: tuple[str, ...], told: str
) -> None:
    path = rig.write("[program.web]\ncommand = 'true'\n")

    started = rig.run("supervisord", "-n", "-c", str(path), *flags)

    assert started.returncode == 2
    first, *rest = started.stderr.splitlines()
    assert first.startswith(f"Error: command line: {told}")
    assert rest == ["For help, use supervisord -h"]


def test_what_is_wrong_with_the_file_is_blamed_on_it_beside_a_flag(rig: Rig) -> None:
    path = rig.write("", "minfds = -1\n")

    started = rig.run("supervisord", "-n", "-c", str(path), "-z", "-1")

    assert started.stderr.splitlines()[:2] == [
        f"Error: {path}:4: supervisord.minfds: -1 is refused: expected an integer >= 0",
        "Error: command line: --logfile_backups: -1 is refused: expected an integer >= 0",
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("up --detch", "option --detch not recognized (did you mean --detach?)"),
        ("up -z", "option -z not recognized"),
        ("up --wait-timeout", "option --wait-timeout requires argument"),
        ("run --enviroment x", "option --enviroment not recognized (did you mean --environment?)"),
        ("run", "no command (example: trio-supervisor run -- make migrate)"),
        ("check --strct", "unrecognized arguments: --strct (did you mean --strict?)"),
        ("doctor --jsn", "unrecognized arguments: --jsn (did you mean --json?)"),
        ("schema x", "unrecognized arguments: x"),
    ],
)
def test_a_wrong_option_is_told_in_two_lines(
    capsys: pytest.CaptureFixture[str], line: str, told: str
) -> None:
    try:
        code = launcher.main(line.split())
    except SystemExit as leaving:
        code = int(str(leaving.code))

    command = line.split(maxsplit=1)[0]
    help_ = f"For help, use trio-supervisor {command} -h\n"
    assert (code, capsys.readouterr().err) == (2, f"Error: {told}\n{help_}")


@pytest.mark.parametrize(
    ("word", "meant"), [("upp", "up"), ("UP", "up"), ("chekc", "check"), ("stauts", "status")]
)
def test_a_mistyped_command_is_answered_with_the_nearest(
    capsys: pytest.CaptureFixture[str], word: str, meant: str
) -> None:
    assert launcher.main([word]) == 1
    assert capsys.readouterr().err.startswith(f"did you mean {meant}?")


@pytest.mark.parametrize(("topic", "beginning"), [("logs", "logs [NAME"), ("check", "usage: ")])
def test_the_launcher_has_help_on_every_command(
    capsys: pytest.CaptureFixture[str], topic: str, beginning: str
) -> None:
    with suppress(SystemExit):
        launcher.main(["help", topic])

    assert capsys.readouterr().out.startswith(beginning)
