"""Two wishes to the Linux kernel that the standard library has no function for (prctl(2))."""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> bool:
    """Ask for the orphans among our descendants; False where the kernel cannot do that."""
    return _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> bool:
    """Get SIGTERM when the parent process dies, or now, if it has; False where that cannot be.

    Only right in a process whose parent has one thread (the signal follows the parent *thread*),
    and after a change of user, which would undo it.
    """
    is_set = _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
    return is_set


def _prctl(option: int, argument: int) -> bool:
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (AttributeError, OSError):
        return False
    return bool(prctl(option, argument, 0, 0, 0) == 0)
