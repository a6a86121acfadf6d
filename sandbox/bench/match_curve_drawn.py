"""The curves of `interop bench match --curve` as pictures (SVG), as a table of all rows (CSV), and for the terminal."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from itertools import groupby
from math import log10
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sandbox import plots
from sandbox.numerals import chance, number
from sandbox.pages.page import template
from sandbox.plots import Axis, Chart, Line, Measured, log
from sandbox.tags import tag_in_words

LEAST_SHARE: Final = -4.0
"""The lowest power of ten that is drawn of a share: what is rarer cannot be counted here."""

COLUMNS: Final = ("preset", "fingers", "score", "db", "rows", "worked_out", "counted", "count", "trials", "low", "high")
"""Of `curve.csv`: strangers have `rows` and no preset, people on file a preset and no rows."""

HALF_A_LINE, LINE_HEIGHT = 4.0, 13.0

STYLES: Final = ("first", "second", "third")
SHARES: Final = ((0, "always"), (-1, "10 %"), (-2, "1 %"), (-3, "0.1 %"), (-4, "0.01 %"))
FEWEST_DECIBELS, MOST_DECIBELS = 25, 135

Row = Mapping[str, Any]


def pictures(result: Mapping[str, Any]) -> dict[str, str]:
    """The two drawings, by the names of their files."""
    drawn = template("curve.svg.j2")
    return {
        f"{chart.id}.svg": drawn.render(chart=chart, labels=labels(chart), plots=plots, notice=result["notice"])
        for chart in (fpir_chart(result), fnir_chart(result))
    }


def labels(chart: Chart) -> list[tuple[float, str]]:
    """The words of the curves, right of them: how far down each stands, at its curve's end or just below the last."""
    told: list[tuple[float, str]] = []
    for line in sorted(chart.lines, key=lambda line: chart.down(line.points[-1][1])):
        end = chart.down(line.points[-1][1]) + HALF_A_LINE
        told.append((max(end, told[-1][0] + LINE_HEIGHT) if told else end, line.words))
    return told


def table(result: Mapping[str, Any]) -> str:
    """Everything that was worked out and counted, as CSV."""
    text = StringIO()
    rows = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    rows.writeheader()
    rows.writerows([*result["strangers"], *result["mates"]])
    return text.getvalue()


def fpir_chart(result: Mapping[str, Any]) -> Chart:
    """How often a stranger is returned, by the size of the gallery, for each threshold."""
    rows = result["strangers"]
    sizes = sorted({row["rows"] for row in rows})
    low, high = log10(sizes[0]), log10(sizes[-1])
    return Chart(
        id="fpir",
        title="A stranger is searched: how often is somebody returned?",
        description="False positive identification rate by the number of people on file. " + _in_words(rows),
        x=Axis("people on file", low, high, [(log10(size), f"{size:,}") for size in sizes]),
        y=Axis("FPIR", LEAST_SHARE, 0, SHARES),
        lines=[
            Line(
                f"{_fingers(fingers)}, score {score}",
                [(log10(row["rows"]), log(row["worked_out"])) for row in of_it],
                _style(fingers),
            )
            for (fingers, score), of_it in _grouped(rows, "fingers", "score")
        ],
        measured=[_measured(log10(row["rows"]), row) for row in rows if row["count"]],
    )


def fnir_chart(result: Mapping[str, Any]) -> Chart:
    """How often somebody on file is missed, by the threshold, for each preset and number of fingers."""
    rows = [row for row in result["mates"] if row["db"] is not None]
    return Chart(
        id="fnir",
        title="Somebody on file is searched: how often are they missed?",
        description="False negative identification rate by the threshold in decibels. " + _in_words(rows),
        x=Axis("threshold in dB", FEWEST_DECIBELS, MOST_DECIBELS, [(each, str(each)) for each in range(30, 131, 20)]),
        y=Axis("FNIR", LEAST_SHARE, 0, SHARES),
        lines=[
            Line(
                f"{_fingers(fingers)}, {preset}",
                [(row["db"], log(row["worked_out"])) for row in of_it],
                _style(fingers),
            )
            for (preset, fingers), of_it in _grouped(rows, "preset", "fingers")
        ],
        measured=[_measured(row["db"], row) for row in rows if row["count"]],
    )


