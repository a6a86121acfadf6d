"""The report as it is published: protected counts, what follows from them, and what it is all worth.

Exact counts end here. Shares and spans of days are worked out from what is published, so that they tell no more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import Any

from services.audit.report import figures as counted_as
from services.audit.report.events import RunOpened
from services.audit.report.figures import Figures, figures
from services.audit.report.projection import Readings, Snapshot
from services.audit.report.tables import (
    ALL,
    FEWEST_SHOWN,
    Cell,
    Counted,
    Protection,
    protected,
    undone_by_subtraction,
    with_margins,
)
from services.chassis.errors import InteropError

NOTICE = "Simulated. Not data about any place. Not legal advice."
NO_CHECKPOINT = "no checkpoint has been published yet"

WIDEST_TOLD = 50.0
"""A share that rounding leaves anywhere within this many percentage points, or more, is too few to tell."""
FEWEST_TIMED = 20
"""How many outcomes must be published before anything is said of how long they took."""

SUBTRACTION_SHOWN = 40
"""How many of the cells that subtraction gives back are named; all of them are counted."""

Report = dict[str, Any]
Totals = Mapping[str, Mapping[Cell, int | None]]


def published_report(
    projection: Readings,
    *,
    run: str | None = None,
    protect: Protection = "round",
    checkpoint: Mapping[str, Any] | None = None,
    reconciliation: Mapping[str, Any] | None = None,
) -> Report:
    """The transparency report of a run, as plain data that may leave the service.

    Args:
        projection: what was counted.
        run: the run; the one that was opened last, if none is given.
        protect: `round` every number to the nearest ten, or `suppress` the small ones.
        checkpoint: the checkpoint of the ledger at the time, if there is one: `origin`, `size`, `root`, `published_at`.
        reconciliation: the last comparison of log and streams, if there was one: `reconciled`, `lag`, `at`, ...

    Raises:
        InteropError: `unknown-run`; `no-report`, when nothing was counted; `unknown-protection`.
    """
    if protect not in PROTECTED_BY:
        raise InteropError("unknown-protection", f"there is no protection '{protect}'; use round or suppress")
    snapshot = projection.snapshot(run)
    exact = figures(snapshot.opened, snapshot.last_day, snapshot.cases, snapshot.shared)
    tables = {table.name: _rare_justifications_aside(table, protect) for table in exact.tables}
    cells = {name: protected(with_margins(table), protect) for name, table in tables.items()}
    named = {name: table for table in tables.values() for name in table.values.get("justification", ())}
    return {
        "report": "transparency",
        "notice": NOTICE,
        "run": snapshot.runid,
        "scenario": snapshot.opened.scenario,
        "seed": snapshot.opened.seed,
        "opened_on": snapshot.opened.opened_on.isoformat(),
        "complete_through": None if snapshot.last_day is None else snapshot.last_day.isoformat(),
        "places": _places(snapshot.opened),
        "modelled_on": MODELLED_ON,
        "protection": {"method": protect, **PROTECTED_BY[protect]},
        "rows": UNLISTED,
        "tables": [_table(table, cells[name], snapshot.opened, protect) for name, table in tables.items()],
        "shares": _shares(tables, cells, protect),
        "publication_lag": _publication_lag(exact, tables["feedback"], cells["feedback"]),
        "clauses": [row for row in snapshot.clauses if any(_names(reason, row["clause"]) for reason in named)],
        "subtraction": _subtraction(tables.values(), cells, protect),
        "checkpoint": None if checkpoint is None else dict(checkpoint),
        "checkpoint_words": NO_CHECKPOINT if checkpoint is None else CHECKPOINT_WORDS,
        "reconciliation": dict(reconciliation or {}),
        "policies": _policies(snapshot),
        "sources": SOURCES,
    }


UNLISTED = "A cell that a table does not list is published as 0."

MODELLED_ON = {
    "words": (
        "After the yearly report of four agencies of the District of Columbia: the requests of ICE by charge, judicial"
        " warrant and action taken; releases to federal custody with their justification; the types of information"
        " that were shared, and whether on request. Later acts amend that law: it must not be taken for current."
    ),
    "source": "D.C. Code 24-211.07, as amended by D.C. Law 23-282, in effect from 27 April 2021",
    "tag": "C",
}

PROTECTED_BY: Mapping[str, Mapping[str, Any]] = {
    "round": {
        "words": (
            "Every number, subtotals and totals too, is rounded to the nearest ten by itself: 0 to 4 are published as"
            " 0, 5 to 14 as 10. So 0 means fewer than five, or none, and parts need not add up to their total."
        ),
        "does": [
            "A number by itself tells a range: of ten, and of five for 0. To take the other parts from a total, which"
            " gives hidden numbers back, never gives an exact one here.",
        ],
        "does_not": [
            "It is no formal guarantee. Who knows all people in a cell but one sees whether that one is in it, when it"
            " goes from 4, published as 0, to 5, published as 10.",
            "Reports that follow each other leak: a running total that goes from 20 to 30 tells when its 25th came.",
            "Sums can narrow a range: a total of 20 over four cells of 0 leaves 3 or 4 in each of them.",
        ],
        "source": "DHS Office of Homeland Security Statistics, disclosure page (rounding since 2023)",
        "tag": "C",
    },
    "suppress": {
        "words": (
            f"Counts from 1 to {FEWEST_SHOWN - 1} are hidden, and all others, 0 too, are exact. This is the alternative"
            " to rounding, shown so that the two can be compared."
        ),
        "does": [f"What is shown is exact, and a hidden number is known to lie between 1 and {FEWEST_SHOWN - 1}."],
        "does_not": [
            "Hidden cells can be had back by subtraction wherever only one number of a sum is hidden; how many of them,"
            " and which, stands below. To hide further cells until no sum gives one back takes a solver.",
            "It is no formal guarantee: who knows all people of a shown cell but one knows of that one.",
        ],
        "source": (
            "the Centers for Medicare & Medicaid Services hide 1 to 10, and whatever these could be had from; DHS"
            " statistics hid counts below three until 2023"
        ),
        "tag": "C",
    },
}

CHECKPOINT_WORDS = (
    "The ledger's checkpoint when this was computed. It fixes what was disclosed, and whoever has the entries can check"
    " the table of what was shared against it; requests and outcomes are counted from the events themselves."
)

SOURCES: Sequence[Mapping[str, str]] = (
    {
        "says": "The report of the District of Columbia, after which this one is made",
        "source": "D.C. Code 24-211.07, as amended by D.C. Law 23-282 (statute text read)",
        "tag": "C",
    },
    {
        "says": "Cells, subtotals and totals are rounded to the nearest ten, each by itself, since 2023",
        "source": "DHS Office of Homeland Security Statistics, ohss.dhs.gov/about-data/disclosure",
        "tag": "C",
    },
    {
        "says": "No arrest charge was recorded for 56 % of the removals of October 2010 to March 2012",
        "source": "GAO-12-708, highlights",
        "tag": "C",
    },
    {
        "says": "Actions were undocumented because ICE's systems lacked required fields",
        "source": "DHS OIG-20-13, February 2020",
        "tag": "C",
    },
    {
        "says": "The police of Boston asked DHS for the outcomes of people arrested there, and got none",
        "source": "Boston Globe article of the founding five, as it reports",
        "tag": "S0",
    },
    {
        "says": "Monthly statistics of the program came out from 2010-11 on, mostly through requests and litigation",
        "source": "uncoverthetruth.org and TRAC; the program had begun in October 2008",
        "tag": "C",
    },
)


def _places(run: RunOpened) -> list[dict[str, Any]]:
    places: dict[str, list[str]] = {}
    for _, agency in sorted(run.agencies.items()):
        places.setdefault(agency.place, []).append(agency.name)
    return [{"place": place, "agencies": names} for place, names in sorted(places.items())]


def _policies(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The policy files that the run is pinned to, and any other that a decision names."""
    run = snapshot.opened
    pinned = [
        *(("ice_priority", regime, regime.since.isoformat()) for regime in run.ice_priority),
        ("detainer", run.detainer, None),
        *((("sharing", run.sharing, None),) if run.sharing is not None else ()),
        ("vocabulary", run.vocabulary, None),
    ]
    rows = [
        {"question": question, "policy": file.id, "sha256": file.sha256, "from": since, "pinned": True}
        for question, file, since in pinned
    ]
    known = {(row["question"], row["policy"], row["sha256"]) for row in rows}
    others = sorted(snapshot.deciding - known)
    return rows + [
        {"question": question, "policy": policy, "sha256": sha256, "from": None, "pinned": False}
        for question, policy, sha256 in others
    ]


