"""Intake: bookings come in once however often they are sent, day by day, and only while the house can take more."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from typing import Literal

from pydantic import ValidationError
from redis.asyncio import Redis

from services.booking.clock import Clock, Reading
from services.booking.domain import Place
from services.booking.events import BookingRequest
from services.booking.handlers import on_booking
from services.booking.house import READERS
from services.booking.identifiers import subject_of, tcn_of
from services.chassis.delivery import keys
from services.chassis.delivery.admit import Admission, Gate, Item
from services.chassis.delivery.store import patiently
from services.chassis.envelope import CaseId, encode, event_id
from services.chassis.errors import InteropError
from services.chassis.http import sentence_of

FULL = 0.70
"""Share of maxmemory above which intake refuses; the commits of what is under way still go on up to 100 %."""

UNANSWERED = 2_000
"""Submissions without an answer above which intake waits."""

BACKLOG = 20_000
"""Entries that any group, audit included, may be behind before intake waits."""

LOOK_EVERY_SECONDS = 0.1
LINE_LIMIT = 16_384


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one booking of a batch."""

    number: int
    status: Literal["accepted", "duplicate", "rejected", "later"]
    tcn: str | None = None
    code: str | None = None
    message: str | None = None


class Pressure:
    """Whether the house can take more, looked at a few times a second."""

    def __init__(self, client: Redis) -> None:
        self.client = client
        self._looked = 0.0
        self._looking = asyncio.Lock()

    async def relieved(self) -> None:
        """Waits while too much is under way.

        Raises:
            InteropError: `redis-filling`, above 70 % of Redis' memory.
        """
        async with self._looking:  # one look serves a whole crowd, instead of a connection to Redis for each of them
            while time.monotonic() - self._looked > LOOK_EVERY_SECONDS:
                await self._refuse_when_full()
                if not await self._crowded():
                    self._looked = time.monotonic()
                    return
                await asyncio.sleep(LOOK_EVERY_SECONDS / 2)

    async def _refuse_when_full(self) -> None:
        memory = await patiently(lambda: self.client.info("memory"))
        limit = memory["maxmemory"]
        if limit and memory["used_memory"] > FULL * limit:
            share = memory["used_memory"] / limit
            raise InteropError(
                "redis-filling",
                f"Redis is at {share:.0%} of its memory; nothing new is taken in until there is room "
                "(end old runs, or raise maxmemory)",
                status=503,
            )

    async def _crowded(self) -> bool:
        for event_type in READERS:
            for group in await patiently(partial(self.client.xinfo_groups, keys.stream(event_type))):
                behind = (group["lag"] or 0) + group["pending"]
                if behind > (UNANSWERED if group["name"] == b"biometric_match" else BACKLOG):
                    return True
        return False


class Intake:
    """Takes bookings into a run."""

    def __init__(self, client: Redis, clock: Clock) -> None:
        self.clock = clock
        self.gate = Gate(client)
        self.pressure = Pressure(client)

    async def book(
        self, runid: str, place: Place, request: BookingRequest, idempotency_key: str | None = None
    ) -> tuple[Admission, str]:
        """Takes one booking in and tells whether it was new, with its tcn.

        Raises:
            InteropError: `unknown-run`, `run-ended`, `unknown-agency`, `day-closed`, `too-far-ahead`,
                `conflicting-booking`, `redis-filling`, `clock-busy`.
        """
        _check_agency(request, place)
        await self.pressure.relieved()
        (admission,) = await self._admit(runid, place, [request], idempotency_key)
        if isinstance(admission, InteropError):
            raise admission
        return admission, tcn_of(runid, request.ori, request.oca)

    async def book_batch(self, runid: str, place: Place, lines: AsyncIterator[bytes]) -> AsyncIterator[list[Line]]:
        """Takes a stream of bookings in, one day after the other, and tells what became of each line.

        Once a line is put off, all that follow are: they could close the day that it belongs to.
        """
        put_off: Line | None = None
        waiting: list[tuple[int, BookingRequest]] = []
        number = 0
        async for raw in lines:
            number += 1
            if len(raw) <= LINE_LIMIT and not raw.strip():
                continue
            booking = _parse(raw, number, place)
            if isinstance(booking, Line):
                yield [booking]
                continue
            if waiting and not _go_together(waiting, booking, place):
                told = await self._flush(runid, place, waiting)
                put_off = next((line for line in told if line.status == "later"), None)
                yield told
                waiting = []
            if put_off is not None:
                yield [Line(number, "later", code=put_off.code, message=put_off.message)]
                continue
            waiting.append((number, booking))
        if waiting:
            yield await self._flush(runid, place, waiting)

    async def _flush(self, runid: str, place: Place, waiting: Sequence[tuple[int, BookingRequest]]) -> list[Line]:
        bookings = [booking for _, booking in waiting]
        admissions: Sequence[Admission | InteropError]
        try:
            await self.pressure.relieved()
            admissions = await self._admit(runid, place, bookings)
        except InteropError as error:
            admissions = [error] * len(bookings)
        answers = zip(waiting, admissions, strict=True)
        return [_line(number, booking, runid, admission) for (number, booking), admission in answers]

    async def _admit(
        self, runid: str, place: Place, bookings: Sequence[BookingRequest], idempotency_key: str | None = None
    ) -> Sequence[Admission | InteropError]:
        async with self.clock.held(runid):
            reading = await self.clock.read(runid)
            day = _day(bookings[0], reading)
            if day < reading.open_day:
                return await self._recognise(runid, bookings, reading)
            if reading.status != "open":
                raise InteropError("run-ended", f"the input of run '{runid}' has ended; open another run", status=409)
            if day > reading.open_day + FARTHEST_AHEAD:
                raise InteropError("too-far-ahead", f"{day} is more than {FARTHEST_AHEAD.days} days after the open day")
            reading = await self.clock.reach(runid, day)
            items = [_item(runid, booking, reading, place, idempotency_key) for booking in bookings]
            admissions = await self.gate.admit(runid, items, lease=self.clock.token)
        pairs = zip(bookings, admissions, strict=True)
        return [_conflict(booking) if admission == "conflict" else admission for booking, admission in pairs]

    async def _recognise(
        self, runid: str, bookings: Sequence[BookingRequest], reading: Reading
    ) -> Sequence[Admission | InteropError]:
        """A day that is closed takes nothing new, but it knows again what it has taken."""
        known = await self.gate.known(runid, [tcn_of(runid, booking.ori, booking.oca) for booking in bookings])
        answers: list[Admission | InteropError] = []
        for booking, digest in zip(bookings, known, strict=True):
            if digest is None:
                sentence = f"{booking.booked_at} lies before {reading.open_day}, the open day of run '{runid}'"
                answers.append(InteropError("day-closed", sentence))
            else:
                answers.append("duplicate" if digest == _digest(booking) else _conflict(booking))
        return answers


