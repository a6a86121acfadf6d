"""Everybody of a scenario, searched in parts: only the matched are kept, so that ten million fit in little memory."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from sandbox import report
from sandbox.lab.matches import Searches, search
from sandbox.lab.tables import bookings_table
from sandbox.population import NOWHERE, People, people
from sandbox.scenario import Scenario
from services.booking.events import RunSettings

PART = 131_072
"""Bookings made and searched at once."""

WORKERS = 2
"""Parts under way at once; numpy lets go of the interpreter while it works on columns."""

OnBookings = Callable[[int], None]
"""Told how many bookings are done."""


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """The matched of a population, what the searches answered about them, and what there is to tell of all bookings."""

    people: People
    found: Searches
    booked: Mapping[str, Any]
    groups: Sequence[int]
    """How many bookings there were of group A, and of group B."""


def crowd_of(scenario: Scenario, settings: RunSettings, bookings: int, on_bookings: OnBookings) -> Crowd:
    """Make and search the people of so many bookings; no booking's search depends on another."""
    starts = range(0, bookings, PART)

    def part(start: int) -> Crowd:
        some = people(scenario, settings.seed, bookings, start, min(start + PART, bookings))
        found = search(some, settings)
        table = bookings_table(some, found, ZoneInfo(settings.time_zone), only_on_file=False)
        matched = np.flatnonzero(found.ident_row != NOWHERE)
        groups = np.bincount(some.group_b, minlength=2).tolist()
        return Crowd(_people_at(some, matched), _searches_at(found, matched), report.booked(table), groups)

    parts: list[Crowd] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for start, made in zip(starts, pool.map(part, starts), strict=True):
            parts.append(made)
            on_bookings(min(start + PART, bookings))
    return _together(parts)


def _together(parts: Sequence[Crowd]) -> Crowd:
    first = parts[0].people
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part.people, name) for part in parts]) for name in _columns(first)
    }
    custody = {name: np.concatenate([part.people.custody[name] for part in parts]) for name in first.custody}
    found = Searches(
        np.concatenate([part.found.ident_row for part in parts]),
        np.concatenate([part.found.iafis_row for part in parts]),
        np.concatenate([part.found.error for part in parts]),
    )
    return Crowd(
        people=replace(first, **columns, custody=custody),
        found=found,
        booked=_sum([part.booked for part in parts]),
        groups=np.sum([part.groups for part in parts], axis=0).tolist(),
    )


def _people_at(everybody: People, chosen: NDArray[np.int64]) -> People:
    columns: dict[str, Any] = {name: getattr(everybody, name)[chosen] for name in _columns(everybody)}
    return replace(everybody, **columns, custody={name: moments[chosen] for name, moments in everybody.custody.items()})


def _searches_at(found: Searches, chosen: NDArray[np.int64]) -> Searches:
    return Searches(found.ident_row[chosen], found.iafis_row[chosen], found.error[chosen])


def _columns(everybody: People) -> list[str]:
    names = [field.name for field in fields(everybody)]
    return [name for name in names if isinstance(getattr(everybody, name), np.ndarray)]


def _sum(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts by name, and counts by name and value, added up."""
    names = dict.fromkeys(name for each in told for name in each)
    return {
        name: _sum([each.get(name, {}) for each in told])
        if isinstance(told[0].get(name), Mapping)
        else sum(each.get(name, 0) for each in told)
        for name in names
    }
