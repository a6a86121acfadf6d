"""What can be read off a run and held against a published figure: counts, and shares of one count in another.

A metric takes no side. Where a number has two denominators, or "level" two meanings, each reading is a metric of its
own, with a name that says which it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from sandbox.results import CITIZENS, Results


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows of one of the two tables that satisfy a condition, by the day on which it came to be so."""

    table: Literal["bookings", "cases"]
    where: pl.Expr
    on: str

    def count(self, results: Results, since: date | None, until: date) -> int:
        """How many there are between two days, both included."""
        frame = results.bookings if self.table == "bookings" else results.cases
        day = pl.col(self.on)
        inside = day <= until if since is None else day.is_between(since, until)
        return count(frame, self.where & inside)


@dataclass(frozen=True, slots=True)
class Metric:
    """A count (`of` is None), or the share of `part` in `of`."""

    words: str
    part: Tally
    of: Tally | None = None


def count(frame: pl.DataFrame, where: pl.Expr) -> int:
    """How many rows satisfy a condition. Lazily, because otherwise every column of these rows would be made."""
    counted: int = frame.lazy().filter(where).select(pl.len()).collect().item()
    return counted


def _bookings(where: pl.Expr) -> Tally:
    return Tally("bookings", where, "booked_on")


def _cases(where: pl.Expr, on: str) -> Tally:
    return Tally("cases", where, on)


_ALL = pl.lit(value=True)
_LEVEL_BY_CHARGE, _LEVEL_BY_CONVICTION = pl.col("level_by_charge"), pl.col("level_by_conviction")
_LOW = ("level_2", "level_3")
_CONVICTED = pl.col("convicted")

REMOVED_OUTCOMES = ("removed", "returned")
REMOVED = pl.col("outcome").is_in(REMOVED_OUTCOMES)
CITIZEN = pl.col("status").is_in(CITIZENS)
LAWFUL = pl.col("status").is_in(["lawful_permanent_resident", "visa_holder", "asylum_pending"])
"""Here with leave, and no citizen: true statuses, as `CITIZEN` has them."""

SUBMISSIONS = _bookings(pl.col("handled") == "submitted")
MATCHES = _cases(_ALL, "booked_on")
LODGED = _cases(pl.col("decided") == "lodged", "lodged_on")
HELD = _cases(pl.col("held"), "lodged_on")
ON_FILE = _cases(pl.col("on_file"), "lodged_on")
BOOKED_INTO_ICE = _cases(_ALL, "transferred_on")
REMOVALS = _cases(REMOVED, "outcome_on")


def _removals(where: pl.Expr) -> Tally:
    return _cases(REMOVED & where, "outcome_on")


