"""The flow as FastStream's documentation writes it: one message a call, publishers, default acknowledgement.

`python -m sandbox.bench.pipeline.idiomatic SERVICE` is one process of it, run as `faststream run` runs one (uvloop
where it is installed), with FastStream's two log lines a message left out, which would be most of the cost. What it
does not do: survive a crash without losing or doubling work, set a bad message aside, or work with two workers.
"""

# mypy: disable-error-code="untyped-decorator"
# FastStream's decorators have no types.

import asyncio
import logging
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import uvloop
from faststream import FastStream
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.parser import BinaryMessageFormatV1
from pydantic import AwareDatetime, BaseModel, SerializeAsAny
from redis.asyncio import Redis

from sandbox.bench.pipeline import parts
from sandbox.bench.pipeline.groups import GROUPS, SUBMITTED
from services.audit.settings import AuditSettings
from services.biometric_match.events import (
    ArrestEnrolled,
    EncounterEnrolled,
    FingerprintsSubmitted,
    IdentificationReturned as Identification,
    ImmigrationSearched,
    ImmigrationStatusReturned as StatusReturned,
)
from services.biometric_match.examiner import Examiner
from services.biometric_match.handlers import on_fingerprints_submitted
from services.biometric_match.run import searches_of
from services.booking import handlers as booking
from services.booking.domain import BookingCase
from services.booking.events import (
    CooperationDecided,
    CustodyClaimed,
    DetainerDecided,
    IdentificationReturned,
    ImmigrationStatusReturned,
)
from services.booking.run import place_of
from services.chassis.delivery import keys
from services.chassis.delivery.stages import Arrival
from services.chassis.effects import Emit, Outcome
from services.chassis.envelope import SCHEMAS, Consumed, Event, Produced, event_id, traceparent
from services.chassis.settings import ServiceSettings
from services.detainer import events as detainer_events, handlers as detainer
from services.detainer.run import practice_of, regime_of
from services.detainer.triage import EroCase

TRIVIAL_IN, TRIVIAL_OUT = "bench.in", "bench.out"


class Published(BaseModel):
    """The envelope as a model, for FastStream to encode."""

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: AwareDatetime
    datacontenttype: str = "application/json"
    dataschema: str
    runid: str
    traceparent: str
    tcn: str | None
    causationid: str
    data: SerializeAsAny[Produced]


def published(cause: Event[Any], emit: Emit) -> Published:
    """An effect of `cause`, in its envelope."""
    kind = emit.data.event_type
    identity = event_id(cause.runid, kind, cause.tcn or "", emit.ordinal)
    return Published(
        id=identity,
        source=emit.data.party,
        type=kind,
        subject=cause.subject,
        time=emit.time,
        dataschema=f"{SCHEMAS}{kind}",
        runid=cause.runid,
        traceparent=traceparent(cause.runid, cause.subject, identity),
        tcn=cause.tcn,
        causationid=cause.id,
        data=emit.data,
    )


def stream_of(event_type: str, group: str) -> StreamSub:
    """A consumer group's subscription."""
    return StreamSub(keys.stream(event_type), group=group, consumer=parts.CONSUMER)


def build_booking(broker: RedisBroker, redis: Redis, run_opened: bytes) -> None:
    """Custody: one case a booking, read and written whole, one message of a case at a time."""
    place = place_of(run_opened)
    locks: defaultdict[str | None, asyncio.Lock] = defaultdict(asyncio.Lock)
    custody_changed = broker.publisher(stream=keys.stream("custody.changed.v1"))

    async def custody(event: Event[Any], handler: Callable[..., Outcome[BookingCase]]) -> None:
        if not event.is_disclosed_to("LEA"):
            return
        key = parts.case_key("booking", event.tcn)
        async with locks[event.tcn]:
            case = BookingCase.model_validate_json(await redis.get(key) or b"")
            outcome = handler(event, case, place)
            if outcome.case is not None:
                await redis.set(key, outcome.case.model_dump_json(exclude_defaults=True))
        for emit in outcome.emits:
            await custody_changed.publish(published(event, emit))

    @broker.subscriber(stream=stream_of("identification.returned.v1", "booking"))
    async def on_identification(event: Event[IdentificationReturned]) -> None:
        await custody(event, booking.on_identification)

    @broker.subscriber(stream=stream_of("immigration.status.returned.v1", "booking"))
    async def on_second_response(event: Event[ImmigrationStatusReturned]) -> None:
        await custody(event, booking.on_second_response)

    @broker.subscriber(stream=stream_of("detainer.decided.v1", "booking"))
    async def on_detainer(event: Event[DetainerDecided]) -> None:
        await custody(event, booking.on_detainer)

    @broker.subscriber(stream=stream_of("cooperation.decided.v1", "booking"))
    async def on_cooperation(event: Event[CooperationDecided]) -> None:
        await custody(event, booking.on_cooperation)

    @broker.subscriber(stream=stream_of("custody.claimed.v1", "booking"))
    async def on_claim(event: Event[CustodyClaimed]) -> None:
        await custody(event, booking.on_claim)


ANSWERS = (Identification, ArrestEnrolled, ImmigrationSearched, EncounterEnrolled, StatusReturned)
"""What the federal side says of a submission."""


