"""A desk: one stage of a small service in process, with a Redis, entries to put before it, and what it made of them.

The service compares fingerprints. It acts for the FBI: `comparisons.requested.v1` in, `comparison.made.v1` out.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import Field
from pydantic_core import to_json
from redis.asyncio import Redis

from services.chassis.delivery import keys
from services.chassis.delivery.recovery import recover
from services.chassis.delivery.stage import Entry, Group, Stage
from services.chassis.delivery.stages import Arrival, BatchStage, CaseStage, DueStage, Effects, SinkStage
from services.chassis.delivery.store import Store
from services.chassis.effects import Case, DueCase, Emit, Outcome
from services.chassis.envelope import CaseId, Consumed, Disclosure, Event, Produced, event_id

RUN = "heron-run"
REQUESTED = "comparison.requested.v1"
MADE = "comparison.made.v1"
NOON = datetime(2010, 2, 10, 12, tzinfo=UTC)
TO_THE_FBI = Disclosure(
    sender="SIB", recipient="FBI", categories=("biometric",), basis="state law", purpose="identification"
)


class Requested(Consumed):
    finger: int
    note: str = ""


class Made(Produced):
    event_type: ClassVar[str] = MADE
    party: ClassVar[str] = "FBI"

    fingers: tuple[int, ...]


class Tally(Case):
    """Which fingers of a person were compared, in the order in which they were."""

    fingers: tuple[int, ...] = Field(default=())


Handler = Callable[[Event[Requested], Tally | None, str], Outcome[Tally]]
Ask = Callable[[Sequence[Event[Requested]], str], Awaitable[None]]
Hold = Callable[[Sequence[Event[Requested]], str], Awaitable[Sequence[float]]]


async def ask_nobody(_events: Sequence[Event[Requested]], _run: str) -> None:
    """A handler that knows all that it needs."""


def compare(event: Event[Requested], tally: Tally | None, _: str) -> Outcome[Tally]:
    """The handler of most tests: adds the finger to the tally, and tells."""
    fingers = (*(tally.fingers if tally else ()), event.data.finger)
    return Outcome(Tally(fingers=fingers, wake_at=NOON), [told(event)])


def told(event: Event[Requested]) -> Emit:
    made = Made(fingers=(event.data.finger,), disclosures=())
    return Emit(made, event.time, ordinal=event.data.finger)


def request(
    finger: int, bird: str = "heron", *, to: Sequence[Disclosure] = (TO_THE_FBI,), runid: str = RUN, **more: Any
) -> bytes:
    """A request to compare one finger of a person, as it stands in the stream."""
    envelope = {
        "specversion": "1.0",
        "id": event_id(runid, REQUESTED, bird, finger),
        "source": "LEA",
        "type": REQUESTED,
        "subject": f"ZZ0130100/{bird}",
        "time": NOON,
        "runid": runid,
        "tcn": bird,
        "data": {"finger": finger, "disclosures": to},
    }
    return to_json(envelope | more)


class Desk:
    """One stage on a Redis."""

    def __init__(self, client: Redis, *, name: str = "matcher", party: str | None = "FBI", attempts: int = 3) -> None:
        self.client = client
        self.name = name
        self.attempts = attempts
        self.group = Group(name, party, Store(client, name), lambda body: body.decode())
        self.effects = Effects(name, frozenset({MADE}))
        self.stage: Stage[Any] = self.case_by_case(compare)

    def case_by_case(self, handler: Handler) -> Stage[Any]:
        self.stage = CaseStage(self.group, Requested, REQUESTED, handler, Tally, self.effects, attempts=self.attempts)
        return self.stage

    def in_batches(
        self,
        handler: Callable[[Sequence[Event[Requested]], str], Sequence[Outcome[Any]]],
        ask: Ask = ask_nobody,
        hold: Hold | None = None,
    ) -> Stage[Any]:
        self.stage = BatchStage(
            self.group,
            Requested,
            REQUESTED,
            ask,
            lambda events, _told, run: handler(events, run),
            self.effects,
            attempts=self.attempts,
            hold=hold,
        )
        return self.stage

    def when_due(
        self,
        handler: Callable[[Event[Requested], Sequence[DueCase[Tally]], str], list[tuple[CaseId, Outcome[Tally]]]],
        before: datetime,
    ) -> Stage[Any]:
        self.stage = DueStage(
            self.group, Requested, REQUESTED, handler, lambda _: before, Tally, self.effects, attempts=self.attempts
        )
        return self.stage

    def into_a_sink(self, keep: Callable[[Sequence[Arrival[Requested]]], None]) -> Stage[Any]:
        self.stage = SinkStage(self.group, Requested, REQUESTED, keep, attempts=self.attempts)
        return self.stage

    async def open(self) -> "Desk":
        """The group exists and knows the run."""
        await self.client.xgroup_create(self.stage.stream, self.name, id="0", mkstream=True)
        await self.open_run()
        return self

    async def open_run(self, runid: str = RUN) -> None:
        key = keys.run(self.name, runid)
        await self.client.hset(key, mapping={"version": 1, "subject": "2010-02-10", "case": "the run"})

    async def put(self, *entries: bytes | Mapping[bytes, bytes]) -> list[bytes]:
        """Adds entries; bytes are the body of an event, a mapping is taken as it is."""
        fields = [entry if isinstance(entry, Mapping) else {b"event": entry} for entry in entries]
        return [await self.client.xadd(self.stage.stream, dict(row)) for row in fields]

    async def read(self, worker: str = "worker-1", count: int | None = None) -> list[Entry]:
        """Takes entries into a worker's hands."""
        answer = await self.client.xreadgroup(self.name, worker, {self.stage.stream: ">"}, count=count)
        return [Entry(entry_id, fields) for _, batch in answer for entry_id, fields in batch]

    async def work(self, worker: str = "worker-1") -> None:
        await self.stage.handle(await self.read(worker))

    async def recover(self, worker: str = "worker-1", times: int = 1) -> None:
        """Takes over what is pending, without waiting for a lease to run out."""
        for _ in range(times):
            await recover(self.stage, worker, lease_ms=0)

    async def pending(self) -> list[bytes]:
        rows = await self.client.xpending_range(self.stage.stream, self.name, "-", "+", 1_000)
        return [row["message_id"] for row in rows]

    async def tally(self, bird: str = "heron") -> list[int]:
        body = await self.client.hget(keys.case(self.name, RUN, bird), "case")
        return [] if body is None else list(Tally.model_validate_json(body).fingers)

    async def made(self) -> list[int]:
        """The fingers that the service told about, in order."""
        entries = await self.client.xrange(keys.stream(MADE))
        events = [Event[Comparison].model_validate_json(fields[b"event"]) for _, fields in entries]
        return [finger for event in events for finger in event.data.fingers]

    async def letters(self) -> list[tuple[str, str]]:
        """Reason and detail of every dead letter."""
        entries = await self.client.xrange(keys.dead_letters(REQUESTED, self.name))
        return [(fields[b"reason"].decode(), fields[b"detail"].decode()) for _, fields in entries]

    async def failures(self) -> dict[bytes, bytes]:
        counted: dict[bytes, bytes] = await self.client.hgetall(keys.failures(self.name))
        return counted


class Comparison(Consumed):
    fingers: tuple[int, ...]
