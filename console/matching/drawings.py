"""The field of dots as numbers: where they stand. The templates only write them down."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dots:
    """Equal dots in rows: one kind after the other, each with a shape of its own.

    Attributes:
        each: how many cases a dot stands for.
        width: of the drawing.
        height: of the drawing.
        bulk: rectangles (x, y, width, height) to be filled with a pattern of the dots of the first kind.
        marks: of the other kinds, the kind and where each dot stands.
    """

    each: int
    width: int
    height: int
    bulk: Sequence[tuple[int, int, int, int]]
    marks: Sequence[tuple[str, int, int]]


PITCH = 8
COLUMNS = 120
MOST_DOTS = 8000
_STEPS = (1, 2, 5)


def dots(many: float, others: Sequence[tuple[str, float]]) -> Dots:
    """So many of the common kind, drawn after the others.

    Args:
        many: how many there are of the common kind.
        others: the other kinds and how many there are of each, in the order in which they stand.
    """
    total = many + sum(count for _, count in others)
    each = next(step * 10**power for power in range(9) for step in _STEPS if total / (step * 10**power) <= MOST_DOTS)
    kinds = [kind for kind, count in others for _ in range(round(count / each))]
    marks = [(kind, place % COLUMNS * PITCH, place // COLUMNS * PITCH) for place, kind in enumerate(kinds)]
    first, left = len(kinds), round(many / each)
    bulk = []
    while left > 0:
        row, column = divmod(first, COLUMNS)
        if column == 0 and left >= COLUMNS:
            rows, taken = left // COLUMNS, left // COLUMNS * COLUMNS
        else:
            rows, taken = 1, min(left, COLUMNS - column)
        bulk.append((column * PITCH, row * PITCH, taken // rows * PITCH, rows * PITCH))
        first, left = first + taken, left - taken
    height = max(1, math.ceil(first / COLUMNS)) * PITCH
    return Dots(each, COLUMNS * PITCH, height, bulk, marks)
