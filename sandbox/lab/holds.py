"""How long holds last, for columns: `services.booking.hold_clock` says the same of one hold."""

from collections.abc import Set
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from sandbox.lab.chances import HOUR
from sandbox.lab.days import days_of, midnight_after
from services.booking.hold_clock import ClockRule

Integers = NDArray[np.int64]

_A_FORTNIGHT = 14
_HOURS_A_DAY = 24


def deadlines(starts: Integers, hours: float, rule: ClockRule, zone: ZoneInfo, holidays: Set[date]) -> Integers:
    """When holds that begin at `starts` must end; see `hold_deadline`.

    Time that counts is laid end to end over the days that do. A hold ends on the first such day by whose midnight its
    hours are over.

    Args:
        starts: when people would otherwise walk out, in seconds since 1970.
        hours: how many countable hours a hold may last, to the second.
        rule: which days count.
        zone: the place's time zone.
        holidays: the dates there that do not count.
    """
    length = int(hours * HOUR)
    if rule == "straight" or not len(starts):
        return starts + length
    first = days_of(starts, zone)
    horizon = _A_FORTNIGHT
    while True:
        days = np.arange(first.min() - 1, first.max() + horizon + 2 * int(hours / _HOURS_A_DAY))
        ends = midnight_after(days, zone)
        days, begins, ends = days[1:], ends[:-1], ends[1:]
        counts = np.is_busday(days, holidays=sorted(holidays))
        if (counts & (days > first.max())).any():
            found = _ends(starts, length, days[counts], begins[counts], ends[counts], first)
            if found is not None:
                return found
        horizon *= 2


def _ends(
    starts: Integers,
    length: int,
    days: NDArray[np.datetime64],
    begins: Integers,
    ends: Integers,
    first: NDArray[np.datetime64],
) -> Integers | None:
    """The ends of holds, of which days count and when these begin and end; None if the days do not suffice."""
    counted = np.cumsum(ends - begins)
    today = np.searchsorted(days, first)
    passed = np.where(days[today] == first, starts - begins[today], 0)
    due = counted[today] - (ends - begins)[today] + passed + length
    last = np.maximum(np.searchsorted(counted, due), today)
    if last.max() >= len(days):
        return None
    found: Integers = ends[last] - (counted[last] - due)
    return found
