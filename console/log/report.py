"""The transparency report as the page lays it out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.sources import Source, simulated
from sandbox.audit import layout


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the report, in all months, with where its numbers come from."""

    title: str
    about: str
    without: str | None
    grid: layout.Grid | None
    has_notes: bool
    source: Source


def tables_of(report: Mapping[str, Any]) -> list[Table]:
    """The tables of a report.

    Args:
        report: what audit answers at `/report`.
    """
    return [_table(report, each) for each in report["tables"]]


def command_of(report: Mapping[str, Any]) -> str:
    """The command that prints the same report."""
    return f"interop audit report --run {report['run']} --protect {report['protection']['method']}"


def _table(report: Mapping[str, Any], told: Mapping[str, Any]) -> Table:
    grid = layout.in_all(told) if told["rows"] else None
    return Table(
        title=told["title"],
        about=told["about"],
        without=told["without_figures"],
        grid=grid,
        has_notes=grid is not None and any(note for _, _, note in grid.rows),
        source=simulated(f"{told['title']}, in run {report['run']}: {told['about']}", command_of(report)),
    )
