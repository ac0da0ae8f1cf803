"""Rows of the table: what is measured, against what, and the number that must be held. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from statistics import median
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from collections.abc import Mapping


class Side(Enum):
    """Whose number a sample is: the reference's (supervisor, honcho, a bare loop), or ours."""

    REFERENCE = "reference"
    OURS = "ours"


class Must(Enum):
    """How a bound is to be read."""

    AT_MOST_TIMES = "≤ {} x"
    AT_LEAST_TIMES = "≥ {} x"
    AT_MOST = "≤ {}"
    NOTHING = "-"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; ``name`` is what `--rows` takes, by prefix."""

    name: str
    title: str
    unit: str
    must: Must
    bound: float = 0
    reference: str = "supervisor"

    def holds(self, reference: float | None, ours: float) -> bool | None:
        """Say whether the bound is held; None when there is none, or nothing to compare with."""
        match self.must:
            case Must.AT_MOST:
                return ours <= self.bound
            case Must.AT_MOST_TIMES:
                return None if reference is None else ours <= self.bound * reference
            case Must.AT_LEAST_TIMES:
                return None if reference is None else ours >= self.bound * reference
            case Must.NOTHING:
                return None
            case _ as never:
                assert_never(never)

    @property
    def required(self) -> str:
        """The bound in words, such as "≤ 0.25 x" or "≤ 32 MB"."""
        text = self.must.value.format(f"{self.bound:g}")
        return f"{text} {self.unit}" if self.must is Must.AT_MOST else text


def for_each(bounds: Mapping[int, float], row: Row) -> dict[int, Row]:
    """Make a row with each bound; ``{}`` in name and title becomes the number it is for."""
    return {
        number: replace(
            row, name=row.name.format(number), title=row.title.format(number), bound=bound
        )
        for number, bound in bounds.items()
    }


@dataclass
class Result:
    """The samples of a row, and why a side has none."""

    row: Row
    samples: dict[Side, list[float]] = field(default_factory=lambda: {side: [] for side in Side})
    failures: list[str] = field(default_factory=list)

    def middle(self, side: Side) -> float | None:
        """Return the median of a side, None without samples."""
        return median(self.samples[side]) if self.samples[side] else None

    @property
    def ratio(self) -> float | None:
        """Ours through the reference's, None where one is missing or the reference is zero."""
        reference, ours = self.middle(Side.REFERENCE), self.middle(Side.OURS)
        return ours / reference if reference and ours is not None else None

    @property
    def verdict(self) -> str:
        """One of "held", "missed", "not measured", "-" (nothing is required)."""
        ours = self.middle(Side.OURS)
        held = None if ours is None else self.row.holds(self.middle(Side.REFERENCE), ours)
        nothing = "-" if self.row.must is Must.NOTHING else "not measured"
        return {True: "held", False: "missed", None: nothing}[held]


Sample = tuple[Row, Side, float]
