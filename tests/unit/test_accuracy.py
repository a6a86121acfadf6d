"""How searches did is counted against the truth: every search is of one kind, and each kind grows as it should."""

from math import sqrt
from typing import Any

import polars as pl
import pytest

from sandbox import accuracy, expected
from sandbox.expected import LAX_FPIR, Kinds, Matcher, Searched, growth, matcher_of
from sandbox.lab.flow import simulate
from sandbox.numerals import percent
from sandbox.population import people
from sandbox.report import totals
from sandbox.results import BOOKINGS, Results
from sandbox.scenario import load_scenario, resolve
from services.biometric_match.events import Galleries
from tests.unit.tables import NOT_KNOWN, SPRING, a_run

TEN_PRINTS = Matcher("afit-2012", 10, 10_000, 1e-5)
TWO_PRINTS = Matcher("ident-2004", 2, 10_000, 1e-5)
BOSTON = {"true_matches": 321, "stale_matches": 6, "on_file": 328, "strangers": 4_672}


def booked(**facts: Any) -> dict[str, Any]:
    """A booking whose prints were searched in both files, and of which nothing else is so."""
    return {**NOT_KNOWN, "number": 0, "booked_on": SPRING, "handled": "submitted", "searched": "no_match", **facts}


def counted(*bookings: dict[str, Any], cases: Results | None = None) -> dict[str, dict[str, int]]:
    frame = pl.DataFrame(list(bookings), schema=dict(BOOKINGS))
    return totals(Results(frame, (cases or a_run()).cases))["accuracy"]


def kinds_of(gallery: dict[str, int]) -> dict[str, int]:
    """The kinds that are no part of another, where there is somebody of that kind."""
    return {name: gallery[name] for name, kind in accuracy.KINDS.items() if gallery.get(name) and not kind.part}


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"in_ident": True, "searched": "no_match"}, "missed_mates"),
        ({"in_ident": True, "searched": "error"}, "missed_mates"),
        ({"in_ident": False, "searched": "no_match"}, "strangers_not_found"),
        ({"in_ident": False, "searched": "error"}, "strangers_not_found"),
    ],
)
def test_whoever_is_not_found_is_missed_or_a_stranger(facts: dict[str, Any], kind: str) -> None:
    assert kinds_of(counted(booked(**facts))["ident"]) == {kind: 1}


def test_who_had_too_few_fingers_is_told_apart_among_the_missed() -> None:
    ident = counted(booked(in_ident=True, searched="error"), booked(in_ident=True))["ident"]

    assert (ident["missed_mates"], ident["missed_for_want_of_fingers"]) == (2, 1)


@pytest.mark.parametrize(
    ("record", "kind"),
    [({}, "true_matches"), ({"stale": True}, "stale_matches"), ({"false_match": True}, "false_matches")],
)
def test_a_match_is_true_stale_or_false(record: dict[str, Any], kind: str) -> None:
    match = counted(booked(in_ident=True, searched="match"), cases=a_run(1, record))

    assert kinds_of(match["ident"]) == {kind: 1}


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"in_iafis": True, "identified": True}, "true_matches"),
        ({"in_iafis": True, "identified": True, "misidentified": True}, "false_matches"),
        ({"identified": True, "misidentified": True}, "false_matches"),
        ({"in_iafis": True}, "missed_mates"),
        ({}, "strangers_not_found"),
    ],
)
def test_the_search_of_the_fbi_is_told_in_the_same_kinds(facts: dict[str, Any], kind: str) -> None:
    assert kinds_of(counted(booked(**facts))["iafis"]) == {kind: 1}


@pytest.mark.parametrize("handled", ["cited", "kept"])
def test_nobody_is_searched_whose_prints_were_not_sent(handled: str) -> None:
    told = counted(booked(handled=handled, searched=None, in_ident=True, in_iafis=True))

    assert [kinds_of(gallery) for gallery in told.values()] == [{}, {}]


def test_the_kinds_add_up_to_the_searches_and_shares_are_of_what_they_say() -> None:
    told = counted(
        *[booked(in_ident=True, searched="match")] * 8,
        *[booked(in_ident=True)] * 2,
        *[booked()] * 30,
        cases=a_run(8, {"stale": True}, *[{}] * 7),
    )

    assert sum(kinds_of(told["ident"]).values()) == 40
    shares = {row.kind.of: row.cells["ident"] for row in accuracy.rows(told)}
    assert {row.kind.words: row.cells["iafis"] for row in accuracy.rows(told)}[
        accuracy.KINDS["stale_matches"].words
    ] is None
    assert shares[accuracy.STRANGERS] == accuracy.Cell(30, 1.0)
    assert [row.cells["ident"] for row in accuracy.rows(told)][1] == accuracy.Cell(1, 1 / 8)
    assert [row.cells["ident"] for row in accuracy.rows(told)][3] == accuracy.Cell(2, 2 / 10)


