"""The transparency report as one page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import published
from sandbox.audit import layout
from sandbox.pages.page import template

REQUESTS = ("requests_by_charge", "requests_by_warrant", "requests_by_action")
SHARED = ("disclosures", "information")
OUTCOMES = ("outcomes_by_charge_or_conviction", "outcomes_by_conviction", "removals_by_record")
RECORDS = ("charges", "feedback")


@dataclass(frozen=True, slots=True)
class Bar:
    """A stage with its published number, and its length in percent of the longest."""

    words: str
    number: str
    width: float


def transparency_page(report: Mapping[str, Any]) -> str:
    """A transparency report, self-contained.

    Args:
        report: what `services.audit.report.published.published_report` returns.
    """
    stages = layout.table_named(report, "stages")
    return template("transparency.html.j2").render(
        report=report,
        period=layout.period(report),
        checkpoint=layout.checkpoint_in_words(report),
        reconciliation=layout.reconciliation_in_words(report),
        stages=_shown(stages),
        bars=_bars(stages),
        requests=[_named(report, name) for name in REQUESTS],
        releases=_named(report, "releases"),
        shared=[_named(report, name) for name in SHARED],
        outcomes=[_named(report, name) for name in OUTCOMES],
        records=[_named(report, name) for name in RECORDS],
        shares=layout.shares_together(report),
        share_in_words=layout.share_in_words,
        published=published,
    )


def _named(report: Mapping[str, Any], name: str) -> dict[str, Any]:
    return _shown(layout.table_named(report, name))


def _shown(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table with its grids; without grids where it has no figures."""
    has_figures = bool(table["rows"])
    return {
        "table": table,
        "in_all": layout.in_all(table) if has_figures else None,
        "by_month": layout.by_month(table) if has_figures else None,
    }


def _bars(stages: Mapping[str, Any]) -> list[Bar]:
    """The stages as bars; one that is hidden has none."""
    whole = {name: value for name, value in stages["whole"].items() if name in ("place", "month")}
    numbers = {
        row["stage"]: row["published"]
        for row in stages["rows"]
        if all(row[name] == value for name, value in whole.items())
    }
    longest = max((number for number in numbers.values() if number), default=1)
    bars = []
    for stage in stages["values"]["stage"]:
        number = numbers.get(stage, 0)
        words = layout.HIDDEN if number is None else f"{number:,}"
        bars.append(Bar(stage, words, round(100 * (number or 0) / longest, 2)))
    return bars