def _rare_justifications_aside(table: Counted, protect: Protection) -> Counted:
    """The table, with the reasons that are too few to publish under one name: naming one says that it occurred."""
    if table.name != "releases":
        return table
    place = table.dimensions.index("justification")
    in_all: dict[str, int] = {}
    for cell, count in table.counts.items():
        in_all[cell[place]] = in_all.get(cell[place], 0) + count
    named = {reason for reason, number in protected({(k,): n for k, n in in_all.items()}, protect).items() if number}
    kept = [reason for reason in table.values["justification"] if (reason,) in named]
    counts: dict[Cell, int] = {}
    for cell, count in table.counts.items():
        reason = cell[place] if cell[place] in kept else counted_as.RARE
        renamed = (*cell[:place], reason, *cell[place + 1 :])
        counts[renamed] = counts.get(renamed, 0) + count
    values = {**table.values, "justification": (*kept, counted_as.RARE)}
    return replace(table, counts=counts, values=values)


def _names(reason: str, clause: str) -> bool:
    return clause in reason.partition(": ")[2].split(", ")


def _table(table: Counted, cells: Mapping[Cell, int | None], run: RunOpened, protect: Protection) -> dict[str, Any]:
    wholes = {name: table.whole(name) for name in table.dimensions if name in table.adds_up}
    order = {
        name: {value: number for number, value in enumerate([*table.values[name], ALL])} for name in table.dimensions
    }
    listed = [cell for cell, number in cells.items() if number != 0]
    listed.sort(key=lambda cell: [order[name][value] for name, value in zip(table.dimensions, cell, strict=True)])
    rows = [{**dict(zip(table.dimensions, cell, strict=True)), "published": cells[cell]} for cell in listed]
    return {
        "name": table.name,
        "title": table.title,
        "about": table.about,
        "dimensions": list(table.dimensions),
        "values": {name: list(values) for name, values in table.values.items()},
        "whole": wholes,
        "notes": dict(table.notes),
        "rows": rows,
        "without_figures": _without_figures(table, rows, run, protect),
    }


