"""A process supervisor on Trio: supervisord, supervisorctl and the launcher trio-supervisor."""

from __future__ import annotations

__version__ = "0.1.0"
