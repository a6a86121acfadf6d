"""The report as files for a spreadsheet: one CSV a table, each row of which says that it is simulated."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

HIDDEN = "hidden"
"""What stands where a number is hidden: an empty field would be read as 0."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet read a text as a formula; names of clauses and agencies come from files of anybody."""


def csv_files(report: Mapping[str, Any]) -> dict[str, str]:
    """The files by name: each table of the report, and `about`, `shares`, `clauses`, `policies`.

    Args:
        report: what `published_report` returns.
    """
    notice = report["notice"]
    files = {
        table["name"]: _text(
            [*table["dimensions"], "published"],
            ([*(row[name] for name in table["dimensions"]), row["published"]] for row in table["rows"]),
            notice,
        )
        for table in report["tables"]
    }
    return {**files, **{name: _text(columns, rows, notice) for name, columns, rows in _beside(report)}}


def _beside(report: Mapping[str, Any]) -> Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]:
    """What stands beside the tables: name, columns and rows."""
    protection, checkpoint = report["protection"], report["checkpoint"] or {}
    about = [
        ("run", report["run"]),
        ("scenario", report["scenario"]),
        ("seed", report["seed"]),
        ("opened_on", report["opened_on"]),
        ("complete_through", report["complete_through"]),
        ("protection", protection["words"]),
        *(("what it does", sentence) for sentence in protection["does"]),
        *(("what it does not do", sentence) for sentence in protection["does_not"]),
        ("rows", report["rows"]),
        ("checkpoint", report["checkpoint_words"]),
        *((f"checkpoint {name}", value) for name, value in checkpoint.items()),
        *((table["name"], table["about"]) for table in report["tables"]),
        *((table["name"], table["without_figures"]) for table in report["tables"] if table["without_figures"]),
    ]
    yield "about", ("what", "words"), about
    for name, key in (("shares", "shares"), ("clauses", "clauses"), ("policies", "policies")):
        columns = COLUMNS[name]
        yield name, columns, ([row[column] for column in columns] for row in report[key])


COLUMNS: Mapping[str, Sequence[str]] = {
    "shares": ("name", "part", "of", "percent", "low", "high", "why", "remark"),
    "clauses": ("policy", "clause", "text", "source"),
    "policies": ("question", "policy", "sha256", "from", "pinned"),
}


def _text(columns: Sequence[str], rows: Iterable[Sequence[Any]], notice: str) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns, "notice"])
    for row in rows:
        fields = [HIDDEN if value is None and name == "published" else value
                  for name, value in zip(columns, row, strict=True)]  # fmt: skip
        writer.writerow([*(_as_text(value) for value in fields), notice])
    return text.getvalue()


def _as_text(value: Any) -> Any:
    """The value, as no formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
