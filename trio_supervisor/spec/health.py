"""Probes of a program: ``ready`` asks until it is true, ``health`` for as long as it runs.

A value of these classes is right by construction: whatever makes one raises ValueError otherwise.
"""

from __future__ import annotations

import shlex
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from trio_supervisor.spec.types import Boolean, Integer, Seconds, Spec

_HIGHEST_PORT = 65535
_Positive = Annotated[float, Meta(gt=0, extra={"language": "seconds"})]
_Interval = Annotated[float, Meta(ge=0.01, extra={"language": "seconds"})]
_Status = Annotated[int, Meta(ge=100, le=599, extra={"language": "integer"})]


class Probe(Spec, frozen=True, kw_only=True):
    """One question to a program that runs, in exactly one of several kinds."""

    KINDS: ClassVar[tuple[str, ...]] = ("http", "tcp", "unix", "exec", "notify")

    http: Annotated[
        str | None,
        Meta(description="A URL (http://host:port/path) that answers with a status of 2xx or 3xx."),
    ] = None
    status: Annotated[
        _Status | None,
        Meta(description="The one status that http is to be answered with."),
    ] = None
    tcp: Annotated[str | None, Meta(description="A host:port that accepts a connection.")] = None
    unix: Annotated[
        str | None, Meta(description="The path of a unix socket that accepts a connection.")
    ] = None
    exec: Annotated[
        str | tuple[str, ...] | None,
        Meta(description="A command, without a shell, that ends with exit status 0."),
    ] = None
    notify: Annotated[
        Boolean, Meta(description="It tells by itself, through the socket in NOTIFY_SOCKET.")
    ] = False

    def __post_init__(self) -> None:
        """Raise ValueError with the remedy for what cannot be asked."""
        given = [kind for kind in self.KINDS if getattr(self, kind) not in (None, False)]
        if len(given) != 1:
            if given:
                raise ValueError(f"asks by {' and '.join(given)} (keep one of them)")
            raise ValueError(f"asks nothing (give it one of {', '.join(self.KINDS)})")
        if self.status is not None and self.http is None:
            raise ValueError("status is for http only (take it out)")
        if self.http is not None:
            http_address(self.http)
        if self.tcp is not None:
            tcp_address(self.tcp)
        if self.exec is not None:
            _check_command(self.exec)

    @property
    def kind(self) -> str:
        """The kind that was chosen."""
        return next(kind for kind in self.KINDS if getattr(self, kind) not in (None, False))


class Ready(Probe, frozen=True, kw_only=True):
    """``ready``: when a program has started in truth. It is asked until that is so."""

    KINDS = (*Probe.KINDS, "log", "delay")

    log: Annotated[
        str | None,
        Meta(description="A regular expression that is found in a line of its stdout or stderr."),
    ] = None
    delay: Annotated[
        _Positive | None, Meta(description="A number of seconds that it has been running.")
    ] = None
    interval: Annotated[
        _Interval | None,
        Meta(description="Seconds between two questions; 0.25 at first, growing to 1, unless set."),
    ] = None
    timeout: Annotated[
        _Positive,
        Meta(description="Seconds after which a program that is not ready has failed to start."),
    ] = 60.0

    def __post_init__(self) -> None:
        """Raise ValueError with the remedy for what cannot be asked."""
        super().__post_init__()
        if self.log is not None:
            _check_expression(self.log)


class Health(Probe, frozen=True, kw_only=True):
    """``health``: whether a program still does its work. It is asked as long as it runs."""

    interval: Annotated[
        _Interval,
        Meta(description="Seconds between two questions; with notify, between two WATCHDOG=1."),
    ] = 10.0
    timeout: Annotated[_Positive, Meta(description="Seconds that an answer may take.")] = 5.0
    retries: Annotated[
        Integer, Meta(ge=1, description="Failures in a row that make it unhealthy.")
    ] = 3
    start_period: Annotated[
        Seconds,
        Meta(description="Seconds from its spawn, or from when it is ready, without failures."),
    ] = 0.0
    success_threshold: Annotated[
        Integer, Meta(ge=1, description="Successes in a row that make it healthy.")
    ] = 1
    on_failure: Annotated[
        Literal["restart", "mark", "stop"],
        Meta(description="What becomes of it when it is unhealthy: mark only says so."),
    ] = "restart"


def _check_command(command: str | tuple[str, ...]) -> None:
    """Raise ValueError for what holds no words."""
    try:
        words = shlex.split(command) if isinstance(command, str) else command
    except ValueError as error:
        raise ValueError(f"exec: {command!r} is no command: {str(error).lower()}") from None
    if not words:
        raise ValueError('exec is empty (example: exec = ["pg_isready", "-q"])')


def _check_host(host: str, text: str, example: str) -> None:
    """Raise ValueError for the name of a host that nobody could look up."""
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError(f"{text!r}: {host!r} is no name of a host {example}") from None


def _check_expression(text: str) -> None:
    """Raise ValueError for what is no regular expression."""
    import regex  # noqa: PLC0415  # few programs have one

    try:
        regex.compile(text)
    except (regex.error, OverflowError, RecursionError) as error:
        raise ValueError(
            f"log: {text!r} is not a regular expression: {error} "
            r"(\ before what is meant literally)"
        ) from None


def http_address(url: str) -> tuple[str, int, str]:
    """Return host, port and what is asked for; raise ValueError for what is no plain HTTP."""
    example = "(example: http://127.0.0.1:8000/health)"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{url!r} has a host or a port that is none {example}") from None
    if parts.scheme == "https":
        raise ValueError(f"{url!r}: probes speak no TLS (use exec = 'curl -fsS {url}')")
    if port == 0:
        raise ValueError(f"{url!r}: nobody listens on port 0 {example}")
    if parts.scheme != "http" or not host:
        raise ValueError(f"{url!r} is not an http URL {example}")
    if parts.username is not None:
        raise ValueError("a URL of a probe has no user and password (use exec = 'curl …')")
    _check_host(host, url, example)
    target = parts.path or "/"
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"{url!r} holds what a URL cannot (write it as %20 and the like)")
    return host, port or 80, f"{target}?{parts.query}" if parts.query else target


def tcp_address(text: str) -> tuple[str, int]:
    """Return host and port of ``host:port`` or ``[host]:port``; raise ValueError for others."""
    example = "(examples: 127.0.0.1:5432, [::1]:5432)"
    host, _, port = text.strip().rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    number = int(port) if port.isascii() and port.isdigit() else 0
    if not bare or not 0 < number <= _HIGHEST_PORT or (":" in bare and bare == host):
        raise ValueError(f"{text!r} is not host:port {example}")
    _check_host(bare, text, example)
    return bare, number
