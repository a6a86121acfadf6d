"""A stage: one consumer group on one stream. Reads entries, asks pure handlers what follows, and commits.

Every entry stands for itself: one that cannot be decoded, or that fails in its handler, never holds up the
others of its batch. What fails is tried again alone, and only after `attempts` such failures does it become a
dead letter, with its reason. An outage of Redis or a database counts against nobody.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from services.chassis.delivery import keys
from services.chassis.delivery.pace import Pace
from services.chassis.delivery.store import Append, Plan, Store, patiently
from services.chassis.effects import NotYetError
from services.chassis.envelope import Consumed, Event
from services.chassis.errors import InfrastructureError, InteropError

log = logging.getLogger(__name__)

Run = TypeVar("Run")
Read = TypeVar("Read", bound=Consumed)

LOST_RACES = 25
"""How often a case may change under a worker's hands before the entry is left for a calmer moment."""

RUNS_KEPT = 8
"""Prepared runs that a worker keeps in memory; the others are prepared again when an event of theirs arrives."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A raw stream entry, before anybody has looked into it."""

    id: bytes
    fields: Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an entry could not be processed: a stable code and a sentence."""

    reason: str
    detail: str


class Group(Generic[Run]):
    """A consumer group and the party it acts for, with what it has prepared for each run.

    `party=None` acts for nobody and sees everything: audit. `prepare` turns the `run.opened` event (as JSON) into
    whatever the handlers want to have at hand during a run.
    """

    def __init__(self, name: str, party: str | None, store: Store, prepare: Callable[[bytes], Run]) -> None:
        self.name = name
        self.party = party
        self.store = store
        # Prepared once for the check that the settings make sense, not again when the run's first event comes.
        self.prepare = lru_cache(RUNS_KEPT)(prepare)
        self._prepared: OrderedDict[str, Run] = OrderedDict()
        self.turn = asyncio.Lock()
        """Held by a stage from the reading of cases to their writing. Two events of one case often come at the same
        time in two streams, and a worker need not lose that race to itself; against other workers stands the version.
        """

    async def run(self, runid: str) -> Run:
        """What was prepared for a run.

        Raises:
            NotYetError: this group has not read the run's `run.opened` yet.
        """
        if runid in self._prepared:
            self._prepared.move_to_end(runid)
            return self._prepared[runid]
        (stored,) = await self.store.load([keys.run(self.name, runid)])
        if stored.body is None:
            raise NotYetError(f"run '{runid}' is not open; open it with POST /runs")
        run = await asyncio.to_thread(self.prepare, stored.body)
        self._prepared[runid] = run
        if len(self._prepared) > RUNS_KEPT:
            self._prepared.popitem(last=False)
        return run


@dataclass(slots=True)
class Work:
    """One decoded entry on its way through a stage."""

    entry: Entry
    event: Event[Any]
    plan: Plan | None = None
    failure: Failure | None = None


class Stage(ABC, Generic[Read]):
    """The part that all stages share: decoding, the disclosure check, redoing lost races, failures."""

    def __init__(self, group: Group[Any], model: type[Read], event_type: str, *, attempts: int) -> None:
        self.group = group
        self.model = model
        self.event_type = event_type
        self.stream = keys.stream(event_type)
        self.attempts = attempts
        self.in_hand: set[bytes] = set()
        self.held_back: set[bytes] = set()
        """Entries that wait by themselves to be handled later. Their leases are kept like those of what is in hand."""
        self.pace = Pace()
        self.turn: AbstractAsyncContextManager[None] = nullcontext()
        self._excused: dict[bytes, int] = {}
        self._adapter: TypeAdapter[Event[Read]] = TypeAdapter(Event[model])  # type: ignore[valid-type]

    async def handle(self, entries: Sequence[Entry]) -> None:
        """Processes a batch. What it cannot finish stays pending and is recovered later."""
        rest = list(entries)
        with self._holding(rest):
            try:
                while rest:
                    count = await self.pace.allowed(len(rest))
                    portion, rest = rest[:count], rest[count:]
                    await self._handle_together(portion)
            except InfrastructureError as outage:
                log.warning("%s: %s", self.name, outage.sentence)

    async def handle_alone(self, entry: Entry) -> None:
        """Tries one entry that was given up before, counting the attempt before it is made.

        So an entry that kills its worker is not tried for ever. An attempt that an outage breaks off is excused.
        """
        with self._holding([entry]):
            await self.pace.allowed(1)
            failures = await self.count_failure(entry.id)
            if failures > self.attempts:
                died = Failure("worker-died", f"no worker got through with it in {self.attempts} lone attempts")
                await self._bury(entry, died)
                return
            try:
                failed = await self._process([entry])
            except InfrastructureError:
                await self._excuse(entry.id, failures)
                raise
            for _, failure in failed:
                await self._after_failure(entry, failure, failures)
            if not failed:
                await self._forgive(entry.id)

    @property
    def name(self) -> str:
        """The stage as people know it: group and event type."""
        return f"{self.group.name} on {self.event_type}"

    @property
    def leased(self) -> set[bytes]:
        """The entries that nobody else may take over."""
        return self.in_hand | self.held_back

    async def finish(self, seconds: float) -> None:
        """Waits so long at most until what was held back is handled; the pace is free by then."""

    @abstractmethod
    async def plan(self, works: Sequence[Work]) -> None:
        """Sets `plan` or `failure` of each of `works`; neither for one that is held back, and comes again by itself."""

    @contextmanager
    def _holding(self, entries: Sequence[Entry]) -> Iterator[None]:
        """Keeps the leases of entries, from their arrival to the end of their handling."""
        ids = {entry.id for entry in entries}
        self.in_hand |= ids
        try:
            yield
        finally:
            self.in_hand -= ids

    async def _handle_together(self, entries: Sequence[Entry]) -> None:
        failed = await self._process(entries)
        self.in_hand.difference_update(entry.id for entry in entries)
        for work, failure in failed:
            await self._after_failure(work.entry, failure, await self.count_failure(work.entry.id))

    async def _process(self, entries: Sequence[Entry]) -> list[tuple[Work, Failure]]:
        works, settled = self._decode(entries)
        failed: list[tuple[Work, Failure]] = []
        for _ in range(LOST_RACES):
            async with self.turn:
                await self.plan(works)
                failed += [(work, work.failure) for work in works if work.failure is not None]
                planned = [work for work in works if work.failure is None and work.plan is not None]
                works = await self._commit(planned, settled)
            settled = []
            if not works:
                break
        return failed

    async def _commit(self, works: Sequence[Work], settled: Sequence[Plan]) -> list[Work]:
        plans = [*settled, *(work.plan for work in works if work.plan is not None)]
        if not plans:
            return []
        results = await self.group.store.commit(self.stream, plans)
        return [work for work, result in zip(works, results[len(settled) :], strict=True) if result == "stale"]

    def _decode(self, entries: Sequence[Entry]) -> tuple[list[Work], list[Plan]]:
        works: list[Work] = []
        settled: list[Plan] = []
        for entry in entries:
            event = self._read(entry)
            if isinstance(event, Failure):
                settled.append(self._dead_letter(entry, event))
            elif self.group.party is not None and not event.is_disclosed_to(self.group.party):
                settled.append(Plan(entry.id))
            else:
                works.append(Work(entry, event))
        return works, settled

    def _read(self, entry: Entry) -> Event[Read] | Failure:
        body = entry.fields.get(b"event")
        if body is None:
            names = ", ".join(sorted(name.decode(errors="replace") for name in entry.fields))
            return Failure("foreign-entry", f"the entry has no field 'event', only: {names}")
        try:
            event = self._adapter.validate_json(body)
        except ValidationError as error:
            return refusal(error)
        if event.type != self.event_type:
            return Failure("wrong-type", f"an event of type '{event.type}' in the stream of '{self.event_type}'")
        return event

    def _dead_letter(self, entry: Entry, failure: Failure) -> Plan:
        fields = {"entry": entry.id, "reason": failure.reason.encode(), "detail": failure.detail.encode()}
        if b"event" in entry.fields:
            fields["event"] = entry.fields[b"event"]
        else:
            foreign = [[b64encode(part).decode() for part in pair] for pair in entry.fields.items()]
            fields["foreign"] = to_json(foreign)
        return Plan(entry.id, appends=[Append(keys.dead_letters(self.event_type, self.group.name), fields)])

    async def count_failure(self, entry_id: bytes) -> int:
        """Counts a failure of an entry on its own; tells how many there are now, without those that are excused.

        Reads, then writes: a count that is repeated after a lost reply counts once.
        """
        client, (key, name) = self.group.store.client, self._count_of(entry_id)
        counted = int(await patiently(lambda: cast(Any, client.hget(key, name))) or 0)
        failures = counted + 1 - self._excused.get(entry_id, 0)
        await patiently(lambda: cast(Any, client.hset(key, name, str(failures))))
        self._excused.pop(entry_id, None)
        return failures

    async def _excuse(self, entry_id: bytes, failures: int) -> None:
        """Takes an attempt back that was counted and broken off; remembers to, where that cannot be said either."""
        client, (key, name) = self.group.store.client, self._count_of(entry_id)
        try:
            await patiently(lambda: cast(Any, client.hset(key, name, str(failures - 1))), tries=1)
        except InfrastructureError:
            self._excused[entry_id] = self._excused.get(entry_id, 0) + 1

    async def _after_failure(self, entry: Entry, failure: Failure, failures: int) -> None:
        log.warning("%s: entry %s failed (%d): %s", self.name, entry.id.decode(), failures, failure.detail)
        if failures >= self.attempts:
            await self._bury(entry, failure)

    async def _bury(self, entry: Entry, failure: Failure) -> None:
        await self.group.store.commit(self.stream, [self._dead_letter(entry, failure)])
        await self._forgive(entry.id)

    async def _forgive(self, entry_id: bytes) -> None:
        client, (key, name) = self.group.store.client, self._count_of(entry_id)
        await patiently(lambda: cast(Any, client.hdel(key, name)))

    def _count_of(self, entry_id: bytes) -> tuple[str, str]:
        """Where the failures of an entry are counted: the key of a hash, and a field of it."""
        return keys.failures(self.group.name), f"{self.event_type}/{entry_id.decode()}"


async def isolate(works: Sequence[Work], act: Callable[[Sequence[Work]], Awaitable[None]]) -> None:
    """Acts on all at once and, where that fails, on each alone, so that only the culprit carries the failure.

    Raises:
        InfrastructureError: nobody is to blame, and nobody is blamed.
    """
    try:
        await act(works)
    except InfrastructureError:
        raise
    except Exception as error:  # a handler that fails is the entry's failure, never the worker's
        if len(works) == 1:
            works[0].failure = failure_of(error)
            return
        for work in works:
            await isolate([work], act)


def refusal(error: ValidationError) -> Failure:
    """Why an entry does not fit the model, in one sentence."""
    first = error.errors(include_url=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return Failure("not-json", f"the entry is not JSON: {first['msg'].removeprefix('Invalid JSON: ')}")
    place = ".".join(str(part) for part in first["loc"])
    more = error.error_count() - 1
    return Failure("wrong-shape", f"{place}: {first['msg']}" + (f" (and {more} more)" if more else ""))


def failure_of(error: Exception) -> Failure:
    """The failure as people read it; what is not one of our own errors is also logged with its trace."""
    match error:
        case NotYetError():
            return Failure("not-yet", str(error))
        case InteropError():
            return Failure(error.code, error.sentence)
        case _:
            log.exception("a handler failed", exc_info=error)
            return Failure("handler-failed", f"{type(error).__name__}: {error}")
