"""env_file: what a file may hold, which variable wins, and when a file is read."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
import trio
from configurations import loaded, problems
from rig import open_rig, until  # noqa: F401  # the fixture

from trio_supervisor.config import load
from trio_supervisor.config.env_files import variables_in, variables_of
from trio_supervisor.daemon.environment import environment_of
from trio_supervisor.errors import ConfigError, RequestError
from trio_supervisor.source import read

if TYPE_CHECKING:
    from pathlib import Path

    from rig import Rig

INHERITED = {"A": "daemon", "B": "daemon", "C": "daemon", "D": "daemon", "E": "daemon"}
ALL_PLACES = """
[supervisord]
environment = { B = "shared", C = "shared", D = "shared", E = "shared" }
env_file = "shared.env"
[program.web]
command = "/bin/true"
env_file = "own.env, ?none.env"
environment = { E = "own" }
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1\nexport B = two words # three\n# C=4\n", {"A": "1", "B": "two words"}),
        ("A='$x ${x} #'\nB=\"a\\nb\"\n", {"A": "$x  #", "B": "a\nb"}),
        ('A="one\ntwo"\nB=', {"A": "one\ntwo", "B": ""}),
        ("A\nB=${A}${HOME}${NONE:-none}", {"B": "/rootnone"}),
        ("A=1\nB=${A}2\nA=3", {"A": "3", "B": "12"}),
        ("\ufeffA=1", {"A": "1"}),
        ("", {}),
    ],
)
def test_what_a_file_may_hold(tmp_path: Path, text: str, expected: Any) -> None:
    (tmp_path / ".env").write_text(text)

    assert variables_in(str(tmp_path / ".env"), {"HOME": "/root"}) == expected


def test_a_later_file_is_over_an_earlier_one_and_may_use_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("A=1\nB=1")
    (tmp_path / "b").write_text("B=${A}2")

    assert variables_of([str(tmp_path / "a"), str(tmp_path / "b")], {}) == {"A": "1", "B": "12"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"A=1\n\nB C\n", ":3: is not NAME=value"),
        (b"A='1\n", ":1: is not NAME=value, or a quote has no end"),
        (b"\xff", "is not UTF-8"),
        (b"'=a'=secret", ":1: '=a' is not the name of a variable"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_without_its_values(
    tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / ".env").write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        variables_in(f"?{tmp_path}/.env", {})

    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_all_that_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("B C\nX=1\n\nD E\n'='=1\n")
    text = '[program.web]\ncommand = "/bin/true"\nenv_file = "a.env"\n'

    told = problems(tmp_path, text, "a.toml")

    lines = [one.partition("a.env:")[2].partition(": ")[0] for one in told]
    assert lines == ["1", "4", "5"]


def test_a_file_of_the_command_line_is_blamed_as_it_is_spelled(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("B C\n")
    (tmp_path / "a.toml").write_text("[supervisord]\n")
    source = read(str(tmp_path / "a.toml"), {})

    with pytest.raises(ConfigError, match=r"command line: --env-file: .*a\.env:1: is not NAME"):
        load(source, overrides={"env_file": (f"{tmp_path}/a.env",)}, directory=str(tmp_path))


def test_a_missing_file_is_an_error_with_its_place(tmp_path: Path) -> None:
    text = '[program.web]\ncommand = "/bin/true"\nenv_file = "sub/a.env"\n'

    (told,) = problems(tmp_path, text, "a.toml")

    assert told.startswith("a.toml:3: program.web.env_file: ")
    assert "there is no such file (make it, or write ?a.env for a file that may be miss" in told


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    (told,) = problems(tmp_path, '[supervisord]\nenv_file = ["pipe", "?x"]', "a.toml")

    assert told == f"a.toml:2: supervisord.env_file: {tmp_path}/pipe: is no regular file"


async def test_each_place_is_over_those_below_it(tmp_path: Path) -> None:
    (tmp_path / "shared.env").write_text("C=shared file\nD=shared file\nE=shared file")
    (tmp_path / "own.env").write_text("D=own file\nE=own file")
    (group,) = loaded(tmp_path, ALL_PLACES, "a.toml").groups

    found = await environment_of(group.programs[0], INHERITED)

    assert found == {
        "A": "daemon",
        "B": "shared",
        "C": "shared file",
        "D": "own file",
        "E": "own",
    }


async def test_a_file_that_goes_wrong_later_fails_the_start(tmp_path: Path) -> None:
    for name in ("shared.env", "own.env"):
        (tmp_path / name).write_text("")
    (group,) = loaded(tmp_path, ALL_PLACES, "a.toml").groups
    (tmp_path / "own.env").write_text("A=1\nB C")

    with pytest.raises(RequestError, match=r"env_file: .*own\.env:2: is not NAME=value"):
        with trio.fail_after(5):
            await environment_of(group.programs[0], INHERITED)


def test_both_dialects_name_the_same_files(tmp_path: Path) -> None:
    (ini,) = loaded(tmp_path, "[program:web]\ncommand=x\nenv_file=?a, ?b\n").groups
    text = '[program.web]\ncommand="x"\nenv_file=["?a", "?b"]\n'
    (toml,) = loaded(tmp_path, text, "a.toml").groups

    assert ini.programs[0].env_file == (f"?{tmp_path}/a", f"?{tmp_path}/b")
    assert toml.programs == ini.programs


def test_a_restart_reads_the_files_again(rig: Rig) -> None:
    (rig.directory / ".env").write_text("GREETING=hello")
    rig.write(
        """
        [program.web]
        command = ["/bin/sh", "-c", "echo $GREETING; exec sleep 1000"]
        env_file = ".env"
        stdout_logfile = "web.log"
        startsecs = 0
        """
    )
    rig.start()
    until(lambda: rig.text("web.log") == "hello\n", "the first line")
    (rig.directory / ".env").write_text("GREETING=goodbye")
    rig.ctl("restart", "web")
    until(lambda: rig.text("web.log") == "hello\ngoodbye\n", "the second line")
    (rig.directory / ".env").unlink()

    assert "no such file" in rig.ctl("restart", "web").stdout + rig.ctl("status").stdout


def test_up_reads_another_file_instead(rig: Rig) -> None:
    rig.configuration = rig.directory / "Procfile"
    rig.configuration.write_text("web: echo seen $A $PORT; exec sleep 1000\n")
    (rig.directory / ".env").write_text("A=usual\nPORT=6000")
    (rig.directory / "other").write_text("A=other\nexport PORT='7000'")

    up = rig.launch(*rig.command("trio-supervisor", "up", "--env-file", "other"))
    rig.wait_for_answers(up)
    until(lambda: "seen" in rig.text("console"), "the line")

    assert "seen other 7000\n" in rig.text("console")
    assert rig.finish(up, signal.SIGINT) == 0
