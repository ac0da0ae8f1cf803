"""A virtual environment with Ansible's own module `supervisorctl`, and runs of it.

The module is one file of the package `ansible`; of the rest, only `ansible-core` is installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

CORE, COLLECTIONS = "ansible-core==2.19.14", "ansible==12.3.0"
MEMBER = "ansible_collections/community/general/plugins/modules/supervisorctl.py"
ENVIRONMENT = Path(__file__).parent.parent.parent / ".venv-ansible"
MODULE = ENVIRONMENT / "supervisorctl.py"


class Verdict(NamedTuple):
    """What a task says about itself."""

    word: str
    affected: tuple[str, ...]
    message: str

    @property
    def counts(self) -> tuple[str, tuple[str, ...]]:
        """What a play goes on with."""
        return self.word, self.affected


def install() -> None:
    """Make the environment once; raise CalledProcessError if that is impossible."""
    if MODULE.exists():
        return
    pip = [str(ENVIRONMENT / "bin" / "pip"), "--quiet", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    (ENVIRONMENT / ".gitignore").write_text("*\n")
    subprocess.run([*pip, "install", CORE], check=True)
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([*pip, "download", "--no-deps", "-d", directory, COLLECTIONS], check=True)
        (wheel,) = Path(directory).glob("*.whl")
        MODULE.write_bytes(zipfile.ZipFile(wheel).read(MEMBER))


def run(directory: Path, environment: dict[str, str], arguments: dict[str, Any]) -> Verdict:
    """Run one task of the module, as Ansible does on a host; arguments as in a playbook."""
    file = directory / "arguments.json"
    file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    done = subprocess.run(
        [str(ENVIRONMENT / "bin" / "python"), str(MODULE), str(file)],
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    told = json.loads(done.stdout)
    changed = "changed" if told.get("changed") else "ok"
    word = "failed" if told.get("failed") else changed
    return Verdict(word, tuple(told.get("affected", ())), str(told.get("msg", "")))
