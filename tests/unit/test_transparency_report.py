"""The transparency report counts what the events say, and publishes nothing that is exact unless it was asked to."""

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import date
from functools import cache
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any

import pytest
import typer
from hypothesis import given, strategies as st
from pydantic import TypeAdapter
from pydantic_core import to_json
from rich.console import Console
from typer.testing import CliRunner

from sandbox.audit import report as command
from sandbox.audit.report_view import show_report
from sandbox.contracts import the_contract
from sandbox.from_events import results_of
from sandbox.in_process import run_in_process
from sandbox.pages import transparency_page
from sandbox.population import people
from sandbox.report import Totals, totals
from sandbox.scenario import in_days, load_scenario, resolve
from services.audit.report import figures as words
from services.audit.report.events import GROUP, READ
from services.audit.report.figures import HOPS, Figures, figures
from services.audit.report.projection import REPORT_FILE, Projection, Readings, Snapshot
from services.audit.report.published import NO_CHECKPOINT, published_report
from services.audit.report.spreadsheet import csv_files
from services.audit.report.tables import (
    ALL,
    Counted,
    Protection,
    protected,
    round_to_ten,
    suppress,
    undone_by_subtraction,
    with_margins,
)
from services.audit.report.wiring import report_on
from services.chassis.envelope import Event, event_id
from services.chassis.errors import InfrastructureError, InteropError
from services.chassis.service import Service
from services.chassis.settings import ServiceSettings
from tests.contract.story import written
from tests.unit.builders import fifty_times

Raw = dict[str, Any]

RUN = "contract-example-41"
HERON_41 = "ZZ43F910094F0CF7707E"
WARRANT = "federal_judicial_warrant"


@cache
def reader(event_type: str) -> TypeAdapter[Event[Any]]:
    return TypeAdapter(Event[READ[event_type]])  # type: ignore[misc]


def as_read(*raw: Raw) -> list[Event[Any]]:
    return [reader(event["type"]).validate_json(to_json(event)) for event in raw if event["type"] in READ]


def the_case_of_heron_41() -> list[Raw]:
    """Everything that is told of Heron-41 in the contract's examples: booked, held, handed over, removed."""
    return [deepcopy(event) for event in written().values()]


def again(events: Sequence[Raw], number: int) -> list[Raw]:
    """The same things, as they happened to somebody else at the same agency."""
    copies = deepcopy([event for event in events if "tcn" in event])
    for event in copies:
        event["tcn"] = f"ZZ{number:018}"
        event["subject"] = f"ZZ0010000/WREN-{number}"
        event["id"] = event_id(RUN, event["type"], f"{event['tcn']}{event['data'].get('stage')}", 0)
    return copies


def flock(of: int, change: Callable[[Raw], None] | None = None) -> list[Raw]:
    """So many people to whom the same happened as to Heron-41, but for what `change` makes of an event."""
    events = the_case_of_heron_41()
    control = [event for event in events if "tcn" not in event]
    about_people = [event for number in range(of) for event in again(events, number)]
    for event in [*control, *about_people] if change else []:
        change(event)
    return [*control, *about_people]


@pytest.fixture
def projection(tmp_path: Path) -> Iterator[Projection]:
    projection = Projection(tmp_path / "state" / REPORT_FILE)
    yield projection
    projection.close()


def counted(projection: Readings, runid: str | None = None) -> Figures:
    held = projection.snapshot(runid)
    return figures(held.opened, held.last_day, held.cases, held.shared)


def in_all(figures: Figures, table: str) -> dict[Any, int]:
    """The exact numbers of a table over all places and months."""
    return _over_all(figures.table(table))


def _over_all(table: Counted) -> dict[Any, int]:
    sums: dict[Any, int] = {}
    for (_, _, *kinds), count in table.counts.items():
        key = kinds[0] if len(kinds) == 1 else tuple(kinds)
        sums[key] = sums.get(key, 0) + count
    return sums


def published(report: Mapping[str, Any], table: str, **where: str) -> int | None:
    """A published number: in all, but for the dimensions that are named."""
    (chosen,) = [told for told in report["tables"] if told["name"] == table]
    cell = {**{name: chosen["whole"].get(name) for name in chosen["dimensions"]}, **where}
    for row in chosen["rows"]:
        if all(row[name] == value for name, value in cell.items()):
            number: int | None = row["published"]
            return number
    return 0


