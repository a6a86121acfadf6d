"""Curves and counted points as numbers: where they stand in a drawing. Templates only write them down."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

WIDTH, HEIGHT = 480.0, 340.0
LEFT, RIGHT, TOP, BOTTOM = 98.0, 14.0, 16.0, 52.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from `low` to `high`, linear in what is given; charts with log axes give logarithms.

    `ticks` are values and their words.
    """

    words: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]


@dataclass(frozen=True, slots=True)
class Line:
    """A curve: its points, how it is drawn (first, second, third) and its words at its first or last visible point."""

    words: str
    points: Sequence[Point]
    style: str
    label_at: str = "end"


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured value with the interval that holds the true one in 95 of 100 cases."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in the units of its drawing."""

    id: str
    title: str
    description: str
    x: Axis
    y: Axis
    lines: Sequence[Line] = ()
    measured: Sequence[Measured] = ()
    here: Sequence[tuple[float, float, str]] = field(default_factory=tuple)
    """Where the present setting is, and its words."""

    def across(self, value: float) -> float:
        """Where a value is from left to right."""
        return round(LEFT + (value - self.x.low) / (self.x.high - self.x.low) * (WIDTH - LEFT - RIGHT), 1)

    def down(self, value: float) -> float:
        """Where a value is from top to bottom; what is off the scale stands at its edge."""
        within = min(max(value, self.y.low), self.y.high)
        return round(HEIGHT - BOTTOM - (within - self.y.low) / (self.y.high - self.y.low) * (HEIGHT - TOP - BOTTOM), 1)

    def path(self, line: Line) -> str:
        """The curve as far as it is on the scale, as the `d` of a path."""
        shown = self._shown(line)
        return " ".join(f"{'L' if place else 'M'}{self.across(x)} {self.down(y)}" for place, (x, y) in enumerate(shown))

    def label(self, line: Line) -> tuple[float, float, str] | None:
        """Where the words of a curve stand, and on which side of that they do."""
        shown = self._shown(line)
        if not shown:
            return None
        x, y = shown[0] if line.label_at == "start" else shown[-1]
        side = "start" if self.across(x) < (LEFT + WIDTH) / 2 else "end"
        return self.across(x) + (5 if side == "start" else -4), max(self.down(y) - 7, TOP + 11), side

    def _shown(self, line: Line) -> list[Point]:
        """The curve's points on the scale, cut where it leaves it."""
        shown = [point for point in line.points if self._is_on(point[1])]
        cuts = [
            (before[0] + (self.y.low - before[1]) / (after[1] - before[1]) * (after[0] - before[0]), self.y.low)
            for before, after in pairwise(line.points)
            if (before[1] - self.y.low) * (after[1] - self.y.low) < 0
        ]
        return sorted([*shown, *cuts])

    def _is_on(self, y: float) -> bool:
        return self.y.low <= y <= self.y.high


def log(value: float) -> float:
    """The power of ten; of nothing, far below every scale."""
    return math.log10(value) if value > 0 else -400.0


def interval(count: int, trials: int) -> tuple[float, float]:
    """Wilson's interval for a share, two standard errors to either side."""
    share, z = count / trials, 1.96
    centre = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return (centre - half) / (1 + z * z / trials), (centre + half) / (1 + z * z / trials)
