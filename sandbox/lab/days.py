"""Days and midnights of a time zone, for columns of seconds since 1970."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Days = NDArray[np.datetime64]

_DAY = 86_400
_FIRST, _LAST = datetime(1985, 1, 1, tzinfo=UTC), datetime(2105, 1, 1, tzinfo=UTC)
"""Between these, offsets are looked up; the services know the years 1990 to 2099."""


def days_of(moments: Integers, zone: ZoneInfo) -> Days:
    """The local dates of moments."""
    starts, offsets = _offsets(zone)
    local = moments + offsets[np.searchsorted(starts, moments, side="right") - 1]
    return (local // _DAY).astype("datetime64[D]")


def midnight_after(days: Days, zone: ZoneInfo) -> Integers:
    """When each of these local dates ends."""
    some, which = np.unique(days, return_inverse=True)
    ends = [_midnight(day + timedelta(days=1), zone) for day in some.astype(object).tolist()]
    return np.array(ends, np.int64)[which]


@cache
def _offsets(zone: ZoneInfo) -> tuple[Integers, Integers]:
    """From when on which offset from UTC holds, in seconds."""
    starts: list[int] = []
    offsets: list[int] = []
    for hour in range(int(_FIRST.timestamp()), int(_LAST.timestamp()), _DAY // 2):
        offset = _offset(hour, zone)
        if not offsets or offset != offsets[-1]:
            starts.append(_change(hour, offset, zone) if offsets else 0)
            offsets.append(offset)
    starts[0] = np.iinfo(np.int64).min
    return np.array(starts, np.int64), np.array(offsets, np.int64)


def _change(after: int, offset: int, zone: ZoneInfo) -> int:
    """The first moment within the half day before `after` from which on `offset` holds."""
    low, high = after - _DAY // 2, after
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(middle, zone) == offset else (middle, high)
    return high


def _offset(moment: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    return int((offset or timedelta()).total_seconds())


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).astimezone(UTC).timestamp())
