"""What stands around every test, of all directories below."""

from __future__ import annotations

pytest_plugins = ["leaks"]
