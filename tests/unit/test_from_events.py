"""Events as tables: nobody is counted twice, nobody falls out, and the truth is the population's."""

from dataclasses import replace
from datetime import date
from random import Random
from typing import Any

import numpy as np
import pytest
from polars.testing import assert_frame_equal

from sandbox.from_events import Fold, results_of
from sandbox.population import NOWHERE, TRUE_STATUSES
from sandbox.results import BOOKINGS, CASES, HANDLED, SEARCHES
from services.biometric_match.records import criminal_records, enrolled_ucn, immigration_records
from services.chassis.errors import InteropError
from tests.unit.tables import BOSTON, SPRING, custody, decision, detainer, event, everyone, status

PEOPLE = everyone()
HERON, WREN = np.flatnonzero(PEOPLE.ident_row != NOWHERE)[:2].tolist()
"""Two people whom IDENT knows."""

EGRET, TERN = np.flatnonzero(PEOPLE.iafis_row != NOWHERE)[:2].tolist()
"""Two people whom the FBI knows."""

TEAL = int(np.flatnonzero(PEOPLE.ident_row == NOWHERE)[0])
"""Somebody whom it does not."""

TOLD = {"from": "LEA", "to": "ICE", "categories": ["release_date", "custody_location"], "basis": "b", "purpose": "p"}


def fin_of(number: int) -> str:
    """DHS's number of a person, as events carry it."""
    return immigration_records(7, PEOPLE.ident_row[[number]], BOSTON.records).record(0).fin


def ucn_of(row: int) -> str:
    """The FBI's number of whoever is in this row of IAFIS."""
    return criminal_records(7, np.array([row]), BOSTON.records).record(0, SPRING).ucn


def truly(status: str, number: int = HERON) -> Any:
    """The same people, but what is true of one of them is this."""
    changed = PEOPLE.status.copy()
    changed[number] = TRUE_STATUSES.index(status)
    return replace(PEOPLE, status=changed)


def a_journey(number: int) -> list[dict[str, Any]]:
    """Somebody is booked, matched, held and handed over."""
    return [
        event("booking.recorded", number),
        event("identification.returned", number, srf="I", ucn="ZZ0000041"),
        event("immigration.searched", number, result="match", fin=fin_of(number)),
        status(number, fin_of(number)),
        detainer(number),
        custody(number, "detainer_on_file"),
        decision(number, "detainer_on_file", 0, "must", used=True),
        custody(number, "releasable"),
        decision(number, "releasable", 1, "must_not", used=False),
        custody(number, "hold_started"),
        decision(number, "hold_started", 2, "must", used=True),
        event("custody.claimed", number, at="2009-06-14T00:30:00Z"),
        custody(number, "transferred", "2009-06-14T00:30:00Z", hold_hours=12.5),
        event("outcome.recorded", number, "2009-07-13T10:09:24Z", outcome="removed"),
    ]


def case_of(events: list[dict[str, Any]], people: Any = PEOPLE) -> dict[str, Any]:
    """The only case of these events."""
    (case,) = results_of(events, people).cases.iter_rows(named=True)
    return case


def test_somebody_whom_ident_does_not_know_is_a_booking_and_no_case() -> None:
    results = results_of(
        [event("booking.recorded", TEAL), event("immigration.searched", TEAL, result="no_match", fin=None)], PEOPLE
    )

    (row,) = results.bookings.iter_rows(named=True)
    assert (row["number"], row["searched"], row["identified"], row["in_ident"]) == (TEAL, "no_match", False, False)
    assert results.cases.is_empty()


def test_a_search_that_never_came_is_not_a_search_without_a_match() -> None:
    assert results_of([event("booking.recorded", TEAL)], PEOPLE).bookings["searched"].to_list() == [None]


def test_the_hold_is_read_at_release_and_notice_before_it() -> None:
    case = case_of(a_journey(HERON))

    assert (case["notify"], case["hold"], case["transfer"]) == (True, False, True)
    assert case["told"]


def test_a_lever_names_only_the_clauses_that_answer_it() -> None:
    case = case_of(a_journey(HERON))

    assert (case["hold_why"], case["transfer_why"]) == ("must_not: (a)", "must: ")


@pytest.mark.parametrize(
    ("word", "used", "why"),
    [
        ("may", True, "may used: (a)"),
        ("may", False, "may not used: (a)"),
        ("silent", True, "silent: done, as is usual"),
        ("silent", False, "silent: not done, as is usual"),
    ],
)
def test_what_was_left_to_the_agency_says_what_it_made_of_it(word: str, used: bool, why: str) -> None:
    events = [status(HERON, fin_of(HERON)), decision(HERON, "releasable", 0, word, used=used)]

    assert case_of(events)["hold_why"] == why


def test_a_day_is_a_day_of_boston() -> None:
    case = case_of(a_journey(HERON))

    # Half past midnight in London is still the evening before in Boston.
    assert (case["lodged_on"], case["transferred_on"]) == (date(2009, 6, 12), date(2009, 6, 13))
    assert case["outcome_on"] == date(2009, 7, 13)


def test_only_those_who_were_held_have_hours_of_a_hold() -> None:
    let_go = [status(WREN, fin_of(WREN)), custody(WREN, "transferred", hold_hours=0.0)]

    assert case_of(a_journey(HERON))["hold_hours"] == 12.5
    assert case_of(let_go)["hold_hours"] is None


def test_the_record_of_another_person_is_a_false_match_and_not_a_stale_one() -> None:
    for number in (HERON, TEAL):
        case = case_of([status(number, fin_of(WREN))])
        assert (case["false_match"], case["stale"]) == (True, False)


