"""A comparison: the same people under each policy, as ranges, with what each side counts."""

from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from rich.console import Console

from sandbox import report, show
from sandbox.compare import Comparison, compare
from sandbox.home import NOTICE
from sandbox.in_process import run_in_process
from sandbox.lab.agency import ask, exercise
from sandbox.lab.assumptions import COSTS_A_DAY, COUNSEL, REARRESTS, Assumption, Assumptions, assumption
from sandbox.lab.changes import MOST_BOXES
from sandbox.lab.crowd import PART, crowd_of
from sandbox.lab.custody import custody_of
from sandbox.lab.docket import docket_of, practice_of
from sandbox.lab.flow import simulate
from sandbox.lab.matches import search
from sandbox.lab.measures import SECTIONS
from sandbox.lab.profiles import count_under, profiles_of
from sandbox.lab.tables import matches_table
from sandbox.pages import comparison_page
from sandbox.population import people
from sandbox.runs import Request, scenario_of, settings_of
from services.chassis.errors import InteropError

SCENARIO = "boston-2008-2010"
FULL, TRUST, COOK = "us-full-cooperation", "us-ca-trust-act-2014", "us-il-cook-2011"
BOOKINGS = 20_000
TO_ICE = ("LEA", "ICE")
DECLARED = Assumptions(
    COSTS_A_DAY["cook-2011"],
    REARRESTS["cis-2014"],
    Assumption(0.5, "a test", ""),
    counsel_share=COUNSEL["warren-2011"],
)


def request(bookings: int = BOOKINGS) -> Request:
    return Request(SCENARIO, bookings, seed=1952, regime="ice-r1-levels-2008", search="mates")


@cache
def result() -> dict[str, Any]:
    return compare(Comparison(request(), (FULL, TRUST, COOK), DECLARED))


def counted(policy: str) -> dict[str, dict[str, float]]:
    return next(each["counted"] for each in result()["policies"] if each["policy"] == policy)


@pytest.mark.parametrize("policy", [FULL, TRUST, COOK])
def test_a_column_is_what_the_lab_simulates_of_everybody_at_once(policy: str) -> None:
    asked = Request(SCENARIO, BOOKINGS, seed=1952, policy=policy, regime="ice-r1-levels-2008", search="mates")
    scenario = scenario_of(asked)

    alone = simulate(people(scenario, asked.seed, BOOKINGS), settings_of(scenario, asked))

    column = next(each for each in result()["policies"] if each["policy"] == policy)
    assert column["totals"] == report.totals(alone)


def test_people_made_in_parts_are_the_people_made_at_once() -> None:
    bookings = PART + 500
    scenario = scenario_of(request(bookings))
    settings = settings_of(scenario, request(bookings))
    done: list[int] = []

    crowd = crowd_of(scenario, settings, bookings, done.append)

    everybody = people(scenario, settings.seed, bookings)
    at_once = simulate(everybody, settings)
    assert crowd.people.numbers.tolist() == at_once.cases["number"].to_list()
    assert crowd.booked == report.booked(at_once.bookings)
    assert crowd.groups == np.bincount(everybody.group_b).tolist()
    assert done == [PART, bookings]


def test_the_dot_counts_what_the_totals_tell() -> None:
    for policy in result()["policies"]:
        totals, numbers = policy["totals"], {name: spread["dot"] for name, spread in policy["counted"].items()}
        assert numbers["held"] == totals["custody"]["holds"]
        assert numbers["notified"] == totals["custody"]["notified"]
        assert numbers["transferred"] == totals["custody"]["transferred"]
        assert numbers["hold_hours"] == pytest.approx(totals["custody"]["hold_hours"])
        for event, stage in {"held": "holds", "transferred": "transferred", "removed": "removed"}.items():
            for division, told in (("truth", totals["truth"]), ("records", totals["records"])):
                mine = {kind: numbers[f"{event}.{division}.{kind}"] for kind in told if kind != "missed_mates"}
                assert mine == {kind: told[kind][stage] for kind in mine}
        removals = totals["removals"]
        for division in ("by_charge_or_conviction", "by_conviction", "without_conviction"):
            assert removals[division] == {kind: numbers[f"removed.{division}.{kind}"] for kind in removals[division]}


