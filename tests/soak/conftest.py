"""Soak tests: each module repeats one kind of accident, with a seed for every round.

They run only when asked to (`make soak`). A failed round names its seed: with it in
TRIO_SUPERVISOR_SOAK_SEED the same round is the first one. TRIO_SUPERVISOR_SOAK_ROUNDS makes all
modules do as many rounds.
"""

from __future__ import annotations

import os
import random
import signal

import pytest
from rig import open_rig  # noqa: F401  # the fixture

ASKED_FOR = bool(os.environ.get("TRIO_SUPERVISOR_SOAK"))
GIVEN_SEED = os.environ.get("TRIO_SUPERVISOR_SOAK_SEED")
# the usual run has the same names in all of its workers, which only skip these
FIRST_SEED = int(GIVEN_SEED or (random.randrange(10**6) if ASKED_FOR else 0))
ROUNDS = int(os.environ.get("TRIO_SUPERVISOR_SOAK_ROUNDS") or 0)


def pytest_configure() -> None:
    """Let Ctrl-C reach what is started here: a shell's background job begins without it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test as many rounds as its module says."""
    rounds = (ROUNDS or metafunc.module.ROUNDS) if ASKED_FOR else 1
    metafunc.parametrize("seed", range(FIRST_SEED, FIRST_SEED + rounds))


def pytest_runtest_setup() -> None:
    """Leave the usual run of the tests as fast as it is."""
    if not ASKED_FOR:
        pytest.skip("takes minutes: make soak")


@pytest.fixture(name="chance")
def make_chance(seed: int) -> random.Random:
    """Give the random numbers of a round; print its seed, which a failure shows."""
    print(f"TRIO_SUPERVISOR_SOAK_SEED={seed}")  # noqa: T201
    return random.Random(seed)
