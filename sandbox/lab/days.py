"""Days and midnights of a time zone, for columns of seconds since 1970."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Days = NDArray[np.datetime64]

_HOUR = 3600
_DAY = 86_400


def days_of(moments: Integers, zone: ZoneInfo) -> Days:
    """The local dates of moments. Offsets change on the hour, so each hour that occurs is looked up once."""
    hours, which = np.unique(moments // _HOUR, return_inverse=True)
    offsets = [_offset(int(hour) * _HOUR, zone) for hour in hours]
    local = moments + np.array(offsets, np.int64)[which]
    return (local // _DAY).astype("datetime64[D]")


def midnight_after(days: Days, zone: ZoneInfo) -> Integers:
    """When each of these local dates ends."""
    some, which = np.unique(days, return_inverse=True)
    ends = [_midnight(day + timedelta(days=1), zone) for day in some.astype(object).tolist()]
    return np.array(ends, np.int64)[which]


def _offset(moment: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    return int((offset or timedelta()).total_seconds())


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).astimezone(UTC).timestamp())
