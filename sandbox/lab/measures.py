"""What a comparison counts under every policy, with equal prominence for what each side of the argument counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from sandbox.lab.assumptions import Assumptions
from sandbox.lab.profiles import Counts, Profiles
from sandbox.report import READINGS, RECORD_WORDS, TRUTH_WORDS, UNCONVICTED_WORDS
from services.detainer.levels import Level

Unit = Literal["cases", "hours", "dollars", "days"]
Numbers = Mapping[str, float | None]
"""The value of each measure; None where there is none, because nothing was declared or nothing happened."""

HOURS_A_DAY = 24

SECTIONS = {
    "held": "Held past their release",
    "notified": "ICE told of the release",
    "transferred": "Handed over to ICE",
    "removed": "Removed or returned",
    "declined": "Released with a declined request",
    "more": "What follows",
}
"""What is counted, in the order in which it is shown."""

LEVEL_WORDS: Mapping[Level, str] = {
    "level_1": "Level 1",
    "level_2": "Level 2",
    "level_3": "Level 3",
    "none": "no level",
}
NOTES = {
    "declined": (
        "A request is declined when the agency does not hold, or would not hand over. Where ICE does not come for"
        " somebody who is held for it, nothing was declined."
    ),
    "wanted": "For whom ICE would have come, had it been told of the release.",
    "rearrested": "An expected number, from the declared rate. See its source and what is to be said against it.",
    "at_large": "The declared share of those for whom ICE would have come and who were released.",
    "declared": "The declared share of those who were handed over.",
    "days_detained": "From the hand-over to the outcome. Not everybody is detained for all of that time.",
}


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that is counted: the event, of whom, and in which words."""

    id: str
    section: str
    words: str
    heading: str | None = None
    """What it is one part of, where the parts of something are listed."""

    unit: Unit = "cases"
    headline: bool = False
    where: pl.Expr | None = None
    note: str | None = None

    def as_record(self) -> dict[str, Any]:
        """What is to be known of it, as plain JSON data."""
        return {
            "id": self.id,
            "section": self.section,
            "heading": self.heading,
            "words": self.words,
            "unit": self.unit,
            "headline": self.headline,
            "note": self.note,
        }


def measures_of(charges: Sequence[str]) -> list[Measure]:
    """All that is counted, where these are the classes of charges."""
    found: list[Measure] = []
    for event, title in SECTIONS.items():
        if event == "more":
            continue
        found.append(Measure(event, event, title, headline=True, note=NOTES.get(event)))
        found += [
            Measure(f"{event}.{name}.{value}", event, words, heading, headline=_leads(event, name, value), where=where)
            for name, heading, value, words, where in _parts(charges if event == "declined" else ())
        ]
    return [
        *found,
        Measure("hold_hours", "more", "hours held, in all", unit="hours", headline=True),
        Measure("hold_cost", "more", "what the held days cost", unit="dollars", headline=True),
        Measure("days_detained", "more", "days in ICE's custody, on average", unit="days", headline=True),
        Measure(
            "hearings", "more", "handed over, with a hearing before a judge", headline=True, note=NOTES["declared"]
        ),
        Measure("counsel", "more", "handed over, with a lawyer", headline=True, note=NOTES["declared"]),
        Measure("wanted", "more", "released, though ICE would have come", headline=True, note=NOTES["wanted"]),
        Measure("at_large", "more", "arrests attempted at large", headline=True, note=NOTES["at_large"]),
        Measure("rearrested", "more", "re-arrested later", headline=True, note=NOTES["rearrested"]),
        *(
            Measure(f"gained.{reading}", "more", f"Level 1 removals gained or lost, {briefly(words)}", headline=True)
            for reading, words in READINGS.items()
        ),
        Measure("disclosed", "more", "disclosures from the agency to ICE", headline=True),
    ]


def briefly(reading: str) -> str:
    """A reading of "level" without the years in which it was the one."""
    return reading.partition(" (")[0]


