"""Without streams, too, a booking enrols: by comparing everybody, or by who people are, with the same result."""

from functools import cache

import numpy as np
import pytest

from sandbox.enrolling import KINDS, ByPerson, ByScores, Enrolling, Known
from sandbox.population import NOWHERE, People, people
from sandbox.scenario import Scenario, load_scenario, with_gallery_rows
from services.biometric_match.gallery import GalleryKind

SEED = 1952
BOOKINGS = 900


@cache
def scenario() -> Scenario:
    """Galleries so small that everybody on file is booked over and over."""
    small = with_gallery_rows(load_scenario("boston-2008-2010"), 150)
    return small.model_copy(update={"galleries": small.galleries.model_copy(update={"preset": "ident-2004"})})


def settled(enrolling: Enrolling, *, part: int = BOOKINGS) -> dict[GalleryKind, list[int]]:
    """By whose enrolment each booking is known, where each gallery misses whoever is not on its own file."""
    told: dict[GalleryKind, list[int]] = {kind: [] for kind in KINDS}
    for first in range(0, BOOKINGS, part):
        some = people(scenario(), SEED, BOOKINGS, first, min(first + part, BOOKINGS))
        known = enrolling.settle(some, unmatched(some))
        for kind in KINDS:
            told[kind] += known[kind].number.tolist()
    return told


def unmatched(some: People) -> dict[GalleryKind, np.ndarray]:
    return {"iafis": some.iafis_row == NOWHERE, "ident": some.ident_row == NOWHERE}


def a(kind: type[Enrolling], **galleries: object) -> Enrolling:
    return kind(scenario().galleries.model_copy(update=galleries), SEED, scenario().time_zone)


def test_who_people_are_tells_what_a_comparison_of_everybody_tells() -> None:
    by_scores, by_person = settled(a(ByScores)), settled(a(ByPerson))

    assert by_person == by_scores
    assert sum(number != NOWHERE for number in by_scores["ident"]) > 100


@pytest.mark.parametrize("kind", [ByScores, ByPerson])
def test_it_makes_no_difference_in_how_many_parts_the_bookings_come(kind: type[Enrolling]) -> None:
    assert settled(a(kind), part=35) == settled(a(kind))


@pytest.mark.parametrize("kind", [ByScores, ByPerson])
def test_whoever_is_known_was_enrolled_by_themselves_on_an_earlier_day(kind: type[Enrolling]) -> None:
    crowd, told = people(scenario(), SEED, BOOKINGS), settled(a(kind))

    for number, earlier in enumerate(told["ident"]):
        if earlier != NOWHERE:
            assert crowd.person[earlier] == crowd.person[number]
            assert crowd.booked_at[earlier] < crowd.booked_at[number]
            assert told["ident"][earlier] == NOWHERE, "who is known is not enrolled once more"


@pytest.mark.parametrize("kind", [ByScores, ByPerson])
def test_ident_knows_nobody_again_where_it_keeps_no_arrests(kind: type[Enrolling]) -> None:
    told = settled(a(kind, retain_no_match=False))

    assert set(told["ident"]) == {NOWHERE}
    assert told["iafis"] == settled(a(kind))["iafis"]


def test_nobody_is_known_at_first() -> None:
    nobody: dict[GalleryKind, Known] = a(ByPerson).settle(
        people(scenario(), SEED, BOOKINGS, 0, 1), {kind: np.array([True]) for kind in KINDS}
    )
    assert [known.number.tolist() for known in nobody.values()] == [[NOWHERE], [NOWHERE]]
