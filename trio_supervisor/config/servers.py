"""``[unix_http_server]`` and ``[inet_http_server]``, plain and named: the listeners.

Who reaches a listener may run programs, so one that other machines reach must have a password.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, TypeVar

from trio_supervisor.config.paths import absolute
from trio_supervisor.source.values import inet_address
from trio_supervisor.spec import InetServerSection, InetServerSpec, UnixServerSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_supervisor.config.judge import Judge
    from trio_supervisor.source.tree import Path

    Section = TypeVar("Section", UnixServerSpec, InetServerSection)


_OPEN = (
    "listens on {where} without a password, and who connects may run programs "
    "(add username and password, or listen on 127.0.0.1:{port} only)"
)
_LOOPBACK_NET, _IPV4 = 127, 4
_IPV6_LOOPBACK = b"\0" * 15 + b"\1"


def unix_servers(judge: Judge, base: str) -> tuple[UnixServerSpec, ...]:
    """Make the specs of all control sockets, their paths absolute."""
    return tuple(
        UnixServerSpec(**{**values, "file": absolute(base, values["file"])})
        for _, values in _servers(judge, "unix_http_server", UnixServerSpec)
        if "file" in values
    )


def inet_servers(judge: Judge) -> tuple[InetServerSpec, ...]:
    """Make the specs of all TCP listeners."""
    specs = []
    for path, values in _servers(judge, "inet_http_server", InetServerSection):
        if "port" not in values:
            continue
        try:
            host, port = inet_address(values.pop("port"))
        except ValueError as error:
            judge.error((*path, "port"), str(error))
            continue
        spec = InetServerSpec(host=host, port=port, **values)
        if spec.password is None and not is_loopback(host):
            judge.error((*path, "port"), _OPEN.format(where=host or "all addresses", port=port))
        specs.append(spec)
    return tuple(specs)


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches a host; a name is looked up nowhere."""
    if host == "localhost":
        return True
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            packed = socket.inet_pton(family, host)
        except OSError:
            continue
        return packed[0] == _LOOPBACK_NET if len(packed) == _IPV4 else packed == _IPV6_LOOPBACK
    return False


def _servers(
    judge: Judge, section: str, spec: type[Section]
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Visit the sections of one kind, converted; the plain one is optional beside named ones."""
    table = judge.source.tree.get(section)
    if not isinstance(table, dict):
        return
    named = {name: value for name, value in table.items() if isinstance(value, dict)}
    plain = {name: value for name, value in table.items() if name not in named}
    tables: list[tuple[Path, dict[str, Any]]] = [
        ((section, name), value) for name, value in named.items()
    ]
    if plain or not named:
        tables.insert(0, ((section,), plain))
    for path, given in tables:
        values = judge.values(path, given, spec)
        if (values.get("username") is None) != (values.get("password") is None):
            missing = "password" if "username" in values else "username"
            judge.error(path, f"has no {missing} (give both username and password, or neither)")
        yield path, values
