"""A shard: some bookings that follow one another, booked, searched and answered in a process of their own.

What the rows of a gallery answer depends on nothing but the submission, so shards are searched apart. Who is known by
an enrolment of an earlier day is settled next, elsewhere, in order; then each shard is answered. Most people
match nobody in IDENT, and their journey ends here; of these only columns go back, unless somebody listens.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_json

from sandbox.in_process.days import Days
from sandbox.in_process.flow import Disclosures, File, Flow
from sandbox.in_process.routes import BOOKING, DESKS, SUBMITTED, prepared
from sandbox.in_process.searches import MATCH, Galleries, Rows, Search, Searched, joined
from sandbox.population import People, bodies, people
from sandbox.scenario import Scenario
from sandbox.sharing import HELD_BACK, SHARED, Reach, Sharing
from services.biometric_match.events import (
    IDENTIFICATION_DISCLOSURES,
    SEARCH_DISCLOSURES,
    ArrestEnrolled,
    EncounterEnrolled,
    IdentificationReturned,
    ImmigrationSearched,
    RunOpened,
)
from services.biometric_match.gallery import GalleryKind
from services.biometric_match.matcher import Searched as Told
from services.biometric_match.run import Searches
from services.booking.events import SUBMISSION, BookingRecorded, BookingRequest, FingerprintsSubmitted
from services.booking.handlers import on_booking
from services.booking.identifiers import subject_of, tcn_of
from services.chassis.effects import Case
from services.chassis.envelope import CaseId, Disclosure, Event, Produced

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

TOGETHER = 1024
"""Bookings that are searched in one go."""

_ALWAYS: Mapping[type[Produced], tuple[int, Sequence[Disclosure]]] = {
    BookingRecorded: (0, ()),
    FingerprintsSubmitted: (HELD_BACK, SUBMISSION),
    IdentificationReturned: (HELD_BACK, IDENTIFICATION_DISCLOSURES),
    ImmigrationSearched: (SHARED, SEARCH_DISCLOSURES),
}
"""The events of everybody whose prints go at least so far, and what they disclose, whether or not there is a match."""

_ENROLLED: Mapping[GalleryKind, type[Produced]] = {"iafis": ArrestEnrolled, "ident": EncounterEnrolled}
"""The events of those whose prints a gallery keeps. They disclose nothing."""

_REMEMBERS: Mapping[str, type[Case]] = {desk.group: desk.remembers for desk in DESKS if desk.remembers is not None}


@dataclass(frozen=True, slots=True)
class Order:
    """What a shard is made of.

    `everything` asks for the events of all bookings, not only of the matched ones. `apart` says that no case depends
    on another, so that a shard goes on to the end of its cases.
    """

    opened: bytes
    runid: str
    scenario: Scenario
    seed: int
    count: int
    first: int
    end: int
    search: Search
    everything: bool
    apart: bool

    def people(self, first: int | None = None, end: int | None = None) -> People:
        """Its people, or those of them with the numbers `first` to `end`."""
        start, stop = self.first if first is None else first, self.end if end is None else end
        return people(self.scenario, self.seed, self.count, start, stop)


@dataclass(frozen=True, slots=True)
class Brought:
    """A booking as a shard hands it on, as far as it goes without waiting; what desks remember is JSON."""

    place: int
    """Where its entry stands in the shard's columns."""

    number: int
    id: CaseId
    day: date
    cases: Mapping[str, bytes]
    events: list[bytes]

    def file(self) -> File:
        """The file, opened again."""
        cases = {group: _REMEMBERS[group].model_validate_json(body) for group, body in self.cases.items()}
        return File(self.id, self.number, cases, self.events)


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """What came of a shard: columns with an entry for every booking, and the bookings that are handed on or done."""

    iafis_row: Rows
    ident_row: Rows
    iafis_known: Integers
    """The number of the booking by whose enrolment the FBI knows somebody; `NOWHERE` for none."""

    searched: NDArray[np.uint8]
    reach: Reach
    brought: Sequence[Brought]
    finished: Sequence[tuple[int, list[bytes]]]
    """Numbers and events of the matched bookings of which nothing is left to happen."""

    last_day: date
    rounds: Counter[date]
    """How many rounds custody took on the days that passed in the shard."""

    disclosures: Disclosures
    said: Counter[str]


def search(order: Order) -> Searched:
    """Searches a shard in the rows of both galleries."""
    galleries, desks = _galleries(order.opened, order.search), _desks(order.opened)
    sharing = Sharing(order.scenario, desks[BOOKING.group], galleries.relay)
    parts = (order.people(start, min(start + TOGETHER, order.end)) for start in _starts(order))
    return joined([galleries.search(booked, sharing.of(booked)) for booked in parts])


