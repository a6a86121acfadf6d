"""Everybody of a scenario, searched in parts: only the matched are kept, so that ten million fit in little memory."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from sandbox import report
from sandbox.lab.matches import Searches, enrolling_of, search, settled
from sandbox.lab.tables import bookings_table
from sandbox.population import NOWHERE, People, people
from sandbox.scenario import Scenario
from services.booking.events import RunSettings

PART = 131_072
"""Bookings made and searched at once."""

WORKERS = 2
"""Parts under way at once; numpy lets go of the interpreter while it works on columns."""

_Columns = TypeVar("_Columns", People, Searches)

AHEAD = 2 * WORKERS
"""Parts that may be searched before the first of them is settled: more would only fill the memory."""

OnBookings = Callable[[int], None]
"""Told how many bookings are done. What it raises ends the making."""


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """The matched of a population, what the searches answered about them, and what there is to tell of all bookings."""

    people: People
    found: Searches
    booked: Mapping[str, Any]
    groups: Sequence[int]
    """How many bookings there were of group A, and of group B."""


def crowd_of(scenario: Scenario, settings: RunSettings, bookings: int, on_bookings: OnBookings) -> Crowd:
    """Make and search the people of so many bookings; then it is settled, in order, who is known by an enrolment."""
    starts = range(0, bookings, PART)
    enrolling = enrolling_of(scenario, settings)

    def searched(start: int) -> tuple[People, Searches]:
        some = people(scenario, settings.seed, bookings, start, min(start + PART, bookings))
        return some, search(some, settings)

    def part(some: People, before: Searches) -> Crowd:
        found = settled(some, before, enrolling)
        table = bookings_table(some, found, ZoneInfo(settings.time_zone), only_on_file=False)
        matched = np.flatnonzero(found.ident_row != NOWHERE)
        groups = np.bincount(some.group_b, minlength=2).tolist()
        return Crowd(_at(some, matched), _at(found, matched), report.booked(table), groups)

    parts: list[Crowd] = []
    under_way: deque[Future[tuple[People, Searches]]] = deque()

    def take_next() -> None:
        parts.append(part(*under_way.popleft().result()))
        on_bookings(min(len(parts) * PART, bookings))

    pool = ThreadPoolExecutor(WORKERS)
    try:
        for start in starts:
            under_way.append(pool.submit(searched, start))
            if len(under_way) > AHEAD:
                take_next()
        while under_way:
            take_next()
    finally:
        # Whoever is told may have had enough: the parts that nobody has begun are then not made.
        pool.shutdown(cancel_futures=True)
    return _together(parts)


def _together(parts: Sequence[Crowd]) -> Crowd:
    return Crowd(
        people=_joined([part.people for part in parts]),
        found=_joined([part.found for part in parts]),
        booked=_sum([part.booked for part in parts]),
        groups=np.sum([part.groups for part in parts], axis=0).tolist(),
    )


def _joined(parts: Sequence[_Columns]) -> _Columns:
    """The same columns of one part after the other."""
    return _mapped(parts, np.concatenate)


def _at(columns: _Columns, chosen: NDArray[np.int64]) -> _Columns:
    """The same columns of some of the entries."""
    return _mapped([columns], lambda arrays: arrays[0][chosen])


def _mapped(parts: Sequence[_Columns], make: Callable[[list[NDArray[Any]]], NDArray[Any]]) -> _Columns:
    """Columns, and mappings of columns, made of those of the same name; what is no column stays as it is."""
    made: dict[str, Any] = {}
    for field in fields(parts[0]):
        values = [getattr(part, field.name) for part in parts]
        if isinstance(values[0], np.ndarray):
            made[field.name] = make(values)
        elif isinstance(values[0], Mapping):
            made[field.name] = {name: make([value[name] for value in values]) for name in values[0]}
    return replace(parts[0], **made)


def _sum(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts by name, and counts by name and value, added up."""
    names = dict.fromkeys(name for each in told for name in each)
    return {
        name: _sum([each.get(name, {}) for each in told])
        if isinstance(told[0].get(name), Mapping)
        else sum(each.get(name, 0) for each in told)
        for name in names
    }
