"""What docs/migrating.md tells to do, done; the whole way is in compat/test_there_and_back.py."""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

from configurations import loaded
from rig import PATIENCE, SCRIPTS, open_rig, until  # noqa: F401  # the fixture
from test_documentation import BLOCKS

if TYPE_CHECKING:
    from pathlib import Path

    from rig import Rig

    from trio_supervisor.spec import Configuration

CONFIGURATION = """\
[unix_http_server]
file = %(here)s/s.sock
[supervisord]
pidfile = %(here)s/supervisord.pid
logfile = %(here)s/supervisord.log
childlogdir = %(here)s
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl = unix://%(here)s/s.sock
[program:web]
command = /bin/sleep 1000
"""


def examples(language: str) -> list[str]:
    return [
        block.text
        for block in BLOCKS
        if block.page.name == "migrating.md" and block.language == language
    ]


def example(language: str, words: str) -> str:
    """Return the one example with some words."""
    (found,) = (text for text in examples(language) if words in text)
    return found


def run(rig: Rig, text: str, old: Path = SCRIPTS) -> subprocess.CompletedProcess[str]:
    """Run an example as a shell does, with the paths of the page moved to where things are."""
    places = {
        "/usr/bin": old,
        "/opt/trio-supervisor/bin": SCRIPTS,
        "/etc/supervisor": rig.directory,
        "/var/run": rig.directory,
    }
    moved = re.sub("|".join(places), lambda found: str(places[found[0]]), text)
    with (rig.directory / "said").open("w+") as said:  # daemons keep a pipe open
        done = subprocess.run(
            ["sh", "-e", "-c", moved],
            check=False,
            env=rig.environment,
            cwd=rig.directory,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=2 * PATIENCE,
        )
        said.seek(0)
        done.stdout = said.read()
    return done


def configured(rig: Rig) -> None:
    (rig.directory / "supervisord.conf").write_text(CONFIGURATION)


def test_check_finds_nothing_in_a_file_of_supervisor(rig: Rig) -> None:
    configured(rig)

    done = run(rig, example("sh", "check --strict"))

    assert (done.returncode, done.stdout) == (0, "1 program in 1 group, no problems\n")


def test_the_drop_in_runs_the_daemon(rig: Rig) -> None:
    configured(rig)
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(example("ini", "ExecStart"))
    command = parser["Service"]["ExecStart"].replace("/etc/supervisor", str(rig.directory))
    command = command.replace("/opt/trio-supervisor/bin", str(SCRIPTS))

    daemon = rig.launch(*shlex.split(command))

    until(lambda: "spawned: 'web'" in rig.text("console"), "the program")
    assert rig.finish(daemon) == 0


def test_the_toml_says_what_the_ini_says(tmp_path: Path) -> None:
    ini = loaded(tmp_path, example("ini", "[program:web]"), "a.conf")
    toml = loaded(tmp_path, example("toml", "[program.web]"), "a.toml")

    assert words(ini) == words(toml)
    assert ini.supervisord == toml.supervisord


def words(configuration: Configuration) -> list[dict[str, object]]:
    """Return the values of each process, its command as words."""
    found = []
    for group in configuration.groups:
        for spec in group.programs:
            command = spec.command
            split = shlex.split(command) if isinstance(command, str) else list(command)
            values = {name: getattr(spec, name) for name in spec.__struct_fields__}
            found.append({**values, "command": split, "group": (group.name, group.priority)})
    return found
