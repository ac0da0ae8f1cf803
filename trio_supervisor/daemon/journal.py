"""The logs of several processes as one stream: pieces, each with the time when it came.

Whoever reads them puts them into order: first what each log has, one after the other, then what
comes to any of them.
"""

from __future__ import annotations

import os
import time
from collections import deque
from typing import TYPE_CHECKING

import trio

from trio_supervisor.console.words import words_of
from trio_supervisor.daemon.tails import CHUNK, take_next
from trio_supervisor.errors import Fault
from trio_supervisor.protocol.messages import Action, Done, End, LogPart, Message, Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator

    from trio_supervisor.daemon.events import EventBus
    from trio_supervisor.daemon.farewell import Farewell
    from trio_supervisor.daemon.logfile import LogFile
    from trio_supervisor.daemon.program import Program
    from trio_supervisor.protocol.messages import Event, GetLogs

LIMIT = 1024 * 1024
"""Bytes that a reader may be behind before it loses the oldest."""
MOST = 8 * 1024 * 1024
"""Bytes of one log that are sent at the most."""
_BLOCK = 64 * 1024
_LEAST = 200
"""Bytes that an event counts as, at least: a reader who is behind may not have any number."""


class _Journal:
    """What has come to the logs of some processes and was not sent yet, and what became of them."""

    wants_ticks = False

    def __init__(self) -> None:
        self._items: deque[LogPart | Event] = deque()
        self._size = self._lost = 0
        self._is_over = False
        self._arrived = trio.Event()
        self._followed: list[tuple[LogFile, _Ear]] = []

    def follow(self, file: LogFile, part: LogPart) -> None:
        """Hear what comes to a log from now on; ``part`` says whose it is."""
        ear = _Ear(self, part)
        file.followers.add(ear)
        self._followed.append((file, ear))

    def close(self) -> None:
        """Hear nothing more."""
        for file, ear in self._followed:
            file.followers.discard(ear)

    def add(self, item: LogPart | Event) -> None:
        """Queue a piece or an event; the oldest go when the reader is too far behind."""
        self._items.append(item)
        self._size += _size_of(item)
        while self._size > LIMIT:
            oldest = self._items.popleft()
            self._size -= _size_of(oldest)
            self._lost += len(oldest.data)
        self._arrived.set()

    def offer(self, event: Event) -> None:
        """Queue an event that a console tells."""
        if words_of(event):
            self.add(event)

    def end(self) -> None:
        """Let the reader know that nothing more will come."""
        self._is_over = True
        self._arrived.set()

    async def take(self) -> LogPart | Event | None:
        """Wait for the oldest item; None when there is none, and none will come."""
        while not self._items:
            if self._is_over:
                return None
            self._arrived = trio.Event()
            await self._arrived.wait()
        item = self._items.popleft()
        self._size -= _size_of(item)
        if isinstance(item, LogPart):
            item, self._lost = item.replace(lost=self._lost), 0
        return item


def _size_of(item: LogPart | Event) -> int:
    return len(item.data) if isinstance(item, LogPart) else _LEAST + len(item.detail)


class _Ear:
    """Hears what comes to one log."""

    def __init__(self, journal: _Journal, part: LogPart) -> None:
        self._journal = journal
        self._part = part

    def offer(self, data: bytes) -> None:
        """Take note of what was written."""
        for at in range(0, len(data), CHUNK):
            piece = self._part.replace(time=time.time(), data=data[at : at + CHUNK])
            self._journal.add(piece)

    def close(self) -> None:
        """Nothing more will come of it."""


async def logs(
    programs: Iterable[Program],
    unknown: Iterable[Outcome],
    wanted: GetLogs,
    bus: EventBus,
    farewell: Farewell,
) -> AsyncGenerator[Message, None]:
    """Yield the pieces of what the programs wrote; with ``follow``, Done, and what comes."""
    journal = _Journal()
    if wanted.events:
        bus.attach(journal)
    try:
        for outcome in unknown:
            yield outcome
        for program in programs:
            async for piece in _begin(journal, program, wanted):  # closed with us
                yield piece
        if wanted.follow:
            yield Done()
        else:
            journal.end()
        with farewell.until_down(journal.end):
            while (item := await journal.take()) is not None:
                yield item
            yield End()
    finally:
        journal.close()
        bus.detach(journal)


async def _begin(
    journal: _Journal, program: Program, wanted: GetLogs
) -> AsyncGenerator[Message, None]:
    """Yield what the logs of a program have, and hear what comes to them if that is wanted."""
    for part, file in _files_of(program):
        if wanted.follow:
            journal.follow(file, part)
        if wanted.lines != 0:
            async for piece in _past(part, file, wanted):  # closed with us
                yield piece
    if not program.logs.files:
        yield _refusal(program.rank.group, program.rank.name, "no log file")


def _files_of(program: Program) -> Iterator[tuple[LogPart, LogFile]]:
    for channel, file in program.logs.files.items():
        yield LogPart(program.rank.group, program.rank.name, channel, None, b""), file


async def _past(part: LogPart, file: LogFile, wanted: GetLogs) -> AsyncGenerator[Message, None]:
    """Yield what a log has; nothing can come between its size and the first that is heard."""
    pieces = _pieces(file, wanted)
    try:
        while found := await take_next(file, pieces, None):
            yield part.replace(time=found[0], data=found[1])
    except OSError as problem:
        why = f"{file.path}: {problem.strerror or problem}"
        yield _refusal(part.group, part.name, why)


def _refusal(group: str, name: str, why: str) -> Outcome:
    return Outcome(Action.FOUND, group, name, Fault.NO_FILE, why)


def _pieces(file: LogFile, wanted: GetLogs) -> Iterator[tuple[float | None, bytes]]:
    """Read what is wanted of a log; OSError when there is no file to read from."""
    with file.reading() as opened:
        size = opened.seek(0, os.SEEK_END)
        begin = max(0, size - MOST)
        if wanted.since is not None:
            begin = max(begin, file.marks.first_since(wanted.since, size))
        if wanted.lines is not None:
            begin = max(begin, _last_lines(opened.fileno(), size, wanted.lines))
        for span in list(file.marks.spans(begin, size)):
            opened.seek(span.begin)
            left = span.end - span.begin
            while left and (data := opened.read(min(left, CHUNK))):
                left -= len(data)
                yield span.time, data


def _last_lines(fd: int, size: int, count: int) -> int:
    """Return where the last lines of a file begin."""
    end = size
    missing = count
    while end and size - end < MOST:
        block = os.pread(fd, min(_BLOCK, end), max(0, end - _BLOCK))
        if end == size and block.endswith(b"\n"):
            missing += 1  # its own end, and that of the line before them
        if (found := block.count(b"\n")) >= missing:
            at = len(block)
            for _ in range(missing):
                at = block.rindex(b"\n", 0, at)
            return end - len(block) + at + 1
        missing -= found
        end -= len(block)
    return end
