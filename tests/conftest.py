"""What stands around every test, of all directories below."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# beside other tests, on a busy machine, the time of an example says nothing about it
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

pytest_plugins = ["leaks"]
