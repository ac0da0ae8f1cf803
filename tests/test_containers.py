"""The examples of docs/containers.md, run: a container's PID 1, and units as systemd runs them."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from container import Container, needs_namespaces
from rig import SCRIPTS, open_rig, until  # noqa: F401  # the fixture
from test_documentation import BLOCKS

from trio_supervisor.daemon.proc import command_line, with_descendants

if TYPE_CHECKING:
    from rig import Rig


def examples(language: str) -> list[str]:
    return [
        block.text
        for block in BLOCKS
        if block.page.name == "containers.md" and block.language == language
    ]


def at_home(rig: Rig, text: str) -> str:
    """Move an example from its places on a server to the rig, and its server to a free port."""
    places = {"/srv/app/.venv/bin": SCRIPTS, '"8000"': '"0"'}
    return re.sub(
        r'/srv/app/\.venv/bin|/srv/app|/app|/tmp|"8000"',
        lambda found: str(places.get(found[0], rig.directory)),
        text,
    )


# ── the container ──


@pytest.fixture
def container(rig: Rig) -> Container:
    (configuration,) = examples("toml")
    (dockerfile,) = examples("dockerfile")
    rig.configuration.write_text(at_home(rig, configuration))
    words = re.search(r"^CMD (.+)", dockerfile, re.MULTILINE)
    assert words
    command = json.loads(at_home(rig, words[1]))
    assert command == ["supervisord", "-n", "-c", str(rig.configuration)]
    started = Container(rig)
    until(lambda: rig.text("console").count("entered RUNNING state") == 2, "the programs")
    return started


@needs_namespaces
def test_the_container_stops_in_order(rig: Rig, container: Container) -> None:
    os.kill(container.init, signal.SIGTERM)

    assert container.wait() == 0
    assert "stopped: ticker" in rig.text("console")
    assert rig.marked() == set()


@needs_namespaces
def test_the_container_ends_with_its_main_program(rig: Rig, container: Container) -> None:
    (web,) = (
        pid for pid in with_descendants({container.init}) if "http.server" in command_line(pid)
    )

    os.kill(web, signal.SIGKILL)

    assert container.wait() == 128 + signal.SIGKILL
    assert rig.marked() == set()


@needs_namespaces
def test_the_health_check_tells_whether_all_is_up(rig: Rig, container: Container) -> None:
    (dockerfile,) = examples("dockerfile")
    check = re.search(r"^HEALTHCHECK CMD (.+) \|\|", dockerfile, re.MULTILINE)
    assert check

    assert rig.run(*shlex.split(at_home(rig, check[1]))).returncode == 0

    os.kill(container.init, signal.SIGTERM)
    assert container.wait() == 0


# ── systemd ──


def unit(rig: Rig, kind: str) -> configparser.SectionProxy:
    """Return the [Service] of the example of a type."""
    for text in examples("ini"):
        parser = configparser.ConfigParser(interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]  # as the manual says
        parser.read_string(at_home(rig, text))
        if parser["Service"]["Type"] == kind:
            return parser["Service"]
    raise LookupError(kind)


@pytest.mark.parametrize("flags", [[], ["--no-guardian"]], ids=["guardian", "alone"])
def test_a_forking_unit_has_its_main_process_in_the_pidfile(rig: Rig, flags: list[str]) -> None:
    service = unit(rig, "forking")
    rig.write('[program.a]\ncommand = "sleep 1000"\nstartsecs = 0\n')

    started = rig.run(*shlex.split(service["ExecStart"]), *flags)

    assert started.returncode == 0, started.stderr
    main = int(Path(service["PIDFile"]).read_text())
    assert rig.info().pid == main
    before = rig.settle()
    reload = service["ExecReload"].replace("$MAINPID", str(main))
    assert rig.run(*shlex.split(reload)).returncode == 0
    until(lambda: rig.settle() != before, "a restart")
    os.kill(main, signal.SIGTERM)
    until(lambda: not rig.marked(), "the end")


@pytest.mark.parametrize("flags", [[], ["--no-guardian"]], ids=["guardian", "alone"])
def test_a_simple_unit_stays_in_the_foreground(rig: Rig, flags: list[str]) -> None:
    service = unit(rig, "simple")
    rig.write('[program.a]\ncommand = "sleep 1000"\nstartsecs = 0\n')

    daemon = rig.launch(*shlex.split(service["ExecStart"]), *flags)

    rig.wait_for_answers(daemon)
    assert rig.info().pid == daemon.pid
    assert rig.finish(daemon) == 0
