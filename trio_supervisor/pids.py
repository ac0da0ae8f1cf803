"""What pids mean here: which boot of which machine gave them out. Nothing is imported for it."""

from __future__ import annotations


def boot_id() -> str:
    """Name this boot of the machine; pids of another one mean nothing. Empty without /proc."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
