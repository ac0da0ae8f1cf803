"""A second `up`, and what `up -d` does after the start: clients of the daemon that runs."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress

from trio_supervisor.errors import ProtocolError, SupervisorError
from trio_supervisor.source.shown import command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.client.session import Session
    from trio_supervisor.protocol.messages import AvailableProcess

STILL_RUNNING = "still running; trio-supervisor down stops it"
FAILED = 1


def find(configuration: str) -> Session | None:
    """Return a session with the daemon of a configuration; None when there is none."""
    from trio_supervisor.client.connection import UnreachableError
    from trio_supervisor.client.session import Session
    from trio_supervisor.protocol.messages import GetInfo, Info
    from trio_supervisor.source.address import address_path, read_address

    address = read_address(address_path(configuration))
    if address is None:
        return None
    session = Session(address, configuration=configuration)
    try:
        session.ask(GetInfo(), Info)
    except (UnreachableError, ProtocolError):
        return None  # it is just going, or never tidied up: the lock decides
    return session


def join(session: Session, names: tuple[str, ...], given: Mapping[str, str]) -> int:
    """Start what is missing, and show output until Ctrl-C, which leaves all as it is."""
    from trio_supervisor.client.journal import follow
    from trio_supervisor.client.logs import ENDED

    signal.signal(signal.SIGINT, signal.default_int_handler)
    targets = chosen(session, names)
    try:
        with suppress(ProtocolError):  # it was killed
            follow(session, given, lambda: _begin(session, targets))
        session.hint(ENDED)
    except KeyboardInterrupt:
        session.hint(STILL_RUNNING)
    sys.stdout.flush()
    return 0


def _begin(session: Session, targets: tuple[str, ...]) -> None:
    """Say that all will be shown from this moment on, and what runs; start what is missing."""
    from trio_supervisor.client.processes import snapshot
    from trio_supervisor.client.render import summary
    from trio_supervisor.client.session import Session

    session.hint("already running: showing its output from now on; Ctrl-C leaves it running")
    other = Session(session.address)
    try:
        session.hint(summary(snapshot(other, ())[0]))
    finally:
        other.close()
    start(session, targets)


def chosen(session: Session, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the processes that names mean, as they do for `up`; without names, all autostarted.

    Raises SupervisorError for a name that is none.
    """
    from trio_supervisor.client.processes import available
    from trio_supervisor.daemon.targets import means

    rows = [row for row in available(session) if row.in_use]

    def is_meant(row: AvailableProcess, name: str) -> bool:
        return means(name, row.group, row.name, row.program)

    for name in names:
        if not any(is_meant(row, name) for row in rows):
            known = ", ".join(sorted({row.name for row in rows}))
            raise SupervisorError(f"no process or group is called {name!r} (there are: {known})")
    return tuple(
        f"{row.group}:{row.name}"
        for row in rows
        if (any(is_meant(row, name) for name in names) if names else row.autostart)
    )


def start(session: Session, targets: tuple[str, ...]) -> int:
    """Start what of the targets is down, but for what has done its work; return how many."""
    from trio_supervisor.client import render
    from trio_supervisor.client.processes import outcomes, snapshot
    from trio_supervisor.client.session import Session
    from trio_supervisor.lifecycle import STOPPED_STATES, ProcessState
    from trio_supervisor.protocol.messages import Start

    other = Session(session.address)
    try:
        missing = tuple(
            f"{row.group}:{row.name}"
            for row in (snapshot(other, targets)[0] if targets else ())
            if row.state in STOPPED_STATES
            and not (row.state is ProcessState.EXITED and row.returncode == 0)
        )
        for outcome in outcomes(other, Start(missing, wait=False)) if missing else ():
            session.hint(render.outcome_line(outcome))
        return len(missing)
    finally:
        other.close()


def tell_start(session: Session) -> None:
    """Say, on stderr, how many processes a new daemon has started, and how to go on."""
    from trio_supervisor.client.processes import snapshot
    from trio_supervisor.client.render import namespec
    from trio_supervisor.lifecycle import ProcessState

    rows = snapshot(session, ())[0]
    failed = [row for row in rows if row.state is ProcessState.FATAL]
    count = sum(row.wanted or row.spawns > 0 for row in rows if row not in failed)
    words = f"{count} process{'' if count == 1 else 'es'} started"
    if failed:
        words += f"; FATAL: {', '.join(namespec(row.group, row.name) for row in failed)}"
    session.hint(f"{words}; {how_to_go_on(session)}")


def how_to_go_on(session: Session) -> str:
    """Say how to see and stop what runs in the background."""
    assert session.configuration is not None
    launcher = command("trio-supervisor", session.configuration, sys.argv[0])
    return f"{launcher} logs -f shows the output, {launcher} down stops everything"


def wait(session: Session, names: tuple[str, ...], timeout: float | None) -> int:
    """Wait until what names mean is up; tell what is not."""
    from trio_supervisor.client.stack import wait_for
    from trio_supervisor.protocol.messages import Wait

    targets = chosen(session, names)
    if targets:
        wait_for(session, Wait(targets, timeout=timeout))
    return FAILED if session.exit_code else 0