def test_a_record_that_is_no_longer_true_is_stale() -> None:
    told = [status(HERON, fin_of(HERON), recorded="visa_overstay")]

    assert case_of(told, truly("lawful_permanent_resident"))["stale"]
    assert not case_of(told, truly("visa_overstay"))["stale"]
    assert case_of(told, truly("naturalized_citizen"))["status"] == "naturalized_citizen"


def test_the_order_of_events_changes_nothing_nor_does_hearing_them_twice() -> None:
    events = [*a_journey(HERON), *a_journey(WREN), event("booking.recorded", TEAL)]
    expected = results_of(events, PEOPLE)

    again = results_of(Random(41).sample(events * 2, 2 * len(events)), PEOPLE)

    assert_frame_equal(again.bookings, expected.bookings)
    assert_frame_equal(again.cases, expected.cases)
    assert expected.cases["number"].to_list() == sorted([HERON, WREN])


def test_bookings_added_as_columns_are_those_that_were_added_as_events() -> None:
    results = ("no_match", "error", "no_match")
    numbers = np.array([TEAL, EGRET, TERN])
    rows = np.array([NOWHERE, *PEOPLE.iafis_row[[EGRET, EGRET]]])
    by_event, by_column = Fold(), Fold()
    for number, row, result in zip(numbers.tolist(), rows.tolist(), results, strict=True):
        by_event.add(event("booking.recorded", number))
        by_event.add(event("identification.returned", number, srf="N" if row == NOWHERE else "I", ucn=ucn_of(row)))
        by_event.add(event("immigration.searched", number, result=result, fin=None))
    submitted = np.full(3, HANDLED.index("submitted"))
    searched = np.array([SEARCHES.index(row) for row in results])
    by_column.add_answers(numbers, submitted, rows, np.full(3, NOWHERE), searched)

    assert_frame_equal(by_column.results(PEOPLE).bookings, by_event.results(PEOPLE).bookings)


def test_an_earlier_arrest_is_the_right_record_if_it_was_this_persons_and_the_wrong_one_if_not() -> None:
    rows, seed = PEOPLE.scenario.galleries.rows, PEOPLE.seed
    (subject,) = PEOPLE.subjects(np.array([EGRET]))
    arrest_of_egret = enrolled_ucn(seed, subject, rows)
    told = [
        each
        for number in (EGRET, TERN)
        for each in (
            event("booking.recorded", number),
            event("identification.returned", number, srf="I", ucn=arrest_of_egret),
        )
    ]
    by_column = Fold()
    columns = np.array([EGRET, TERN]), np.full(2, HANDLED.index("submitted")), np.full(2, NOWHERE)
    by_column.add_answers(*columns, np.array([EGRET, EGRET]), np.full(2, SEARCHES.index("no_match")))

    by_event = results_of(told, PEOPLE).bookings

    for bookings in (by_event, by_column.results(PEOPLE).bookings):
        assert dict(bookings.select("number", "misidentified").iter_rows()) == {EGRET: False, TERN: True}


def test_whom_the_fbi_takes_for_somebody_else_is_misidentified() -> None:
    answered = ucn_of(PEOPLE.iafis_row[TERN])
    told = [
        each
        for number in (EGRET, TERN)
        for each in (
            event("booking.recorded", number),
            event("identification.returned", number, srf="I", ucn=answered),
        )
    ]

    bookings = results_of(told, PEOPLE).bookings
    assert dict(bookings.select("number", "misidentified").iter_rows()) == {EGRET: True, TERN: False}


def test_people_of_one_shard_are_found_by_their_numbers() -> None:
    shard = replace(
        PEOPLE,
        **{
            name: getattr(PEOPLE, name)[HERON:]
            for name in ("numbers", "booked_at", "ident_row", "iafis_row", "status", "group_b", "charge")
        },
    )

    assert results_of(a_journey(HERON), shard).cases["number"].to_list() == [HERON]


def test_disclosures_are_counted_by_sender_recipient_and_what() -> None:
    told = event("cooperation.decided", HERON, **decision(HERON, "releasable", 0, "must", used=True)["data"])
    told["data"]["disclosures"] = [TOLD, TOLD | {"categories": ["custody_location", "release_date"]}]
    row = ("LEA", "ICE", ("custody_location", "release_date"))

    assert results_of([told], PEOPLE).disclosures == {row: 2}


def test_disclosures_that_somebody_else_counts_are_counted_once() -> None:
    told = event("booking.recorded", HERON)
    told["data"]["disclosures"] = [TOLD]
    fold = Fold(count_disclosures=False)
    fold.add(told)
    fold.add_disclosures(type(fold.results(PEOPLE).disclosures)({("LEA", "ICE", ("release_date", "claim")): 3}))

    assert fold.results(PEOPLE).disclosures == {("LEA", "ICE", ("claim", "release_date")): 3}


def test_a_run_in_which_nothing_happened_has_the_same_columns() -> None:
    nothing = results_of([event("day.closed", HERON)], PEOPLE)

    assert (dict(nothing.bookings.schema), dict(nothing.cases.schema)) == (dict(BOOKINGS), dict(CASES))
    assert nothing.bookings.is_empty()


@pytest.mark.parametrize("oca", ["HERON-41", "B-0000301"])
def test_a_booking_that_is_none_of_the_scenarios_is_told(oca: str) -> None:
    stranger = event("booking.recorded", 0) | {"subject": f"ZZ0130100/{oca}"}

    with pytest.raises(InteropError, match="none of the scenario's") as caught:
        results_of([stranger], PEOPLE)

    assert caught.value.code == "foreign-booking"
