"""Completion: what can come next, and a real bash that asks for it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from rig import SCRIPTS, open_rig, up_at_once  # noqa: F401  # the fixture
from terminal import Bench

from trio_supervisor.cli import completion
from trio_supervisor.cli.completion import FILES, parse_help
from trio_supervisor.cli.shells import SCRIPTS as SHELLS
from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from pathlib import Path

    from rig import Rig

PROGRAMS = up_at_once("web", "exec sleep 1000") + up_at_once(
    "pool", "exec sleep 1000", "numprocs = 2\nprocess_name = 'w%(process_num)d'"
)


pytestmark = pytest.mark.usefixtures("keep_ctrl_c")


def suggested(capsys: pytest.CaptureFixture[str], *words: str) -> set[str] | None:
    code = completion.main(["suggest", "--", *words])
    lines = capsys.readouterr().out.splitlines()
    return None if code == FILES else {line.partition("\t")[0] for line in lines}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("trio-supervisor sch|", {"schema"}),
        ("trio-supervisor re|", {"reload", "remove", "reopen", "reread", "restart"}),
        ("supervisorctl u|", {"update"}),
        ("supervisorctl -c x.toml sta|", {"start", "status"}),
        ("supervisorctl --ser|", {"--serverurl"}),
        ("supervisorctl -c |", None),
        ("trio-supervisor up --wait|", {"--wait", "--wait-timeout"}),
        ("trio-supervisor up --wait-timeout |", set()),
        ("trio-supervisor up -c |", None),
        ("trio-supervisor logs --g|", {"--grep"}),
        ("supervisorctl logs --t|", {"--tail", "--timestamps"}),
        ("trio-supervisor check --s|", {"--strict"}),
        ("trio-supervisor run |", None),
        ("trio-supervisor completion |", {"bash", "zsh", "fish"}),
        ("supervisorctl help star|", {"start"}),
        ("supervisorctl status -c |", None),
        ("trio-supervisor logs --conf|", {"--configuration"}),
        ("trio-supervisor schema --conf|", set()),
        ("supervisorctl signal US|", {"USR1", "USR2"}),
        ("supervisorctl nosuch |", set()),
    ],
)
def test_what_can_come_next(
    capsys: pytest.CaptureFixture[str], line: str, expected: set[str] | None
) -> None:
    assert suggested(capsys, *line.removesuffix("|").split(" ")) == expected


def test_options_are_read_from_help() -> None:
    text = "  -c, --configuration FILE  where\n  --wait\n logs -n N [-t]\n --x=NAME, for well-known"

    assert parse_help(text) == {
        "-c": "FILE",
        "--configuration": "FILE",
        "--wait": "",
        "-n": "N",
        "-t": "",
        "--x": "NAME",
    }


def test_names_come_from_the_daemon_or_from_the_file(
    rig: Rig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.write(PROGRAMS)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(rig.runtime))
    monkeypatch.chdir(rig.directory)
    words = ("trio-supervisor", "start", "")

    assert suggested(capsys, *words) == {"web", "pool", "all"}
    rig.start()
    assert suggested(capsys, *words) == {"web", "pool", "pool:w0", "pool:w1", "pool:*", "all"}
    for command in ("run -e", "attach", "up --exit-code-from"):
        of_one = suggested(capsys, "trio-supervisor", *command.split(), "")
        assert of_one == {"web", "pool:w0", "pool:w1"}
    assert suggested(capsys, "supervisorctl", "update", "") == {"web", "pool"}
    assert suggested(capsys, "supervisorctl", "-c", str(rig.configuration), "stop", "w") == {"web"}


def test_types_of_a_procfile_are_names(
    rig: Rig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (rig.directory / "Procfile").write_text("web: sleep 1000\n")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(rig.runtime))
    monkeypatch.chdir(rig.directory)
    words = ("trio-supervisor", "up", "")

    assert suggested(capsys, *words) == {"web.1", "web", "all"}
    rig.configuration = rig.directory / "Procfile"
    rig.start()
    assert suggested(capsys, *words) == {"web.1", "web", "all"}


def test_what_is_no_shell_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert completion.main(["csh"]) == 2
    assert completion.main(["--help"]) == 0
    assert "bash|zsh|fish" in capsys.readouterr().out


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_are_understood_by_their_shells(shell: str, tmp_path: Path) -> None:
    executable = shutil.which(shell)
    if executable is None:
        pytest.skip(f"there is no {shell}")
    (tmp_path / "script").write_text(SHELLS[shell])

    subprocess.run([executable, "-n", str(tmp_path / "script")], check=True)


def test_a_real_bash_completes_at_tab(rig: Rig) -> None:
    rig.write(PROGRAMS)
    rig.start()
    rig.settle(ProcessState.RUNNING)
    path = f"{SCRIPTS}:/usr/bin:/bin"
    with Bench(rig.directory, **{**rig.environment, "PATH": path, "PS1": "> "}) as bench:
        bash = bench.open("bash", "--norc", "--noprofile", "-i")
        bash.expect("> ")
        bash.type(
            "bind 'set enable-bracketed-paste off'; source <(trio-supervisor completion bash)\n"
        )
        bash.type("echo rea''dy\n")
        bash.expect("ready\n")

        bash.type("supervisorctl stop pool:w1\t\x15")
        bash.type("supervisorctl sto\twe\t\n")
        bash.expect("web: stopped")
        bash.type("trio-supervisor wai\t--time\t5 pool:w\t1\n")
        bash.expect("pool:w1: up")
        bash.type("supervisorctl pid pool:\t\t")
        bash.expect("w0  w1")
        bash.type("\x15exit\n")
        assert bash.wait() == 0


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish")
def test_a_fresh_fish_completes_what_the_instructions_say(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.write(PROGRAMS)
    assert completion.main(["--help"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "  fish  " in line)
    command, _, file = line.partition("fish")[2].partition("  in ~/")
    config = rig.directory / file
    config.parent.mkdir(parents=True)
    config.write_text(f"{command.strip()}\n")
    environment = {
        **rig.environment,
        "HOME": str(rig.directory),
        "PATH": f"{SCRIPTS}:/usr/bin:/bin",
    }

    for line, expected in (("supervisorctl sta", "status"), ("trio-supervisor attach w", "web")):
        asked = subprocess.run(
            ["fish", "-c", f"complete -C '{line}'"],
            cwd=rig.directory,
            env={name: text for name, text in environment.items() if not name.startswith("XDG_C")},
            capture_output=True,
            text=True,
            check=True,
        )
        assert expected in [one.partition("\t")[0] for one in asked.stdout.splitlines()]
