"""What pids mean here: which boot of which machine gave them out."""

from __future__ import annotations

import os


def boot_id() -> str:
    """Name this boot of the machine; pids of another one mean nothing. Empty without /proc."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def pid_space() -> str:
    """Name all that give a pid the same meaning: this boot, and our namespace of pids.

    Where both sides of a connection have the same, a pid of one is that of the other. Empty where
    that cannot be known.
    """
    boot = boot_id()
    try:
        return f"{boot} {os.readlink('/proc/self/ns/pid')}" if boot else ""
    except OSError:
        return ""


def is_ours(space: str) -> bool:
    """Say whether the pids of a space that another process has named are pids of ours."""
    return bool(space) and space == pid_space()
