"""honcho and we make the same of a Procfile: names, commands, ports and variables.

Runs only when asked to: `make soak`.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from rig import PATIENCE, Rig, open_rig, until  # noqa: F401  # the fixture

from benchmarks.peers import peers_bin

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("TRIO_SUPERVISOR_SOAK"),
        reason="needs honcho from PyPI: make soak",
    ),
]

TELL = 'echo "seen $HONCHO_PROCESS_NAME $PORT $A $B"; sleep 0.3 # 100% %(here)s'
PROCFILE = f"""\
# one: {TELL}
web: {TELL}
 indented: {TELL}

we-b_2:{TELL}
spaced : {TELL}
quoted:   sh -c '{TELL}'
"""
VARIABLES = "A=file\n# a comment\nB='quoted # value'\n"


@pytest.mark.parametrize(
    ("more", "environment"),
    [([], {}), (["web=3,quoted=0"], {}), ([], {"PORT": "7000", "A": "environment"})],
)
@pytest.mark.parametrize("port", ["", "PORT=6000\n"])
def test_each_process_sees_the_same(
    rig: Rig, more: list[str], environment: dict[str, str], port: str
) -> None:
    (rig.directory / "Procfile").write_text(PROCFILE)
    (rig.directory / ".env").write_text(VARIABLES + port)
    rig.environment.update(environment)
    theirs = of_honcho(rig, peers_bin(), *(["-c", *more] if more else []))

    up = rig.launch(*rig.command("trio-supervisor", "up", *(f"--concurrency={m}" for m in more)))
    until(lambda: len(seen(rig.text("console"))) >= len(theirs), "all lines")
    up.terminate()
    up.wait(PATIENCE)

    assert seen(rig.text("console")) == theirs
    assert len(theirs) == (4 if more else 3)


def of_honcho(rig: Rig, peers: Path, *words: str) -> set[str]:
    done = subprocess.run(
        [peers / "honcho", "start", *words],
        check=False,
        cwd=rig.directory,
        env=rig.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return seen(done.stdout)


def seen(text: str) -> set[str]:
    return {line.rpartition("seen ")[2] for line in text.splitlines() if "| seen " in line}
