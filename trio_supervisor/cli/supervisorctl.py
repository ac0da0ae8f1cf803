"""`supervisorctl`: the control client."""

from __future__ import annotations


def main(arguments: list[str] | None = None) -> int:
    """Run one command, or the shell."""
    raise NotImplementedError(arguments)
