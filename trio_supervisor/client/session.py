"""What the commands of one call share: the daemon they talk to, and the exit code so far."""

from __future__ import annotations

import sys

from trio_supervisor.client.connection import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from trio_supervisor.client.connection import Reply
    from trio_supervisor.protocol.messages import Message
    from trio_supervisor.source.address import Address


class Session:
    """The connection is opened by the first request of a command, and closed after each command.

    So a shell outlives the daemon it talked to. ``exit_code`` is that of the last thing that
    went wrong, as in supervisorctl. With ``is_lost`` neither an address was given nor a
    configuration found: the address is only where supervisorctl looks then. ``also`` are commands
    that there are besides those of the client.
    """

    def __init__(
        self,
        address: Address,
        *,
        configuration: str | None = None,
        is_interactive: bool = False,
        is_lost: bool = False,
        also: tuple[str, ...] = (),
    ) -> None:
        self.address = address
        self.configuration = configuration
        self.is_lost = is_lost
        self.also = also
        self.is_interactive = is_interactive
        self.wants_json = False
        self.exit_code = 0
        self._connection: Connection | None = None

    def ask(self, message: Message, kind: type[Reply]) -> Reply:
        return self.connection().ask(message, kind)

    def stream(self, message: Message) -> Generator[Message, None, None]:
        return self.connection().stream(message)

    def say(self, line: str) -> None:
        """Write a line of the answer to stdout."""
        print(line)

    def hint(self, line: str) -> None:
        """Write what is no part of the answer to stderr, after what was said before it."""
        sys.stdout.flush()
        print(line, file=sys.stderr)

    def fail(self, exit_code: int = 1) -> None:
        self.exit_code = exit_code

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def connection(self) -> Connection:
        """Return the connection of this command, opened by the first who asks."""
        if self._connection is None:
            self._connection = Connection.open(self.address)
        return self._connection
