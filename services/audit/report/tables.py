"""Counts become published tables: margins, rounding, suppression, and what plain subtraction undoes of it.

A cell is named by a value of each dimension, and `ALL` stands for the margin over one. What is not named counts 0.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

ALL = "all"
"""The margin over a dimension."""

Cell = tuple[str, ...]
Counts = Mapping[Cell, int]
Published = Mapping[Cell, int | None]
"""What is published of each cell; None is a cell that is hidden."""

Protection = Literal["round", "suppress"]

FEWEST_SHOWN = 11
"""The k of the suppression: counts from 1 to 10 are hidden."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted, before it is protected. It never leaves the service in this form."""

    name: str
    title: str
    about: str
    dimensions: tuple[str, ...]
    values: Mapping[str, Sequence[str]]
    """What each dimension can be, in the order in which it is shown, whether or not it was ever counted."""
    counts: Counts
    adds_up: frozenset[str]
    """The dimensions over which a sum means something: stages of one flow, for instance, do not add up."""
    notes: Mapping[str, str]
    """What is to be said of single values."""

    @property
    def summed(self) -> list[int]:
        """The places of the dimensions that have margins: where there is one value, the margin would repeat it."""
        return [
            place for place, name in enumerate(self.dimensions) if name in self.adds_up and len(self.values[name]) > 1
        ]

    def whole(self, dimension: str) -> str:
        """What stands for "in all" in a dimension that adds up: its margin, or the only value that it has."""
        values = self.values[dimension]
        return ALL if len(values) > 1 else values[0]


@dataclass(frozen=True, slots=True)
class Undone:
    """A hidden cell that plain subtraction gives back: the dimension that was added up, and of how many cells."""

    cell: Cell
    along: str
    of: int


def round_to_ten(count: int) -> int:
    """The nearest ten, as the DHS Office of Homeland Security Statistics rounds: 0-4 to 0, 5-14 to 10, 15-24 to 20.

    Python's own `round` goes to the even ten, and would make 0 of 5 and 20 of 25.
    """
    return (count + 5) // 10 * 10


def suppress(count: int, fewest: int = FEWEST_SHOWN) -> int | None:
    """The count itself, unless it is small and not zero; then it is hidden."""
    return count if count == 0 or count >= fewest else None


PROTECTIONS: Mapping[Protection, Callable[[int], int | None]] = {"round": round_to_ten, "suppress": suppress}


def with_margins(counted: Counted) -> dict[Cell, int]:
    """Every cell that was counted, and every margin of it.

    The grand margins are there even where nothing was counted, for each value of what does not add up.
    """
    cells: dict[Cell, int] = defaultdict(int)
    summed = counted.summed
    for cell, count in counted.counts.items():
        for chosen in product((False, True), repeat=len(summed)):
            hidden = {place for place, is_margin in zip(summed, chosen, strict=True) if is_margin}
            cells[tuple(ALL if place in hidden else value for place, value in enumerate(cell))] += count
    return dict(cells)


def protected(cells: Mapping[Cell, int], protect: Protection) -> dict[Cell, int | None]:
    """Each cell by itself, margins too: a rounded total is the total rounded, not the sum of what was rounded."""
    protection = PROTECTIONS[protect]
    return {cell: protection(count) for cell, count in cells.items()}


def undone_by_subtraction(counted: Counted, published: Published) -> list[Undone]:
    """The hidden cells that anybody finds by taking the other parts from a total, again and again until none is left.

    Only sums with a single unknown are solved, which is what a reader does with a pencil. An attacker with a solver
    finds more.
    """
    lines: dict[tuple[int, Cell], list[Cell]] = defaultdict(list)
    for place in counted.summed:
        for cell in published:
            total = (*cell[:place], ALL, *cell[place + 1 :])
            lines[place, total].append(cell)
    unknown = {cell for cell, number in published.items() if number is None}
    left = {line: sum(cell in unknown for cell in cells) for line, cells in lines.items()}
    solvable = [line for line, count in left.items() if count == 1]
    undone: list[Undone] = []
    while solvable:
        line = solvable.pop()
        found = [cell for cell in lines[line] if cell in unknown]
        if not found:
            continue  # another sum has given it back already
        (cell,) = found
        unknown.discard(cell)
        undone.append(Undone(cell, counted.dimensions[line[0]], len(lines[line]) - 1))
        for place in counted.summed:
            crossing = (place, (*cell[:place], ALL, *cell[place + 1 :]))
            left[crossing] -= 1
            if left[crossing] == 1:
                solvable.append(crossing)
    return sorted(undone, key=lambda found: found.cell)
