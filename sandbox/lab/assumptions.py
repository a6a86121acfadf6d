"""What a comparison assumes beyond the flow: what a held day costs, who is re-arrested, whom ICE seeks at large.

All of it is off unless somebody declares it. What is published about it is disputed, so a preset carries its source
and what is to be said against it.
"""

from dataclasses import asdict, dataclass
from math import exp, log
from typing import Any

from services.chassis.errors import InteropError


@dataclass(frozen=True, slots=True)
class Assumption:
    """A number that somebody declared, with its source, and what is to be known about it."""

    value: float
    source: str
    caveat: str


def _hazard(again: int, of: int, months: float) -> float:
    """The yearly rate at which so many are re-arrested in so many months, if each was out for all of them."""
    return round(-log(1 - again / of) / (months / 12), 4)


_NO_COMPARISON = (
    "No comparison group: nobody says how many would have been re-arrested without any detainer. How long each had"
    " been out is not published; everybody is taken to have been out for the whole window."
)

COSTS_A_DAY = {
    "cook-2011": Assumption(
        142.5, "Cook County, 142 to 143 dollars a day [C]", "The county's average; a day more costs less than that."
    ),
    "new-orleans-2012": Assumption(
        22.39,
        "New Orleans, 5,082.52 dollars for 227 days of holds in 2012 [C]",
        "What the sheriff was paid for a day, not what it cost.",
    ),
}
"""What a day in the jail costs, in dollars."""

REARRESTS = {
    "cook-2012": Assumption(
        _hazard(11, 346, 6),
        "Cook County, September 2011 to February 2012: 11 of 346 released with detainers (3.2 %) [C]",
        _NO_COMPARISON,
    ),
    "cis-2014": Assumption(
        _hazard(1_900, 8_145, 8),
        "CIS on ICE's records, January to August 2014: nearly 1,900 of 8,145 released on declined requests (about"
        " 23 %) [R]",
        _NO_COMPARISON,
    ),
}
"""At what yearly rate the released are re-arrested, as each side's source has it."""

_SAMPLE = (
    "A sample of 375 people from federal records of fiscal years 2010 and 2011 (its size is from memory, unverified);"
    " disputed by the Center for Immigration Studies."
)

HEARINGS = {
    "warren-2011": Assumption(0.52, "Warren Institute, October 2011: 52 % slated for a hearing [C]", _SAMPLE),
}
"""The share of those handed over who come before an immigration judge."""

COUNSEL = {
    "warren-2011": Assumption(0.24, "Warren Institute, October 2011: 24 % had a lawyer [C]", _SAMPLE),
    "all-courts": Assumption(
        0.4,
        "40 % of all who are before the immigration courts, as the same report has it [C]",
        "All immigration courts, and not only people who were handed over by a jail.",
    ),
}
"""The share of those handed over who have a lawyer."""

DECLARED = "declared for this comparison"


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is declared; None is off."""

    cost_a_day: Assumption | None = None
    rearrests_a_year: Assumption | None = None
    at_large_share: Assumption | None = None
    """The share of people whom ICE would have come for, and who were released, that it then seeks elsewhere."""

    hearing_share: Assumption | None = None
    counsel_share: Assumption | None = None
    rearrest_years: float = 1.0
    """Within how many years of the release re-arrests are counted."""

    @property
    def rearrested(self) -> float | None:
        """The share of the released who are re-arrested within the years that are counted."""
        if self.rearrests_a_year is None:
            return None
        return 1 - exp(-self.rearrests_a_year.value * self.rearrest_years)

    def as_record(self) -> dict[str, Any]:
        """The assumptions as plain JSON data; null is off."""
        return asdict(self)


def assumption(name: str, given: str | None, presets: dict[str, Assumption], most: float) -> Assumption | None:
    """A number, or the name of a preset, as it was given on the command line.

    Raises:
        InteropError: `bad-assumption`, when it is neither.
    """
    if given is None or given in presets:
        return presets[given] if given else None
    try:
        value = float(given)
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        named = f", or one of {', '.join(presets)}" if presets else ""
        raise InteropError("bad-assumption", f"{name} '{given}': give a number from 0 to {most:g}{named}")
    return Assumption(value, DECLARED, "")