def same(one: Snapshot, other: Snapshot) -> bool:
    """Whether two projections hold the same; the order of rows says nothing."""
    return (
        (one.opened, one.last_day, one.deciding) == (other.opened, other.last_day, other.deciding)
        and sorted(map(repr, one.cases)) == sorted(map(repr, other.cases))
        and sorted(map(repr, one.shared)) == sorted(map(repr, other.shared))
        and one.clauses == other.clauses
    )


# Rounding and hiding


@pytest.mark.parametrize(
    ("count", "told"), [(0, 0), (4, 0), (5, 10), (14, 10), (15, 20), (25, 30), (1_213_067, 1_213_070)]
)
def test_numbers_are_rounded_as_dhs_statistics_are(count: int, told: int) -> None:
    assert round_to_ten(count) == told


@pytest.mark.parametrize(("count", "told"), [(0, 0), (1, None), (10, None), (11, 11)])
def test_hidden_is_what_lies_between_one_and_ten(count: int, told: int | None) -> None:
    assert suppress(count) == told


def a_table(counts: Mapping[tuple[str, str], int]) -> Counted:
    """People by month and by answer."""
    values = {
        "month": sorted({month for month, _ in counts}),
        "answer": sorted({answer for _, answer in counts}),
    }
    return Counted("answers", "", "", ("month", "answer"), values, counts, frozenset(values), {})


MARCH_AND_APRIL = {
    ("03", "held"): 3,
    ("03", "told"): 20,
    ("04", "held"): 30,
    ("04", "told"): 40,
}


def test_a_total_is_rounded_by_itself_and_is_not_the_sum_of_what_was_rounded() -> None:
    table = a_table({("03", "held"): 4, ("03", "told"): 4, ("04", "held"): 4, ("04", "told"): 4})

    told = protected(with_margins(table), "round")

    assert told["03", "held"] == 0
    assert told["03", ALL] == 10
    assert told[ALL, ALL] == 20


def test_the_only_hidden_number_of_a_sum_is_given_back() -> None:
    table = a_table(MARCH_AND_APRIL)

    told = protected(with_margins(table), "suppress")

    assert told["03", "held"] is None
    assert [undone.cell for undone in undone_by_subtraction(table, told)] == [("03", "held")]


def test_two_hidden_numbers_in_every_sum_stay_hidden() -> None:
    table = a_table({("03", "held"): 3, ("03", "told"): 9, ("04", "held"): 9, ("04", "told"): 3})

    told = protected(with_margins(table), "suppress")

    assert undone_by_subtraction(table, told) == []


def test_a_number_that_is_given_back_may_give_the_next() -> None:
    table = a_table(
        {
            ("03", "held"): 3,
            ("03", "told"): 4,
            ("04", "held"): 30,
            ("04", "told"): 5,
            ("05", "held"): 30,
            ("05", "told"): 30,
        }
    )

    undone = {found.cell for found in undone_by_subtraction(table, protected(with_margins(table), "suppress"))}

    assert {("04", "told"), ("03", "told"), ("03", "held")} <= undone


counts = st.lists(st.integers(0, 40), min_size=6, max_size=6)


@fifty_times
@given(counts)
def test_what_subtraction_gives_back_was_hidden_and_follows_from_what_is_shown(numbers: list[int]) -> None:
    cells = [(month, answer) for month in ("03", "04", "05") for answer in ("held", "told")]
    table = a_table(dict(zip(cells, numbers, strict=True)))
    exact = with_margins(table)
    told = protected(exact, "suppress")

    undone = [found.cell for found in undone_by_subtraction(table, told)]

    assert len(undone) == len(set(undone))
    assert all(told[cell] is None for cell in undone)
    assert all(exact[cell] == number for cell, number in told.items() if number is not None)