METRICS: Mapping[str, Metric] = {
    "submissions": Metric("submissions", SUBMISSIONS),
    "matches": Metric("matches", MATCHES),
    "match_share": Metric("matches in submissions", MATCHES, SUBMISSIONS),
    "level_1_share_of_matches_by_charge": Metric(
        "Level 1, by charge or conviction, in matches",
        _cases(_LEVEL_BY_CHARGE == "level_1", "booked_on"),
        MATCHES,
    ),
    "level_1_share_of_matches_by_conviction": Metric(
        "Level 1, by conviction, in matches", _cases(_LEVEL_BY_CONVICTION == "level_1", "booked_on"), MATCHES
    ),
    "detainers": Metric("detainers lodged", LODGED),
    "detainers_per_match": Metric("detainers lodged in matches", LODGED, MATCHES),
    "citizen_share_of_detainers": Metric(
        "citizens in detainers", _cases((pl.col("decided") == "lodged") & CITIZEN, "lodged_on"), LODGED
    ),
    "permanent_resident_share_of_detainers": Metric(
        "lawful permanent residents in detainers",
        _cases((pl.col("decided") == "lodged") & (pl.col("status") == "lawful_permanent_resident"), "lodged_on"),
        LODGED,
    ),
    "no_conviction_share_of_detainers": Metric(
        "people without a conviction in detainers",
        _cases((pl.col("decided") == "lodged") & ~_CONVICTED, "lodged_on"),
        LODGED,
    ),
    "holds": Metric("holds", HELD),
    "held_share_of_detainers": Metric("held in detainers on file", HELD, ON_FILE),
    "not_transferred_share_of_detainers": Metric(
        "not in ICE's custody afterwards, in detainers",
        _cases((pl.col("decided") == "lodged") & pl.col("transferred_on").is_null(), "lodged_on"),
        LODGED,
    ),
    "booked_into_ice": Metric("booked into ICE's custody", BOOKED_INTO_ICE),
    "booked_share_of_submissions": Metric("booked into ICE's custody in submissions", BOOKED_INTO_ICE, SUBMISSIONS),
    "convicted_share_of_booked": Metric(
        "people with a conviction in those booked into ICE's custody",
        _cases(_CONVICTED, "transferred_on"),
        BOOKED_INTO_ICE,
    ),
    "removals": Metric("removals", REMOVALS),
    "removed_share_of_submissions": Metric("removals in submissions", REMOVALS, SUBMISSIONS),
    "removed_share_of_matches": Metric("removals in matches", REMOVALS, MATCHES),
    "removed_share_of_booked": Metric("removals in those booked into ICE's custody", REMOVALS, BOOKED_INTO_ICE),
    "removals_without_a_conviction": Metric("removals of people without a conviction", _removals(~_CONVICTED)),
    "removals_with_a_level": Metric(
        "removals of people with a level by conviction", _removals(_LEVEL_BY_CONVICTION != "none")
    ),
    "removed_with_a_level_share_of_matches": Metric(
        "removals of people with a level by conviction, in matches",
        _removals(_LEVEL_BY_CONVICTION != "none"),
        MATCHES,
    ),
    "removed_share_of_low_level_matches": Metric(
        "removals in matches of Levels 2 and 3, by charge or conviction",
        _removals(_LEVEL_BY_CHARGE.is_in(_LOW)),
        _cases(_LEVEL_BY_CHARGE.is_in(_LOW), "booked_on"),
    ),
    "level_1_share_of_removals_by_charge": Metric(
        "Level 1, by charge or conviction, in removals", _removals(_LEVEL_BY_CHARGE == "level_1"), REMOVALS
    ),
    "level_1_share_of_removals_by_conviction": Metric(
        "Level 1, by conviction, in removals", _removals(_LEVEL_BY_CONVICTION == "level_1"), REMOVALS
    ),
    "level_1_share_of_removals_with_a_level": Metric(
        "Level 1, by conviction, in removals of people with a level",
        _removals(_LEVEL_BY_CONVICTION == "level_1"),
        _removals(_LEVEL_BY_CONVICTION != "none"),
    ),
    "level_2_share_of_removals_by_conviction": Metric(
        "Level 2, by conviction, in removals", _removals(_LEVEL_BY_CONVICTION == "level_2"), REMOVALS
    ),
    "level_3_share_of_removals_by_conviction": Metric(
        "Level 3, by conviction, in removals", _removals(_LEVEL_BY_CONVICTION == "level_3"), REMOVALS
    ),
    "no_conviction_share_of_removals": Metric("no conviction, in removals", _removals(~_CONVICTED), REMOVALS),
    "convicted_share_of_removals": Metric("convicted, in removals", _removals(_CONVICTED), REMOVALS),
    "minor_or_no_conviction_share_of_removals": Metric(
        "Level 3 by conviction, or no conviction, in removals",
        _removals(_LEVEL_BY_CONVICTION.is_in(["level_3", "none"])),
        REMOVALS,
    ),
    "order_share_of_unconvicted_removals": Metric(
        "an order, in removals without a conviction",
        _removals(~_CONVICTED & pl.col("final_order")),
        _removals(~_CONVICTED),
    ),
    "re_entry_share_of_unconvicted_removals": Metric(
        "back after a removal and no order, in removals without a conviction",
        _removals(~_CONVICTED & ~pl.col("final_order") & pl.col("prior_removal")),
        _removals(~_CONVICTED),
    ),
}
"""What figures may name as their `metric`."""