def _without_figures(
    table: Counted, rows: Sequence[Mapping[str, Any]], run: RunOpened, protect: Protection
) -> str | None:
    """Why a table says nothing, or a part of it never can. Follows from settings and from what is published alone."""
    if table.name == "feedback" and not run.feedback:
        return (
            "In this run ICE tells the agency of no outcome: the scenario's feedback lever is off, as nothing was"
            " returned in reality."
        )
    if not rows:
        return (
            "Nothing was counted." if protect == "suppress" else "None, or fewer than five, in every cell and in all."
        )
    return None


class _Numbers:
    """What was published in all, of a table."""

    def __init__(self, table: Counted, cells: Mapping[Cell, int | None]) -> None:
        self._table = table
        self._cells = cells

    def __call__(self, **values: str) -> int | None:
        named = {"place": self._table.whole("place"), "month": self._table.whole("month"), **values}
        chosen = (named.get(name) or self._table.whole(name) for name in self._table.dimensions)
        return self._cells.get(tuple(chosen), 0)


def _shares(tables: Mapping[str, Counted], cells: Totals, protect: Protection) -> list[dict[str, Any]]:
    numbers = {name: _Numbers(table, cells[name]) for name, table in tables.items()}
    stage = {key: numbers["stages"](stage=words) for key, words in counted_as.STAGES.items()}
    record, charges, told = numbers["removals_by_record"], numbers["charges"], numbers["feedback"]
    by_conviction = numbers["outcomes_by_conviction"]
    outcomes = [
        by_conviction(outcome=outcome, level=level)
        for outcome in counted_as.REMOVED_OUTCOMES
        if outcome in tables["outcomes_by_conviction"].values["outcome"]
        for level in ("level 3", "none")
    ]
    minor = None if any(number is None for number in outcomes) else sum(number or 0 for number in outcomes)
    recorded = _added(told(feedback=counted_as.AGENCY_TOLD), told(feedback=counted_as.AGENCY_NOT_TOLD))
    agency_told = told(feedback=counted_as.AGENCY_TOLD)
    removed, matched = stage["removed"], stage["matched"]
    unconvicted = _added(*(record(record=kind) for kind in (counted_as.ORDER, counted_as.RE_ENTRY, counted_as.NEITHER)))
    missing = counted_as.CHARGE_MISSING
    rows: list[tuple[str, str, str, int | None, int | None, int, int, str | None]] = [
        # name, part, of, numbers, how many published numbers each was added up from, remark
        ("match_share", "matches", "submissions", matched, stage["submitted"], 1, 1, NOT_A_CRIME_RATE),
        ("removed_share_of_matches", "removals", "matches", removed, matched, 1, 1, None),
        ("removed_share_of_transferred", "removals", "hand-overs to ICE", removed, stage["transferred"], 1, 1, None),
        (
            "convicted_share_of_removals",
            "people with a conviction",
            "removals",
            record(record=counted_as.CONVICTED),
            removed,
            1,
            1,
            "One side reads this share.",
        ),
        (
            "no_conviction_share_of_removals",
            "people without a conviction",
            "removals",
            unconvicted,
            removed,
            3,
            1,
            "The other reads this one, and the next.",
        ),
        (
            "minor_or_no_conviction_share_of_removals",
            "Level 3 by conviction, or no level",
            "removals",
            minor,
            removed,
            max(len(outcomes), 1),
            1,
            None,
        ),
        (
            "missing_charge_share_of_matches",
            "people without a charge on record",
            "matches",
            charges(people=counted_as.OF_MATCHES, charge=missing),
            charges(people=counted_as.OF_MATCHES),
            1,
            1,
            "Here a contract asks for the charge.",
        ),
        (
            "missing_charge_share_of_removals",
            "people without a charge on record",
            "removals",
            charges(people=counted_as.OF_REMOVALS, charge=missing),
            charges(people=counted_as.OF_REMOVALS),
            1,
            1,
            "In reality 56 %, October 2010 to March 2012 (GAO-12-708 [C]).",
        ),
        (
            "feedback_coverage_of_transferred",
            "outcomes of which the agency was told",
            "hand-overs to ICE",
            agency_told,
            stage["transferred"],
            1,
            1,
            "Includes people whose case is still open.",
        ),
        (
            "feedback_coverage_of_outcomes",
            "outcomes of which the agency was told",
            "outcomes recorded",
            agency_told,
            recorded,
            1,
            2,
            "Leaves out people whose case is still open.",
        ),
    ]
    return [
        {
            "name": name,
            "part": part,
            "of": of,
            **_share(of_part, of_whole, parts, wholes, protect),
            "remark": remark,
        }
        for name, part, of, of_part, of_whole, parts, wholes, remark in rows
    ]


