"""Every command of the client: importing this fills `commands.COMMANDS`."""

from __future__ import annotations

from trio_supervisor.client import (
    attach,
    events,
    foreground,
    graph,
    groups,
    journal,
    logs,
    overview,
    processes,
    server,
    stack,
    timeline,
    why,
)
from trio_supervisor.client.commands import COMMANDS

__all__ = [
    "COMMANDS",
    "attach",
    "events",
    "foreground",
    "graph",
    "groups",
    "journal",
    "logs",
    "overview",
    "processes",
    "server",
    "stack",
    "timeline",
    "why",
]