def _leads(event: str, name: str, value: str) -> bool:
    """Whether a part belongs with the first that is shown."""
    shown = {
        "held": ("truth.citizens", "truth.lawful_and_not_removable", "truth.lawful_and_removable", "records"),
        "removed": ("by_charge_or_conviction.level_1", "by_conviction.level_1", "without_conviction", "truth.citizens"),
        "declined": ("by_charge_or_conviction.level_1", "by_conviction.level_1", "charge.serious_felony"),
    }
    return any(f"{name}.{value}".startswith(part) for part in shown.get(event, ()))


def _parts(charges: Sequence[str]) -> list[tuple[str, str, str, str, pl.Expr]]:
    """The parts of what is counted: of which division, its heading, the value, its words, and who is meant."""
    parts: list[tuple[str, str, str, str, pl.Expr]] = []
    for reading, column in zip(READINGS, ("level_by_charge", "level_by_conviction"), strict=True):
        parts += [
            (reading, f"by level, {READINGS[reading]}", level, LEVEL_WORDS[level], pl.col(column) == level)
            for level in LEVEL_WORDS
        ]
    for name, heading, words, column in (
        ("without_conviction", "without a conviction", UNCONVICTED_WORDS, "unconvicted"),
        ("truth", "who they truly are", TRUTH_WORDS, "truth"),
        ("records", "whose record is wrong", RECORD_WORDS, "record"),
    ):
        parts += [(name, heading, value, told, pl.col(column) == value) for value, told in words.items()]
    return parts + [
        ("charge", "by the gravest charge", each, each.replace("_", " "), pl.col("charge") == each) for each in charges
    ]


def evaluate(
    measures: Sequence[Measure], profiles: Profiles, counts: Counts, assumptions: Assumptions, first: Numbers | None
) -> dict[str, float | None]:
    """The value of every measure.

    Args:
        measures: what `measures_of` told.
        profiles: the profiles of the matches.
        counts: what came of each.
        assumptions: what is declared; the rest is off.
        first: the numbers of the policy that the others are compared with; None for that one itself.
    """
    totals = {event: float(each.sum()) for event, each in counts.items()}
    chosen = [measure for measure in measures if measure.where is not None]
    masks = profiles.labels.select(
        measure.where.alias(measure.id) for measure in chosen if measure.where is not None
    ).to_numpy()
    values: dict[str, float | None] = {
        measure.id: _whole(totals[measure.id]) for measure in measures if measure.where is None and measure.id in totals
    }
    values |= {
        measure.id: _whole(float(counts[measure.section][masks[:, place]].sum()))
        for place, measure in enumerate(chosen)
    }
    transferred = totals["transferred"]
    # Hours have two decimals. Only their sum to these is the same in whatever order they are added up.
    values["hold_hours"] = round(round(totals["hold_hours"], 2), 1)
    values["days_detained"] = round(totals["days_detained"] / transferred, 1) if transferred else None
    cost, share, rearrested = assumptions.cost_a_day, assumptions.at_large_share, assumptions.rearrested
    values["hold_cost"] = None if cost is None else round(totals["hold_hours"] / HOURS_A_DAY * cost.value)
    for measure, declared in (("hearings", assumptions.hearing_share), ("counsel", assumptions.counsel_share)):
        values[measure] = None if declared is None else round(transferred * declared.value, 1)
    values["at_large"] = None if share is None else round(totals["wanted"] * share.value, 1)
    values["rearrested"] = None if rearrested is None else round(totals["declined"] * rearrested, 1)
    for reading in READINGS:
        mine = values[f"removed.{reading}.level_1"] or 0
        others = mine if first is None else first[f"removed.{reading}.level_1"] or 0
        values[f"gained.{reading}"] = mine - others
    return {measure.id: values[measure.id] for measure in measures}


def _whole(counted: float) -> int:
    return int(np.rint(counted))