def test_every_section_and_both_readings_are_divided_for_each_side() -> None:
    ids = {measure["id"] for measure in result()["measures"]}

    for event in SECTIONS:
        if event != "more":
            assert {f"{event}.by_charge_or_conviction.level_1", f"{event}.by_conviction.none"} <= ids
            assert {f"{event}.without_conviction.re_entry", f"{event}.truth.lawful_and_removable"} <= ids
    assert "declined.charge.serious_felony" in ids


def test_a_policy_is_a_range_with_the_dot_between_never_and_always() -> None:
    held = counted(TRUST)["held"]

    assert held["never"] == 0 < held["dot"] < held["always"]
    assert counted(COOK)["held"] == {"never": 0, "dot": 0, "always": 0}
    assert counted(FULL)["declined"]["always"] == 0 < counted(FULL)["declined"]["dot"]


def test_levels_of_what_is_declined_add_up_to_what_is_declined() -> None:
    for policy in (FULL, TRUST, COOK):
        numbers = counted(policy)
        for division in ("by_charge_or_conviction", "by_conviction", "truth", "charge"):
            parts = [spread["dot"] for name, spread in numbers.items() if name.startswith(f"declined.{division}.")]
            assert sum(parts) == numbers["declined"]["dot"]


def test_what_is_assumed_is_off_by_default_and_follows_what_is_declared() -> None:
    plain = compare(Comparison(request(2_000), (FULL,)))["policies"][0]["counted"]
    assert {plain[name]["dot"] for name in ("hold_cost", "rearrested", "at_large", "hearings", "counsel")} == {None}

    cook = counted(COOK)
    assert cook["at_large"]["dot"] == round(cook["wanted"]["dot"] / 2, 1)
    assert cook["rearrested"]["dot"] == pytest.approx(cook["declined"]["dot"] * (DECLARED.rearrested or 0), abs=0.1)
    full = counted(FULL)
    assert full["counsel"]["dot"] == pytest.approx(full["transferred"]["dot"] * 0.24, abs=0.1)
    assert full["hearings"]["dot"] is None
    assert counted(FULL)["hold_cost"]["dot"] == pytest.approx(counted(FULL)["hold_hours"]["dot"] / 24 * 142.5, abs=1)


def test_a_rate_within_a_window_gives_back_what_was_published() -> None:
    for name, again, of, months in (("cook-2012", 11, 346, 6), ("cis-2014", 1_900, 8_145, 8)):
        within = Assumptions(rearrests_a_year=REARRESTS[name], rearrest_years=months / 12).rearrested
        assert within == pytest.approx(again / of, rel=1e-3)
        assert "comparison group" in REARRESTS[name].caveat


@pytest.mark.parametrize("given", ["many", "-1", "nan", "2"])
def test_an_assumption_that_is_no_number_is_refused(given: str) -> None:
    with pytest.raises(InteropError, match="give a number from 0 to 1"):
        assumption("--at-large", given, {}, most=1)


def test_level_1_removals_are_gained_or_lost_against_the_first_policy() -> None:
    first, cook = counted(FULL), counted(COOK)

    assert first["gained.by_conviction"]["dot"] == 0
    assert cook["gained.by_conviction"]["dot"] == -first["removed.by_conviction.level_1"]["dot"]


def test_groups_that_differ_in_nothing_differ_by_chance_alone() -> None:
    rows = result()["policies"][0]["ratios"]

    assert result()["neutral"] is True
    assert [row["stage"] for row in rows] == ["arrest", "match", "detainer", "removal", "removal"]
    assert all(row["low"] < 1.2 and row["high"] > 0.8 for row in rows)
    assert result()["policies"][2]["ratios"][3]["ratio"] is None


