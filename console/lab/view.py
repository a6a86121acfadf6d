"""A comparison as the page shows it: plain data for its template. It imports the lab: for the worker alone."""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import groupby
from typing import Any

from sandbox import report
from sandbox.lab import wording
from sandbox.lab.measures import NOTES, SECTIONS
from sandbox.pages.comparison import bars

FEW = 10
"""Of fewer cases than these, another seed may well say the opposite."""


def view_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """What `interop compare --json` prints, in the words and places of the page."""
    policies = result["policies"]
    return {
        "scenario": result["scenario"],
        "title": result["title"],
        "bookings": result["bookings"],
        "seed": result["seed"],
        "regime": result["regime"],
        "opening": wording.opening(result),
        "levers": result["levers_in_words"],
        "range_note": wording.RANGE_NOTE,
        "not_shared": [
            {"policy": each["policy"], "says": sentence}
            for each in policies
            for sentence in report.not_shared(each["totals"])
        ],
        "policies": [_policy(each) for each in policies],
        "sections": [_section(result, name) for name in SECTIONS],
        "changes": [_changes(policies[0], each) for each in policies[1:]],
        "ratios": [
            {**row, "cells": [_ratio(each["ratios"][place]) for each in policies]}
            for place, row in enumerate(wording.ratio_rows(result))
        ],
        "groups": wording.groups(result),
        "assumed": wording.assumed(result["assumptions"]),
        "few": FEW,
    }


def _policy(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": told["policy"],
        "title": told["title"],
        "verified": told["verified"],
        "leaves_room": told["leaves_room"],
        "clauses": [{"id": name, **clause} for name, clause in told["clauses"].items()],
    }


def _section(result: Mapping[str, Any], section: str) -> dict[str, Any]:
    measures = [measure for measure in result["measures"] if measure["section"] == section]
    headlines = [measure for measure in measures if measure["headline"]]
    parts = [measure for measure in measures if measure["heading"]]
    return {
        "id": section,
        "title": SECTIONS[section],
        "note": NOTES.get(section),
        "rows": [_row(result, measure, wording.title_of(measure)) for measure in headlines],
        "charts": [{**asdict(chart), "description": chart.description} for chart in _charts(result, headlines)],
        "tables": [
            {"heading": heading, "rows": [_row(result, measure, measure["words"]) for measure in group]}
            for heading, group in groupby(parts, lambda measure: measure["heading"])
        ],
    }


def _charts(result: Mapping[str, Any], measures: list[Mapping[str, Any]]) -> list[Any]:
    """A chart for each measure of which anything is known: what is off has nothing to draw."""
    known = [
        measure
        for measure in measures
        if any(each["counted"][measure["id"]]["dot"] is not None for each in result["policies"])
    ]
    return [bars(result, measure) for measure in known]


def _row(result: Mapping[str, Any], measure: Mapping[str, Any], words: str) -> dict[str, Any]:
    cells = []
    for each in result["policies"]:
        spread = each["counted"][measure["id"]]
        few = measure["unit"] == "cases" and 0 < abs(spread["dot"] or 0) < FEW
        cells.append({**wording.cell(spread, measure), "few": few})
    return {"words": words, "note": measure["note"], "cells": cells}


def _changes(first: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    found = told["changes"]
    if found is None:
        return {"policy": told["policy"], "paired": False, "rows": [], "left": 0}
    return {
        "policy": told["policy"],
        "paired": True,
        "rows": [
            {
                "from": change["from"],
                "to": change["to"],
                "cases": change["cases"],
                "few": change["cases"] < FEW,
                "why": wording.why(change),
                "clauses": _cited(change, {"before": first, "after": told}),
                "boxes": [wording.box(box) for box in change["boxes"][: wording.MOST_BOXES]],
                "left": wording.boxes_left(change),
            }
            for change in found[: wording.MOST_CHANGES]
        ],
        "left": max(len(found) - wording.MOST_CHANGES, 0),
    }


def _cited(change: Mapping[str, Any], policies: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """The clauses that a change rests on, in words and with their citations."""
    if change["why"] is None:
        return []
    return [
        {"policy": policy["policy"], "id": name, **policy["clauses"][name]}
        for side, policy in policies.items()
        for name in change["why"][side].partition(": ")[2].split(", ")
        if name in policy["clauses"]
    ]


def _ratio(row: Mapping[str, Any]) -> dict[str, Any]:
    """A ratio with its interval, and whether one could tell it from none."""
    if row["ratio"] is None:
        return {"words": "none", "verdict": "too few to tell"}
    low, high = row["low"], row["high"]
    verdict = "too few to tell from 1" if low <= 1 <= high else "above 1" if low > 1 else "below 1"
    return {"words": wording.ratio_in_words(row), "verdict": verdict}
