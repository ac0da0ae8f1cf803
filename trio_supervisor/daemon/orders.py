"""What was asked of one process and is not yet carried out: the newest of opposite wishes wins.

The program's task takes the orders; whoever gave one waits for its `Waiter`.
"""

from __future__ import annotations

import trio

from trio_supervisor.daemon.waiter import Waiter, resolve_all
from trio_supervisor.errors import Fault

OVERRIDDEN = "a later stop overrode it"


class Orders:
    """Wanted up or down, and who waits to hear of it."""

    def __init__(self) -> None:
        self.wanted = False
        self.is_resting = True
        self.is_stop_asked = False
        self.is_closed = False
        self.hurry = trio.Event()
        """Set when the stop that was ordered may give no grace."""
        self._wake = trio.Event()
        self._soon = trio.Event()
        self._starters: list[Waiter] = []
        self._stoppers: list[Waiter] = []

    @property
    def is_pending(self) -> bool:
        """True when a start was ordered that the task has not taken yet."""
        return self._wake.is_set()

    @property
    def is_up(self) -> bool:
        """True from the order to start until the order to stop, or until it rests by itself."""
        return self.is_pending or not (self.is_resting or self.is_stop_asked)

    @property
    def is_soon(self) -> bool:
        """True when a start was ordered after the end of the run before."""
        return self._soon.is_set()

    @property
    def is_about_to_start(self) -> bool:
        """True from an order to start until that is taken: the state is that of the run before."""
        return self.is_pending or (self.is_soon and self.is_up)

    def start(self, *, cut_pause: bool) -> Waiter:
        """Order a start, behind a stop that is under way; or cut short what follows an end."""
        waiter = Waiter()
        self._starters.append(waiter)
        self.wanted = True
        if cut_pause:
            self._soon.set()
        else:
            self._wake.set()
        return waiter

    def stop(self) -> Waiter:
        """Order a stop; whoever waits for a start hears that it was overridden."""
        waiter = Waiter()
        self.wanted = False
        resolve_all(self._starters, Fault.ABNORMAL_TERMINATION, OVERRIDDEN)
        if self.is_resting:
            waiter.resolve(Fault.SUCCESS if self.is_pending else Fault.NOT_RUNNING)
        else:
            self._stoppers.append(waiter)
            self.is_stop_asked = True
        if self.is_pending:
            self._wake = trio.Event()
        return waiter

    async def take_start(self) -> None:
        """Wait for an order to start, and take it."""
        while not self._wake.is_set():  # it may have been withdrawn when we come to look
            await self._wake.wait()
        # a task that was woken hears only here that its group is being stopped: then the order
        # is for the task that comes after it
        await trio.lowlevel.checkpoint_if_cancelled()
        self._wake = trio.Event()
        self.hurry = trio.Event()
        self.is_resting = self.is_stop_asked = False

    def close(self) -> None:
        """Take no more orders: the task that would carry them out is going."""
        self.is_closed = True
        self.tell_starters(Fault.ABNORMAL_TERMINATION, OVERRIDDEN)

    def begin_run(self) -> None:
        """Let `is_soon` mean orders from now on."""
        self._soon = trio.Event()

    async def pause(self, seconds: float) -> None:
        """Wait before a respawn; an order to start cuts it short."""
        with trio.move_on_after(seconds):
            await self._soon.wait()
        await trio.lowlevel.checkpoint_if_cancelled()  # a stop that came at the very end of it

    def rest(self) -> bool:
        """Take note that nothing runs; say whether a stop had been ordered."""
        was_asked = self.is_stop_asked
        self.is_resting, self.is_stop_asked = True, False
        return was_asked

    def refuse(self, reason: str) -> None:
        """Answer everybody with FAILED, and withdraw a start that is pending."""
        if self.is_pending:
            self._wake = trio.Event()
            self.wanted = False
        self.tell_starters(Fault.FAILED, reason)
        self.tell_stoppers(Fault.FAILED, reason)

    def tell_starters(self, fault: Fault = Fault.SUCCESS, detail: str = "") -> None:
        """Answer those who wait for a start."""
        resolve_all(self._starters, fault, detail)

    def tell_stoppers(self, fault: Fault = Fault.SUCCESS, detail: str = "") -> None:
        """Answer those who wait for a stop."""
        resolve_all(self._stoppers, fault, detail)
