"""What the process above the daemon does when the daemon is killed."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from terminal import Bench

CONFIGURATION = """
[program.plain]
command = "sleep 1000"
stdout_logfile = "NONE"
redirect_stderr = true
"""


@pytest.mark.slow
def test_a_killed_daemon_leaves_nothing_behind(tmp_path: Path) -> None:
    scripts = Path(sys.executable).parent
    (tmp_path / "supervisord.toml").write_text(CONFIGURATION)
    with Bench(tmp_path, XDG_RUNTIME_DIR=str(tmp_path), PATH=f"{scripts}:/usr/bin:/bin") as bench:
        foreground = bench.open("supervisord", "-n")
        foreground.expect("success: plain")
        told, _ = bench.run("supervisorctl", "pid", "--json")

        os.kill(json.loads(told)["daemon_pid"], signal.SIGKILL)

        assert foreground.wait() == 128 + signal.SIGKILL
        assert bench.alive() == {}
        assert not (tmp_path / "supervisord.pid").exists()
        assert bench.run("supervisord")[1] == 0
        assert bench.run("supervisorctl", "shutdown", "--wait") == ("Shut down\n", 0)
