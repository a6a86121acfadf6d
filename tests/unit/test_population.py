"""The people of a scenario: the same whatever part of them is made, in any order, and valid bookings all."""

from datetime import UTC, date, datetime
from itertools import pairwise
from math import sqrt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray

from sandbox.population import NOWHERE, TRUE_STATUSES, People, bookings, number_of, oca_of, people, rosters
from sandbox.scenario import Scenario, load_scenario
from services.biometric_match.records import STATUSES
from services.booking.events import BookingRequest
from services.chassis.draws import draws

BOSTON = load_scenario("boston-2008-2010")
NATION = load_scenario("us-2008-2011")
CROWD = 100_000


def tilted(**associations: float) -> Scenario:
    """Boston with an association that is not neutral."""
    mix = BOSTON.people.associations.model_copy(update=associations)
    return BOSTON.model_copy(update={"people": BOSTON.people.model_copy(update={"associations": mix})})


def columns_of(booked: People) -> dict[str, NDArray[np.generic]]:
    names = ("numbers", "booked_at", "person", "ident_row", "iafis_row", "status", "group_b", "charge", "birth_year")
    return {**{name: getattr(booked, name) for name in names}, **booked.custody}


def test_any_shard_holds_the_same_people_as_the_whole() -> None:
    whole = columns_of(people(BOSTON, 7, 700))
    last, first = columns_of(people(BOSTON, 7, 700, 333, 700)), columns_of(people(BOSTON, 7, 700, 0, 333))

    for name, column in whole.items():
        assert np.array_equal(np.concatenate([first[name], last[name]]), column), name


def test_any_shard_holds_the_same_bookings_as_the_whole() -> None:
    whole = list(bookings(BOSTON, 7, 300))

    assert [*bookings(BOSTON, 7, 300, 0, 133), *bookings(BOSTON, 7, 300, 133, 300)] == whole


def test_the_same_seed_gives_the_same_people_and_another_gives_others() -> None:
    assert list(bookings(BOSTON, 7, 50)) == list(bookings(BOSTON, 7, 50))
    assert list(bookings(BOSTON, 7, 50)) != list(bookings(BOSTON, 8, 50))


def test_every_person_is_a_valid_booking() -> None:
    for body in bookings(BOSTON, 7, 300):
        BookingRequest.model_validate(body)


def test_bookings_come_in_the_order_of_time_and_fill_the_period() -> None:
    times = [datetime.fromisoformat(body["booked_at"]) for body in bookings(BOSTON, 7, 2_000)]
    days = [time.astimezone(ZoneInfo(BOSTON.time_zone)).date() for time in times]

    assert all(earlier <= later for earlier, later in pairwise(times))
    assert (days[0], days[-1]) == (date(2008, 10, 27), date(2010, 6, 30))
    assert times[0].tzinfo == UTC


def test_bookings_follow_the_real_volume_as_it_grew() -> None:
    booked = people(NATION, 7, CROWD)
    by_april_2010 = datetime(2010, 5, 1, tzinfo=ZoneInfo(NATION.time_zone)).timestamp()

    assert (booked.booked_at < by_april_2010).mean() == pytest.approx(2_000_000 / 7_225_393, abs=0.001)


def test_a_booking_is_found_again_by_its_number() -> None:
    assert [number_of(oca_of(number)) for number in (0, 41, 999_999)] == [0, 41, 999_999]


def test_people_are_known_to_the_federal_files_as_often_as_declared() -> None:
    booked, mix = people(BOSTON, 7, CROWD), BOSTON.people
    in_ident, in_iafis = booked.ident_row != NOWHERE, booked.iafis_row != NOWHERE

    assert in_ident.mean() == pytest.approx(mix.in_ident, abs=0.004)
    assert in_iafis[in_ident].mean() == pytest.approx(mix.in_iafis_of_ident, abs=0.02)
    assert in_iafis[~in_ident].mean() == pytest.approx(mix.in_iafis_of_others, abs=0.01)


def test_a_person_in_both_files_is_one_person() -> None:
    booked = people(BOSTON, 7, CROWD)
    iafis, ident = rosters(BOSTON)
    both = (booked.ident_row != NOWHERE) & (booked.iafis_row != NOWHERE)

    assert both.any()
    assert np.array_equal(booked.ident_row[both] + ident.first_person, booked.person[both])
    assert np.array_equal(booked.iafis_row[both] + iafis.first_person, booked.person[both])


def test_a_stale_record_says_what_is_no_longer_true() -> None:
    booked, mix = people(BOSTON, 7, CROWD), BOSTON.people.stale_records
    on_file = booked.ident_row != NOWHERE
    recorded = np.array(STATUSES)[booked.recorded_status[booked.stale]]
    true = np.array(TRUE_STATUSES)[booked.status[booked.stale]]

    assert not booked.stale[~on_file].any()
    assert 0 < booked.stale[on_file].mean() < mix.share
    assert {mix.becomes[before] for before in recorded} == set(true.tolist())
    assert all(mix.becomes[before] == after for before, after in zip(recorded.tolist(), true.tolist(), strict=True))


def test_custody_is_over_after_everything_that_happens_in_it() -> None:
    booked = people(BOSTON, 7, 5_000)
    for name, moments in booked.custody.items():
        happens = moments != NOWHERE
        assert (moments[happens] >= booked.booked_at[happens]).all(), name
        assert (moments[happens] <= booked.custody["release_at"][happens]).all(), name


def test_offence_is_independent_of_label_birthplace_and_group() -> None:
    booked = people(BOSTON, 7, CROWD)
    birds = (draws(7, "population.label", booked.numbers) * 33).astype(np.int64)

    for name, trait in (("label", birds), ("birthplace", booked.birthplace), ("group", booked.group_b)):
        assert too_large_for_chance(booked.charge, trait) < 4, name


def test_a_declared_association_shows_and_an_undeclared_one_does_not() -> None:
    neutral, odd = people(BOSTON, 7, CROWD), people(tilted(minor_charge=2.0), 7, CROWD)
    minor = np.array([charge.minor for charge in BOSTON.charges])

    assert too_large_for_chance(minor[neutral.charge], neutral.group_b) < 4
    assert too_large_for_chance(minor[odd.charge], odd.group_b) > 20
    assert too_large_for_chance(odd.ident_row != NOWHERE, odd.group_b) < 4


def test_an_association_is_a_ratio_of_odds() -> None:
    booked = people(tilted(in_ident=3.0), 7, CROWD)
    on_file = booked.ident_row != NOWHERE
    share_of_b = booked.group_b[on_file].mean()

    assert share_of_b / (1 - share_of_b) == pytest.approx(3.0, rel=0.1)
    assert booked.group_b[~on_file].mean() == pytest.approx(0.5, abs=0.01)


def too_large_for_chance(left: NDArray[np.generic], right: NDArray[np.generic]) -> float:
    """Pearson's chi-square of two columns, in standard deviations above what independence gives (Wilson, Hilferty)."""
    rows, columns = np.unique(left, return_inverse=True)[1], np.unique(right, return_inverse=True)[1]
    counts = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(counts, (rows, columns), 1)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / counts.sum()
    chi_square = ((counts - expected) ** 2 / expected).sum()
    freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    spread = 2 / (9 * freedom)
    return float(((chi_square / freedom) ** (1 / 3) - (1 - spread)) / sqrt(spread))