def test_policies_that_change_no_search_share_one_table() -> None:
    one, other = ({"ident": {"true_matches": number}} for number in (1, 2))
    compared = [{"policy": name, "totals": {"accuracy": told}} for name, told in (("a", one), ("b", one), ("c", other))]

    assert accuracy.of_policies(compared) == [(["a", "b"], one), (["c"], other)]
    assert accuracy.of_policies(compared[:2]) == [([], one)]


def test_what_is_expected_of_a_run_is_what_its_searches_come_to() -> None:
    """With two fingers and prints as in 2004, so that enough is missed; half of all people are on file."""
    scenario = load_scenario("boston-2008-2010")
    galleries = Galleries(rows=10_000, overlap=5_000, fpir=0.01, preset="ident-2004", ident_fingers=2)
    mix = scenario.people.model_copy(update={"in_ident": 0.5})
    crowd = scenario.model_copy(update={"galleries": galleries, "people": mix})
    settings = resolve(crowd, seed=7, bookings=20_000)

    told = totals(simulate(people(crowd, 7, 20_000), settings))["accuracy"]["ident"]

    (row, *_), *_ = (setting["rows"] for setting in growth(told, matcher_of(galleries))["settings"])
    for kind in ("true_matches", "stale_matches", "false_matches", "missed_mates"):
        assert abs(told[kind] - row[kind]) < 4 * sqrt(row[kind]), kind
        assert told[kind] > 20


# How it grows


def rows_of(matcher: Matcher, kept: str, fpir: float = 1e-5) -> list[dict[str, Any]]:
    told = growth(BOSTON, matcher)
    return next(each["rows"] for each in told["settings"] if (each["kept"], each["fpir"]) == (kept, fpir))


def test_at_a_fixed_threshold_false_matches_grow_with_the_gallery_and_nobody_more_is_missed() -> None:
    small, *_, large = rows_of(TWO_PRINTS, "threshold")[:3]

    assert small["score"] == large["score"]
    assert large["false_matches"] / small["false_matches"] == pytest.approx(100, rel=0.01)
    assert large["missed_mates"] == pytest.approx(small["missed_mates"], rel=0.001)


def test_at_a_fixed_fpir_the_threshold_rises_and_more_are_missed() -> None:
    rows = rows_of(TWO_PRINTS, "fpir")

    assert [row["score"] for row in rows] == sorted({row["score"] for row in rows})
    assert all(row["fpir"] <= 1e-5 for row in rows)
    assert rows[-1]["missed_mates"] > 2 * rows[0]["missed_mates"]


def test_ten_fingers_forgive_a_higher_threshold() -> None:
    rows = rows_of(TEN_PRINTS, "fpir")

    assert rows[-1]["missed_mates"] == pytest.approx(rows[0]["missed_mates"], rel=0.02)


def test_false_matches_rival_stale_records_at_one_in_a_thousand_and_not_at_the_default() -> None:
    lax, default = rows_of(TEN_PRINTS, "fpir", LAX_FPIR)[3], rows_of(TEN_PRINTS, "fpir")[3]

    assert lax["false_matches"] > lax["stale_matches"] / 2
    assert default["false_matches"] < default["stale_matches"] / 100


def test_expected_kinds_add_up_to_those_who_are_searched() -> None:
    kinds: Kinds = Searched(300, 4_700, 0.02).kinds(fpir=0.1, fnir=0.2)

    everybody = kinds.matched + kinds.missed + kinds.rightly_none
    assert everybody == pytest.approx(5_000)
    assert (kinds.stale, kinds.false) == pytest.approx((4.8, 476))


def test_a_run_in_which_nobody_matched_expects_no_stale_record() -> None:
    nothing = growth({"true_matches": 0, "stale_matches": 0, "on_file": 0, "strangers": 5}, TEN_PRINTS)

    assert {row["stale_matches"] for setting in nothing["settings"] for row in setting["rows"]} == {0.0}
    assert "0 searches for somebody on file" in expected.opening(nothing)


@pytest.mark.parametrize(
    ("share", "words"), [(0, "0 %"), (1, "100 %"), (0.0204, "2.04 %"), (0.99999, "> 99.99 %"), (0.00001, "< 0.01 %")]
)
def test_a_rare_share_is_never_rounded_to_none_or_all(share: float, words: str) -> None:
    assert percent(share) == words
