"""Which names the daemon answers to, and whether a request was caused by a page of its own.

A name that anybody could let point to this machine (DNS rebinding) would make the page of a
stranger one of ours to a browser; nobody can do so with an address, or with ``localhost``.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from trio_supervisor.config.servers import is_loopback
from trio_supervisor.spec import UnixServerSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.spec import InetServerSpec

OWN_PAGES = frozenset({"same-origin", "none"})
"""What a browser says of a request that one of our pages, or the user, has caused."""


def is_known(host: str, server: UnixServerSpec | InetServerSpec) -> bool:
    """Say whether a ``Host`` may name this server.

    One that other machines reach is known by names that we cannot know; it has a password, which
    no browser gives to a page under another name. No browser leaves the header empty.
    """
    name = _name_in(host)
    if not name or name == "localhost" or name.endswith(".localhost") or _is_address(name):
        return True
    if name == socket.gethostname().lower():
        return True
    if isinstance(server, UnixServerSpec):
        return False
    is_guarded = server.password is not None and not is_loopback(server.host)
    return is_guarded or name == server.host.lower()


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Say whether the page of somebody else has caused a request, as its browser tells.

    Clients that are no browsers tell nothing. ``Sec-Fetch-Site`` is right also where a proxy
    has changed ``Host``; browsers leave it out where there is no TLS, and say ``Origin``. What
    ``Host`` was before, only a proxy can tell: a browser lets no page of another site do so.
    """
    if site := headers.get("sec-fetch-site"):
        return site not in OWN_PAGES
    if (origin := headers.get("origin")) is None:
        return False
    ours = {headers.get(name, "").lower() for name in ("host", "x-forwarded-host")}
    name = origin.lower().partition("://")[2]
    return not name or name not in ours


def _name_in(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().rstrip(".")


def _is_address(name: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name)
        except OSError:
            continue
        return True
    return False
