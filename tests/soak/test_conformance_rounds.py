"""Every case of the conformance suite, round after round: each cell is green each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conformance.cases import CASES
from conformance.command import try_all
from conformance.tools import OUR_OWN, TOOLS

if TYPE_CHECKING:
    import random

ROUNDS = 20
AT_A_TIME = 4


@pytest.mark.parametrize("name", OUR_OWN)
def test_ours_is_green_in_every_case(chance: random.Random, name: str) -> None:
    cases = chance.sample(CASES, len(CASES))

    results = try_all([TOOLS[name]], cases, 1, AT_A_TIME)

    assert [one.worst for one in results if not one.is_green] == []
