"""How large answers make way for all else."""

from __future__ import annotations

import threading

import trio

from trio_supervisor.daemon.pace import Pace


async def test_all_others_come_between_two_turns() -> None:
    pace, rounds, taken = Pace(), 0, []

    async def large() -> None:
        for _ in range(3):
            await pace.turn()
            taken.append(rounds)

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(large)
            while len(taken) < 30:
                rounds += 1
                await trio.lowlevel.checkpoint()

    assert max(map(taken.count, taken)) == 1


async def test_one_thread_writes_at_a_time() -> None:
    pace, at_work, most = Pace(), threading.Semaphore(1), []

    def write() -> None:
        most.append(at_work.acquire(blocking=False))
        threading.Event().wait(0.01)
        at_work.release()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(pace.write, write)

    assert most == [True] * 5
