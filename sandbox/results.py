"""What a run came to, as two tables: one row a booking, one row a match. Whoever ran it, the columns are the same.

The services' streams, the engine in process and the policy lab all end here, so that one report serves them all and
a test can hold them to each other. Dates are days of the run's own time zone. Ground truth (who a person really is)
comes from the sandbox, never from an event.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import polars as pl

HANDLED = ("cited", "kept", "submitted")
SEARCHES = ("match", "no_match", "error", "known_encounter")
LEVELS = ("level_1", "level_2", "level_3", "none")
DECISIONS = ("lodged", "no_priority", "no_capacity")
CITIZENS = ("us_born", "naturalized_citizen", "derived_citizen")
"""True statuses of citizens of the United States."""

LEVERS = ("ask_status", "notify", "hold", "transfer", "access")

BOOKINGS: Final = pl.Schema(
    {
        "number": pl.Int32(),  # from 0, in the order of time
        "booked_on": pl.Date(),
        "charge": pl.Int16(),  # which of the scenario's charges
        "handled": pl.Enum(HANDLED),  # what the agency did: cited, kept the prints, submitted them
        "identified": pl.Boolean(),  # IAFIS answered with somebody
        "searched": pl.Enum(SEARCHES),  # what IDENT answered; null where it was never asked
        # Truth:
        "group": pl.Enum(("A", "B")),
        "status": pl.String(),
        "in_iafis": pl.Boolean(),
        "in_ident": pl.Boolean(),
        "misidentified": pl.Boolean(),  # IAFIS answered with another person's record
    }
)
"""One row for every booking."""

CASES: Final = pl.Schema(
    {
        "number": pl.Int32(),
        "booked_on": pl.Date(),
        "recorded_status": pl.String(),  # what the record says
        "removable": pl.Enum(("yes", "no", "unknown")),
        "convicted": pl.Boolean(),
        "final_order": pl.Boolean(),
        "prior_removal": pl.Boolean(),
        "level_by_charge": pl.Enum(LEVELS),  # by charge or conviction (2008 to mid-2010)
        "level_by_conviction": pl.Enum(LEVELS),
        "priority": pl.String(),
        "decided": pl.Enum(DECISIONS),
        "lodged_on": pl.Date(),
        "on_file": pl.Boolean(),  # the detainer came before the release
        "told": pl.Boolean(),
        # What the agency did at the decision that governs the lever, and why; null where there was none.
        **{lever: pl.Boolean() for lever in LEVERS},
        **{f"{lever}_why": pl.String() for lever in LEVERS},
        "claimed": pl.Boolean(),  # ICE set out
        "held": pl.Boolean(),
        "hold_hours": pl.Float64(),
        "transferred_on": pl.Date(),
        "released_on": pl.Date(),
        "outcome": pl.String(),
        "outcome_on": pl.Date(),
        # Truth:
        "group": pl.Enum(("A", "B")),
        "status": pl.String(),
        "false_match": pl.Boolean(),  # another person's record
        "stale": pl.Boolean(),  # the right record, with a status that is no longer true
    }
)
"""One row for every match, whatever came of it."""

Disclosures = Counter[tuple[str, str, tuple[str, ...]]]
"""How often each party told each other what: (sender, recipient, categories) -> times."""


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """The two tables of one run, and who told whom what (empty where nobody counted)."""

    bookings: pl.DataFrame
    cases: pl.DataFrame
    disclosures: Disclosures = field(default_factory=Counter)


def reason_in_words(word: str, clauses: Iterable[str], *, done: bool) -> str:
    """Why an agency did or did not use a lever: the policy's word on it, what was made of that, and the clauses."""
    if word == "silent":
        return "silent: " + ("done, as is usual" if done else "not done, as is usual")
    made_of_it = {"may": " used" if done else " not used"}.get(word, "")
    return f"{word}{made_of_it}: {', '.join(clauses)}"
