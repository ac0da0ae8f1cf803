"""``[unix_http_server]`` and ``[inet_http_server]``, plain and named: the listeners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from trio_supervisor.config.paths import absolute
from trio_supervisor.source.values import inet_address
from trio_supervisor.spec import InetServerSection, InetServerSpec, UnixServerSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio_supervisor.config.judge import Judge
    from trio_supervisor.source.tree import Path

    Section = TypeVar("Section", UnixServerSpec, InetServerSection)


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
        else:
            specs.append(InetServerSpec(host=host, port=port, **values))
    return tuple(specs)


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
