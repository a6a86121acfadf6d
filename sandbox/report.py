"""What a run came to, as numbers with names: what `--json` prints under `totals`, and what every report shows.

Nothing here takes a side: what either side of the argument counts stands in the same table, removals are given under
both meanings that "level" has had, and a number that was argued about comes with both of its readings.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from sandbox import accuracy
from sandbox.metrics import CITIZEN, LAWFUL, LODGED, REMOVED, SUBMISSIONS, count
from sandbox.results import LEVELS, LEVERS, Disclosures, Results

Totals = dict[str, Any]


STAGE_WORDS = {
    "matches": "matches",
    "detainers": "detainers",
    "holds": "held",
    "transferred": "handed over",
    "removed": "removed",
}
"""How far a match went, for the counts that are told stage by stage."""

UNCONVICTED_WORDS = {
    "order": "under an order of removal",
    "re_entry": "back after a removal, without such an order",
    "neither": "neither of these",
}
TRUTH_WORDS = {
    "citizens": "citizens of the United States",
    "lawful_and_not_removable": "lawfully here, and not removable",
    "lawful_and_removable": "lawfully here, and removable",
    "removable_otherwise": "removable, and not lawfully here",
}
RECORD_WORDS = {
    "false_matches": "with another person's record (a false match)",
    "stale_records": "with a record no longer true (a stale record)",
}
NOT_SHARED_WORDS = {
    "cited": "cited instead, without prints",
    "kept": "prints kept by the agency",
    "not_relayed": "fingerprints submitted to the FBI, and no further",
}
READINGS = {
    "by_charge_or_conviction": "by charge or conviction (2008 to mid-2010)",
    "by_conviction": "by conviction alone (from mid-2010)",
}
"""What "level" has meant."""

_REMOVABLE = pl.col("removable") == "yes"
_RIGHT_RECORD = ~pl.col("false_match") & ~pl.col("stale")
_TRANSFERRED = pl.col("transferred_on").is_not_null()
_LAWFUL_AND_REMOVABLE = LAWFUL & _REMOVABLE & _RIGHT_RECORD

# Somebody can be lawful and removable: a permanent resident with certain convictions. Where the record is wrong, a
# lawful person is counted as not removable.
TRUTH: Mapping[str, pl.Expr] = {
    kind: where.fill_null(value=False)
    for kind, where in {
        "citizens": CITIZEN,
        "lawful_and_not_removable": LAWFUL & ~_LAWFUL_AND_REMOVABLE,
        "lawful_and_removable": _LAWFUL_AND_REMOVABLE,
        "removable_otherwise": ~CITIZEN & ~LAWFUL,
    }.items()
}
"""Who people truly are, whatever the records say; everybody with a known status is one of these."""

RECORDS: Mapping[str, pl.Expr] = {"false_matches": pl.col("false_match"), "stale_records": pl.col("stale")}
"""What is wrong with a record; at most one of these."""

NOT_SHARED: Mapping[str, pl.Expr] = {
    "cited": pl.col("handled") == "cited",
    "kept": pl.col("handled") == "kept",
    "not_relayed": SUBMISSIONS.where & pl.col("searched").is_null(),
}
"""Of whom DHS was never asked, by where the prints ended."""

WITHOUT_CONVICTION: Mapping[str, pl.Expr] = {
    "order": ~pl.col("convicted") & pl.col("final_order"),
    "re_entry": ~pl.col("convicted") & ~pl.col("final_order") & pl.col("prior_removal"),
    "neither": ~pl.col("convicted") & ~pl.col("final_order") & ~pl.col("prior_removal"),
}
"""What else is known of people without a conviction."""


def totals(results: Results) -> Totals:
    """The totals of one run."""
    return totals_of(booked(results.bookings), results.cases)


def booked(bookings: pl.DataFrame) -> dict[str, Any]:
    """What is told of bookings, whatever came of the matches. All of it adds up over parts of a population."""
    return {
        "bookings": bookings.height,
        "submissions": count(bookings, SUBMISSIONS.where),
        "not_shared": {name: count(bookings, where) for name, where in NOT_SHARED.items()},
        "identified_by_fbi": count(bookings, pl.col("identified")),
        "searches": _by_value(bookings, "searched"),
        "accuracy": accuracy.of_bookings(bookings),
    }


def totals_of(bookings: Mapping[str, Any], cases: pl.DataFrame) -> Totals:
    """The totals of one run, of whose bookings only what `booked` told is left."""
    lodged = cases.filter(LODGED.where)
    against_the_truth = accuracy.against_the_truth(bookings["accuracy"], cases)
    return {
        **bookings,
        "accuracy": against_the_truth,
        "statuses": _by_value(cases, "recorded_status"),
        "removable": _by_value(cases, "removable"),
        "truth": {kind: _by_stage(cases.filter(where)) for kind, where in TRUTH.items()},
        "records": {
            **{kind: _by_stage(cases.filter(where)) for kind, where in RECORDS.items()},
            "missed_mates": against_the_truth["ident"]["missed_mates"],
        },
        "detainers": {
            "lodged": lodged.height,
            "no_action": _by_value(cases.filter(pl.col("decided") != "lodged"), "decided"),
            "lodged_by_priority": _by_value(lodged, "priority"),
            "came_after_release": count(lodged, ~pl.col("on_file")),
        },
        "levers": {lever: told for lever in sorted(LEVERS) if (told := _lever(cases, lever))},
        "custody": _custody(cases),
        "outcomes": _by_value(cases, "outcome"),
        "removals": _removals(cases.filter(REMOVED)),
    }


def disclosures(counted: Disclosures) -> list[dict[str, Any]]:
    """How often each party told each other what, in the form that `--json` prints."""
    return [
        {"from": sender, "to": recipient, "categories": list(categories), "count": count}
        for (sender, recipient, categories), count in sorted(counted.items())
    ]


KNOWN_WORDS: Mapping[str, str] = {"known_encounter": "known to DHS only from an earlier arrest of this run"}
"""What IDENT answers beside a match and no match, where it does."""


def flow(told: Mapping[str, Any]) -> list[tuple[str, float]]:
    """What happened, as lines of words and a number, from the booking to the end of the case.

    Args:
        told: the totals of a run.
    """
    detainers, custody, ended = told["detainers"], told["custody"], told["not_shared"]
    return [
        ("bookings", told["bookings"]),
        *((words, ended[name]) for name, words in NOT_SHARED_WORDS.items() if ended[name]),
        ("fingerprints submitted to the FBI, and relayed to DHS", told["submissions"] - ended["not_relayed"]),
        ("known to the FBI's criminal file", told["identified_by_fbi"]),
        *((words, count) for word, words in KNOWN_WORDS.items() if (count := told["searches"].get(word))),
        ("known to DHS (a match)", told["searches"].get("match", 0)),
        ("  whose record says removable", told["removable"].get("yes", 0)),
        ("detainers lodged", detainers["lodged"]),
        ("  came after the release", detainers["came_after_release"]),
        ("matches without a detainer: no priority", detainers["no_action"].get("no_priority", 0)),
        ("matches without a detainer: no capacity that day", detainers["no_action"].get("no_capacity", 0)),
        ("ICE told of the release", custody["notified"]),
        ("held past their release", custody["holds"]),
        ("  hours held, in all", custody["hold_hours"]),
        ("handed over to ICE", custody["transferred"]),
        ("released although a detainer was on file", custody["released"]),
        ("  ICE did not come", custody["released_ice_did_not_come"]),
        ("  the agency did not hand over", custody["released_hand_over_declined"]),
        ("  released before ICE came", custody["released_before_ice_came"]),
        *((f"case ended: {outcome.replace('_', ' ')}", count) for outcome, count in told["outcomes"].items()),
    ]


def not_shared(told: Mapping[str, Any]) -> list[str]:
    """Whose prints went less far than they did in reality, in sentences that say what of it was possible then.

    Args:
        told: the totals of a run.
    """
    return [
        f"Of {_people(told['bookings'])}, {told['not_shared'][name]:,} {sentence}"
        for name, sentence in _POSSIBLE.items()
        if told["not_shared"][name]
    ]


_POSSIBLE = {
    "cited": (
        "were cited instead of booked, and nobody asked the FBI or DHS about them. In reality this was partly possible:"
        " whom to cite was largely for the police to say. It costs the FBI's answer, such as a warrant elsewhere."
    ),
    "kept": (
        "were booked, and their prints stayed with the agency. In reality this was partly possible: some states left it"
        " open whether prints for misdemeanours are sent. It costs the FBI's answer, such as a warrant elsewhere."
    ),
    "not_relayed": (
        "had their prints sent to the FBI and not on to DHS. In reality this was never possible: whatever reached the"
        " FBI was relayed, and no place could hold it back."
    ),
}


def framings(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The numbers that were argued about: for each, one sentence with all of its shares, and both readings.

    Args:
        told: the totals of a run.

    Returns:
        Rows of `sentence`, which is true of the run, and `readings`: what in it one side reads, and what the other,
        whatever the shares are. Without removals there is nothing to argue about.
    """
    removals, matches = told["removals"], sum(kind["matches"] for kind in told["truth"].values())
    total = removals["total"]
    if not total:
        return []
    by_charge, by_conviction = removals["by_charge_or_conviction"], removals["by_conviction"]
    unconvicted = removals["without_conviction"]
    without = sum(unconvicted.values())
    low = by_conviction["none"] + by_conviction["level_3"]
    rows = [
        (
            f"Of {_people(total)} removed, {_percent(total - without, total)} had a conviction, and"
            f" {_percent(low, total)} had none or no more than two misdemeanours (Level 3 by conviction).",
            "the first share: a conviction, of whatever level, is what the program is for.",
            "the second: who has none, or small ones, is not whom the program was announced for.",
        ),
        (
            f"Of {_people(matches)} who matched, {_percent(total, matches)} were removed, and"
            f" {_percent(matches - total, matches)} were not.",
            "the first share: to remove is what the search is for, and whoever is left was found for nothing.",
            "the second: their prints and their status were passed on as well, and nothing was to come of it.",
        ),
        (
            f"Of {_people(total)} removed, {_percent(by_charge['level_1'], total)} are of Level 1 if a charge counts,"
            f" and {_percent(by_conviction['level_1'], total)} if only a conviction does.",
            "the first share: what somebody is arrested for now is what the agency has before it.",
            "the second: a charge is no finding of guilt.",
        ),
    ]
    if without:
        rows.append(
            (
                f"Of {_people(without)} removed without a conviction, {_percent(unconvicted['order'], without)} were"
                f" under an order of removal, {_percent(unconvicted['re_entry'], without)} were back after a removal"
                f" without such an order, and {_percent(unconvicted['neither'], without)} were neither.",
                "the first two shares: an order or an earlier removal is a priority without any conviction.",
                "all three: no court has found any of these people guilty of a crime.",
            )
        )
    return [{"sentence": sentence, "readings": [one, other]} for sentence, one, other in rows]


