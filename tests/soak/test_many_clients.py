"""Four clients that all want something else, all at once."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from crowd import NAMES, crowd, nothing_left
from rig import PATIENCE

if TYPE_CHECKING:
    from rig import Rig

ROUNDS = 20
CLIENTS = 4
LASTING = 2.0
COMMANDS = ("start", "stop", "restart", "update", "reload", "status")
ANSWERED = {0, 1, 3, 7}


def ask(rig: Rig, seed: int) -> list[str]:
    """Ask for one thing after the other; return what was not answered as it should be."""
    chance, wrong = random.Random(seed), []
    deadline = time.monotonic() + LASTING
    while time.monotonic() < deadline:
        words = [chance.choice(COMMANDS)]
        if words[0] in {"start", "stop", "restart"}:
            words.append(chance.choice([*NAMES, "all"]))
        told = rig.ctl(*words)
        said = told.stdout + told.stderr
        unheard = "no such file" in said or "refused connection" in said
        if told.returncode not in ANSWERED or unheard or "Traceback" in said:
            wrong.append(f"{words}: {told.returncode} {said}")
    return wrong


def change(rig: Rig, chance: random.Random) -> list[str]:
    """Give the clients' updates something to do."""
    deadline = time.monotonic() + LASTING
    while time.monotonic() < deadline:
        crowd(rig, chance.randrange(3))
        time.sleep(chance.uniform(0, 0.3))
    return []


def test_every_client_gets_an_answer(rig: Rig, chance: random.Random) -> None:
    crowd(rig)
    daemon = rig.start()

    with ThreadPoolExecutor() as pool:
        asking = [pool.submit(ask, rig, chance.getrandbits(32)) for _ in range(CLIENTS)]
        changing = pool.submit(change, rig, chance)
    assert [wrong for client in [*asking, changing] for wrong in client.result()] == []

    assert daemon.poll() is None
    assert rig.ctl("shutdown", "--wait").returncode == 0
    assert daemon.wait(PATIENCE) == 0
    nothing_left(rig)