NOT_A_CRIME_RATE = "A share of matches is not a crime rate, and a match is no finding that somebody may be removed."


def _added(*numbers: int | None) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def _share(part: int | None, of: int | None, parts: int, wholes: int, protect: Protection) -> dict[str, Any]:
    """A share in percent from published numbers, and within what it must lie, since they are rounded.

    Args:
        part: what is published of the part.
        of: what is published of the whole.
        parts: from how many published numbers the part was added up.
        wholes: the same of the whole.
        protect: how the numbers are protected.
    """
    told: dict[str, Any] = {"percent": None, "low": None, "high": None, "why": None}
    if part is None or of is None:
        return {**told, "why": "one of the two numbers is hidden"}
    if of == 0:
        nobody = "there is nobody of whom it could be a share"
        return {**told, "why": nobody if protect == "suppress" else "too few to tell: none, or fewer than five in all"}
    if protect == "suppress":
        percent = round(100 * part / of)
        return {**told, "percent": percent, "low": percent, "high": percent}
    low = 100 * max(part - 5 * parts, 0) / (of + 4 * wholes)
    high = min(100 * (part + 4 * parts) / max(of - 5 * wholes, 1), 100.0)
    if high - low >= WIDEST_TOLD:
        return {**told, "why": "too few to tell"}
    return {**told, "percent": min(round(100 * part / of), 100), "low": int(low), "high": ceil(high)}


