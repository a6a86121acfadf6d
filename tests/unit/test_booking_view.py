"""What the agency sees of one booking: what it was told, and by name what it is not told in reality."""

from datetime import date, datetime
from typing import Any

import pytest

from services.booking.clock import Reading
from services.booking.views import BookingView, booking_view
from tests.unit.builders import (
    BOSTON,
    FRIDAY_5PM,
    HERON_41,
    LODGED_AT,
    RUN,
    a_booking,
    a_conviction,
    a_plan,
    a_rap_sheet,
    boston,
)

BOOKING_DAY = date(2010, 2, 10)

SEARCH = "what IDENT searched and whom else it told"
MATCH = "whether there was a match at all: a second response comes only when there is one"
DETAINER = "why no detainer was lodged, if there was a match"
OUTCOME = "what became of the person after a transfer (only with the feedback lever on)"


def view(open_day: date = BOOKING_DAY, **case: Any) -> BookingView:
    return booking_view(RUN, HERON_41.tcn, a_booking(**case), Reading(open_day, BOSTON, "open"))


def test_a_booking_is_shown_by_its_names_in_all_systems() -> None:
    seen = view()

    assert (seen.tcn, seen.run, seen.booking, seen.label) == (HERON_41.tcn, RUN, "ZZ0010000/B-41", "Heron-41")
    assert (seen.charge, seen.open_day) == ("BURGLARY OF A BOATHOUSE", BOOKING_DAY)


def test_nothing_is_made_up_about_what_has_not_come_back() -> None:
    seen = view()
    assert (seen.identification, seen.second_response, seen.detainer, seen.outcome) == (None, None, None, None)


@pytest.mark.parametrize(
    ("told", "not_told"),
    [
        pytest.param({}, [SEARCH, MATCH, DETAINER, OUTCOME], id="nothing"),
        pytest.param({"second_response": "overstay"}, [SEARCH, DETAINER, OUTCOME], id="of a match"),
        pytest.param(
            {"second_response": "overstay", "detainer_at": LODGED_AT, "detainer_form": "I-247"},
            [SEARCH, OUTCOME],
            id="of a detainer",
        ),
        pytest.param(
            {"second_response": "overstay", "detainer_at": LODGED_AT, "outcome": "removed"},
            [SEARCH],
            id="everything that can be told",
        ),
    ],
)
def test_what_the_agency_is_not_told_is_named(told: dict[str, Any], not_told: list[str]) -> None:
    assert view(**told).not_told == not_told


@pytest.mark.parametrize(
    ("handled", "why"),
    [
        pytest.param("cited", "because the person was cited without prints", id="cited"),
        pytest.param("kept", "because the agency kept the prints", id="kept"),
    ],
)
def test_where_nothing_was_submitted_it_is_said_why_no_answer_will_come(handled: str, why: str) -> None:
    seen = view(handled=handled)

    assert seen.handled == handled
    assert seen.not_told == [f"whether the FBI or DHS knows the person: no answer will ever come, {why}"]


def test_who_was_cited_is_in_nobodys_custody() -> None:
    assert view(handled="cited").custody == "cited, and let go"
    assert view(handled="kept").custody == "in_custody"


def test_whom_else_ident_told_is_never_told() -> None:
    everything = {
        "identification": a_rap_sheet(a_conviction()).data,
        "second_response": "overstay",
        "detainer_at": LODGED_AT,
        "on_file": True,
        "outcome": "removed",
    }
    assert view(**everything).not_told == [SEARCH]


def test_the_rap_sheet_is_shown_as_it_came_without_the_disclosures_that_brought_it() -> None:
    seen = view(identification=a_rap_sheet(a_conviction("felony", date(2005, 6, 1))).data)

    assert seen.identification == {
        "srf": "I",
        "ucn": "ZZ0000041",
        "convictions": [
            {
                "ncic": "2299",
                "offense_class": "felony",
                "convicted_on": "2005-06-01",
                "aggravated_felony": False,
            }
        ],
    }


def test_a_detainer_on_file_is_shown_with_its_form_and_time() -> None:
    seen = view(detainer_at=LODGED_AT, detainer_form="I-247", on_file=True, identification=a_rap_sheet().data).detainer

    assert seen == {"form": "I-247", "lodged_at": "2010-02-10T18:30:00+00:00", "on_file": True}


def test_a_detainer_that_came_after_the_release_says_so() -> None:
    seen = view(detainer_at=FRIDAY_5PM, detainer_form="I-247", identification=a_rap_sheet().data).detainer

    assert seen is not None
    assert (seen["on_file"], seen["note"]) == (False, "it came after the person was released")


def test_a_detainer_that_waits_for_the_rap_sheet_did_not_come_too_late() -> None:
    seen = view(detainer_at=LODGED_AT, detainer_form="I-247").detainer

    assert seen is not None
    assert seen["note"] == "it waits for the answer of the FBI"


@pytest.mark.parametrize(
    ("open_day", "custody"),
    [
        pytest.param(date(2010, 2, 11), "in_custody", id="before the release"),
        pytest.param(date(2010, 2, 12), "in_custody", id="on the day of the release"),
        pytest.param(date(2010, 2, 13), "released", id="after it"),
    ],
)
def test_without_a_detainer_release_is_release(open_day: date, custody: str) -> None:
    assert view(open_day).custody == custody


def test_the_day_of_the_release_is_that_of_the_place_in_whatever_zone_it_was_written() -> None:
    late_on_friday = boston("2010-02-12 22:00")
    assert late_on_friday.date() == date(2010, 2, 13)

    assert view(date(2010, 2, 13), plan=a_plan(late_on_friday)).custody == "released"


@pytest.mark.parametrize("custody", ["on_hold", "transferred", "released"])
def test_with_a_detainer_on_file_custody_is_what_became_of_it(custody: str) -> None:
    assert view(date(2010, 3, 1), detainer_at=LODGED_AT, on_file=True, custody=custody).custody == custody


def test_a_person_whose_detainer_is_on_file_is_not_gone_because_the_plan_says_so() -> None:
    assert view(date(2010, 3, 1), detainer_at=LODGED_AT, on_file=True).custody == "in_custody"


def test_the_beginning_of_a_hold_is_shown() -> None:
    begun: datetime = FRIDAY_5PM
    assert view(detainer_at=LODGED_AT, on_file=True, custody="on_hold", hold_started_at=begun).hold_started_at == begun
