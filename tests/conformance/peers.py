"""Where the other launchers come from: PyPI and npm, installed once into a directory of their own.

CONFORMANCE_PEERS names another directory; what is in it already is not installed again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

DEFAULT = Path(__file__).parent.parent.parent / ".conformance-peers"
PYPI = {"supervisor": "4.3.0", "honcho": "2.0.0", "circus": "0.19.0"}
NPM = {"pm2": "7.0.4", "concurrently": "9.2.5", "nodemon": "3.1.14", "mprocs": "0.9.6"}
_turn = threading.Lock()


def from_pypi(package: str, script: str) -> str:
    """Return the path of a script of a Python package."""
    environment = _place() / "python"
    path = environment / "bin" / script
    with _turn:
        if not path.exists():
            if not environment.exists():
                _install(package, sys.executable, "-m", "venv", str(environment))
            pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            _install(package, *pip, "--disable-pip-version-check", f"{package}=={PYPI[package]}")
    return str(path)


def from_npm(package: str, script: str) -> str:
    """Return the path of a script of a Node package."""
    if not (npm := shutil.which("npm")):
        raise SystemExit(f"{package}: it comes from npm, and there is no npm on PATH")
    prefix = _place() / "node"
    path = prefix / "node_modules" / ".bin" / script
    with _turn:
        if not path.exists():
            words = [npm, "install", "--silent", "--prefix", str(prefix)]
            _install(package, *words, f"{package}@{NPM[package]}")
    return str(path)


def version(package: str) -> str:
    """Return the version of a package that is installed here."""
    manifest = _place() / "node" / "node_modules" / package / "package.json"
    if manifest.exists():
        return str(json.loads(manifest.read_text())["version"])
    found = (_place() / "python").glob(f"lib/*/site-packages/{package}-*.dist-info")
    return next(path.name.removesuffix(".dist-info").rpartition("-")[2] for path in found)


def _place() -> Path:
    place = Path(os.environ.get("CONFORMANCE_PEERS") or DEFAULT)
    place.mkdir(exist_ok=True)
    (place / ".gitignore").write_text("*\n")
    return place.resolve()


def _install(package: str, *command: str) -> None:
    print(f"installing {package} into {_place()}", file=sys.stderr)  # noqa: T201
    if subprocess.run(command, check=False, stdout=sys.stderr).returncode:
        raise SystemExit(
            f"cannot install {package} into {_place()}; with a directory that has it, "
            "set CONFORMANCE_PEERS to that"
        )