@fifty_times
@given(st.lists(st.integers(0, 60), min_size=2, max_size=8))
def test_one_sum_of_rounded_numbers_never_gives_an_exact_one(numbers: list[int]) -> None:
    """What the report claims of rounding: each part lies somewhere in a range, also when its total is known too."""

    def between(rounded: int) -> tuple[int, int]:
        return max(rounded - 5, 0), rounded + 4

    least, most = between(round_to_ten(sum(numbers)))
    ranges = [between(round_to_ten(number)) for number in numbers]
    for place, (low, high) in enumerate(ranges):
        others = [ends for number, ends in enumerate(ranges) if number != place]
        from_below = max(low, least - sum(top for _, top in others))
        from_above = min(high, most - sum(bottom for bottom, _ in others))
        assert from_below < from_above


# What is counted


def test_the_case_of_heron_41_is_counted_at_every_stage(projection: Projection) -> None:
    projection.keep(as_read(*the_case_of_heron_41()))

    reached = in_all(counted(projection), "stages")

    assert reached == {
        words.STAGES[stage]: 1
        for stage in (
            "booked",
            "submitted",
            "relayed",
            "matched",
            "lodged",
            "on_file",
            "told",
            "transferred",
            "removed",
        )
    }


def test_a_release_to_ice_names_the_clause_that_allowed_it(projection: Projection) -> None:
    projection.keep(as_read(*flock(6)))

    report = published_report(projection)

    assert published(report, "releases", justification="may used: (a)") == 10
    assert [row["clause"] for row in report["clauses"]] == ["(a)"]
    assert report["clauses"][0]["text"].startswith("The agency may tell ICE of the release")


def test_a_justification_that_is_too_rare_is_not_named(projection: Projection) -> None:
    def silent_for_one(event: Raw) -> None:
        if event["type"] == "cooperation.decided.v1" and event["subject"].endswith("WREN-3"):
            event["data"]["answers"]["transfer"] = "silent"

    projection.keep(as_read(*flock(8, silent_for_one)))

    report = published_report(projection)

    (releases,) = [table for table in report["tables"] if table["name"] == "releases"]
    assert releases["values"]["justification"] == ["may used: (a)", words.RARE]


def test_the_last_decision_before_the_hand_over_justifies_it(projection: Projection) -> None:
    events = flock(1)
    (first,) = [event for event in events if event["type"] == "cooperation.decided.v1"]
    later = deepcopy(first)
    later["id"] = event_id(RUN, first["type"], first["tcn"], 1)
    later["data"] |= {"sequence": 3, "answers": {"transfer": "must"}}
    projection.keep(as_read(later, *events))

    assert in_all(counted(projection), "releases") == {"must: (a)": 1}


@pytest.mark.parametrize(
    ("facts", "charge", "warrant"),
    [
        ({}, words.LOCAL, words.WITHOUT_WARRANT),
        ({WARRANT: True}, words.LOCAL, words.WITH_WARRANT),
        ({"federal_felony_warrant": True}, words.FEDERAL, words.WITHOUT_WARRANT),
    ],
)
def test_requests_are_split_by_charge_and_by_judicial_warrant(
    projection: Projection, facts: Raw, charge: str, warrant: str
) -> None:
    def known(event: Raw) -> None:
        if event["data"].get("stage") == "detainer_on_file":
            event["data"]["facts"] |= facts

    projection.keep(as_read(*flock(1, known)))

    told = counted(projection)

    assert in_all(told, "requests_by_charge") == {charge: 1}
    assert in_all(told, "requests_by_warrant") == {warrant: 1}


def without(*kinds: str) -> list[Raw]:
    """Heron-41's case, but for the events of these types or stages."""
    return [event for event in flock(1) if event["type"] not in kinds and event["data"].get("stage") not in kinds]


def stage(name: str) -> Raw:
    """The event that custody reached a stage, for the one of a flock."""
    (event,) = [event for event in flock(1) if event["data"].get("stage") == "transferred"]
    event["id"] = event_id(RUN, event["type"], event["tcn"], 7 + len(name))
    event["data"] |= {"stage": name, "disclosures": []}
    return event


