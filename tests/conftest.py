"""What stands around every test, of all directories below."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# beside other tests, on a busy machine, the time of an example says nothing about it
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

pytest_plugins = ["leaks"]


@pytest.fixture
def keep_ctrl_c() -> Iterator[None]:
    """Undo what `up` does to SIGINT, where it is called in this process."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)
