"""What processes get as their standard input: nothing, for ever."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from trio_supervisor.daemon import spawn
from trio_supervisor.daemon.containment import Containment
from trio_supervisor.daemon.limits import DescriptorBudget
from trio_supervisor.daemon.output import Pump

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def spawner() -> Iterator[spawn.ProcessSpawner]:
    made = spawn.ProcessSpawner(
        containment=Containment(),
        pump=Pump(),
        environment={},
        mark="m",
        budget=DescriptorBudget(),
    )
    yield made
    made.pump.finish()
    for descriptor in made._silence:
        os.close(descriptor)


async def test_each_process_has_an_open_file_of_its_own(spawner: spawn.ProcessSpawner) -> None:
    first, second = spawner.open_stdin(), spawner.open_stdin()
    os.set_blocking(first, False)

    with pytest.raises(BlockingIOError):
        os.read(first, 1)
    assert os.get_blocking(second)
    os.close(first)
    os.close(second)


async def test_without_proc_they_share_one(
    spawner: spawn.ProcessSpawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawn, "HAS_PROC", False)
    stdin = spawner.open_stdin()
    os.set_blocking(stdin, False)

    with pytest.raises(BlockingIOError):
        os.read(stdin, 1)
    os.close(stdin)
