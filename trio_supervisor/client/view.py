"""The console of a client: what comes from the daemon, on stdout, as the first `up` shows it."""

from __future__ import annotations

import os
import select
import sys
import time

from trio_supervisor.client.processes import available, snapshot
from trio_supervisor.console.board import Board
from trio_supervisor.console.escapes import Stripped, only_colours
from trio_supervisor.console.labels import Labels
from trio_supervisor.console.style import Style, wants_colour
from trio_supervisor.console.words import words_of
from trio_supervisor.lifecycle import ProcessState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trio_supervisor.client.connection import Connection
    from trio_supervisor.client.session import Session
    from trio_supervisor.console.speaker import ConsoleSink
    from trio_supervisor.protocol.messages import Event

    Key = tuple[str, str, int]


def open_view(session: Session, given: Mapping[str, str], targets: tuple[str, ...] = ()) -> View:
    """Return a view of what the targets mean (none: of everything), coloured as by `up`."""
    rows = available(session)
    rows.sort(key=lambda row: (row.group_priority, row.group, row.priority, row.name))
    labels = Labels((row.group, row.name) for row in rows)
    shown = [labels.of(row.group, row.name) for row in snapshot(session, targets)[0]]
    return View(given, labels, shown if targets else labels.all)


class View(Board):
    """Lines of programs, each in its colour; ``shown`` are the labels that need room."""

    def __init__(self, given: Mapping[str, str], labels: Labels, shown: Iterable[str]) -> None:
        is_asked = "--color" in given or "--no-color" in given
        asked = "--no-color" not in given if is_asked else None
        self._moment = 0.0
        style = Style(
            is_coloured=wants_colour(sys.stdout.isatty(), os.environ, asked),
            has_times="-t" in given or "--timestamps" in given,
            width=max(map(len, shown), default=0),
            now=lambda: self._moment,
        )
        super().__init__(style, labels.all, clock=time.monotonic)
        self._labels = labels
        self._sinks: dict[Key, tuple[Stripped, ConsoleSink]] = {}

    def take(self, key: Key, moment: float, data: bytes) -> None:
        """Show bytes of a log that came at a moment; 0: nobody knows."""
        self._moment = moment
        if key not in self._sinks:
            sink = self.sink(self._labels.of(*key[:2]))
            self._sinks[key] = Stripped([sink], only_colours), sink
        self._sinks[key][0].write(data)

    def tell(self, event: Event) -> None:
        """Show what has become of a process."""
        self._moment = event.time
        if text := words_of(event):
            self.say(self._labels.of(event.group, event.name), text)
        if event.to_state not in {None, ProcessState.RUNNING}:
            self._finish(event.group, event.name)

    def _finish(self, group: str, name: str) -> None:
        """End the lines of a process: its next run will not go on with them."""
        for key, sinks in self._sinks.items():
            if key[:2] == (group, name):
                for sink in sinks:
                    sink.finish_line()

    def wait(self, connection: Connection) -> None:
        """Wait until the daemon tells more; meanwhile show what has no end yet."""
        while not connection.has_more:
            sys.stdout.buffer.flush()
            due = self.part_due
            patience = None if due is None else max(0.0, due - self.clock())
            if select.select([connection], [], [], patience)[0]:
                return
            self.show_parts()

    def finish(self) -> None:
        """Show what has no end."""
        self.finish_lines()
        sys.stdout.buffer.flush()

    def _write(self, data: bytes) -> bool:
        sys.stdout.buffer.write(data)
        self._is_at_start = data.endswith(b"\n")
        return True