@pytest.mark.parametrize(
    ("events", "action"),
    [
        (flock(1), words.HANDED_OVER),
        ([*flock(1), stage("hold_started")], words.HANDED_OVER_FROM_HOLD),
        ([*without("transferred"), stage("hold_started"), stage("released")], words.HELD_AND_RELEASED),
        ([*without("transferred"), stage("released")], words.TOLD_AND_RELEASED),
        ([*without("transferred", "cooperation.decided.v1"), stage("released")], words.RELEASED),
        (without("transferred", "detainer_on_file"), words.AFTER_RELEASE),
        (without("transferred"), words.STILL_HELD),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_request_has_one_action(projection: Projection, events: list[Raw], action: str) -> None:
    projection.keep(as_read(*events))

    assert in_all(counted(projection), "requests_by_action") == {action: 1}


def test_an_event_in_the_night_counts_in_the_month_of_its_place(projection: Projection) -> None:
    def at_midnight(event: Raw) -> None:
        if event["type"] == "booking.recorded.v1":
            event["time"] = "2009-07-01T03:59:00Z"  # 30 June, 23:59 in New York

    projection.keep(as_read(*flock(1, at_midnight)))

    assert counted(projection).table("stages").counts["US-EX", "2009-06", words.STAGES["booked"]] == 1


def test_a_charge_that_did_not_come_is_a_finding(projection: Projection) -> None:
    def lost(event: Raw) -> None:
        if event["type"] == "immigration.status.returned.v1":
            event["data"]["charge"] = None

    projection.keep(as_read(*flock(30, lost)))

    shares = {share["name"]: share["percent"] for share in published_report(projection)["shares"]}

    assert shares["missing_charge_share_of_matches"] == 100
    assert shares["missing_charge_share_of_removals"] == 100


@pytest.mark.parametrize(("told", "percent"), [(True, 100), (False, 0)])
def test_feedback_coverage_is_the_share_of_hand_overs_whose_outcome_the_agency_was_told(
    projection: Projection, *, told: bool, percent: int
) -> None:
    def feedback(event: Raw) -> None:
        if event["type"] == "outcome.recorded.v1" and not told:
            event["data"] |= {"feedback": False, "disclosures": []}

    projection.keep(as_read(*flock(60, feedback)))

    shares = {share["name"]: share["percent"] for share in published_report(projection)["shares"]}

    assert shares["feedback_coverage_of_transferred"] == percent
    assert shares["feedback_coverage_of_outcomes"] == percent


def test_where_ice_returns_nothing_the_report_says_so_in_words(projection: Projection) -> None:
    def off(event: Raw) -> None:
        if event["type"] == "run.opened.v1":
            event["data"]["feedback"] = False

    projection.keep(as_read(*flock(1, off)))

    (told,) = [table for table in published_report(projection)["tables"] if table["name"] == "feedback"]

    assert told["without_figures"].startswith("In this run ICE tells the agency of no outcome")


def test_a_table_of_zeros_says_what_they_stand_for(projection: Projection) -> None:
    projection.keep(as_read(*the_case_of_heron_41()))

    (told,) = [table for table in published_report(projection)["tables"] if table["name"] == "releases"]

    assert told["rows"] == []
    assert told["without_figures"] == "None, or fewer than five, in every cell and in all."


def test_every_hop_that_the_contract_declares_has_its_row() -> None:
    rows = [row.row for message in the_contract().messages.values() for row in message.declarations]

    assert set(HOPS) == {(row["from"], row["to"], tuple(sorted(row["categories"]))) for row in rows}


def test_a_disclosure_that_nobody_declared_is_counted_as_such(projection: Projection) -> None:
    row = {"from": "LEA", "to": "PRESS", "categories": ["label"], "basis": "none", "purpose": "none"}

    def leak(event: Raw) -> None:
        if event["type"] == "booking.recorded.v1":
            event["data"]["disclosures"] = [row]

    projection.keep(as_read(*flock(1, leak)))

    assert in_all(counted(projection), "disclosures")[words.UNDECLARED] == 1
    assert in_all(counted(projection), "information")["label", "PRESS"] == 1


# Against the sandbox's own count of a run


@pytest.fixture(scope="module")
def a_run() -> tuple[list[Raw], Totals, Mapping[Any, int]]:
    """Three weeks in which nearly half of the people are in IDENT: its events, and what the run's own report counts."""
    boston = in_days(load_scenario("boston-2008-2010"), date(2008, 10, 27), date(2008, 11, 16))
    scenario = boston.model_copy(
        update={
            "people": boston.people.model_copy(update={"in_ident": 0.4}),
            "pickup": boston.pickup.model_copy(update={"told_rate": {"otherwise": 0.45}}),
            "feedback": True,
        }
    )
    bodies: list[bytes] = []
    run_in_process(
        scenario, resolve(scenario, seed=41), RUN, 41, 160, workers=0, search="mates", on_event=bodies.append
    )
    events = [json.loads(body) for body in bodies]
    results = results_of(events, people(scenario, 41, 160))
    return events, totals(results), results.disclosures


def test_the_projection_counts_what_the_report_of_the_run_counts(
    projection: Projection, a_run: tuple[list[Raw], Totals, Mapping[Any, int]]
) -> None:
    events, told, _ = a_run
    projection.keep(as_read(*events))

    exact = counted(projection)
    reached = in_all(exact, "stages")
    actions = in_all(exact, "requests_by_action")

    assert {stage: reached[words.STAGES[stage]] for stage in words.STAGES} == {
        "booked": told["bookings"],
        "submitted": told["submissions"],
        "relayed": sum(told["searches"].values()),
        "matched": told["searches"]["match"],
        "lodged": told["detainers"]["lodged"],
        "on_file": told["custody"]["detainers_on_file"],
        "told": told["custody"]["notified"],
        "held": told["custody"]["holds"],
        "transferred": told["custody"]["transferred"],
        "released": told["custody"]["released"],
        "removed": told["removals"]["total"],
    }
    assert sum(actions.values()) == told["detainers"]["lodged"]
    assert actions.get(words.AFTER_RELEASE, 0) == told["detainers"]["came_after_release"]
    assert actions[words.HANDED_OVER_FROM_HOLD] == told["custody"]["transferred_from_hold"]


@pytest.mark.parametrize("reading", ["by_charge_or_conviction", "by_conviction"])
def test_removals_by_level_are_those_of_the_report_of_the_run(
    projection: Projection, a_run: tuple[list[Raw], Totals, Mapping[Any, int]], reading: str
) -> None:
    events, told, _ = a_run
    projection.keep(as_read(*events))

    by_level: dict[str, int] = dict.fromkeys(told["removals"][reading], 0)
    for (outcome, level), count in in_all(counted(projection), f"outcomes_{reading}").items():
        if outcome in words.REMOVED_OUTCOMES:
            by_level[level.replace(" ", "_")] += count

    assert by_level == told["removals"][reading]


def test_justifications_are_in_the_words_of_the_report_of_the_run(
    projection: Projection, a_run: tuple[list[Raw], Totals, Mapping[Any, int]]
) -> None:
    events, told, _ = a_run
    projection.keep(as_read(*events))

    assert set(in_all(counted(projection), "releases")) <= set(told["levers"]["transfer"]["why"])


def test_disclosures_are_as_many_as_the_run_had(
    projection: Projection, a_run: tuple[list[Raw], Totals, Mapping[Any, int]]
) -> None:
    events, _, disclosures = a_run
    projection.keep(as_read(*events))

    assert in_all(counted(projection), "disclosures") == {
        words.shared_as(*hop): count for hop, count in disclosures.items()
    }


@pytest.mark.parametrize("seed", range(3))
def test_events_in_any_order_and_twice_leave_the_same_projection(
    tmp_path: Path, a_run: tuple[list[Raw], Totals, Mapping[Any, int]], seed: int
) -> None:
    events = as_read(*a_run[0])
    in_order, shuffled = Projection(tmp_path / "one.sqlite"), Projection(tmp_path / "other.sqlite")
    in_order.keep(events)
    twice = [*events, *events]
    Random(seed).shuffle(twice)
    for start in range(0, len(twice), 100):
        shuffled.keep(twice[start : start + 100])

    assert same(in_order.snapshot(), shuffled.snapshot())
    in_order.close()
    shuffled.close()


def test_batches_from_several_threads_are_all_kept(
    tmp_path: Path, a_run: tuple[list[Raw], Totals, Mapping[Any, int]]
) -> None:
    events = as_read(*a_run[0])
    alone, together = Projection(tmp_path / "one.sqlite"), Projection(tmp_path / "other.sqlite")
    alone.keep(events)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(together.keep, (events[start::16] for start in range(16))))

    assert same(alone.snapshot(), together.snapshot())
    alone.close()
    together.close()


# What leaves the service


def numbers_in(report: Mapping[str, Any]) -> list[int | None]:
    return [row["published"] for table in report["tables"] for row in table["rows"]]


def test_no_exact_count_leaves_a_rounded_report(
    projection: Projection, a_run: tuple[list[Raw], Totals, Mapping[Any, int]]
) -> None:
    projection.keep(as_read(*a_run[0]))

    told = numbers_in(published_report(projection))

    assert told
    assert all(number is not None and number % 10 == 0 for number in told)


def test_no_small_count_leaves_a_report_that_hides_them(
    projection: Projection, a_run: tuple[list[Raw], Totals, Mapping[Any, int]]
) -> None:
    projection.keep(as_read(*a_run[0]))

    report = published_report(projection, protect="suppress")

    assert all(number is None or number == 0 or number > 10 for number in numbers_in(report))
    assert report["subtraction"]["hidden"] == numbers_in(report).count(None)
    assert 0 < report["subtraction"]["undone"] < report["subtraction"]["hidden"]


def test_two_more_people_in_a_ten_change_nothing_that_is_published(tmp_path: Path) -> None:
    reports = []
    for of in (11, 13):
        projection = Projection(tmp_path / f"{of}.sqlite")
        projection.keep(as_read(*flock(of)))
        report = published_report(projection)
        # Of each person several things are disclosed, so these sums may lie in different tens.
        sums = ("disclosures", "information")
        reports.append({**report, "tables": [table for table in report["tables"] if table["name"] not in sums]})
        projection.close()

    assert reports[0] == reports[1]


def test_it_says_from_which_checkpoint_it_was_computed(projection: Projection) -> None:
    projection.keep(as_read(*flock(1)))
    checkpoint = {"origin": "sandbox.example/ledger", "size": 16, "root": "CsUY", "published_at": "2026-01-01T00:00Z"}

    assert published_report(projection, checkpoint=checkpoint)["checkpoint"] == checkpoint
    assert published_report(projection)["checkpoint_words"] == NO_CHECKPOINT


def test_it_names_the_policy_files_in_force_by_their_hashes(projection: Projection) -> None:
    projection.keep(as_read(*flock(1)))
    opened = written()["run.opened.v1"]["data"]

    told = {row["question"]: row for row in published_report(projection)["policies"]}

    assert told["detainer"]["sha256"] == opened["detainer"]["sha256"]
    assert told["ice_priority"]["sha256"] == opened["ice_priority"][0]["sha256"]
    assert told["sharing"]["sha256"] == opened["sharing"]["sha256"]
    assert all(row["pinned"] for row in told.values())


def test_a_policy_that_decided_and_is_not_the_runs_own_is_named_as_such(projection: Projection) -> None:
    def swapped(event: Raw) -> None:
        if event["type"] == "cooperation.decided.v1":
            event["data"]["basis"]["policy"] = "somebody-elses-policy"

    projection.keep(as_read(*flock(1, swapped)))

    strays = [row["policy"] for row in published_report(projection)["policies"] if not row["pinned"]]

    assert strays == ["somebody-elses-policy"]


def test_a_run_that_nobody_counted_is_one_sentence(projection: Projection) -> None:
    projection.keep(as_read(*flock(1)))

    with pytest.raises(InteropError) as refused:
        published_report(projection, run="contract-example-14")

    assert refused.value.code == "unknown-run"
    assert refused.value.sentence == "the report knows no run 'contract-example-14'; known are contract-example-41"


def test_before_anything_was_counted_there_is_no_report(projection: Projection, tmp_path: Path) -> None:
    for readings in (projection, Readings(tmp_path / "nowhere.sqlite")):
        with pytest.raises(InteropError) as refused:
            published_report(readings)
        assert refused.value.code == "no-report"


def test_a_protection_that_there_is_not_is_one_sentence(projection: Projection) -> None:
    with pytest.raises(InteropError) as refused:
        published_report(projection, protect="noise")  # type: ignore[arg-type]

    assert refused.value.sentence == "there is no protection 'noise'; use round or suppress"


def test_the_run_that_was_opened_last_is_reported_if_none_is_named(projection: Projection) -> None:
    first = written()["run.opened.v1"]
    projection.keep(as_read(first, first | {"runid": "live", "id": "opened-2"}, first))

    assert published_report(projection)["run"] == "live"


# Forgetting


def in_the_file(projection: Projection, *secrets: str) -> list[str]:
    """Which of these texts stand in the projection's files, in whatever corner."""
    files = [path.read_bytes() for path in projection.path.parent.iterdir()]
    return [secret for secret in secrets if any(secret.encode() in content for content in files)]


def test_a_forgotten_case_counts_on_and_nothing_in_the_file_leads_to_it(projection: Projection) -> None:
    events = flock(3)
    projection.keep(as_read(*events))
    before = counted(projection)
    (wren, *_) = {event["tcn"] for event in events if event.get("subject", "").endswith("WREN-1")}
    ids = [event["id"] for event in events if event.get("tcn") == wren]
    assert in_the_file(projection, wren, *ids) != []

    rows = projection.forget(RUN, wren)

    disclosing = [event for event in events if event.get("tcn") == wren and event["data"]["disclosures"]]
    assert rows == 1 + len(disclosing)
    assert in_the_file(projection, wren, *ids) == []
    assert [table.counts for table in counted(projection).tables] == [table.counts for table in before.tables]


def test_an_event_of_a_forgotten_case_that_comes_again_is_not_counted_twice(projection: Projection) -> None:
    events = as_read(*flock(2))
    projection.keep(events)
    before = counted(projection)
    projection.forget(RUN, f"ZZ{1:018}")

    projection.keep(events)

    assert [table.counts for table in counted(projection).tables] == [table.counts for table in before.tables]
    assert in_the_file(projection, f"ZZ{1:018}") == []


def test_a_case_that_is_forgotten_before_it_came_never_comes(projection: Projection) -> None:
    assert projection.forget(RUN, f"ZZ{1:018}") == 0

    projection.keep(as_read(*flock(2)))

    assert in_all(counted(projection), "stages")[words.STAGES["booked"]] == 1


def test_to_forget_a_case_twice_changes_nothing_more(projection: Projection) -> None:
    projection.keep(as_read(*flock(1)))
    assert projection.forget(RUN, f"ZZ{0:018}") > 0
    assert projection.forget(RUN, f"ZZ{0:018}") == 0


# When the file cannot be used


def test_a_file_that_is_locked_counts_against_no_event(projection: Projection, monkeypatch: pytest.MonkeyPatch) -> None:
    projection._database.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(projection.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(InfrastructureError):
        projection.keep(as_read(*flock(1)))

    other.execute("ROLLBACK")
    other.close()
    projection.keep(as_read(*flock(1)))
    assert in_all(counted(projection), "stages")[words.STAGES["booked"]] == 1


def test_events_that_cannot_be_counted_neither_stop_nor_lose_those_of_others(projection: Projection) -> None:
    def too_large(event: Raw) -> None:
        if event["type"] == "cooperation.decided.v1":
            event["data"]["sequence"] = 2**70

    with ThreadPoolExecutor(2) as threads:
        with projection._write_lock:  # both wait for the disk at once
            spoilt = threads.submit(projection.keep, as_read(*flock(2, too_large)[-20:]))
            sound = threads.submit(projection.keep, as_read(*flock(1)))
            wait_until(lambda: len(projection._queue) == 2)

        assert isinstance(spoilt.exception(), OverflowError)
        assert sound.exception() is None

    assert in_all(counted(projection), "stages")[words.STAGES["booked"]] == 1


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = monotonic() + 10
    while not happened():
        assert monotonic() < deadline
        sleep(0.001)


# How it is fed


def test_the_group_reads_the_streams_that_the_contract_says(tmp_path: Path) -> None:
    service = Service("audit", "", ServiceSettings(state_dir=tmp_path))
    projection = report_on(service, tmp_path)
    declared = {row.event_type for row in the_contract().operations if (row.service, row.group) == ("audit", GROUP)}

    assert {(stage.group.name, stage.group.party) for stage in service.stages} == {(GROUP, None)}
    assert {stage.event_type for stage in service.stages} == set(READ) == declared
    projection.close()


# What people see


VOID = {"meta", "rect"}


class Page(HTMLParser):
    """A page as people see it; fails on what is not closed, and on anything from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "img", "iframe")
        assert all(not (value or "").startswith("http") for _, value in attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(params=["round", "suppress"])
def a_report(
    request: pytest.FixtureRequest, projection: Projection, a_run: tuple[list[Raw], Totals, Mapping[Any, int]]
) -> dict[str, Any]:
    protect: Protection = request.param
    projection.keep(as_read(*a_run[0]))
    return published_report(projection, protect=protect)


def on_the_terminal(report: Mapping[str, Any]) -> str:
    text = StringIO()
    show_report(Console(file=text, width=160), report)
    return text.getvalue()


def test_every_output_says_that_it_is_simulated(a_report: dict[str, Any]) -> None:
    notice = "Simulated. Not data about any place. Not legal advice."

    assert json.loads(json.dumps(a_report))["notice"] == notice
    assert notice in on_the_terminal(a_report)
    assert notice in Page(transparency_page(a_report)).text
    for text in csv_files(a_report).values():
        assert all(row["notice"] == notice for row in csv.DictReader(StringIO(text)))


def test_every_output_says_what_the_protection_does_not_do(a_report: dict[str, Any]) -> None:
    told = on_the_terminal(a_report), Page(transparency_page(a_report)).text, csv_files(a_report)["about"]

    for text in told:
        assert "no formal guarantee" in text


def test_the_page_and_the_terminal_show_every_table_that_has_figures(a_report: dict[str, Any]) -> None:
    page, terminal = Page(transparency_page(a_report)).text, on_the_terminal(a_report)

    for table in a_report["tables"]:
        assert table["title"] in page
        assert table["title"] in terminal


def test_there_is_a_file_for_each_table_with_its_published_numbers(a_report: dict[str, Any]) -> None:
    files = csv_files(a_report)

    for table in a_report["tables"]:
        rows = list(csv.DictReader(StringIO(files[table["name"]])))
        expected = ["hidden" if row["published"] is None else str(row["published"]) for row in table["rows"]]
        assert [row["published"] for row in rows] == expected


def test_a_clause_that_begins_like_a_formula_is_none_in_a_spreadsheet(projection: Projection) -> None:
    def formula(event: Raw) -> None:
        if event["type"] == "cooperation.decided.v1":
            event["data"]["basis"]["because"][0]["text"] = "=HYPERLINK(1)"

    projection.keep(as_read(*flock(6, formula)))

    (row,) = csv.DictReader(StringIO(csv_files(published_report(projection))["clauses"]))

    assert row["text"] == "'=HYPERLINK(1)"


def test_a_name_with_markup_is_text_on_the_page(projection: Projection) -> None:
    def renamed(event: Raw) -> None:
        if event["type"] == "run.opened.v1":
            event["data"]["agencies"]["ZZ0010000"]["name"] = "<b>Example</b>"

    projection.keep(as_read(*flock(1, renamed)))

    assert "<b>Example</b>" in Page(transparency_page(published_report(projection))).text


# The command


@pytest.fixture
def app(projection: Projection) -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app, state_dir=lambda: projection.path.parent, checkpoint=lambda: None)
    return app


def test_the_command_prints_json(projection: Projection, app: typer.Typer) -> None:
    projection.keep(as_read(*flock(6)))

    ended = CliRunner().invoke(app, ["report", "--json", "--protect", "suppress"])

    told = json.loads(ended.stdout)
    assert told["run"] == RUN
    assert told["protection"]["method"] == "suppress"


def test_the_command_writes_a_page_and_the_tables(projection: Projection, app: typer.Typer, tmp_path: Path) -> None:
    projection.keep(as_read(*flock(6)))
    page, folder = tmp_path / "report.html", tmp_path / "tables"

    ended = CliRunner().invoke(app, ["report", "--html", str(page), "--csv", str(folder)])

    assert ended.exit_code == 0
    assert Page(page.read_text(encoding="utf-8")).text
    assert (
        (folder / "releases.csv").read_text(encoding="utf-8").startswith("place,month,justification,published,notice")
    )


def test_a_page_into_no_folder_is_refused_in_one_sentence(
    projection: Projection, app: typer.Typer, tmp_path: Path
) -> None:
    ended = CliRunner().invoke(app, ["report", "--html", str(tmp_path / "nowhere" / "report.html")])

    assert isinstance(ended.exception, InteropError)
    assert ended.exception.code == "no-such-folder"
