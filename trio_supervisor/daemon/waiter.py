"""The outcome of what was asked of one process, to be waited for by whoever asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from trio_supervisor.errors import Fault, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable


class Waiter:
    """Resolved once, with SUCCESS or the fault that says why not; later resolutions do nothing."""

    def __init__(self) -> None:
        self.fault = Fault.SUCCESS
        self.detail = ""
        self._resolved = trio.Event()

    @classmethod
    def known(cls, fault: Fault, detail: str = "") -> Waiter:
        """Make one whose outcome is known already."""
        waiter = cls()
        waiter.resolve(fault, detail)
        return waiter

    def resolve(self, fault: Fault = Fault.SUCCESS, detail: str = "") -> None:
        """Tell the outcome."""
        if not self._resolved.is_set():
            self.fault, self.detail = fault, detail
            self._resolved.set()

    async def wait(self) -> None:
        """Wait until the outcome is known."""
        await self._resolved.wait()


def attempt(action: Callable[[], None]) -> Waiter:
    """Do it now; the outcome is known already."""
    try:
        action()
    except RequestError as problem:
        return Waiter.known(problem.fault, problem.detail)
    return Waiter.known(Fault.SUCCESS)


def resolve_all(waiters: list[Waiter], fault: Fault = Fault.SUCCESS, detail: str = "") -> None:
    """Tell all of them, and empty the list."""
    for waiter in waiters:
        waiter.resolve(fault, detail)
    waiters.clear()
