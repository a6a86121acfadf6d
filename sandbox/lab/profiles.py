"""Counting under many policies at once: matches that are alike in all that a comparison counts by are one profile.

Few profiles occur. What a policy does is then counted once for each of them, and every number that a comparison shows
is a sum over some of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sandbox.lab.agency import RELEASABLE, Cooperation
from sandbox.lab.cells import distinct
from sandbox.lab.chances import DAY
from sandbox.lab.custody import Custody
from sandbox.lab.docket import Docket
from sandbox.metrics import REMOVED_OUTCOMES
from sandbox.population import NOWHERE
from sandbox.report import RECORDS, TRUTH, WITHOUT_CONVICTION
from sandbox.results import LEVELS

Integers = NDArray[np.int64]
Counts = Mapping[str, NDArray[np.float64]]
"""What happened, `[profile]` for each thing that is counted."""

CONVICTED, RIGHT = "convicted", "right"

LABELS: Mapping[str, Sequence[str]] = {
    "level_by_charge": LEVELS,
    "level_by_conviction": LEVELS,
    "unconvicted": (*WITHOUT_CONVICTION, CONVICTED),
    "truth": (*TRUTH, "unknown"),
    "record": (*RECORDS, RIGHT),
    "group": ("A", "B"),
}
"""What profiles differ in, besides the class of the charge."""


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """The profiles of a docket's matches: their labels, and the profile of each match and of each case on file."""

    labels: pl.DataFrame
    of_match: Integers
    of_case: Integers
    lodged: NDArray[np.float64]
    matches: NDArray[np.float64]


def profiles_of(docket: Docket, table: pl.DataFrame) -> Profiles:
    """The profiles of a docket.

    Args:
        docket: the cases.
        table: `matches_table` of them.
    """
    charges = docket.people.scenario.charges
    classes = list(dict.fromkeys(charge.offense_class for charge in charges))
    of_charge = np.array([classes.index(charge.offense_class) for charge in charges])
    told = table.select(
        "level_by_charge",
        "level_by_conviction",
        "group",
        unconvicted=_first_that_holds(WITHOUT_CONVICTION, LABELS["unconvicted"]),
        truth=_first_that_holds(TRUTH, LABELS["truth"]),
        record=_first_that_holds(RECORDS, LABELS["record"]),
    )
    values = {**LABELS, "charge": classes}
    columns: list[tuple[NDArray[np.int64], int]] = [
        (told[name].cast(pl.Enum(words)).to_physical().to_numpy().astype(np.int64), len(words))
        for name, words in LABELS.items()
    ]
    columns.append((of_charge[docket.people.charge[docket.matched.index]], len(classes)))
    combinations, of_match = distinct(columns, table.height)
    labels = pl.DataFrame(
        {
            name: pl.Series(words, dtype=pl.String).gather(combinations[:, place])
            for place, (name, words) in enumerate(values.items())
        }
    )
    lodged = table["decided"].eq("lodged").to_numpy()
    return Profiles(
        labels=labels,
        of_match=of_match,
        of_case=of_match[docket.cases],
        lodged=_count(of_match[lodged], labels.height),
        matches=_count(of_match, labels.height),
    )


def count_under(profiles: Profiles, docket: Docket, cooperation: Cooperation, custody: Custody) -> Counts:
    """What came of each profile's cases under what an agency did."""
    case, size = profiles.of_case, profiles.labels.height
    removed = np.isin(
        custody.outcome, [place for place, name in enumerate(docket.regime.outcomes) if name in REMOVED_OUTCOMES]
    )
    released = custody.released_at != NOWHERE
    holds, takes = (cooperation.exercised[lever][RELEASABLE] for lever in ("hold", "transfer"))
    detained = np.where(custody.transferred, custody.outcome_at - custody.transferred_at, 0) / DAY
    return {
        "held": _count(case[custody.held], size),
        "notified": _count(case[custody.told], size),
        "transferred": _count(case[custody.transferred], size),
        "removed": _count(case[removed], size),
        "declined": _count(case[released & ~(holds & takes)], size),
        "wanted": _count(case[released & docket.coming.comes_told], size),
        "disclosed": _weigh(case, custody.notices + custody.transferred, size),
        "hold_hours": _weigh(case, np.nan_to_num(custody.hold_hours), size),
        "days_detained": _weigh(case, detained, size),
    }


def _first_that_holds(conditions: Mapping[str, pl.Expr], words: Sequence[str]) -> pl.Expr:
    """The name of the first condition that holds; the last of the words where none does."""
    found = pl.lit(words[-1])
    for name, where in reversed(list(conditions.items())):
        found = pl.when(where).then(pl.lit(name)).otherwise(found)
    return found


def _count(profiles: Integers, size: int) -> NDArray[np.float64]:
    return np.bincount(profiles, minlength=size).astype(np.float64)


def _weigh(profiles: Integers, weights: NDArray[np.number], size: int) -> NDArray[np.float64]:
    return np.bincount(profiles, weights=weights.astype(np.float64), minlength=size).astype(np.float64)
