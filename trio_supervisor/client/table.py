"""Every command of the client: importing this fills `commands.COMMANDS`."""

from __future__ import annotations

from trio_supervisor.client import (
    events,
    foreground,
    groups,
    journal,
    logs,
    overview,
    processes,
    server,
    stack,
)
from trio_supervisor.client.commands import COMMANDS

__all__ = [
    "COMMANDS",
    "events",
    "foreground",
    "groups",
    "journal",
    "logs",
    "overview",
    "processes",
    "server",
    "stack",
]
