"""Programs on pseudo-terminals of their own, and a census of all that a test started.

Everything a `Bench` starts carries a mark in its environment, and so does what that starts in
turn: whoever still has it at the end was left behind, whatever it calls itself. A test whose
processes lose their environment gives them the mark as an argument.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import termios
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 20.0
PIECE = 256
"""Bytes that are typed at once: more could wait for ever where nobody reads."""
CTRL_C = "\x03"
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


def until(predicate: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait until something from outside holds; AssertionError when it does not come."""
    deadline = time.monotonic() + patience
    while not predicate():
        assert time.monotonic() < deadline, f"waited {patience:g} s for {what}"
        time.sleep(0.05)


class Terminal:
    """A program whose controlling terminal we are; all that it shows is kept."""

    def __init__(self, command: list[str], directory: Path, environment: dict[str, str]) -> None:
        self._ours, theirs = os.openpty()
        # a session leader without a terminal gets the first one that it opens: tty_ioctl(4)
        opening = f'exec "$@" <>{os.ttyname(theirs)} >&0 2>&0'
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", opening, "sh", *command],
            cwd=directory,
            env=environment,
            start_new_session=True,
        )
        self._theirs = theirs  # kept until the end: without any opener, reading would fail early
        self._shown = b""
        self._read_so_far = 0
        self._news = threading.Condition()
        self._bell = os.pipe()
        self._is_open = True
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code of the program, None while it runs."""
        return self._process.poll()

    @property
    def shown(self) -> bytes:
        """What was shown so far, just as it was."""
        return self._shown

    @property
    def text(self) -> str:
        """What was shown so far, without colours, its lines ended by a plain newline."""
        return _plain(self._shown)

    def expect(self, words: str, patience: float = PATIENCE) -> str:
        """Wait for words that were not waited for before; return what was shown up to them."""
        with self._news:
            found = self._news.wait_for(lambda: words in self._unread(), patience)
            unread = self._unread()
            assert found, f"no {words!r} within {patience:g} s in {unread!r}"
            before = unread[: unread.index(words) + len(words)]
            self._read_so_far += len(before)
            return before

    def has(self, words: str) -> bool:
        """Tell whether `expect` would return at once."""
        return words in self._unread()

    def type(self, keys: str) -> None:
        """Type, as somebody at the keyboard."""
        left = keys.encode()
        while left:
            ready = select.select([], [self._ours], [], PATIENCE)[1]
            assert ready, f"nobody takes what is typed: {left[:100]!r}"
            left = left[os.write(self._ours, left[:PIECE]) :]

    def resize(self, rows: int, columns: int) -> None:
        """Make the window larger or smaller."""
        termios.tcsetwinsize(self._ours, (rows, columns))

    def wait(self, patience: float = PATIENCE) -> int:
        """Wait for the end of the program; return its exit code."""
        code = self._process.wait(patience)
        self._close()
        return code

    def hang_up(self) -> None:
        """Close the window over whatever runs in it."""
        os.write(self._bell[1], b"!")  # what is being read is not closed: the reader leaves first
        self._reader.join()
        self._close()

    def close(self) -> None:
        """Kill the program if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._close()

    def _unread(self) -> str:
        return self.text[self._read_so_far :]

    def _read(self) -> None:
        with suppress(OSError):  # EIO: nobody has the terminal open any more
            while self._may_read() and (data := os.read(self._ours, 65536)):
                with self._news:
                    self._shown += data
                    self._news.notify_all()

    def _may_read(self) -> bool:
        """Wait for something to read; say no when the window is being closed."""
        return self._bell[0] not in select.select([self._ours, self._bell[0]], [], [])[0]

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            os.close(self._theirs)
            self._reader.join()
            for descriptor in (self._ours, *self._bell):
                os.close(descriptor)


class Bench:
    """Starts programs in a directory, and knows which of them, and of theirs, are alive."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.directory = directory
        self.mark = uuid.uuid4().hex
        inherited = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        self._environment = {**inherited, "TERM": "dumb", **environment, "TEST_MARK": self.mark}
        self._terminals: list[Terminal] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind, even of a test that failed."""
        until(self._kill, "the last process to die")
        for terminal in self._terminals:
            terminal.close()

    def open(self, *command: str) -> Terminal:
        """Start a program on a terminal."""
        terminal = Terminal([*command], self.directory, self._environment)
        self._terminals.append(terminal)
        return terminal

    def run(self, *command: str) -> tuple[str, int]:
        """Run a program on a terminal to its end; return what it showed, and its exit code."""
        terminal = self.open(*command)
        code = terminal.wait()
        return terminal.text, code

    def alive(self) -> dict[int, str]:
        """Return pid and command line of all that we started, directly or not, and that lives."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # gone meanwhile
                words = (process / "cmdline").read_bytes()
                if self.mark.encode() in words + (process / "environ").read_bytes():
                    found[int(process.name)] = words.replace(b"\0", b" ").decode()
        return found

    def _kill(self) -> bool:
        left = self.alive()
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left


def _plain(shown: bytes) -> str:
    return ESCAPES.sub(b"", shown).decode(errors="replace").replace("\r\n", "\n")
