"""The clock of a hold: up to 48 hours, not counting Saturdays, Sundays and federal holidays (8 CFR 287.7(d)) `[C]`.

Hours are counted on the clock of the place. Which days are left out is a property of the form and of the policy:
ICE's own guidance to the I-247A says just "48 hours" `[R]`, which is disputed, so the rule is a parameter.
"""

from collections.abc import Set
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

ClockRule = Literal["excluding_weekends_and_holidays", "straight"]

SATURDAY = 5


def hold_deadline(start: datetime, hours: float, rule: ClockRule, zone: ZoneInfo, holidays: Set[date]) -> datetime:
    """When a hold that begins at `start` must end.

    Args:
        start: when the person would otherwise walk out; with a time zone.
        hours: how many countable hours the hold may last.
        rule: which days count.
        zone: the place's own time zone: its midnights bound the days, and a day of 23 or 25 hours counts as such.
        holidays: the dates, in that place, that do not count.
    """
    remaining = timedelta(hours=hours)
    moment = start.astimezone(UTC)
    if rule == "straight":
        return moment + remaining
    while True:
        today = moment.astimezone(zone).date()
        midnight = datetime.combine(today + timedelta(days=1), time(), zone).astimezone(UTC)
        if _counts(today, holidays):
            if moment + remaining <= midnight:
                return moment + remaining
            remaining -= midnight - moment
        moment = midnight


def _counts(day: date, holidays: Set[date]) -> bool:
    return day.weekday() < SATURDAY and day not in holidays
