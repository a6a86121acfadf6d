"""Where the marks of a drawing stand, in percent of its width; so a drawing is as readable on a phone.

Every drawing has a description that says what it shows, and the page has its numbers as text, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.published import Aligned, PublishedRow
from sandbox.report import READINGS
from sandbox.results import LEVELS

ROOM_FOR_NUMBERS = 74.0
"""How far the longest bar of the levels goes: its number stands behind it."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A number as a bar: how long it is, and its share in the first one of the drawing."""

    words: str
    count: int
    width: float
    share: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars that are measured by the first of them."""

    title: str
    bars: Sequence[Bar]

    @property
    def description(self) -> str:
        """What the drawing shows, in words."""
        return "; ".join(f"{bar.words}: {bar.count:,} ({bar.share})" for bar in self.bars)


@dataclass(frozen=True, slots=True)
class Pair:
    """A level, and how many removals are of it under each reading."""

    level: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Mark:
    """A simulated number with its interval, on a scale."""

    row: PublishedRow | None
    at: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """A published number with its band, and what was simulated, on one scale."""

    row: PublishedRow
    sources: Sequence[str]
    least: float
    most: float
    at: float
    low: float
    high: float
    marks: Sequence[Mark]


def funnels(totals: Mapping[str, Any]) -> list[Chart]:
    """From the booking to the match, and from the match to the removal: two scales, or nobody would see the second."""
    custody = totals["custody"]
    matches = totals["searches"].get("match", 0)
    return [
        _chart("Of all bookings", "bookings", [("bookings", totals["bookings"]), ("matches", matches)]),
        _chart(
            "Of all matches",
            "matches",
            [
                ("matches", matches),
                ("detainers lodged", totals["detainers"]["lodged"]),
                ("held past their release", custody["holds"]),
                ("handed over to ICE", custody["transferred"]),
                ("removed or returned", totals["removals"]["total"]),
            ],
        ),
    ]


def levels(removals: Mapping[str, Any]) -> list[Pair]:
    """Removals by level, under both readings, on one scale."""
    total = removals["total"]
    most = max([1, *(removals[reading][level] for reading in READINGS for level in LEVELS)])
    return [
        Pair(
            "no level" if level == "none" else level.replace("_", " ").capitalize(),
            [
                Bar(words, count, _percent(count, most) * ROOM_FOR_NUMBERS / 100, _share(count, total))
                for words, count in ((words, removals[reading][level]) for reading, words in READINGS.items())
            ],
        )
        for level in LEVELS
    ]


def range_chart(figure: Aligned) -> Range:
    """A published figure and what each explanation simulates, on a scale that holds all of them."""
    row = figure.row
    low, high = row["band"]
    numbers = [low, high, row["published"]]
    for each in figure.rows:
        if each is not None:
            numbers += [number for number in (each["simulated"], each["low"], each["high"]) if number is not None]
    least, most = min(numbers), max(numbers)
    length = most - least or 1.0

    def at(number: float | None) -> float | None:
        return None if number is None else round(100 * (number - least) / length, 2)

    marks = [
        Mark(each) if each is None else Mark(each, at(each["simulated"]), at(each["low"]), at(each["high"]))
        for each in figure.rows
    ]
    published, band_low, band_high = (at(number) or 0.0 for number in (row["published"], low, high))
    return Range(row, figure.sources, least, most, published, band_low, band_high, marks)


def _chart(title: str, of: str, counts: Sequence[tuple[str, int]]) -> Chart:
    whole = counts[0][1]
    bars = [
        Bar(words, count, _percent(count, whole), f"{_share(count, whole)} of {of}" if index else "all")
        for index, (words, count) in enumerate(counts)
    ]
    return Chart(title, bars)


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.3g} %" if whole else "none"
