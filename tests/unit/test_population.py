"""The people of a scenario: the same whatever part of them is made, in any order, and valid bookings all."""

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from sandbox.population import bookings
from sandbox.scenario import load_scenario
from services.booking.events import BookingRequest

BOSTON = load_scenario("boston-2008-2010")


def test_any_shard_holds_the_same_people_as_the_whole() -> None:
    whole = list(bookings(BOSTON, 7, 700))

    assert [*bookings(BOSTON, 7, 700, 0, 333), *bookings(BOSTON, 7, 700, 333, 700)] == whole


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


def test_offence_is_independent_of_group_and_label() -> None:
    people = list(bookings(BOSTON, 7, 4_000))
    grave = [person["charge"]["offense_class"] in ("felony", "serious_felony") for person in people]
    for trait in (
        [person["local"]["group"] == "A" for person in people],
        [person["label"].startswith("Heron") for person in people],
    ):
        assert abs(_z(grave, trait)) < 4


def _z(left: list[bool], right: list[bool]) -> float:
    """How many standard errors the share of `left` differs by between those with and without `right`."""
    with_trait = [value for value, trait in zip(left, right, strict=True) if trait]
    without = [value for value, trait in zip(left, right, strict=True) if not trait]
    share = sum(left) / len(left)
    error = (share * (1 - share) * (1 / len(with_trait) + 1 / len(without))) ** 0.5
    return (sum(with_trait) / len(with_trait) - sum(without) / len(without)) / error
