"""`python tests/recording.py`: film `trio-supervisor up` for the README, into docs/up.svg.

It needs the extra `docs`. All of it is real: two shells on terminals of their own, somebody who
types, and a small stack whose migration, web server and worker wait for a database. The first
run of the worker loses its connection.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from film import Camera, Window
from terminal import CTRL_C, Bench
from workers import free_ports

DOCS = Path(__file__).parent.parent / "docs"
SCRIPTS = Path(sys.executable).parent
SHELL = "bash", "--noprofile", "--norc"
COLUMNS = 94
ALT = (
    "A recording: trio-supervisor up starts db, then migrate, then web; worker crashes once and is "
    "started again; in another terminal supervisorctl status and why; Ctrl-C leaves no process"
)
STACK = '''
[program.db]
command = """sh -c '
  trap "echo closing; exit 0" TERM; sleep 1.2; echo ready for connections; sleep 1000 & wait'"""
ready = { log = "ready for connections" }

[program.migrate]
command = ["sh", "-c", "sleep 0.3; echo 0001_customers; sleep 0.4; echo 0002_orders; sleep 0.3"]
type = "task"
depends_on = ["db"]

[program.web]
command = "python3 web.py"
depends_on = ["migrate"]
ready = { http = "http://127.0.0.1:%(port)d/" }

[program.worker]
command = """sh -c '
  mkdir ran 2>/dev/null && { sleep 0.4; echo no connection to the queue >&2; exit 1; }
  trap "echo job 1 is done; exit 0" TERM; echo took job 1; sleep 1000 & wait'"""
depends_on = ["db"]
'''
WEB = """
import http.server, signal, sys, time
def stop(*_):
    print("last request answered", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, stop)
time.sleep(0.5)
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", %(port)d), Quiet)
print("listening on http://127.0.0.1:%(port)d/", flush=True)
server.serve_forever()
"""


def main() -> None:
    """Write the stack, film it, and draw the film."""
    with tempfile.TemporaryDirectory() as path:
        directory = Path(path)
        port = {"port": free_ports()}
        (directory / "run").mkdir(mode=0o700)
        (directory / "supervisord.toml").write_text(STACK % port)
        (directory / "web.py").write_text(WEB % port)
        environment = {
            "XDG_RUNTIME_DIR": f"{path}/run",
            "PATH": f"{SCRIPTS}:/usr/bin:/bin",
            "TERM": "xterm-256color",
            "PS1": "$ ",
        }
        with Bench(directory, **environment) as bench:
            (DOCS / "up.svg").write_text(film(bench))


def film(bench: Bench) -> str:
    """Bring the stack up, ask how it is, take it down; return the film."""
    first, second = bench.open(*SHELL), bench.open(*SHELL)
    camera = Camera(
        Window(first, "trio-supervisor up", 24, COLUMNS),
        Window(second, "another terminal", 14, COLUMNS),
    )
    camera.until(second, "$ ")
    camera.hold(0.5)
    camera.type(first, "trio-supervisor up")
    camera.until(first, "Ctrl-C stops everything")
    camera.hold(1.5)
    camera.type(second, "supervisorctl status")
    camera.hold(2.5)
    camera.type(second, "supervisorctl why worker")
    camera.hold(4.0)
    first.type(CTRL_C)
    camera.until(first, "0 processes left")
    camera.hold(0.5)
    return camera.draw(COLUMNS, ALT)


if __name__ == "__main__":
    main()
