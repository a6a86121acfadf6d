"""The flow as a bare loop over redis-py: read a batch, validate each, ask the handler, write it all in one MULTI.

`python -m sandbox.bench.pipeline.redis_py SERVICE` is one process of it: a loop a stream, on uvloop. What it does not
do: survive a crash without losing or doubling work, set a bad entry aside, or work with two workers.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import uvloop
from pydantic import TypeAdapter
from redis.asyncio import Redis

from sandbox.bench.pipeline import parts
from sandbox.bench.pipeline.groups import GROUPS, SUBMITTED
from services.audit.settings import AuditSettings
from services.biometric_match.events import FingerprintsSubmitted
from services.biometric_match.examiner import Examiner
from services.biometric_match.handlers import on_fingerprints_submitted
from services.biometric_match.run import searches_of
from services.booking import events as booking_events, handlers as booking
from services.booking.domain import BookingCase
from services.booking.run import place_of
from services.chassis.delivery import keys
from services.chassis.delivery.stages import Arrival
from services.chassis.effects import Case, Outcome
from services.chassis.envelope import Consumed, Event, encode, event_id
from services.chassis.settings import ServiceSettings
from services.detainer import events as detainer_events, handlers as detainer
from services.detainer.run import practice_of, regime_of
from services.detainer.triage import EroCase

BATCH = 256
"""As many as the services take from a stream in one read."""

BLOCK_MS = 500


@dataclass
class Desk:
    """A consumer group: for whom it acts, and what it remembers. The loops of a group take turns with its cases."""

    group: str
    party: str
    case: type[Case] | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


Answer = Callable[[Sequence[tuple[Event[Any], Any]]], Iterable[Outcome[Any]]]
"""From events with their cases to outcomes, in the same order."""


def one_by_one(handler: Callable[..., Outcome[Any]], run: Any) -> Answer:
    """A handler of single events, as an answer to many."""
    return lambda pairs: (handler(event, case, run) for event, case in pairs)


async def read(redis: Redis, event_type: str, group: str) -> list[tuple[bytes, bytes]]:
    """The next entries of a stream, at least one, as (id, body)."""
    streams = cast(Any, {keys.stream(event_type): ">"})
    while True:
        answer: Any = await redis.xreadgroup(group, parts.CONSUMER, streams, count=BATCH, block=BLOCK_MS)
        for _, entries in answer:
            return [(entry, fields[b"event"]) for entry, fields in entries]


async def stage(redis: Redis, desk: Desk, event_type: str, model: type[Consumed], answer: Answer) -> None:
    """Reads, validates, asks and writes, for ever."""
    adapter: TypeAdapter[Event[Any]] = TypeAdapter(Event[model])  # type: ignore[valid-type]
    while True:
        entries = await read(redis, event_type, desk.group)
        events = [adapter.validate_json(body) for _, body in entries]
        events = [event for event in events if event.is_disclosed_to(desk.party)]
        async with desk.turn:
            write = redis.pipeline()
            if events:
                cases = await load(redis, desk, events)
                outcomes = answer([(event, cases.get(event.tcn)) for event in events])
                for event, outcome in zip(events, outcomes, strict=True):
                    add(write, desk, event, outcome)
            write.xack(keys.stream(event_type), desk.group, *(entry for entry, _ in entries))
            await write.execute()


async def load(redis: Redis, desk: Desk, events: Sequence[Event[Any]]) -> dict[str | None, Case | None]:
    """The cases of a batch, in one command. A batch never holds two events of one case: each type comes once."""
    if desk.case is None:
        return {}
    bodies = await redis.mget([parts.case_key(desk.group, event.tcn) for event in events])
    model = desk.case
    pairs = zip(events, bodies, strict=True)
    return {event.tcn: None if body is None else model.model_validate_json(body) for event, body in pairs}


def add(write: Any, desk: Desk, event: Event[Any], outcome: Outcome[Any]) -> None:
    """Adds what follows from an event, the case and the events, to what is written."""
    if outcome.case is not None:
        body = outcome.case.model_dump_json(exclude_defaults=True).encode()
        write.set(parts.case_key(desk.group, event.tcn), body)
    for emit in outcome.emits:
        kind = emit.data.event_type
        body = encode(
            emit.data,
            identity=event_id(event.runid, kind, event.tcn or "", emit.ordinal),
            runid=event.runid,
            subject=event.subject,
            time=emit.time,
            tcn=event.tcn,
            cause=event.id,
        )
        write.xadd(keys.stream(kind), {"event": body})


def booking_stages(redis: Redis, run_opened: bytes) -> list[Any]:
    """Custody."""
    place = place_of(run_opened)
    desk = Desk("booking", "LEA", BookingCase)
    rows: Sequence[tuple[str, type[Consumed], Any]] = (
        ("identification.returned.v1", booking_events.IdentificationReturned, booking.on_identification),
        ("immigration.status.returned.v1", booking_events.ImmigrationStatusReturned, booking.on_second_response),
        ("detainer.decided.v1", booking_events.DetainerDecided, booking.on_detainer),
        ("cooperation.decided.v1", booking_events.CooperationDecided, booking.on_cooperation),
        ("custody.claimed.v1", booking_events.CustodyClaimed, booking.on_claim),
    )
    return [stage(redis, desk, name, model, one_by_one(handler, place)) for name, model, handler in rows]


def biometric_match_stages(redis: Redis, run_opened: bytes) -> list[Any]:
    """The federal searches, a batch at a time."""
    searches, examiner = searches_of(run_opened), Examiner()

    def search(pairs: Sequence[tuple[Event[Any], Any]]) -> Iterable[Outcome[Any]]:
        events = [event for event, _ in pairs]
        return on_fingerprints_submitted(events, examiner.examine_here(events, searches), searches)

    return [stage(redis, Desk("biometric_match", "FBI"), SUBMITTED, FingerprintsSubmitted, search)]


def detainer_stages(redis: Redis, run_opened: bytes) -> list[Any]:
    """ICE's field office and the agency's detainer desk."""
    ero, agency = Desk("detainer.ero", "ICE", EroCase), Desk("detainer.agency", "LEA")
    regime, practice = regime_of(run_opened), practice_of(run_opened)
    rows: Sequence[tuple[Desk, str, type[Consumed], Any, Any]] = (
        (ero, "immigration.status.returned.v1", detainer_events.ImmigrationStatusReturned, detainer.on_status, regime),
        (ero, "cooperation.decided.v1", detainer_events.CooperationSeen, detainer.on_cooperation, regime),
        (ero, "custody.changed.v1", detainer_events.CustodyChanged, detainer.on_transfer, regime),
        (agency, "custody.changed.v1", detainer_events.CustodyChanged, detainer.on_custody_stage, practice),
    )
    return [stage(redis, desk, name, model, one_by_one(handler, run)) for desk, name, model, handler, run in rows]


def audit_stages(redis: Redis, _: bytes) -> list[Any]:
    """The ledger: batches of several streams that wait for the disk share a write."""
    ledger = parts.ledger_of(AuditSettings())
    adapter = TypeAdapter(Event[Consumed])

    async def keep(event_type: str) -> None:
        while True:
            entries = await read(redis, event_type, "audit")
            arrivals = [Arrival(entry.decode(), adapter.validate_json(body)) for entry, body in entries]
            await asyncio.to_thread(ledger.keep, arrivals)
            await redis.xack(keys.stream(event_type), "audit", *(entry for entry, _ in entries))

    return [keep(event_type) for event_type in GROUPS]


STAGES: dict[str, Callable[[Redis, bytes], list[Any]]] = {
    "booking": booking_stages,
    "biometric_match": biometric_match_stages,
    "detainer": detainer_stages,
    "audit": audit_stages,
}


async def run(service: str) -> None:
    """One process of the baseline, until it is told to stop."""
    redis = Redis.from_url(ServiceSettings().redis_url.get_secret_value())
    loops = STAGES[service](redis, await parts.run_opened_in(redis))
    asyncio.get_running_loop().call_later(0.1, partial(print, parts.READY, flush=True))
    await asyncio.gather(*loops)


if __name__ == "__main__":
    uvloop.run(run(sys.argv[1]))