def _publication_lag(exact: Figures, table: Counted, cells: Mapping[Cell, int | None]) -> dict[str, Any]:
    """How long after a hand-over its outcome could have been published at the earliest."""
    told = _Numbers(table, cells)
    published = _added(told(feedback=counted_as.AGENCY_TOLD), told(feedback=counted_as.AGENCY_NOT_TOLD))
    days = exact.days_to_outcome
    enough = published is not None and published >= FEWEST_TIMED and len(days) >= FEWEST_SHOWN
    return {
        "words": (
            "From the hand-over to the outcome, in simulated days, rounded up to the next ten: no report can tell the"
            " outcome earlier. Of hand-overs whose outcome is recorded; cases that are still open are left out."
        ),
        "half_within_days": _ten_days(days, 0.5) if enough else None,
        "nine_in_ten_within_days": _ten_days(days, 0.9) if enough else None,
        "why": None if enough else "too few outcomes are published to say how long they took",
        "not_measured": (
            "The lag from an event to its publication is not measured: events carry simulated dates, and this report is"
            " printed on a real one, so the difference between them means nothing."
        ),
        "in_reality": (
            "The program began in October 2008; its monthly statistics came out from 2010-11 on, mostly through"
            " requests and litigation (uncoverthetruth.org, TRAC [C])."
        ),
    }


def _ten_days(days: Sequence[int], share: float) -> int:
    """Within how many days so large a share had ended, rounded up to the next ten: of nobody to the day."""
    return -(-days[ceil(share * len(days)) - 1] // 10) * 10


def _subtraction(tables: Iterable[Counted], cells: Totals, protect: Protection) -> dict[str, Any]:
    """The exercise: which of the hidden cells anybody can work out from the numbers that are shown."""
    by_table: list[dict[str, Any]] = []
    named: list[dict[str, Any]] = []
    for table in tables:
        published = cells[table.name]
        hidden = sum(number is None for number in published.values())
        undone = undone_by_subtraction(table, published)
        if hidden:
            row = {"table": table.name, "title": table.title, "hidden": hidden, "undone": len(undone)}
            by_table.append(row)
        for found in undone:
            cell = dict(zip(table.dimensions, found.cell, strict=True))
            how = f"the sum over {found.along} of {found.of} cells, in which every other number is known"
            named.append({"table": table.name, "cell": cell, "how": how})
    return {
        "words": SUBTRACTION_WORDS[protect],
        "hidden": sum(row["hidden"] for row in by_table),
        "undone": len(named),
        "tables": by_table,
        "cells": named[:SUBTRACTION_SHOWN],
    }


SUBTRACTION_WORDS: Mapping[str, str] = {
    "round": (
        "Nothing is hidden, so there is nothing to subtract: totals are rounded by themselves, and the difference of"
        " two published numbers is known only to within a range. To see what subtraction does to hidden numbers, ask"
        " for the report with small numbers hidden ('suppress')."
    ),
    "suppress": (
        "A hidden number that is the only one hidden in a sum is its total less all others. Whatever is found so may"
        " give the next. Only sums within a table were tried: who compares tables, or has a solver, finds more."
    ),
}
