"""Paths of a configuration: where relative ones start, and what must exist beforehand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from trio_supervisor.source.procfile import LOGS

if TYPE_CHECKING:
    from trio_supervisor.config.judge import Judge

NO_FILES = frozenset({"AUTO", "NONE", "syslog"})
"""What a log can be instead of a file."""


def absolute(base: str, path: str) -> str:
    """Resolve a path against the base, ``~`` included; symbolic links stay."""
    return os.path.abspath(os.path.join(base, os.path.expanduser(path)))


def existing_directory(judge: Judge, key: tuple[str, ...], path: str) -> None:
    """As supervisord: the directory must be there before the daemon starts."""
    if not Path(path).is_dir():
        judge.error(key, f"{path!r} is not an existing directory (mkdir -p {path})")


def log_path(judge: Judge, key: tuple[str, ...], base: str, path: str) -> str:
    """Resolve a log or pid file, whose directory must exist, as supervisord demands.

    A base that does not exist is a problem of its own, not one of each file in it. The daemon makes
    what a Procfile needs.
    """
    if path in NO_FILES:
        return path
    resolved = absolute(base, path)
    parent = Path(resolved).parent
    is_made = judge.source.dialect == "procfile" and parent.name == LOGS
    if not (is_made or parent.is_dir()) and (
        Path(base).is_dir() or not parent.is_relative_to(base)
    ):
        judge.error(key, f"the directory of {path!r} does not exist (mkdir -p {parent})")
    return resolved
