"""The numbers of a run as claims show them: with their denominators, and how well each is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.claims.chance import interval, interval_in_words, percent
from console.claims.table import Claim

WIDEST = 0.2
"""A share whose interval is wider than this is called too few to tell."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number.

    Attributes:
        words: what it counts.
        value: the number, with what it is a share of.
        likely: where the share would lie for other people drawn in the same way; None where it is no share.
        too_few: whether that interval is so wide that the share says little.
    """

    words: str
    value: str
    likely: str | None = None
    too_few: bool = False


def number(row: Mapping[str, Any]) -> Number:
    """A row that `counting` told, as it is shown."""
    part, of = row["part"], row["of"]
    if row["instead"]:
        return Number(row["words"], f"{part:,} instead of {of:,}")
    if of is None:
        return Number(row["words"], _amount(part, row["unit"]))
    if not of:
        return Number(row["words"], f"{part:,} of 0")
    low, high = interval(part, of)
    return Number(
        row["words"], f"{percent(part, of)} ({part:,} of {of:,})", interval_in_words(part, of), high - low > WIDEST
    )


def first_numbers(claim: Claim, numbers: Mapping[str, Sequence[Number]]) -> list[Number]:
    """The two numbers that stand under a claim before it is opened: where a share is disputed, both denominators."""
    return [each for name in claim.measured for each in numbers[name]][:2]


def _amount(part: float, unit: str) -> str:
    return f"{part:,}" if unit == "people" else f"{part:,} {unit}"
