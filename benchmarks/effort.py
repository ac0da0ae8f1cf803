"""How much of everything is measured: the whole table in 12 minutes, or a look in 3."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Repetitions, and windows in seconds."""

    runs: int
    idle: float
    crashes: int
    commands: int
    stream: float


WHOLE = Effort(runs=3, idle=10, crashes=3, commands=5, stream=3)
QUICK = Effort(runs=1, idle=3, crashes=1, commands=2, stream=1.5)
