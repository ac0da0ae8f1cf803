"""Soak tests: each module repeats one kind of accident, with a seed for every round.

They run only when asked to (`make soak`). A failed round names its seed: with it in
TRIO_SUPERVISOR_SOAK_SEED the same round is the first one.
"""

from __future__ import annotations

import os
import random

import pytest
from rig import open_rig  # noqa: F401  # the fixture

ASKED_FOR = bool(os.environ.get("TRIO_SUPERVISOR_SOAK"))
FIRST_SEED = int(os.environ.get("TRIO_SUPERVISOR_SOAK_SEED") or random.randrange(10**6))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test as many rounds as its module says."""
    rounds = metafunc.module.ROUNDS if ASKED_FOR else 1
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
