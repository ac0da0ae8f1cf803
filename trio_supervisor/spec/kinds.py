"""Programs that are more than that: ``[eventlistener:x]`` and ``[fcgi-program:x]``."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from trio_supervisor.spec.programs import ProgramSpec
from trio_supervisor.spec.types import (
    Backlog,
    Integer,
    Mode,
    Names,
    Owner,
    Seconds,
)


class ListenerSpec(ProgramSpec, frozen=True, kw_only=True):
    """One process of ``[eventlistener:x]``: a program that is told of events on its stdin."""

    events: Annotated[
        Names,
        Meta(
            description="The types of events it is told of, such as PROCESS_STATE or TICK_60; one "
            "that has types below it stands for them all."
        ),
    ]
    buffer_size: Annotated[
        Integer,
        Meta(
            ge=1,
            le=100_000,
            description="How many events may wait for it; when more come, the oldest are lost.",
        ),
    ] = 1000
    event_timeout: Annotated[
        Seconds,
        Meta(
            description="After how many seconds with one event it is taken for stuck, and "
            "replaced; 0 means never."
        ),
    ] = 300.0
    result_handler: Annotated[
        str,
        Meta(description="Accepted for compatibility: OK means done, all else that it refuses."),
    ] = "supervisor.dispatchers:default_handler"
    priority: Annotated[
        Integer,
        Meta(
            description="Its place in the order: before all programs that have no priority set, "
            "so that it hears of their start and of their end."
        ),
    ] = -1


class FcgiProgramSpec(ProgramSpec, frozen=True, kw_only=True):
    """One process of ``[fcgi-program:x]``, whose stdin is a listening socket."""

    socket: Annotated[
        str,
        Meta(
            description="The socket that all its processes accept connections from, as their "
            "stdin: tcp://host:port or unix:///path."
        ),
    ]
    socket_backlog: Annotated[
        Backlog | None,
        Meta(
            description="How many connections may wait to be accepted; as many as the system "
            "allows unless set.",
        ),
    ] = None
    socket_owner: Annotated[
        Owner | None,
        Meta(
            description="The owner of a unix socket as user or user:group; the program's user "
            "unless set."
        ),
    ] = None
    socket_mode: Annotated[
        Mode | None,
        Meta(description='The mode of a unix socket, octal: who may connect; "0700" unless set.'),
    ] = None
