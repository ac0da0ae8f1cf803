"""Two daemons with one configuration, ours and supervisor's, and what each answers to the same.

Both are driven by supervisor's own supervisorctl and by XML-RPC from the standard library.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from xmlrpc.client import Fault, ProtocolError, ServerProxy

from rig import PATIENCE, Rig, until
from unix_rpc import UnixTransport

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Step = tuple[Any, ...]
"""``ctl`` and words, ``rpc``, method and arguments, ``edit`` and what becomes what in the
configuration, ``follow`` and words and what comes at last (``sees``: if only that is the same), or
``settle`` and names.
"""

STDERR = "\nstderr: "
"""What stands between the answer of a command and what it said on stderr."""

VARIABLE = (
    (re.compile(r"pid \d+, uptime \d:\d\d:\d\d"), "pid N, uptime U"),
    (re.compile(r"\b[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M\b"), "DATE"),
    (re.compile(r"DIR/[\w-]+---supervisor-[\w-]+\.log"), "auto"),
    (re.compile(r"\b[1-9]\d{8,}\b"), "TIME"),
    (re.compile(r"('pid': )[1-9]\d*"), r"\1N"),
    (re.compile(r"(?m)^[1-9]\d+$"), "N"),
)
"""What is different in any two runs."""


class Side:
    """One daemon, in a directory of its own."""

    def __init__(self, directory: Path, daemon: Path, control: Path, configuration: str) -> None:
        directory.mkdir()
        self.rig = Rig(directory)
        self.control = control
        self._socket = directory / "s.sock"
        self.file = directory / "supervisord.conf"
        self.file.write_text(configuration)
        self.daemon = self.rig.launch(str(daemon), "-n", "-c", str(self.file))
        until(self._answers, "an answer")

    def _answers(self) -> bool:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(self._socket))
            return True
        return False

    def take(self, step: Step) -> str:
        """Do one step; return what it told, without what is never the same."""
        match step:
            case ("ctl", *words):
                told = self._ctl(*words)
            case ("rpc", method, *arguments):
                told = self._rpc(method, arguments)
            case ("follow", *words, awaited):
                told = self._follow(awaited, *words)
            case ("sees", *words, awaited):
                told = str(awaited in self._follow(awaited, *words))
            case ("settle", *names):
                until(lambda: self._is_settled(names), f"{names} to run")
                told = ""
            case ("edit", old, new):
                self.file.write_text(self.file.read_text().replace(old, new))
                told = ""
            case _:
                raise AssertionError(step)
        told = told.replace(str(self.rig.directory), "DIR")
        for pattern, word in VARIABLE:
            told = pattern.sub(word, told)
        return told

    def _command(self, *words: str) -> list[str]:
        return [str(self.control), "-c", str(self.file), *words]

    def _ctl(self, *words: str) -> str:
        done = subprocess.run(
            self._command(*words),
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        return f"{done.stdout}({done.returncode}){STDERR}{done.stderr}"

    def _is_settled(self, names: Iterable[str]) -> bool:
        lines = self._ctl("status", *names).partition("(")[0].splitlines()
        return all(" RUNNING " in line for line in lines)

    def _follow(self, awaited: str, *words: str) -> str:
        """Return what a command that does not end tells until something awaited came."""
        with subprocess.Popen(
            self._command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            assert process.stdout is not None
            told = b""
            timer = threading.Timer(PATIENCE, process.kill)
            timer.start()
            descriptor = process.stdout.fileno()
            while awaited.encode() not in told and (more := os.read(descriptor, 4096)):
                told += more
            timer.cancel()
            process.terminate()
        return told.decode()

    def _rpc(self, method: str, arguments: list[Any]) -> str:
        proxy = ServerProxy("http://localhost", transport=UnixTransport(str(self._socket)))
        try:
            answer = getattr(proxy, method)(*arguments)
        except Fault as fault:
            return f"fault {fault.faultCode} {fault.faultString}"
        except ProtocolError as problem:
            return f"status {problem.errcode}"
        finally:
            proxy("close")()
        return str(_sorted(answer))

    def close(self) -> None:
        """End it, and prove that nothing of it is left."""
        self.rig.close()


def _sorted(value: Any) -> Any:
    """Bring what has no order of its own into one: the keys of structs, results of groups."""
    match value:
        case dict():
            return {name: _sorted(value[name]) for name in sorted(value)}
        case list() if value and all(isinstance(one, dict) and "status" in one for one in value):
            return sorted(map(_sorted, value), key=lambda one: (one["group"], one["name"]))
        case list():
            return [_sorted(one) for one in value]
        case _:
            return value