def test_changes_say_who_and_why_the_largest_first() -> None:
    changed = {each["policy"]: each["changes"] for each in result()["policies"]}

    assert changed[FULL] is None
    trust = changed[TRUST]
    assert [each["cases"] for each in trust] == sorted((each["cases"] for each in trust), reverse=True)
    largest = trust[0]
    assert (largest["from"], largest["to"]) == ("held", "not held")
    assert largest["why"] == {"lever": "hold", "before": "may used: (d)", "after": "must_not: (b)"}
    assert largest["boxes_left_out"] == 0
    assert len(largest["boxes"]) <= MOST_BOXES
    assert sum(box["changed"] for box in largest["boxes"]) == largest["cases"]
    assert all(box["facts"]["years_since_serious_felony"] == "never" for box in largest["boxes"])
    assert changed[COOK][0]["boxes"][0]["facts"] == {}


def test_changes_add_up_to_what_is_lost_and_gained() -> None:
    for policy in (TRUST, COOK):
        changes = next(each["changes"] for each in result()["policies"] if each["policy"] == policy)
        for kind, (yes, _) in {"held": ("held", 0), "transferred": ("handed over", 0)}.items():
            moved = sum(each["cases"] * (-1 if each["from"] == yes else 1) for each in changes if each["kind"] == kind)
            assert moved == counted(policy)[kind]["dot"] - counted(FULL)[kind]["dot"]


def test_the_lab_counts_the_disclosures_that_the_services_stamp() -> None:
    asked = Request(SCENARIO, 3_000, seed=1952, policy=TRUST, search="mates")
    scenario = scenario_of(asked)
    scenario = scenario.model_copy(update={"people": scenario.people.model_copy(update={"in_ident": 0.5})})
    settings = settings_of(scenario, asked)
    run = run_in_process(scenario, settings, "lab", 1952, 3_000, workers=0, search="mates", on_case=lambda *_: None)
    stamped = [count for (sender, recipient, _), count in run.disclosures.items() if (sender, recipient) == TO_ICE]

    everybody = people(scenario, asked.seed, 3_000)
    docket, practice = docket_of(everybody, search(everybody, settings), settings), practice_of(settings)
    done = exercise(ask(practice.policy, docket.asked), practice, docket.drawn)
    counts = count_under(profiles_of(docket, matches_table(docket)), docket, done, custody_of(docket, done))

    assert counts["disclosed"].sum() == sum(stamped) > 0


def test_the_cases_are_exported_under_every_policy_and_marked(tmp_path: Path) -> None:
    path = tmp_path / "cases.parquet"

    compared = compare(Comparison(request(5_000), (FULL, COOK), parquet=path))

    table = pl.read_parquet(path)
    assert pl.read_parquet_metadata(path)["notice"] == NOTICE
    assert table["notice"].unique().to_list() == [NOTICE]
    for policy in compared["policies"]:
        mine = table.filter(pl.col("policy").cast(pl.String) == policy["policy"])
        assert mine["held"].sum() == policy["counted"]["held"]["dot"]
    full, cook = (table.filter(pl.col("policy").cast(pl.String) == policy)["number"] for policy in (FULL, COOK))
    assert_frame_equal(full.to_frame(), cook.to_frame())


def test_the_page_needs_no_network_and_shows_every_policy() -> None:
    page = comparison_page(result())

    assert "Simulated. Not data about any place. Not legal advice." in page
    assert all(reference not in page for reference in ("http://", "https://", "<script", "@import", "url("))
    assert page.count(TRUST) > len(SECTIONS)
    assert all(title in page for title in SECTIONS.values())
    assert "No comparison group" in page


def test_policies_stand_side_by_side_on_a_terminal_of_100_columns() -> None:
    console = Console(file=StringIO(), width=100)

    show.comparison(console, result())

    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(len(line.rstrip()) <= 100 for line in text.splitlines())
    assert any(all(policy in line for policy in (FULL, TRUST, COOK)) for line in text.splitlines())
    assert f"{counted(FULL)['held']['dot']:,}" in text
    assert "Who changes under us-il-cook-2011, against us-full-cooperation, and why" in text
    assert NOTICE in text


def test_sharing_policies_have_people_of_their_own_to_count() -> None:
    compared = compare(Comparison(request(5_000), (FULL, "proposal-patrick-2011")))

    full, opted_out = compared["policies"]
    assert full["totals"]["searches"]["match"] > 0
    assert opted_out["counted"]["removed"]["dot"] == 0
    assert opted_out["changes"] is None
