"""`interop audit report`: the transparency report, on the terminal or in files."""

import json
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from services.audit.report.projection import REPORT_FILE, Readings
from services.audit.report.published import published_report
from services.audit.report.spreadsheet import csv_files
from services.audit.watch import last_result
from services.chassis.errors import InteropError

out = Console()


class Protect(StrEnum):
    """How small numbers are protected."""

    ROUND = "round"
    SUPPRESS = "suppress"


Run = Annotated[str | None, typer.Option(help="The run; the one that was opened last, if none is given.")]
How = Annotated[Protect, typer.Option(help="Round every number to the nearest ten, or hide those from 1 to 10.")]
AsPage = Annotated[Path | None, typer.Option("--html", help="Write the report as a page into this file.")]
AsTables = Annotated[Path | None, typer.Option("--csv", help="Write a CSV file for each table into this folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(
    app: typer.Typer, *, state_dir: Callable[[], Path], checkpoint: Callable[[], Mapping[str, Any] | None]
) -> None:
    """Adds the command.

    Args:
        app: gets the command `report`.
        state_dir: says where audit keeps its files.
        checkpoint: the ledger's last checkpoint, if one has been published.
    """

    @app.command("report")
    def report(
        run: Run = None,
        protect: How = Protect.ROUND,
        html: AsPage = None,
        csv: AsTables = None,
        as_json: AsJson = False,
    ) -> None:
        """Publish what was asked, done and shared in a run, after the yearly report of the District of Columbia."""
        for path in filter(None, (html, csv)):
            _needs_a_folder(path)
        folder = state_dir()
        told = published_report(
            Readings(folder / REPORT_FILE),
            run=run,
            protect=protect.value,
            checkpoint=checkpoint(),
            reconciliation=last_result(folder),
        )
        if html is not None:
            from sandbox.pages import transparency_page  # noqa: PLC0415  polars takes a while

            _write(html, transparency_page(told))
        if csv is not None:
            for name, text in csv_files(told).items():
                _write(csv / f"{name}.csv", text)
        if as_json:
            sys.stdout.write(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        elif html is None and csv is None:
            from sandbox.audit.report_view import show_report  # noqa: PLC0415  as above

            show_report(out, told)
        else:
            for path in filter(None, (html, csv)):
                out.print(f"written: {path}", highlight=False, soft_wrap=True)


def _needs_a_folder(path: Path) -> None:
    if not path.parent.is_dir():
        sentence = f"there is no folder '{path.parent}' to write {path.name} into; make it, or name another"
        raise InteropError("no-such-folder", sentence)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        sentence = f"the report cannot be written to {path}: {error.strerror}; choose another place"
        raise InteropError("cannot-write", sentence) from error
