"""How commands with argparse refuse a command line: as the others, which do without it.

They say what is wrong, what was perhaps meant, and where help is; the whole usage would let the
mistake scroll away.
"""

from __future__ import annotations

import argparse
import sys

from trio_supervisor.client.words import meant
from trio_supervisor.daemon.launch import report
from trio_supervisor.errors import SupervisorError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

USAGE_ERROR = 2


class Parser(argparse.ArgumentParser):
    """The parser of one of the launcher's commands."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(prog=f"trio-supervisor {command}", description=description)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and leave."""
        _, is_unknown, words = message.partition("unrecognized arguments: ")
        near = meant(words.split()[0], self._option_string_actions) if is_unknown else ""
        report(self.prog, SupervisorError(message + near))
        sys.exit(USAGE_ERROR)