def _by_value(frame: pl.DataFrame, column: str) -> dict[str, int]:
    counted = frame.get_column(column).drop_nulls().cast(pl.String).value_counts()
    return dict(sorted(counted.iter_rows()))


def _by_stage(cases: pl.DataFrame) -> dict[str, int]:
    """How many of these matches went how far."""
    return {
        "matches": cases.height,
        "detainers": count(cases, LODGED.where),
        "holds": count(cases, pl.col("held")),
        "transferred": count(cases, _TRANSFERRED),
        "removed": count(cases, REMOVED),
    }


def _lever(cases: pl.DataFrame, lever: str) -> dict[str, Any] | None:
    """What the agency did with a lever at the decision that governs it, on what word of its policy, and why."""
    ruled = cases.filter(pl.col(lever).is_not_null())
    if ruled.is_empty():
        return None
    word = pl.col(f"{lever}_why").str.extract(r"^(\w+)").alias("word")
    exercised = count(ruled, pl.col(lever))
    return {
        "exercised": exercised,
        "declined": ruled.height - exercised,
        "answered": _by_value(ruled.select(word), "word"),
        "why": _by_value(ruled, f"{lever}_why"),
    }


def _custody(cases: pl.DataFrame) -> dict[str, Any]:
    released, declined = pl.col("released_on").is_not_null(), pl.col("transfer").eq_missing(other=False)
    came = released & pl.col("claimed")
    return {
        "detainers_on_file": count(cases, pl.col("on_file")),
        "notified": count(cases, pl.col("told")),
        "holds": count(cases, pl.col("held")),
        # Hours have two decimals. Only their sum to these is the same in whatever order they are added up.
        "hold_hours": round(round(float(cases.get_column("hold_hours").sum()), 2), 1),
        "transferred": count(cases, _TRANSFERRED),
        "transferred_from_hold": count(cases, _TRANSFERRED & pl.col("held")),
        "released": count(cases, released),
        "released_ice_did_not_come": count(cases, released & ~pl.col("claimed")),
        "released_hand_over_declined": count(cases, came & declined),
        "released_before_ice_came": count(cases, came & ~declined),
    }


def _removals(removals: pl.DataFrame) -> dict[str, Any]:
    """Removals and returns by level under both readings, and those without a conviction by what else was known."""
    return {
        "total": removals.height,
        "by_charge_or_conviction": _by_level(removals, "level_by_charge"),
        "by_conviction": _by_level(removals, "level_by_conviction"),
        "without_conviction": {kind: count(removals, where) for kind, where in WITHOUT_CONVICTION.items()},
    }


def _by_level(removals: pl.DataFrame, reading: str) -> dict[str, int]:
    return {level: count(removals, pl.col(reading) == level) for level in LEVELS}


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"
