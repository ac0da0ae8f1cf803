"""The private virtual environments of both sides: each has its supervisor and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PINNED = ("supervisor==4.3.0", "honcho==2.0.0")
ROOT = Path(__file__).parent.parent
DEFAULT = ROOT / ".venv-peers"
OURS = ROOT / ".venv-ours"


def peers_bin() -> Path:
    """Return the directory of their executables, installing them once.

    BENCH_PEERS names an environment that has them already.
    """
    given = os.environ.get("BENCH_PEERS")
    environment = Path(given) if given else DEFAULT
    if not (environment / "bin" / "honcho").exists():
        if given:
            raise SystemExit(f"BENCH_PEERS={given}: no bin/honcho there; unset it to install one")
        _install(environment, *PINNED)
    return environment / "bin"


def ours_bin() -> Path:
    """Return the directory of our executables, of the sources as they are, installed as by a user.

    What developers have beside them costs each start of Python some milliseconds.
    """
    if not (OURS / "bin" / "supervisord").exists():
        _install(OURS, str(ROOT))
    _pip(OURS, "--force-reinstall", "--no-deps", str(ROOT))
    return OURS / "bin"


def _install(environment: Path, *what: str) -> None:
    print(f"installing {', '.join(what)} into {environment}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    (environment / ".gitignore").write_text("*\n")
    _pip(environment, *what)


def _pip(environment: Path, *words: str) -> None:
    pip = [str(environment / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, *words], check=False).returncode:
        raise SystemExit(
            f"cannot install {' '.join(words)} into {environment}; with a virtual environment "
            "that has the peers, set BENCH_PEERS to its directory"
        )
