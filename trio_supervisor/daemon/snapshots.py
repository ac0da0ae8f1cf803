"""What is there at one moment, as messages: processes, their members, what is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trio_supervisor.daemon.hints import hint
from trio_supervisor.daemon.proc import command_line
from trio_supervisor.errors import Fault
from trio_supervisor.protocol.messages import (
    Action,
    Available,
    AvailableProcess,
    End,
    Member,
    Outcome,
    Statuses,
    Strays,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator

    from trio_supervisor.daemon.supervisor import Supervisor
    from trio_supervisor.daemon.targets import Target
    from trio_supervisor.protocol.messages import Message

    Census = Callable[[], Awaitable[tuple[dict[tuple[str, str], set[int]], set[int]]]]

ROWS = 100
"""Rows of a list that go into one message, far below the limit of a reply."""
MOST_MEMBERS = 2000
"""Members of one process that are told: so many are well below the limit of a reply."""


def status(supervisor: Supervisor, words: Iterable[str]) -> tuple[Message, ...]:
    """Return the rows of what the words name (none: of everything)."""
    rows, unknown = supervisor.snapshot(words)
    chunks = (tuple(rows[at : at + ROWS]) for at in range(0, len(rows), ROWS))
    return (*unknown_outcomes(supervisor, unknown), *map(Statuses, chunks), End())


async def members(
    supervisor: Supervisor, words: tuple[str, ...], census: Census
) -> AsyncGenerator[Message, None]:
    """Yield the rows with the members of each, and after those of everything the strays."""
    found, strays = await census()
    rows, unknown = supervisor.snapshot(words)
    for outcome in unknown_outcomes(supervisor, unknown):
        yield outcome
    for row in rows:
        pids = found.get((row.group, row.name), set())
        yield Statuses((row.replace(members=_members(pids)),))
    if not words or "all" in words:
        yield Strays(_members(strays))
    yield End()


def available(supervisor: Supervisor) -> tuple[Message, ...]:
    """Return what the configured groups hold."""
    rows = [
        AvailableProcess(
            group.name,
            program.process_name,
            group.name in supervisor.groups,
            program.autostart,
            group.priority,
            program.priority,
            tuple(f"{name}={needed.condition}" for name, needed in program.depends_on.items()),
            program.program,
            program.chosen,
        )
        for group in supervisor.configured.values()
        for program in group.programs
    ]
    rows.sort(key=lambda row: (row.name, row.group))
    chunks = (tuple(rows[at : at + ROWS]) for at in range(0, len(rows), ROWS))
    return (*map(Available, chunks), End())


def _members(pids: set[int]) -> tuple[Member, ...]:
    return tuple(Member(pid, command_line(pid)) for pid in sorted(pids)[:MOST_MEMBERS])


def unknown_outcomes(supervisor: Supervisor, targets: Iterable[Target]) -> Iterator[Outcome]:
    """Refuse targets that name nothing, with what was perhaps meant."""
    for target in targets:
        why = hint(supervisor.groups, [target])
        yield Outcome(Action.FOUND, target.group, target.name, Fault.BAD_NAME, why)
