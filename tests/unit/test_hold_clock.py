"""The clock of a hold: 48 hours without Saturdays, Sundays and holidays, on the clock of the place."""

from collections.abc import Set
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from services.booking.hold_clock import ClockRule, hold_deadline
from tests.unit.builders import BOSTON, PRESIDENTS_DAY, fifty_times

PHOENIX = ZoneInfo("America/Phoenix")
HONOLULU = ZoneInfo("Pacific/Honolulu")
CAIRO = ZoneInfo("Africa/Cairo")
"""No place of the sandbox, but one whose clocks have changed on working days."""

LEFT_OUT: ClockRule = "excluding_weekends_and_holidays"

QUARTER = timedelta(minutes=15)


def deadline(
    start: str,
    hours: float = 48,
    rule: ClockRule = LEFT_OUT,
    zone: ZoneInfo = BOSTON,
    holidays: Set[date] = frozenset(),
) -> str:
    """The deadline on the clock of the place."""
    begun = datetime.fromisoformat(start).replace(tzinfo=zone)
    ends = hold_deadline(begun, hours, rule, zone, holidays).astimezone(zone)
    return f"{ends:%a %Y-%m-%d %H:%M}"


def test_a_hold_from_friday_17_00_ends_on_tuesday_at_17_00() -> None:
    assert deadline("2010-02-05 17:00") == "Tue 2010-02-09 17:00"


def test_a_holiday_on_monday_moves_the_end_to_wednesday() -> None:
    assert deadline("2010-02-12 17:00", holidays={PRESIDENTS_DAY}) == "Wed 2010-02-17 17:00"


def test_a_hold_within_the_working_week_ends_two_days_later_at_the_same_hour() -> None:
    assert deadline("2010-02-09 08:30") == "Thu 2010-02-11 08:30"


def test_a_hold_of_24_hours_from_friday_ends_on_monday() -> None:
    assert deadline("2010-02-05 17:00", hours=24) == "Mon 2010-02-08 17:00"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param("2010-02-06 11:20", "Wed 2010-02-10 00:00", id="on Saturday"),
        pytest.param("2010-02-07 23:59", "Wed 2010-02-10 00:00", id="on Sunday"),
        pytest.param("2010-02-13 00:00", "Thu 2010-02-18 00:00", id="before a holiday Monday"),
        pytest.param("2010-02-15 09:00", "Thu 2010-02-18 00:00", id="on the holiday"),
    ],
)
def test_a_hold_that_begins_on_a_day_left_out_counts_from_the_next_counted_midnight(start: str, end: str) -> None:
    assert deadline(start, holidays={PRESIDENTS_DAY}) == end


def test_hours_that_run_out_at_midnight_end_there_and_not_after_the_weekend() -> None:
    assert deadline("2010-02-04 00:00") == "Sat 2010-02-06 00:00"


def test_a_friday_holiday_and_the_weekend_are_left_out_in_one_piece() -> None:
    assert deadline("2009-12-24 10:00", holidays={date(2009, 12, 25)}) == "Tue 2009-12-29 10:00"


def test_a_weekend_of_47_hours_in_spring_changes_nothing_on_the_clock_of_the_place() -> None:
    assert deadline("2010-03-12 17:00") == "Tue 2010-03-16 17:00"


def test_a_weekend_of_49_hours_in_autumn_changes_nothing_on_the_clock_of_the_place() -> None:
    assert deadline("2010-11-05 17:00") == "Tue 2010-11-09 17:00"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param("2010-03-13 17:00", "Mon 2010-03-15 18:00", id="spring: Sunday 14 March has 23 hours"),
        pytest.param("2010-11-06 17:00", "Mon 2010-11-08 16:00", id="autumn: Sunday 7 November has 25 hours"),
    ],
)
def test_the_straight_clock_counts_hours_that_pass_whatever_the_wall_clock_shows(start: str, end: str) -> None:
    assert deadline(start, rule="straight") == end


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param("2010-04-29 17:00", "Mon 2010-05-03 18:00", id="a Friday of 23 hours, without a midnight"),
        pytest.param("2010-08-09 17:00", "Wed 2010-08-11 16:00", id="a Tuesday of 25 hours"),
    ],
)
def test_a_counted_day_of_23_or_25_hours_counts_as_such(start: str, end: str) -> None:
    assert deadline(start, zone=CAIRO) == end


def test_the_leap_day_counts_like_any_other() -> None:
    assert deadline("2012-02-28 17:00") == "Thu 2012-03-01 17:00"


def test_a_hold_may_end_on_the_leap_day() -> None:
    assert deadline("2012-02-27 17:00") == "Wed 2012-02-29 17:00"