FARTHEST_AHEAD = timedelta(days=800)
TOGETHER = 500
"""The most bookings that are admitted in one go."""


def _parse(raw: bytes, number: int, place: Place) -> BookingRequest | Line:
    if len(raw) > LINE_LIMIT:
        return Line(number, "rejected", code="line-too-long", message=f"the line has more than {LINE_LIMIT} bytes")
    try:
        booking = BookingRequest.model_validate_json(raw)
        _check_agency(booking, place)
    except ValidationError as error:
        sentence = sentence_of(list(error.errors(include_url=False)))
        return Line(number, "rejected", code="bad-booking", message=sentence)
    except InteropError as error:
        return Line(number, "rejected", code=error.code, message=error.sentence)
    return booking


def _check_agency(booking: BookingRequest, place: Place) -> None:
    if booking.ori not in place.agencies:
        known = ", ".join(sorted(place.agencies))
        raise InteropError("unknown-agency", f"'{booking.ori}' is no agency of this run; there are: {known}")


def _go_together(waiting: Sequence[tuple[int, BookingRequest]], booking: BookingRequest, place: Place) -> bool:
    first = waiting[0][1]
    if len(waiting) >= TOGETHER:
        return False
    if first.booked_at is None or booking.booked_at is None:
        return first.booked_at is booking.booked_at
    return first.booked_at.astimezone(place.day_zone).date() == booking.booked_at.astimezone(place.day_zone).date()


def _day(booking: BookingRequest, reading: Reading) -> date:
    return reading.open_day if booking.booked_at is None else reading.day_of(booking.booked_at)


def _digest(booking: BookingRequest) -> str:
    return sha256(booking.model_dump_json().encode()).hexdigest()


def _conflict(booking: BookingRequest) -> InteropError:
    return InteropError(
        "conflicting-booking",
        f"{booking.ori}/{booking.oca} (or this Idempotency-Key) was sent before with another content; "
        "a new booking needs an oca of its own",
    )


def _line(number: int, booking: BookingRequest, runid: str, admission: Admission | InteropError) -> Line:
    if isinstance(admission, InteropError):
        later = admission.status == HTTPStatus.SERVICE_UNAVAILABLE
        return Line(number, "later" if later else "rejected", code=admission.code, message=admission.sentence)
    tcn = tcn_of(runid, booking.ori, booking.oca)
    return Line(number, "accepted" if admission == "admitted" else "duplicate", tcn)


def _item(runid: str, booking: BookingRequest, reading: Reading, place: Place, idempotency_key: str | None) -> Item:
    tcn = tcn_of(runid, booking.ori, booking.oca)
    booked = CaseId(runid, tcn, subject_of(booking.ori, booking.oca))
    booked_at = booking.booked_at or _now_in(reading)
    outcome = on_booking(booking, booked, booked_at, reading.day_of(booked_at), place)
    appends: list[tuple[str, bytes]] = []
    for emit in outcome.emits:
        body = encode(
            emit.data,
            identity=event_id(runid, emit.data.event_type, tcn, emit.ordinal),
            runid=runid,
            subject=booked.subject,
            time=emit.time,
            tcn=tcn,
            cause=emit.cause,
        )
        appends.append((keys.stream(emit.data.event_type), body))
    guards = [(tcn, _digest(booking))]
    if idempotency_key is not None:
        guards.append((f"key:{idempotency_key}", _digest(booking)))
    if outcome.case is None:
        return Item(guards, appends)
    body = outcome.case.model_dump_json(exclude_defaults=True).encode()
    return Item(guards, appends, (keys.case("booking", runid, tcn), booked.subject, body))


def _now_in(reading: Reading) -> datetime:
    """The open day, at the time of day that it is now: when somebody books by hand without a time."""
    now = datetime.now(reading.zone)
    return datetime.combine(reading.open_day, now.time(), reading.zone).astimezone(UTC)
