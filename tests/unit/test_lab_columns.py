"""What the lab does for columns is what the services do case by case: chances, spans of time, holds, classes."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, strategies as st

from sandbox.lab.cells import distinct
from sandbox.lab.chances import DAY, HOUR, chances, picked, whole_seconds
from sandbox.lab.holds import deadlines
from services.booking.hold_clock import ClockRule, hold_deadline
from services.chassis.chance import chance, pick

ZONES = ["America/New_York", "America/Los_Angeles", "Pacific/Honolulu", "UTC"]
RULES: list[ClockRule] = ["excluding_weekends_and_holidays", "straight"]
FIRST, LAST = datetime(2008, 1, 1, tzinfo=UTC), datetime(2014, 12, 31, tzinfo=UTC)


@given(
    starts=st.lists(st.integers(int(FIRST.timestamp()), int(LAST.timestamp())), min_size=1, max_size=5),
    hours=st.integers(0, 400),
    rule=st.sampled_from(RULES),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    holidays=st.frozensets(st.dates(date(2008, 1, 1), date(2015, 12, 31)), max_size=30),
)
def test_holds_end_for_columns_when_they_end_for_one(
    starts: list[int], hours: int, rule: ClockRule, zone: ZoneInfo, holidays: frozenset[date]
) -> None:
    ends = deadlines(np.array(starts), hours, rule, zone, holidays)

    one_by_one = [hold_deadline(datetime.fromtimestamp(start, UTC), hours, rule, zone, holidays) for start in starts]
    assert ends.tolist() == [int(end.timestamp()) for end in one_by_one]


def test_a_hold_over_a_month_of_holidays_ends_after_it() -> None:
    holidays = frozenset(date(2010, 1, 1) + timedelta(days=day) for day in range(60))
    start, zone = datetime(2010, 1, 1, 12, tzinfo=UTC), ZoneInfo("UTC")

    [end] = deadlines(np.array([int(start.timestamp())]), 48, "excluding_weekends_and_holidays", zone, holidays)

    assert end == int(hold_deadline(start, 48, "excluding_weekends_and_holidays", zone, holidays).timestamp())


@given(st.integers(0, 2**40), st.lists(st.text(max_size=20), max_size=5))
def test_chances_are_those_of_the_services(seed: int, cases: list[str]) -> None:
    drawn = chances(seed, "pickup", [case.encode() for case in cases])

    assert drawn.tolist() == [chance(seed, "pickup", case) for case in cases]


@given(
    st.lists(st.floats(0, 5), min_size=1, max_size=6).filter(any),
    st.lists(st.floats(0, 1, exclude_max=True), max_size=5),
)
def test_what_is_picked_is_what_the_services_pick(weights: list[float], drawn: list[float]) -> None:
    places = picked(weights, np.array(drawn))

    named = {str(place): weight for place, weight in enumerate(weights)}
    assert [str(place) for place in places] == [pick(named, draw) for draw in drawn]


@given(st.lists(st.floats(0, 4000), max_size=5))
def test_spans_are_cut_to_seconds_as_the_services_cut_them(lengths: list[float]) -> None:
    days, hours = whole_seconds(np.array(lengths), DAY), whole_seconds(np.array(lengths), HOUR)

    assert days.tolist() == [int(timedelta(days=length).total_seconds()) for length in lengths]
    assert hours.tolist() == [int(timedelta(hours=length).total_seconds()) for length in lengths]


@given(st.data())
def test_combinations_are_found_however_many_there_could_be(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 400), max_size=12))
    rows = data.draw(st.integers(0, 6))
    columns = [
        (np.array(data.draw(st.lists(st.integers(0, size - 1), min_size=rows, max_size=rows)), np.int64), size)
        for size in sizes
    ]

    combinations, which = distinct(columns, rows)

    given_rows = [[int(codes[row]) for codes, _ in columns] for row in range(rows)]
    assert combinations[which].tolist() == given_rows
    assert len(combinations) == len({tuple(row) for row in given_rows})
