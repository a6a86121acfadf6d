"""Who reads what in a run without streams: the desks of the services, and which handler reads which event.

It is the services' own wiring as a table; a test holds the two to each other.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from services.biometric_match import events as federal
from services.biometric_match.handlers import on_fingerprints_submitted
from services.booking import events as local, handlers as booking
from services.booking.domain import BookingCase
from services.booking.run import place_of
from services.chassis.effects import Case
from services.chassis.envelope import Consumed, Event
from services.detainer import events as detainers, handlers as detainer
from services.detainer.run import practice_of, regime_of
from services.detainer.triage import EroCase


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """A group of readers: the party that it acts for, and what it remembers about a booking, if anything.

    `prepare` turns `run.opened` into what its handlers have at hand during a run; the matcher's galleries are made
    where they are searched.
    """

    group: str
    party: str
    prepare: Callable[[bytes], Any] | None = None
    remembers: type[Case] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One event type, one desk: what the desk reads of the event, and what it then does."""

    event_type: str
    desk: Desk
    reads: type[Consumed]
    handler: Callable[..., Any]
    adapter: TypeAdapter[Event[Any]]

    def read(self, body: bytes) -> Event[Any]:
        """The event as this desk reads it from a stream."""
        return self.adapter.validate_json(body)


def _route(event_type: str, desk: Desk, reads: type[Consumed], handler: Callable[..., Any]) -> Route:
    return Route(event_type, desk, reads, handler, TypeAdapter(Event[reads]))  # type: ignore[valid-type]


BOOKING = Desk("booking", "LEA", place_of, BookingCase)
MATCHER = Desk("biometric_match", "FBI")
ERO = Desk("detainer.ero", "ICE", regime_of, EroCase)
AGENCY = Desk("detainer.agency", "LEA", practice_of)
DESKS = (BOOKING, MATCHER, ERO, AGENCY)

# One event, one case.
EACH = (
    _route("identification.returned.v1", BOOKING, local.IdentificationReturned, booking.on_identification),
    _route("immigration.status.returned.v1", BOOKING, local.ImmigrationStatusReturned, booking.on_second_response),
    _route("immigration.status.returned.v1", ERO, detainers.ImmigrationStatusReturned, detainer.on_status),
    _route("detainer.decided.v1", BOOKING, local.DetainerDecided, booking.on_detainer),
    _route("custody.changed.v1", AGENCY, detainers.CustodyChanged, detainer.on_custody_stage),
    _route("custody.changed.v1", ERO, detainers.CustodyChanged, detainer.on_transfer),
    _route("cooperation.decided.v1", BOOKING, local.CooperationDecided, booking.on_cooperation),
    _route("cooperation.decided.v1", ERO, detainers.CooperationSeen, detainer.on_cooperation),
    _route("custody.claimed.v1", BOOKING, local.CustodyClaimed, booking.on_claim),
    _route("outcome.recorded.v1", BOOKING, local.OutcomeRecorded, booking.on_outcome),
)

# Many submissions at once, answered without a memory, once both galleries were searched.
SUBMITTED = _route("fingerprints.submitted.v1", MATCHER, federal.FingerprintsSubmitted, on_fingerprints_submitted)

# One control event, all cases that are due.
DAY_ENDED = _route("day.ended.v1", BOOKING, local.DayEndedSeen, booking.on_day_ended)
DAY_CLOSED = _route("day.closed.v1", ERO, detainers.DayClosed, detainer.on_day_closed)


def _by_type(routes: Iterable[Route]) -> Mapping[str, Sequence[Route]]:
    readers: defaultdict[str, list[Route]] = defaultdict(list)
    for route in routes:
        readers[route.event_type].append(route)
    return readers


READERS = _by_type(EACH)
"""The routes of the events that are about one case; what nobody is to read is not in it."""


def prepared(opened: bytes) -> Mapping[str, Any]:
    """What the desks have at hand during a run, by group, from its `run.opened`."""
    return {desk.group: desk.prepare(opened) for desk in DESKS if desk.prepare is not None}
