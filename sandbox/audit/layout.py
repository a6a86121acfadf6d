"""How a published table is laid out, on the terminal and on a page alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from services.audit.report.tables import ALL, FEWEST_SHOWN

HIDDEN = f"1-{FEWEST_SHOWN - 1}"
"""What is shown of a number that is hidden: all that is known of it."""

IN_ALL = "in all"
MOST_COLUMNS = 12
"""With more columns than this a table is not told by month, but in its files."""

READ_TWICE = (
    ("removed_share_of_matches", "removed_share_of_transferred"),
    ("convicted_share_of_removals", "no_conviction_share_of_removals", "minor_or_no_conviction_share_of_removals"),
    ("missing_charge_share_of_matches", "missing_charge_share_of_removals"),
    ("feedback_coverage_of_transferred", "feedback_coverage_of_outcomes"),
)
"""Shares that belong together: the same people over two denominators, or both readings of one."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Numbers in rows and columns; in each row its name, its cells, and what is to be said of it."""

    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str], str]]


def in_all(table: Mapping[str, Any]) -> Grid:
    """A table over all months: by place where there are several, or by its second kind of thing where it has one."""
    published = _published(table)
    first, *others = _kinds(table)
    across = others[0] if others else "place"
    columns = _with_all(table, across)
    rows = []
    for value in _with_all(table, first):
        cells = [_number(table, published, {first: value, across: column}) for column in columns]
        rows.append((_words(value), cells, table["notes"].get(value, "")))
    return Grid([IN_ALL] if len(columns) == 1 else [_words(column) for column in columns], rows)


def by_month(table: Mapping[str, Any]) -> Grid | None:
    """A table month by month, in all places; None where it has too many columns for that."""
    kinds = _kinds(table)
    columns = list(product(*(_with_all(table, kind) for kind in kinds)))
    months = table["values"]["month"]
    if len(columns) > MOST_COLUMNS or len(months) == 1:
        return None
    published = _published(table)
    rows = []
    for month in months:
        cells = [
            _number(table, published, {"month": month, **dict(zip(kinds, column, strict=True))}) for column in columns
        ]
        if any(cell != "0" for cell in cells):
            rows.append((month, cells, ""))
    return Grid([", ".join(_words(value) for value in column) for column in columns], rows) if rows else None


def share_in_words(share: Mapping[str, Any]) -> str:
    """A share, with the range in which rounding leaves it."""
    if share["percent"] is None:
        return str(share["why"])
    if share["low"] == share["high"]:
        return f"{share['percent']} %"
    return f"{share['percent']} % ({share['low']} to {share['high']})"


def shares_together(report: Mapping[str, Any]) -> list[list[Mapping[str, Any]]]:
    """The shares of a report, those beside each other that are read against each other."""
    shares = {share["name"]: share for share in report["shares"]}
    grouped = {name for names in READ_TWICE for name in names}
    alone = [[share] for name, share in shares.items() if name not in grouped]
    return [*alone, *([shares[name] for name in names] for names in READ_TWICE)]


def table_named(report: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The table of a name."""
    table: Mapping[str, Any] = next(table for table in report["tables"] if table["name"] == name)
    return table


def period(report: Mapping[str, Any]) -> str:
    """What days a report is about."""
    through = report["complete_through"]
    return f"{report['opened_on']} to {through}" if through else f"from {report['opened_on']}, no day is closed yet"


def checkpoint_in_words(report: Mapping[str, Any]) -> str:
    """From which state of the ledger a report was computed."""
    checkpoint = report["checkpoint"]
    if checkpoint is None:
        return str(report["checkpoint_words"])
    return (
        f"{checkpoint['origin']}, {checkpoint['size']:,} entries, root {checkpoint['root']},"
        f" published {checkpoint['published_at']}"
    )


def reconciliation_in_words(report: Mapping[str, Any]) -> str:
    """Whether the log and the streams agreed when they were last compared, and how much was left to compare."""
    told = report["reconciliation"]
    if not told:
        return "the log and the streams have not been compared yet"
    verdict = "reconciled" if told["reconciled"] else "NOT reconciled"
    return f"{verdict} at {told['at']}, with {told['lag']:,} entries left to compare"


def _kinds(table: Mapping[str, Any]) -> list[str]:
    """The dimensions beside place and month."""
    return [name for name in table["dimensions"] if name not in ("place", "month")]


def _with_all(table: Mapping[str, Any], dimension: str) -> list[str]:
    """The values of a dimension, and its margin where it has one."""
    values = list(table["values"][dimension])
    return [*values, ALL] if table["whole"].get(dimension) == ALL else values


def _published(table: Mapping[str, Any]) -> dict[tuple[str, ...], int | None]:
    dimensions = table["dimensions"]
    return {tuple(row[name] for name in dimensions): row["published"] for row in table["rows"]}


def _number(
    table: Mapping[str, Any], published: Mapping[tuple[str, ...], int | None], values: Mapping[str, str]
) -> str:
    cell = tuple(values.get(name) or table["whole"][name] for name in table["dimensions"])
    number = published.get(cell, 0)
    return HIDDEN if number is None else f"{number:,}"


def _words(value: str) -> str:
    return IN_ALL if value == ALL else value
