"""The listeners of superlance from PyPI run under our daemon, and do their work.

They run only when asked to: `make soak`. All four live under one daemon; mail goes to a file
through a command in the place of sendmail, or to an SMTP server of the tests.
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from rig import Rig, shell, until

from trio_supervisor.lifecycle import ProcessState

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("TRIO_SUPERVISOR_SOAK"),
        reason="waits for ticks, and needs superlance from PyPI: make soak",
    ),
]

PINNED = ("superlance==2.0.0", "supervisor==4.3.0")
ENVIRONMENT = Path(__file__).parent.parent.parent / ".venv-superlance"

SICK_AT_FIRST = """
import http.server, pathlib, sys
life = pathlib.Path("life")
code = 200 if life.exists() else 500
life.touch()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(code)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
FAT_AT_FIRST = """
import pathlib, time
life = pathlib.Path("fat")
weight = b"" if life.exists() else b"x" * 80_000_000
life.touch()
time.sleep(1000)
"""


class Post(NamedTuple):
    """A daemon with all listeners, and the mails that came by SMTP."""

    rig: Rig
    mails: list[str]


class _Smtp(socketserver.StreamRequestHandler):
    """Takes each mail; what it is and from whom is in the mail itself."""

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            self._say({b"DATA": "354 go on", b"QUIT": "221 bye"}.get(verb, "250 fine"))
            if verb == b"DATA":
                mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append(mail.decode())  # type: ignore[attr-defined]  # see post()
                self._say("250 taken")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


def install() -> None:
    """Make the environment with superlance, once; skip when that cannot be done."""
    if (ENVIRONMENT / "bin" / "httpok").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    (ENVIRONMENT / ".gitignore").write_text("*\n")
    pip = [str(ENVIRONMENT / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, *PINNED], check=False).returncode:
        pytest.skip(f"cannot install {', '.join(PINNED)} into {ENVIRONMENT}")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def python(name: str, code: str, *arguments: str) -> str:
    """Return the table of a program in Python."""
    command = json.dumps([sys.executable, "-c", code, *arguments])
    options = f'startsecs = 0\nstderr_logfile = "{name}.err"\n'
    return f"[program.{name}]\ncommand = {command}\n{options}"


def listener(name: str, events: str, *arguments: str) -> str:
    """Return the table of one of superlance's listeners."""
    command = json.dumps([str(ENVIRONMENT / "bin" / name), *arguments])
    options = f'events = {events}\nstderr_logfile = "{name}.err"\n'
    return f"[eventlistener.{name}]\ncommand = {command}\n{options}"


def configuration(url_port: int, smtp_port: int) -> str:
    """Return the listeners and what they look after."""
    once = "autostart = false\nautorestart = false\nstartsecs = 0"
    hopeless = "autostart = false\nstartretries = 0"
    post = ["-m", "ops@example.org", "-s"]
    url = f"http://127.0.0.1:{url_port}/"
    smtp = ["--toEmail", "ops@example.org", "--fromEmail", "us@example.org"]
    smtp += ["--smtpHost", f"127.0.0.1:{smtp_port}"]
    quick = ["--tickEvent", "TICK_5", "--interval", "0.05"]
    return "\n".join(
        (
            '[unix_http_server]\nfile = "%(here)s/control.sock"\n',
            listener("httpok", '["TICK_5"]', "-p", "web", "-t", "2", *post, "cat >> httpok", url),
            listener("memmon", '["TICK_5"]', "-p", "fat=60MB", *post, "cat >> memmon"),
            listener("crashmail", '["PROCESS_STATE"]', "-a", *post, "cat >> crashmail"),
            listener("fatalmailbatch", '["PROCESS_STATE", "TICK_5"]', *smtp, *quick),
            python("web", SICK_AT_FIRST, str(url_port)),
            python("fat", FAT_AT_FIRST),
            shell("fine", "exit 0", once),
            shell("bad", "exit 3", once),
            shell("one", "exit 1", hopeless),
            shell("two", "exit 1", hopeless),
        )
    )


@pytest.fixture(scope="module", name="post")
def open_post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    """Give a daemon with all four listeners, and prove at the end that nothing is left."""
    install()
    rig = Rig(tmp_path_factory.mktemp("superlance"))
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp) as smtp:
        mails: list[str] = []
        smtp.mails = mails  # type: ignore[attr-defined]  # what handlers are given is the server
        threading.Thread(target=smtp.serve_forever).start()
        rig.write(configuration(free_port(), smtp.server_address[1]))
        try:
            rig.start()
            yield Post(rig, mails)
        finally:
            smtp.shutdown()
            rig.close()


def restarted_pid(rig: Rig, name: str) -> int:
    """Wait until a program is in its second life; return the pid of that."""
    until(lambda: rig.rows()[name].spawns == 2, f"another {name}")
    return rig.settle(ProcessState.RUNNING, name)[name]


def test_httpok_restarts_what_answers_badly_and_leaves_what_is_well(post: Post) -> None:
    pid = restarted_pid(post.rig, "web")
    until(lambda: post.rig.text("httpok"), "a mail")

    assert "Subject: httpok: http://127.0.0.1" in post.rig.text("httpok")
    assert "web restarted" in post.rig.text("httpok")
    until(lambda: '" 200 ' in post.rig.text("web.err"), "another look")
    assert post.rig.rows()["web"].pid == pid


def test_memmon_restarts_what_uses_too_much_memory(post: Post) -> None:
    pid = restarted_pid(post.rig, "fat")
    until(lambda: post.rig.text("memmon"), "a mail")

    assert "memmon.py restarted the process named fat:fat" in post.rig.text("memmon")
    until(lambda: post.rig.text("memmon.err").count("RSS of fat:fat") >= 2, "another look")
    assert post.rig.rows()["fat"].pid == pid


def test_crashmail_mails_upon_an_exit_that_was_not_expected(post: Post) -> None:
    post.rig.ctl("start", "fine")
    post.rig.settle(ProcessState.EXITED, "fine")
    post.rig.ctl("start", "bad")

    until(lambda: "bad" in post.rig.text("crashmail"), "a mail")

    mail = post.rig.text("crashmail")
    assert "Subject:  bad crashed at" in mail
    assert "Process bad in group bad exited unexpectedly (pid " in mail
    assert "from state RUNNING" in mail
    assert "fine" not in mail


def test_fatalmailbatch_tells_of_all_that_is_fatal_in_one_mail(post: Post) -> None:
    until(lambda: 0.5 < time.time() % 5 < 2.5, "time enough before the next tick")
    post.rig.ctl("start", "one", "two")

    until(lambda: post.mails, "a mail")

    (mail,) = post.mails
    assert "Fatal start alert from supervisord" in mail
    for name in ("one", "two"):
        assert f"Process {name}:{name} failed to start too many times" in mail


def test_all_listeners_live_on(post: Post) -> None:
    rows = post.rig.rows()

    for name in ("httpok", "memmon", "crashmail", "fatalmailbatch"):
        assert (rows[name].state, rows[name].spawns) == (ProcessState.RUNNING, 1)
        assert rows[name].events_lost == 0
