"""Where the daemon listens, as its configuration says, and the address that clients look for."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from trio_supervisor.daemon.listeners import Listener, listen
from trio_supervisor.errors import SupervisorError
from trio_supervisor.source.address import (
    Address,
    address_path,
    default_socket_path,
    write_address,
)
from trio_supervisor.spec import UnixServerSpec

if TYPE_CHECKING:
    from trio_supervisor.spec import Configuration, InetServerSpec

log = logging.getLogger(__name__)


class Doors:
    """The listeners of a configuration. ``changed`` is set, and replaced, when they change."""

    def __init__(self, configuration: Configuration) -> None:
        self.listeners: list[Listener] = []
        self.changed = trio.Event()
        self._address_path = address_path(configuration.path)
        try:
            for server in servers_of(configuration):
                self.listeners.append(listen(server))
        except SupervisorError:
            self.close()
            raise
        self._leave_address(configuration)

    @property
    def url(self) -> str:
        """The address that programs are given."""
        return self.listeners[0].url

    def probe(self, configuration: Configuration) -> None:
        """Raise SupervisorError if `adopt` could not listen where it does not do so yet."""
        for server in servers_of(configuration):
            if not any(listener.is_at(server) for listener in self.listeners):
                listen(server).close()

    def adopt(self, configuration: Configuration) -> None:
        """Listen where another configuration says; what cannot be opened is logged."""
        found = []
        for server in servers_of(configuration):
            try:
                found.append(self._open(server))
            except SupervisorError as problem:
                log.error("%s", problem)  # noqa: TRY400  # the user's mistake
        self.listeners = found or self.listeners
        self._leave_address(configuration)
        self.changed.set()
        self.changed = trio.Event()

    def _open(self, server: UnixServerSpec | InetServerSpec) -> Listener:
        """Return the listener of a server: the one there is, on the same socket, or a new one."""
        for listener in self.listeners:
            if listener.server == server:
                return listener
            if listener.is_at(server):
                return listener.hand_over(server)
        return listen(server)

    def close(self) -> None:
        """Close all, and take the address away."""
        for listener in self.listeners:
            listener.close()
        with suppress(OSError):
            os.unlink(self._address_path)

    def _leave_address(self, configuration: Configuration) -> None:
        """Spare clients the reading of the configuration, unless it takes a password to ask."""
        control, server = configuration.supervisorctl, self.listeners[0].server
        with suppress(OSError):
            os.unlink(self._address_path)
        if control.username or control.password or server.password:
            return
        history = os.path.expanduser(control.history_file or "")
        address = Address(
            control.serverurl or self.url,
            prompt=control.prompt,
            history_file=os.path.join(configuration.base, history) if history else "",
        )
        try:
            write_address(self._address_path, address)
        except OSError as problem:
            # a full disk: a client finds the same in the configuration, only more slowly
            log.warning("cannot write %s: %s", self._address_path, problem.strerror)


def servers_of(configuration: Configuration) -> list[UnixServerSpec | InetServerSpec]:
    """Return all that is configured; without any, a socket that both sides find."""
    found: list[UnixServerSpec | InetServerSpec] = []
    found += configuration.unix_servers
    found += configuration.inet_servers
    return found or [UnixServerSpec(file=default_socket_path(configuration.path))]
