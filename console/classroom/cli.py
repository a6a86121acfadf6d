"""`interop class export`: what a teacher needs for an hour, as files. Nothing heavy is imported before it is used."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

SCENARIO = "boston-2008-2010"
BOOKINGS = 50_000
"""About two thousand requests to hold: enough that few yardsticks are small numbers, and few enough for a phone."""

MOST_BOOKINGS = 100_000
SEED = 2008
GALLERY = 1_000_000
"""People in each federal gallery, as `interop compare` has it, so that both tell of the same people."""

classroom_app = typer.Typer(help="Class mode: an offline page for thirty phones, cards, notes.", no_args_is_help=True)

out = Console()
err = Console(stderr=True)


@classroom_app.callback()
def class_mode() -> None:
    """Class mode: an offline page for thirty phones, printable cards, and a teacher's notes for an hour."""


@classroom_app.command("export")
def export_files(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write into; made if it is not there.")],
    scenario: Annotated[str, typer.Option(help="Whose people the laws are compared on.")] = SCENARIO,
    bookings: Annotated[
        int, typer.Option(min=1_000, max=MOST_BOOKINGS, help="How many bookings sample the period.")
    ] = BOOKINGS,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same people.")] = SEED,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write class.html, cards.html and teacher.html: an hour with a class, without a network."""
    from console.classroom.export import export
    from sandbox.runs import Request

    request = Request(scenario, bookings, seed, gallery_rows=GALLERY, search="mates")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, disable=as_json, transient=True) as bars:
        task = bars.add_task("bookings, made and searched", total=bookings)
        written = export(folder, request, lambda done: bars.update(task, completed=done))
    if as_json:
        told = {
            "folder": str(folder),
            "files": {file.name: size for file, size in written.files.items()},
            "scenario": scenario,
            "bookings": bookings,
            "seed": seed,
            "laws": written.laws,
            "cases": written.cases,
        }
        sys.stdout.write(json.dumps(told) + "\n")
        return
    names = ", ".join(f"{file.name} ({-(-size // 1000)} kB)" for file, size in written.files.items())
    out.print(
        f"Wrote {names} into {folder}: {written.laws} laws and {written.cases:,} cases. Hand out class.html by"
        f" 'python3 -m http.server' in that folder, by AirDrop or on a USB stick; print cards.html; teacher.html is"
        f" yours.",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
