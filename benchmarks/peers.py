"""The private virtual environment with the supervisors we are compared with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PINNED = ("supervisor==4.3.0", "honcho==2.0.0")
DEFAULT = Path(__file__).parent.parent / ".venv-peers"


def peers_bin() -> Path:
    """Return the directory of their executables, installing them once.

    BENCH_PEERS names an environment that has them already.
    """
    given = os.environ.get("BENCH_PEERS")
    environment = Path(given) if given else DEFAULT
    if not (environment / "bin" / "honcho").exists():
        if given:
            raise SystemExit(f"BENCH_PEERS={given}: no bin/honcho there; unset it to install one")
        _install(environment)
    return environment / "bin"


def _install(environment: Path) -> None:
    print(f"installing {', '.join(PINNED)} into {environment}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    (environment / ".gitignore").write_text("*\n")
    pip = [str(environment / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, *PINNED], check=False).returncode:
        raise SystemExit(
            f"cannot install {', '.join(PINNED)} into {environment}; with a virtual environment "
            "that has them, set BENCH_PEERS to its directory"
        )
