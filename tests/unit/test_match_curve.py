"""The curves of the matcher: what is counted stands next to what is worked out, as numbers, as a table, and drawn."""

import csv
import xml.etree.ElementTree as ET
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sandbox.bench.match_curve import draw, sizes_up_to
from sandbox.bench.match_curve_drawn import COLUMNS, print_curve
from sandbox.home import NOTICE

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("curves")


@pytest.fixture(scope="module")
def drawn(folder: Path) -> dict[str, Any]:
    return draw(out=folder, rows=20_000, searches=300, people=4_000)


def standard_errors(row: dict[str, Any]) -> float:
    """How far a count is from what was expected of it."""
    expected = row["worked_out"] * row["trials"]
    return float((row["count"] - expected) / max(expected * (1 - row["worked_out"]), 1) ** 0.5)


def test_galleries_grow_by_one_two_and_five() -> None:
    assert sizes_up_to(200_000) == [10_000, 20_000, 50_000, 100_000, 200_000]
    assert sizes_up_to(30_000) == [10_000, 20_000, 30_000]


@pytest.mark.parametrize("curve", ["strangers", "mates"])
def test_what_is_counted_is_what_is_worked_out(drawn: dict[str, Any], curve: str) -> None:
    assert max(abs(standard_errors(row)) for row in drawn[curve]) < 4


def test_more_people_on_file_return_more_strangers_and_a_higher_threshold_misses_more(drawn: dict[str, Any]) -> None:
    def rises(rows: list[dict[str, Any]], line: Callable[[dict[str, Any]], Any]) -> bool:
        lines: dict[Any, list[float]] = {}
        for row in rows:
            lines.setdefault(line(row), []).append(row["worked_out"])
        return all(shares == sorted(shares) for shares in lines.values())

    assert rises(drawn["strangers"], lambda row: (row["fingers"], row["score"]))
    assert rises(drawn["mates"], lambda row: (row["preset"], row["fingers"]))


def test_the_old_filter_that_misreads_one_finger_in_a_hundred_and_twenty_five_finds_what_iafis_was_said_to(
    drawn: dict[str, Any],
) -> None:
    (row,) = (row for row in drawn["binning"] if (row["fingers"], row["error_share"]) == (10, 0.008))

    assert row["found"] == pytest.approx(0.92, abs=0.005)
    assert row["hidden"]["counted"] == pytest.approx(row["hidden"]["worked_out"], abs=0.02)


@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize("name", ["fpir.svg", "fnir.svg"])
def test_a_picture_stands_alone_says_what_it_shows_and_that_it_is_simulated(folder: Path, name: str) -> None:
    picture = ET.parse(folder / name).getroot()

    assert NOTICE in picture.findtext(f"{SVG}desc", "")
    assert "worked out" in picture.findtext(f"{SVG}desc", "")
    assert len(list(picture.iter(f"{SVG}path"))) == 6
    assert list(picture.iter(f"{SVG}rect"))


def test_the_table_has_every_cell_that_was_counted(drawn: dict[str, Any], folder: Path) -> None:
    rows = list(csv.DictReader(StringIO((folder / "curve.csv").read_text(encoding="utf-8"))))

    assert len(rows) == drawn["rates"]
    assert tuple(rows[0]) == COLUMNS


def test_figures_from_memory_are_marked_as_unverified_on_the_terminal(drawn: dict[str, Any]) -> None:
    console = Console(file=StringIO(), width=100)
    print_curve(console, drawn)
    told = console.file.getvalue()  # type: ignore[attr-defined]

    assert told.count("[B, unverified]") == 2
    assert "no service here filters by pattern class" in told
    assert NOTICE in told