def print_curve(console: Console, result: Mapping[str, Any]) -> None:
    """The tables, with how many counts agree with what is worked out."""
    console.print(_strangers(result))
    console.print(_mates(result))
    console.print(
        f"What is worked out lies within the interval of what was counted in {result['within']} of {result['rates']}"
        " cells (an asterisk: outside). An interval holds the true share in 95 of 100; the lines of a table share"
        " people and captures, and so err together.",
        highlight=False,
    )
    console.print(_published(result["published"]))
    console.print(_binning(result["binning"]))
    console.print(
        "The last is an experiment: no service here filters by pattern class, classes do not travel on the wire, and"
        " how often a finger is misread is assumed.",
        highlight=False,
    )
    console.print(Text(result["notice"], style="dim"))


def _strangers(result: Mapping[str, Any]) -> Table:
    rows = result["strangers"]
    sizes = sorted({row["rows"] for row in rows})
    title = f"A stranger is returned (FPIR), by people on file; {result['searches']:,} searches"
    shown = _table(title, "", *(f"{size:,}" for size in sizes))
    for (fingers, score), of_it in _grouped(rows, "fingers", "score"):
        _add(shown, f"{_fingers(fingers)}, at least {score} points", of_it)
    return shown


def _mates(result: Mapping[str, Any]) -> Table:
    decibels = sorted({row["asked_db"] for row in result["mates"]})
    title = f"\nSomebody on file is missed (FNIR) at these thresholds; {result['people']:,} people"
    shown = _table(title, "", *(f"{each} dB" for each in decibels))
    for (preset, fingers), of_it in _grouped(result["mates"], "preset", "fingers"):
        _add(shown, f"{preset}, {_fingers(fingers)}", of_it)
    return shown


def _add(shown: Table, words: str, of_it: Sequence[Row]) -> None:
    """Two lines: what is worked out, and what was counted."""
    shown.add_row(words, *(_short(row["worked_out"]) for row in of_it))
    shown.add_row("  counted", *(_short(row["counted"]) + ("" if row["within"] else "*") for row in of_it))


def _published(rows: Sequence[Row]) -> Table:
    shown = _table("\nAs was published, and by the model at the same setting", "", "published", "model", "")
    for row in rows:
        model = "no threshold given" if row["model"] is None else chance(row["model"])
        shown.add_row(row["what"], row["published"], model, Text(tag_in_words(row["tag"])))
    return shown


def _binning(rows: Sequence[Row]) -> Table:
    columns = ("", "fingers misread", "of the file searched", "counted", "hidden", "counted", "found in the end")
    shown = _table("\nIf a search went only through records of the same pattern classes", *columns)
    for row in rows:
        numbers = [row[name][how] for name in ("searched", "hidden") for how in ("worked_out", "counted")]
        shown.add_row(_fingers(row["fingers"]), *map(_short, (row["error_share"], *numbers, row["found"])))
    return shown


def _table(title: str, *columns: str) -> Table:
    shown = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, column in enumerate(columns):
        shown.add_column(column, justify="right" if place else "left")
    return shown


def _short(share: float) -> str:
    """A share in per cent with two digits."""
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    return f"{100 * share:#.2g} %".replace(". %", " %")


def _grouped(rows: Sequence[Row], *names: str) -> Iterator[tuple[tuple[Any, ...], list[Row]]]:
    for key, of_it in groupby(rows, lambda row: tuple(row[name] for name in names)):
        yield key, list(of_it)


def _measured(x: float, row: Row) -> Measured:
    return Measured(x, log(row["counted"]), log(row["low"]), log(row["high"]))


def _in_words(rows: Sequence[Row]) -> str:
    """What a drawing shows, for those who do not see it."""
    told = (
        f"{row.get('preset', '')} {_fingers(row['fingers'])}, score {row['score']}"
        f"{' among ' + number(row['rows']) if 'rows' in row else ''}: {chance(row['worked_out'])} worked out,"
        f" {row['count']:,} of {row['trials']:,} counted".strip()
        for row in rows
    )
    return "; ".join(told) + "."


def _fingers(count: int) -> str:
    return "1 finger" if count == 1 else f"{count} fingers"


def _style(fingers: int) -> str:
    return STYLES[(1, 2, 10).index(fingers)]
