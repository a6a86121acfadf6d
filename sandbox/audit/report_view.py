"""The transparency report on the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sandbox.audit import layout
from sandbox.tags import TAGS, tag_in_words


def show_report(console: Console, report: Mapping[str, Any]) -> None:
    """Prints a report.

    Args:
        console: where to.
        report: what `published_report` returns.
    """
    console.print(f"[bold]{report['notice']}[/bold]")
    console.print(
        f"\n[bold]Transparency report[/bold] of run [bold]{report['run']}[/bold] (scenario {report['scenario']},"
        f" seed {report['seed']}), {layout.period(report)}",
        highlight=False,
    )
    for place in report["places"]:
        _line(console, f"{place['place']}: {', '.join(place['agencies'])}")
    _line(console, report["protection"]["words"])
    for table in report["tables"]:
        _table(console, table)
    _shares(console, report)
    _lag(console, report["publication_lag"])
    _clauses(console, report)
    _subtraction(console, report)
    _worth(console, report)
    console.print(f"\n[bold]{report['notice']}[/bold]")


def _table(console: Console, table: Mapping[str, Any]) -> None:
    _heading(console, table["title"])
    if table["without_figures"]:
        _line(console, table["without_figures"])
    if not table["rows"]:
        return
    grid = layout.in_all(table)
    shown = _grid()
    shown.add_column("")
    for column in grid.columns:
        shown.add_column(Text(column), justify="right")
    if table["notes"]:
        shown.add_column("asked for?")
    for name, cells, note in grid.rows:
        shown.add_row(Text(name), *cells, *([Text(note, style="dim")] if table["notes"] else []))
    console.print(shown)


def _shares(console: Console, report: Mapping[str, Any]) -> None:
    _heading(console, "Shares, with both denominators where a number is disputed")
    for together in layout.shares_together(report):
        for share in together:
            line = f"{share['part']}, of {share['of']}: {layout.share_in_words(share)}"
            console.print(Text.assemble(line, (f"  {share['remark']}" if share["remark"] else "", "dim")))


def _lag(console: Console, lag: Mapping[str, Any]) -> None:
    _heading(console, "Publication lag")
    if lag["why"]:
        _line(console, lag["why"].capitalize() + ".")
    else:
        half, most = lag["half_within_days"], lag["nine_in_ten_within_days"]
        _line(console, f"Half of the outcomes came within {half} days, nine in ten within {most}.")
    for sentence in (lag["words"], lag["not_measured"], lag["in_reality"]):
        console.print(Text(sentence, style="dim"))


def _clauses(console: Console, report: Mapping[str, Any]) -> None:
    if not report["clauses"]:
        return
    _heading(console, "The clauses that are named above")
    for row in report["clauses"]:
        console.print(Text.assemble((f"{row['policy']} {row['clause']}", "bold"), f": {row['text']}"))
        console.print(Padding(Text(row["source"], style="dim"), (0, 0, 0, 2)))


def _subtraction(console: Console, report: Mapping[str, Any]) -> None:
    told = report["subtraction"]
    _heading(console, "What subtraction gives back")
    _line(console, told["words"])
    if not told["hidden"]:
        return
    console.print(f"Hidden: {told['hidden']:,} cells. Given back: {told['undone']:,}.", highlight=False)
    for row in told["cells"]:
        named = ", ".join("in all" if value == "all" else value for value in row["cell"].values())
        console.print(Text.assemble(f"{row['table']}: {named}", (f"  by {row['how']}", "dim")))
    if told["undone"] > len(told["cells"]):
        _line(console, f"and {told['undone'] - len(told['cells']):,} more")


def _worth(console: Console, report: Mapping[str, Any]) -> None:
    protection = report["protection"]
    _heading(console, "What the protection does, and does not do")
    for sentence in (*protection["does"], *protection["does_not"]):
        console.print(Padding(Text(f"- {sentence}"), (0, 0, 0, 2)))
    _heading(console, "What it was computed from")
    _line(console, f"Checkpoint: {layout.checkpoint_in_words(report)}")
    if report["checkpoint"] is not None:
        console.print(Text(report["checkpoint_words"], style="dim"))
    _line(console, f"Log and streams: {layout.reconciliation_in_words(report)}")
    files = _grid()
    for column in ("policy file", "question", "SHA-256"):
        files.add_column(column, overflow="fold")
    for row in report["policies"]:
        since = f", from {row['from']}" if row["from"] else ""
        stray = "" if row["pinned"] else " (the run is not pinned to it)"
        files.add_row(row["policy"], f"{row['question']}{since}{stray}", row["sha256"])
    console.print(files)
    _heading(console, "Sources")
    modelled = report["modelled_on"]
    _line(console, f"{modelled['words']} ({modelled['source']} {tag_in_words(modelled['tag'])})")
    for source in report["sources"]:
        _line(console, f"{source['says']}: {source['source']} {tag_in_words(source['tag'])}")
    console.print(Text(TAGS, style="dim"))


def _heading(console: Console, words: str) -> None:
    console.print(Text(f"\n{words}", style="bold underline"))


def _line(console: Console, words: str) -> None:
    console.print(Text(words))


def _grid() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