def test_the_straight_clock_leaves_nothing_out() -> None:
    assert deadline("2010-02-12 17:00", rule="straight", holidays={PRESIDENTS_DAY}) == "Sun 2010-02-14 17:00"


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        pytest.param(PHOENIX, "2010-03-12 17:00", "Tue 2010-03-16 17:00", id="Arizona has no summer time"),
        pytest.param(HONOLULU, "2010-11-05 17:00", "Tue 2010-11-09 17:00", id="Hawaii has none either"),
    ],
)
def test_places_without_summer_time_keep_their_own_clock(zone: ZoneInfo, start: str, end: str) -> None:
    assert deadline(start, zone=zone) == end


def test_the_days_are_those_of_the_place_not_of_greenwich() -> None:
    friday_evening_in_hawaii = datetime(2010, 2, 6, 7, 0, tzinfo=UTC)  # a Saturday in Greenwich and in Boston

    ends = hold_deadline(friday_evening_in_hawaii, 48, LEFT_OUT, HONOLULU, frozenset())

    assert ends == datetime(2010, 2, 9, 21, 0, tzinfo=HONOLULU)


zones = st.sampled_from([BOSTON, PHOENIX, HONOLULU, CAIRO, ZoneInfo("America/Los_Angeles")])
starts = st.integers(0, 3 * 365 * 96).map(lambda quarters: datetime(2010, 1, 1, tzinfo=UTC) + quarters * QUARTER)
lengths = st.integers(1, 72 * 4).map(lambda quarters: quarters / 4)
days_off = st.frozensets(st.integers(0, 3 * 365).map(lambda day: date(2010, 1, 1) + timedelta(days=day)), max_size=150)
rules = st.sampled_from([LEFT_OUT, "straight"])


@fifty_times
@given(start=starts, hours=lengths, rule=rules, zone=zones, holidays=days_off)
def test_a_hold_never_ends_before_its_hours_have_passed(
    start: datetime, hours: float, rule: ClockRule, zone: ZoneInfo, holidays: Set[date]
) -> None:
    assert hold_deadline(start, hours, rule, zone, holidays) >= start + timedelta(hours=hours)


@fifty_times
@given(start=starts, hours=lengths, zone=zones, holidays=days_off)
def test_a_hold_never_ends_inside_a_day_left_out(
    start: datetime, hours: float, zone: ZoneInfo, holidays: Set[date]
) -> None:
    ends = hold_deadline(start, hours, LEFT_OUT, zone, holidays)

    last_moment = (ends - timedelta(microseconds=1)).astimezone(zone).date()
    assert last_moment.isoweekday() not in (6, 7)
    assert last_moment not in holidays


@fifty_times
@given(start=starts, hours=lengths, zone=zones, holidays=days_off)
def test_between_start_and_end_lie_exactly_the_hours_that_count(
    start: datetime, hours: float, zone: ZoneInfo, holidays: Set[date]
) -> None:
    ends = hold_deadline(start, hours, LEFT_OUT, zone, holidays)

    quarters = (start + number * QUARTER for number in range((ends - start) // QUARTER))
    days = [quarter.astimezone(zone).date() for quarter in quarters]
    assert sum(day.isoweekday() < 6 and day not in holidays for day in days) * QUARTER == timedelta(hours=hours)


@fifty_times
@given(start=starts, hours=lengths, more=lengths, rule=rules, zone=zones, holidays=days_off)
def test_more_hours_never_end_earlier(
    start: datetime, hours: float, more: float, rule: ClockRule, zone: ZoneInfo, holidays: Set[date]
) -> None:
    shorter = hold_deadline(start, hours, rule, zone, holidays)
    assert hold_deadline(start, hours + more, rule, zone, holidays) > shorter


@fifty_times
@given(start=starts, later=lengths, hours=lengths, rule=rules, zone=zones, holidays=days_off)
def test_a_hold_that_begins_later_never_ends_earlier(
    start: datetime, later: float, hours: float, rule: ClockRule, zone: ZoneInfo, holidays: Set[date]
) -> None:
    first = hold_deadline(start, hours, rule, zone, holidays)
    assert hold_deadline(start + timedelta(hours=later), hours, rule, zone, holidays) >= first


@fifty_times
@given(start=starts, hours=lengths, rule=rules, zone=zones, clock=zones, holidays=days_off)
def test_the_time_zone_in_which_the_start_is_written_does_not_matter(
    start: datetime, hours: float, rule: ClockRule, zone: ZoneInfo, clock: ZoneInfo, holidays: Set[date]
) -> None:
    written_elsewhere = start.astimezone(clock)
    ends = hold_deadline(written_elsewhere, hours, rule, zone, holidays)
    assert ends == hold_deadline(start, hours, rule, zone, holidays)
