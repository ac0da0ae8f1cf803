"""What tests share about the thirteen workers of the demonstration."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

WORKERS = Path(__file__).parent.parent / "conf" / "dev-env"
TEMPLATE = WORKERS.with_suffix(".toml")


def _shared_names() -> dict[str, tuple[str, ...]]:
    code = "import json, worker; print(json.dumps(worker.GROUPS))"
    told = subprocess.check_output([sys.executable, "-c", code], cwd=WORKERS)
    return {group: tuple(names) for group, names in json.loads(told).items()}


GROUPS = _shared_names()
NAMES = [name for names in GROUPS.values() for name in names]


def free_ports(more: int = 1) -> int:
    """Give the first of free ports: one for each worker, and ``more``.

    Tests that run side by side choose from ranges of their own: free is not yet taken.
    """
    side = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        base = random.randrange(20_000 + side * 1000, 21_000 + side * 1000 - len(NAMES) - more)
        try:
            with ExitStack() as stack:
                for port in range(base, base + len(NAMES) + more):
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
        except OSError:
            continue
        return base