def work(order: Order, found: Searched) -> Shard:
    """Books and answers a shard, of which it is known who is found."""
    galleries, desks = _galleries(order.opened, order.search), _desks(order.opened)
    flow = Flow(desks)
    heard = np.full(len(found.reach), order.everything) | (found.searched == MATCH)
    booked_on: list[tuple[File, date]] = []
    last = 0
    for start in _starts(order):
        end = min(start + TOGETHER, order.end)
        booked, part = order.people(start, end), found.part(slice(start - order.first, end - order.first))
        wanted = np.flatnonzero(heard[start - order.first : end - order.first])
        told = galleries.told(order.scenario, part, wanted[part.reach[wanted] >= HELD_BACK])
        booked_on += _book(order, _only(booked, wanted), told, galleries.at_hand, flow)
        last = int(booked.booked_at[-1])
    _count_unheard(flow, found, galleries.run, ~heard)
    zone = ZoneInfo(order.scenario.time_zone)
    last_day = datetime.fromtimestamp(last, zone).date()
    rounds = _go_on(order, flow, booked_on, zone) if order.apart else Counter[date]()
    return Shard(
        iafis_row=found.row["iafis"],
        ident_row=found.row["ident"],
        iafis_known=found.known["iafis"].number,
        searched=found.searched,
        reach=found.reach,
        brought=() if order.apart else [_handed_on(order, file, day) for file, day in booked_on],
        finished=[(file.number, file.events) for file, _ in booked_on] if order.apart else (),
        last_day=last_day,
        rounds=rounds,
        disclosures=flow.disclosures,
        said=flow.said,
    )


def _starts(order: Order) -> range:
    return range(order.first, order.end, TOGETHER)


def _count_unheard(flow: Flow, found: Searched, run: RunOpened, unheard: Flags) -> None:
    """What is said and disclosed of people whose events are not made."""
    for event, (least, disclosures) in _ALWAYS.items():
        count = int((found.reach[unheard] >= least).sum())
        if count:
            flow.said[event.event_type] += count
        for row in disclosures if count else ():
            flow.disclosures[row.sender, row.recipient, row.categories] += count
    enrolled = found.enrolled(run)
    for kind, event in _ENROLLED.items():
        count = int((enrolled[kind] & unheard).sum())
        if count:
            flow.said[event.event_type] += count


def _go_on(order: Order, flow: Flow, booked_on: Sequence[tuple[File, date]], zone: ZoneInfo) -> Counter[date]:
    """The days pass for these cases alone, until nothing is left to happen in any of them."""
    if not booked_on:
        return Counter()
    days = Days(order.runid, booked_on[0][1], zone, flow, _unheard)
    for _ in days.close_the_rest():
        flow.close_files()
    return days.rounds


def _unheard(_: bytes) -> None:
    """Nobody listens to the clock."""


# Kept from shard to shard: galleries and policies take a while to make.


@lru_cache(maxsize=1)
def _galleries(opened: bytes, search: Search) -> Galleries:
    return Galleries(opened, search)


@lru_cache(maxsize=1)
def _desks(opened: bytes) -> Mapping[str, Any]:
    return prepared(opened)


def _book(order: Order, booked: People, told: Told, searches: Searches, flow: Flow) -> Sequence[tuple[File, date]]:
    """These bookings with all their events: they are booked, answered, and go as far as they can at once."""
    zone, place = ZoneInfo(order.scenario.time_zone), _desks(order.opened)[BOOKING.group]
    opened: list[tuple[File, date]] = []
    files: list[File] = []
    submissions: list[Event[Any]] = []
    for number, at, body in zip(booked.numbers.tolist(), booked.booked_at.tolist(), bodies(booked), strict=True):
        request = BookingRequest.model_validate_json(to_json(body))
        booked_at = datetime.fromtimestamp(at, UTC)
        tcn = tcn_of(order.runid, request.ori, request.oca)
        file = File(CaseId(order.runid, tcn, subject_of(request.ori, request.oca)), number)
        day = booked_at.astimezone(zone).date()
        said = flow.open(file, on_booking(request, file.id, booked_at, day, place))
        opened.append((file, day))
        if said is not None:
            files.append(file)
            submissions.append(SUBMITTED.read(said.body))
    outcomes = SUBMITTED.handler(submissions, told, searches)
    for file, submission, outcome in zip(files, submissions, outcomes, strict=True):
        flow.answer(file, submission, outcome)
    return opened


def _handed_on(order: Order, file: File, day: date) -> Brought:
    cases = {group: case.model_dump_json(exclude_defaults=True).encode() for group, case in file.cases.items()}
    return Brought(file.number - order.first, file.number, file.id, day, cases, file.events)


def _only(booked: People, places: NDArray[np.int64]) -> People:
    columns = {column.name: getattr(booked, column.name) for column in fields(booked)}
    chosen: dict[str, Any] = {
        name: column[places] for name, column in columns.items() if isinstance(column, np.ndarray)
    }
    return replace(booked, **chosen, custody={name: column[places] for name, column in booked.custody.items()})