def build_biometric_match(broker: RedisBroker, _: Redis, run_opened: bytes) -> None:
    """The federal searches: two or three answers a submission, and what is enrolled, which nobody asks for that day."""
    searches, examiner = searches_of(run_opened), Examiner()
    publishers = {each.event_type: broker.publisher(stream=keys.stream(each.event_type)) for each in ANSWERS}

    @broker.subscriber(stream=stream_of(SUBMITTED, "biometric_match"))
    async def search(event: Event[FingerprintsSubmitted]) -> None:
        (outcome,) = on_fingerprints_submitted([event], examiner.examine_here([event], searches), searches)
        for emit in outcome.emits:
            await publishers[emit.data.event_type].publish(published(event, emit))


def build_detainer(broker: RedisBroker, redis: Redis, run_opened: bytes) -> None:
    """ICE's field office and the agency's detainer desk."""
    regime = regime_of(run_opened)
    practice = practice_of(run_opened)
    claims = broker.publisher(stream=keys.stream("custody.claimed.v1"))

    @broker.subscriber(stream=stream_of("immigration.status.returned.v1", "detainer.ero"))
    @broker.publisher(stream=keys.stream("detainer.decided.v1"))
    async def on_status(event: Event[detainer_events.ImmigrationStatusReturned]) -> Published:
        outcome = detainer.on_status(event, None, regime)
        assert outcome.case is not None  # noqa: S101  a status always begins a case
        await redis.set(parts.case_key("ero", event.tcn), outcome.case.model_dump_json(exclude_defaults=True))
        (emit,) = outcome.emits
        return published(event, emit)

    @broker.subscriber(stream=stream_of("custody.changed.v1", "detainer.agency"))
    @broker.publisher(stream=keys.stream("cooperation.decided.v1"))
    async def on_custody_stage(event: Event[detainer_events.CustodyChanged]) -> Published:
        (emit,) = detainer.on_custody_stage(event, None, practice).emits
        return published(event, emit)

    async def ero(event: Event[Any], handler: Callable[..., Outcome[EroCase]]) -> None:
        if not event.is_disclosed_to("ICE"):
            return
        key = parts.case_key("ero", event.tcn)
        case = EroCase.model_validate_json(await redis.get(key) or b"")
        outcome = handler(event, case, regime)
        if outcome.case is not None:
            await redis.set(key, outcome.case.model_dump_json(exclude_defaults=True))
        for emit in outcome.emits:
            await claims.publish(published(event, emit))

    @broker.subscriber(stream=stream_of("cooperation.decided.v1", "detainer.ero"))
    async def on_cooperation(event: Event[detainer_events.CooperationSeen]) -> None:
        await ero(event, detainer.on_cooperation)

    @broker.subscriber(stream=stream_of("custody.changed.v1", "detainer.ero"))
    async def on_transfer(event: Event[detainer_events.CustodyChanged]) -> None:
        await ero(event, detainer.on_transfer)


def build_audit(broker: RedisBroker, _: Redis, __: bytes) -> None:
    """The ledger: FastStream runs a plain function in a thread, so streams that wait for the disk share a write."""
    ledger = parts.ledger_of(AuditSettings())

    def keep(event: Event[Consumed]) -> None:
        # A subscriber of FastStream is not told which entry of the stream its message was.
        ledger.keep([Arrival("0-0", event)])

    for event_type in GROUPS:
        broker.subscriber(stream=stream_of(event_type, "audit"))(keep)


def build_trivial(broker: RedisBroker, _: Redis, __: bytes) -> None:
    """One stage that does nothing: what FastStream takes for a message, to see that the baseline is sound."""

    @broker.subscriber(stream=StreamSub(TRIVIAL_IN, group="trivial", consumer=parts.CONSUMER))
    @broker.publisher(stream=TRIVIAL_OUT)
    async def stage(event: Event[Consumed]) -> Event[Consumed]:
        return event


BUILDERS: dict[str, Callable[[RedisBroker, Redis, bytes], None]] = {
    "booking": build_booking,
    "biometric_match": build_biometric_match,
    "detainer": build_detainer,
    "audit": build_audit,
    "trivial": build_trivial,
}


def unwrap(fields: Any) -> bytes:
    """The event's JSON in an entry of FastStream's wire format."""
    body, _ = BinaryMessageFormatV1.parse(fields[b"__data__"])
    return body


async def wrapped(events: Sequence[Any]) -> list[bytes]:
    """Events in FastStream's wire format, as a publisher would have written them."""
    return [
        await BinaryMessageFormatV1.encode(message=event, reply_to=None, headers=None, correlation_id=event["id"])
        for event in events
    ]


async def run(service: str) -> None:
    """One process of the baseline, until it is told to stop."""
    url = ServiceSettings().redis_url.get_secret_value()
    redis = Redis.from_url(url)
    broker = RedisBroker(url, logger=logging.getLogger("faststream"), log_level=logging.DEBUG)
    BUILDERS[service](broker, redis, await parts.run_opened_in(redis))
    app = FastStream(broker, logger=None)

    @app.after_startup
    async def tell() -> None:
        sys.stdout.write(f"{parts.READY}\n")
        sys.stdout.flush()

    await app.run(logging.WARNING)


if __name__ == "__main__":
    anyio.run(run, sys.argv[1], backend_options={"loop_factory": uvloop.new_event_loop})
