"""A comparison as one page: every counted thing as a bar for each policy, with the scenario's discretion as a dot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sandbox import published, report
from sandbox.lab import wording
from sandbox.lab.measures import NOTES, SECTIONS
from sandbox.pages import charts
from sandbox.pages.page import template

Spread = Mapping[str, float | None]
"""What a measure comes to: `never`, `dot` and `always`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One policy on the scale of a measure, in percent of its width; None where it has no value."""

    policy: str
    dot: float | None
    low: float | None
    width: float | None
    dot_words: str
    range_words: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A measure under every policy, on one scale."""

    id: str
    title: str
    words: str
    note: str | None
    rows: Sequence[Row]
    zero: float | None
    """Where 0 lies, if it is not the left end."""

    @property
    def description(self) -> str:
        """What the drawing shows, in wording."""
        return "; ".join(f"{row.policy}: {row.dot_words} {row.range_words}".strip() for row in self.rows)


def comparison_page(result: Mapping[str, Any]) -> str:
    """A comparison, self-contained.

    Args:
        result: what `interop compare --json` prints.
    """
    sections = published.sections_of(result)
    first = result["policies"][0]
    return template("comparison.html.j2").render(
        result=result,
        opening=wording.opening(result),
        alone=published.one_of_several({**result, "totals": first["totals"]}),
        sections_of_measures=[_section(result, name) for name in SECTIONS],
        assumed=wording.assumed(result["assumptions"]),
        ratios=wording.ratio_rows(result),
        sections=sections,
        figures=[charts.range_chart(figure) for figure in published.side_by_side(sections)],
        published=published,
        report=report,
        wording=wording,
    )


def _section(result: Mapping[str, Any], section: str) -> dict[str, Any]:
    measures = [measure for measure in result["measures"] if measure["section"] == section]
    parts = [measure for measure in measures if measure["heading"]]
    return {
        "title": SECTIONS[section],
        "note": NOTES.get(section),
        "charts": [bars(result, measure) for measure in measures if measure["headline"]],
        "tables": [
            {"heading": heading, "rows": [_cells(result, measure) for measure in group]}
            for heading, group in groupby(parts, lambda measure: measure["heading"])
        ],
    }


def _cells(result: Mapping[str, Any], measure: Mapping[str, Any]) -> dict[str, Any]:
    spreads = [policy["counted"][measure["id"]] for policy in result["policies"]]
    return {"words": measure["words"], "cells": [wording.cell(spread, measure) for spread in spreads]}


def bars(result: Mapping[str, Any], measure: Mapping[str, Any]) -> Bars:
    """One measure under every policy."""
    spreads: list[tuple[str, Spread]] = [
        (each["policy"], each["counted"][measure["id"]]) for each in result["policies"]
    ]
    numbers = [number for _, spread in spreads for number in spread.values() if number is not None]
    least, most = min([0.0, *numbers]), max([0.0, *numbers])
    length = most - least or 1.0

    def at(number: float) -> float:
        return round(100 * (number - least) / length, 2)

    rows: list[Row] = []
    for policy, spread in spreads:
        told = wording.cell(spread, measure)
        ends = [at(number) for number in (spread["never"], spread["always"]) if number is not None]
        dot = spread["dot"]
        rows.append(
            Row(
                policy=policy,
                dot=None if dot is None else at(dot),
                low=min(ends) if ends else None,
                width=round(max(ends) - min(ends), 2) if ends else None,
                dot_words=told["dot"],
                range_words=told["spread"],
            )
        )
    title = wording.title_of(measure)
    is_total = measure["id"] == measure["section"]
    shown = "" if is_total else title
    note = None if is_total else measure["note"]
    return Bars(measure["id"].replace(".", "-"), title, shown, note, rows, at(0.0) if least < 0 else None)
