"""A comparison in words: what the terminal and the page say in the same way."""

from collections.abc import Mapping
from typing import Any

from sandbox.lab.measures import briefly
from sandbox.report import READINGS

MOST_CHANGES = 8
MOST_BOXES = 4
"""What is shown of each policy's changes, and of each change's boxes; `--json` has more."""

RANGE_NOTE = (
    "Where two levers work against each other, the dot can lie outside. 'Silent' is what the scenario says is usual."
)
_DECLARED = ("hold_cost", "hearings", "counsel", "at_large", "rearrested")
_EARLIER = "the same answers at the release; ICE had been told at another time, or came at another"


def title_of(measure: Mapping[str, Any]) -> str:
    """A measure in words, with what it is one part of where the words alone could be read in two ways."""
    division, _, _ = measure["id"].partition(".")[2].partition(".")
    told = str(measure["words"])
    if division in READINGS:
        return f"{told}, {briefly(READINGS[division])}" if measure["heading"] else told
    return {"charge": f"charged with a {told}", "without_conviction": f"no conviction: {told}"}.get(division, told)


def cell(spread: Mapping[str, float | None], measure: Mapping[str, Any]) -> dict[str, str]:
    """What a measure comes to, in words: the dot, and the range where there is one."""
    never, dot, always = spread["never"], spread["dot"], spread["always"]
    if dot is None and never is None and always is None:
        return {"dot": "off" if measure["id"] in _DECLARED else "none", "spread": ""}
    known = sorted(number for number in (never, always) if number is not None)
    low, high = (number_in_words(known[0], measure), number_in_words(known[-1], measure)) if known else ("", "")
    return {"dot": number_in_words(dot, measure), "spread": "" if low == high else f"{low}{_to(measure)}{high}"}


def _to(measure: Mapping[str, Any]) -> str:
    """Between the ends of a range: a dash saves room, but would look like a sign beside one."""
    return " to " if _is_difference(measure) else "\N{EN DASH}"


def _is_difference(measure: Mapping[str, Any]) -> bool:
    return str(measure["id"]).startswith("gained")


def number_in_words(number: float | None, measure: Mapping[str, Any]) -> str:
    """A number of a measure, with its unit, and with its sign where it is a difference."""
    if number is None:
        return "none"
    if measure["unit"] == "dollars":
        return f"${number:,.0f}"
    if measure["unit"] == "days":
        return f"{number:,.1f}"
    return f"{number:+,.0f}" if _is_difference(measure) and number else f"{number:,.0f}"


def opening(result: Mapping[str, Any]) -> str:
    """How far it goes before any policy is asked."""
    first = result["policies"][0]
    told = first["totals"]
    matches, lodged = told["searches"].get("match", 0), told["detainers"]["lodged"]
    late = told["detainers"]["came_after_release"]
    return (
        f"Under {first['policy']}, {matches:,} of them matched, and ICE lodged {lodged:,} detainers, {late:,} of which"
        " came after the release."
    )


def why(change: Mapping[str, Any]) -> str:
    """On what lever and clauses a change rests."""
    reasons = change["why"]
    if reasons is None:
        return _EARLIER
    before, after = (reasons[each].replace("must_not", "must not") for each in ("before", "after"))
    return f"{reasons['lever']}: {before} → {after}"


def box(told: Mapping[str, Any]) -> str:
    """A box of facts: how many of its cases changed, and who they are."""
    facts = "; ".join(f"{name.replace('_', ' ')}: {values}".replace("_", " ") for name, values in told["facts"].items())
    return f"{told['changed']:,} of {told['cases']:,}: {facts or 'everybody'}"


def boxes_left(change: Mapping[str, Any]) -> str:
    """How much of a change lies in boxes that are not shown."""
    hidden = change["boxes"][MOST_BOXES:]
    boxes = len(hidden) + change["boxes_left_out"]
    cases = sum(each["changed"] for each in hidden) + change["changed_in_boxes_left_out"]
    return f"and {cases:,} in {boxes} more" if boxes else ""


def groups(result: Mapping[str, Any]) -> str:
    """What the scenario declares about the groups."""
    declared = (
        "The scenario declares no difference between the groups, so every ratio is 1 but for chance."
        if result["neutral"]
        else f"The scenario declares how the groups differ, as ratios of odds: {result['associations']}."
    )
    return f"{declared} With 95 % intervals."


def ratio_rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The ratios of every policy, stage by stage."""
    policies = result["policies"]
    return [
        {
            "stage": row["stage"],
            "benchmark": row["benchmark"],
            "cells": [ratio_in_words(policy["ratios"][place]) for policy in policies],
        }
        for place, row in enumerate(policies[0]["ratios"])
    ]


def ratio_in_words(row: Mapping[str, Any]) -> str:
    """A ratio with its interval."""
    return "none" if row["ratio"] is None else f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})"


def assumed(assumptions: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was declared beyond the flow, each with its source."""
    years = assumptions["rearrest_years"]
    named = (
        ("cost of a held day, in dollars", assumptions["cost_a_day"]),
        (f"re-arrests a year, counted for {years:g} year{'' if years == 1 else 's'}", assumptions["rearrests_a_year"]),
        ("share of those handed over who have a hearing before a judge", assumptions["hearing_share"]),
        ("share of those handed over who have a lawyer", assumptions["counsel_share"]),
        ("share of the released whom ICE would have come for, and then seeks at large", assumptions["at_large_share"]),
    )
    return [
        (name, "off" if each is None else f"{each['value']:g}. {each['source']}. {each['caveat']}".strip())
        for name, each in named
    ]
