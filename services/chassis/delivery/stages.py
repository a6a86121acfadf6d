"""The kinds of stages: one case an event, a whole batch at once, all that is due, a run opened, a sink beyond Redis."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar, cast

from pydantic import ValidationError

from services.chassis.delivery import keys
from services.chassis.delivery.stage import Entry, Group, Read, Run, Stage, Work, failure_of, isolate, refusal
from services.chassis.delivery.store import Append, Plan, StateWrite, Stored, patiently
from services.chassis.effects import Case, CaseT, DueCase, Emit, Outcome
from services.chassis.envelope import CaseId, Consumed, Event, Produced, encode, event_id
from services.chassis.errors import InfrastructureError, InteropError

Told = TypeVar("Told")

HANDLED_TOGETHER = 16
"""Entries that were held back and are handled at the same time, each by itself."""


@dataclass(frozen=True, slots=True)
class Effects:
    """Turns what a handler returned into writes and appends of one commit."""

    group: str
    publishes: frozenset[str]

    def write(self, case_id: CaseId, case: Case, expected: int) -> StateWrite:
        """The case as it is now, to be written if nobody else has changed it since it was read."""
        return StateWrite(
            key=keys.case(self.group, case_id.runid, case_id.tcn),
            expected=expected,
            subject=case_id.subject,
            body=case.model_dump_json(exclude_defaults=True).encode(),
            due_key=keys.due(self.group, case_id.runid),
            member=case_id.tcn,
            wake_at=None if case.wake_at is None else case.wake_at.timestamp(),
        )

    def append(self, case_id: CaseId, emits: Iterable[Emit], cause: str) -> list[Append]:
        """The events to publish.

        Raises:
            InteropError: `undeclared-event`, for an event that this service has not declared that it publishes.
        """
        appends: list[Append] = []
        for emit in emits:
            kind = emit.data.event_type
            if kind not in self.publishes:
                raise InteropError("undeclared-event", f"{self.group} does not declare that it publishes {kind}")
            identity = event_id(case_id.runid, kind, case_id.tcn, emit.ordinal)
            body = encode(
                emit.data,
                identity=identity,
                runid=case_id.runid,
                subject=case_id.subject,
                time=emit.time,
                tcn=case_id.tcn,
                cause=emit.cause or cause,
            )
            appends.append(Append(keys.stream(kind), {"event": body}))
        return appends


@dataclass(slots=True)
class _Memory(Generic[CaseT]):
    """The cases of a batch as they stand after the entries handled so far."""

    model: type[CaseT]
    cases: dict[str, tuple[int, CaseT | None]] = field(default_factory=dict)

    def remember(self, key: str, stored: Stored) -> None:
        case = None if stored.body is None else self.model.model_validate_json(stored.body)
        self.cases[key] = (stored.version, case)


class CaseStage(Stage[Read], Generic[Read, Run, CaseT]):
    """One event, one case: `handler(event, case, run) -> Outcome`. `case` is None where there is none yet."""

    def __init__(
        self,
        group: Group[Run],
        model: type[Read],
        event_type: str,
        handler: Callable[[Event[Read], CaseT | None, Run], Outcome[CaseT]],
        case_model: type[CaseT] | None,
        effects: Effects,
        *,
        attempts: int,
    ) -> None:
        super().__init__(group, model, event_type, attempts=attempts)
        self.handler = handler
        self.case_model = case_model
        self.effects = effects
        if case_model is not None:
            self.turn = group.turn

    async def plan(self, works: Sequence[Work]) -> None:
        """Runs the handler for each event, later events of a case on top of what earlier ones left."""
        memory = await self._load(works)
        for work in works:
            work.plan, work.failure = None, None
            try:
                run = await self.group.run(work.event.runid)
                work.plan = self._outcome(work, run, memory)
            except InfrastructureError:
                raise
            except Exception as error:  # a handler that fails is the entry's failure, never the worker's
                work.failure = failure_of(error)

    async def _load(self, works: Sequence[Work]) -> _Memory[CaseT] | None:
        if self.case_model is None:
            return None
        wanted = {keys.case(self.group.name, work.event.runid, work.event.tcn or ""): None for work in works}
        memory = _Memory(self.case_model)
        for key, stored in zip(wanted, await self.group.store.load(list(wanted)), strict=True):
            memory.remember(key, stored)
        return memory

    def _outcome(self, work: Work, run: Run, memory: _Memory[CaseT] | None) -> Plan:
        case_id = work.event.case
        key = keys.case(self.group.name, case_id.runid, case_id.tcn)
        version, case = (0, None) if memory is None else memory.cases[key]
        outcome = self.handler(work.event, case, run)
        appends = self.effects.append(case_id, outcome.emits, work.event.id)
        writes: list[StateWrite] = []
        if outcome.case is not None:
            writes.append(self.effects.write(case_id, outcome.case, version))
            if memory is not None:
                memory.cases[key] = (version + 1, outcome.case)
        return _settle(self.group.name, work, writes, appends)


class BatchStage(Stage[Read], Generic[Read, Run, Told]):
    """Events of a batch answered together, without a memory: first it is asked, then decided.

    `ask(events, run) -> told` may wait for others; what it is told must follow from the events and from what was
    settled before them, so that asking again brings the same. `decide(events, told, run) -> [Outcome, ...]` is pure.

    `hold(events, run) -> [seconds, ...]` may hold single events back before anybody is asked about them; the others go
    on, and so does what is read after them. One that is tried alone, because a worker died over it, is not held back.
    """

    def __init__(
        self,
        group: Group[Run],
        model: type[Read],
        event_type: str,
        ask: Callable[[Sequence[Event[Read]], Run], Awaitable[Told]],
        decide: Callable[[Sequence[Event[Read]], Told, Run], Sequence[Outcome[Any]]],
        effects: Effects,
        *,
        attempts: int,
        hold: Callable[[Sequence[Event[Read]], Run], Awaitable[Sequence[float]]] | None = None,
    ) -> None:
        super().__init__(group, model, event_type, attempts=attempts)
        self.ask = ask
        self.decide = decide
        self.effects = effects
        self.hold = hold
        self._due: set[bytes] = set()
        self._waiting: set[asyncio.Task[None]] = set()
        self._together = asyncio.Semaphore(HANDLED_TOGETHER)

    async def plan(self, works: Sequence[Work]) -> None:
        """Asks for all events of a run at once and, where that fails, for each alone to find the culprit."""
        by_run: dict[str, list[Work]] = {}
        for work in works:
            work.plan, work.failure = None, None
            by_run.setdefault(work.event.runid, []).append(work)
        for runid, group in by_run.items():
            try:
                run = await self.group.run(runid)
            except InfrastructureError:
                raise
            except Exception as error:  # a run that cannot be used fails its entries, never the worker
                for work in group:
                    work.failure = failure_of(error)
                continue
            await isolate(group, partial(self._answer, run=run))

    async def handle_alone(self, entry: Entry) -> None:
        """Tries it at once: its attempt was counted, and must be made."""
        self._due.add(entry.id)
        try:
            await super().handle_alone(entry)
        finally:
            self._due.discard(entry.id)

    async def finish(self, seconds: float) -> None:
        """Waits so long at most until what was held back is handled; the pace is free by then."""
        if self._waiting:
            await asyncio.wait(self._waiting, timeout=seconds)

    async def _answer(self, works: Sequence[Work], run: Run) -> None:
        works = await self._let_go(works, run)
        if not works:
            return
        events = [work.event for work in works]
        told = await self.ask(events, run)
        # In a thread, so that heavy computing does not hold up leases and other stages.
        outcomes = await asyncio.to_thread(self.decide, events, told, run)
        for work, outcome in zip(works, outcomes, strict=True):
            appends = self.effects.append(work.event.case, outcome.emits, work.event.id)
            work.plan = _settle(self.group.name, work, [], appends)

    async def _let_go(self, works: Sequence[Work], run: Run) -> Sequence[Work]:
        """Those that are not held back. The others come again when their time has come."""
        if self.hold is None:
            return works
        due: list[Work] = []
        for work, seconds in zip(works, await self.hold([work.event for work in works], run), strict=True):
            if seconds <= 0 or work.entry.id in self._due:
                due.append(work)
            elif work.entry.id not in self.held_back:
                self.held_back.add(work.entry.id)
                waiting = asyncio.create_task(self._handle_later(work.entry, seconds))
                self._waiting.add(waiting)
                waiting.add_done_callback(self._waiting.discard)
        return due

    async def _handle_later(self, entry: Entry, seconds: float) -> None:
        try:
            await self.pace.linger(seconds)
            self._due.add(entry.id)
            async with self._together:
                await self.handle([entry])
        finally:
            self._due.discard(entry.id)
            self.held_back.discard(entry.id)


class DueStage(Stage[Read], Generic[Read, Run, CaseT]):
    """One control event, all cases whose time has come: `handler(event, due, run) -> [(id, Outcome), ...]`."""

    def __init__(
        self,
        group: Group[Run],
        model: type[Read],
        event_type: str,
        handler: Callable[[Event[Read], Sequence[DueCase[CaseT]], Run], Iterable[tuple[CaseId, Outcome[CaseT]]]],
        before: Callable[[Event[Read]], datetime],
        case_model: type[CaseT],
        effects: Effects,
        *,
        attempts: int,
    ) -> None:
        super().__init__(group, model, event_type, attempts=attempts)
        self.handler = handler
        self.before = before
        self.case_model = case_model
        self.effects = effects
        self.turn = group.turn

    async def plan(self, works: Sequence[Work]) -> None:
        """Handles one control event after the other, each with the cases that are due by then."""
        for work in works:
            work.plan, work.failure = None, None
            try:
                run = await self.group.run(work.event.runid)
                work.plan = await self._outcome(work, run)
            except InfrastructureError:
                raise
            except Exception as error:  # as above
                work.failure = failure_of(error)

    async def _outcome(self, work: Work, run: Run) -> Plan:
        runid = work.event.runid
        due = await self._due(runid, self.before(work.event))
        versions = {case.id.tcn: version for version, case in due}
        ordered = sorted((case for _, case in due), key=lambda case: (case.case.wake_at, case.id.subject))
        writes: list[StateWrite] = []
        appends: list[Append] = []
        for case_id, outcome in self.handler(work.event, ordered, run):
            appends += self.effects.append(case_id, outcome.emits, work.event.id)
            if outcome.case is not None:
                writes.append(self.effects.write(case_id, outcome.case, versions[case_id.tcn]))
        return _settle(self.group.name, work, writes, appends)

    async def _due(self, runid: str, before: datetime) -> list[tuple[int, DueCase[CaseT]]]:
        store, key = self.group.store, keys.due(self.group.name, runid)
        bound = f"({before.timestamp()!r}"
        members = await patiently(lambda: cast(Any, store.client.zrangebyscore(key, "-inf", bound)))
        tcns = [member.decode() for member in members]
        rows = await store.load([keys.case(self.group.name, runid, tcn) for tcn in tcns])
        found: list[tuple[int, DueCase[CaseT]]] = []
        for tcn, stored in zip(tcns, rows, strict=True):
            case = self.case_model.model_validate_json(stored.body or b"{}")
            if case.wake_at is not None and case.wake_at < before:
                found.append((stored.version, DueCase(CaseId(runid, tcn, stored.subject), case)))
        return found


class RunOpenedStage(Stage[Consumed]):
    """Remembers the `run.opened` of every run for a group, so that each of its workers can prepare it."""

    async def plan(self, works: Sequence[Work]) -> None:
        """Keeps the event as it came; that it makes sense to this group is found out first."""
        for work in works:
            work.plan, work.failure = None, None
            body = work.entry.fields[b"event"]
            try:
                await asyncio.to_thread(self.group.prepare, body)
            except ValidationError as error:
                work.failure = refusal(error)
                continue
            except InteropError as error:
                work.failure = failure_of(error)
                continue
            key = keys.run(self.group.name, work.event.runid)
            (stored,) = await self.group.store.load([key])
            write = StateWrite(key=key, expected=stored.version, subject=work.event.subject, body=body)
            work.plan = _settle(self.group.name, work, [write], [])


@dataclass(frozen=True, slots=True)
class Arrival(Generic[Read]):
    """An event, and the id of the entry in its stream that it came with."""

    entry_id: str
    event: Event[Read]


class SinkStage(Stage[Read], Generic[Read]):
    """Hands events to something outside Redis that is durable and repeatable by event id, then acknowledges."""

    def __init__(
        self,
        group: Group[Any],
        model: type[Read],
        event_type: str,
        sink: Callable[[Sequence[Arrival[Read]]], None],
        *,
        attempts: int,
    ) -> None:
        super().__init__(group, model, event_type, attempts=attempts)
        self.sink = sink

    async def plan(self, works: Sequence[Work]) -> None:
        """Keeps the events (in a thread: it waits for a disk), all in one go."""
        for work in works:
            work.plan, work.failure = Plan(work.entry.id), None
        if works:
            await isolate(works, self._keep)

    async def _keep(self, works: Sequence[Work]) -> None:
        await asyncio.to_thread(self.sink, [Arrival(work.entry.id.decode(), work.event) for work in works])


def _settle(group: str, work: Work, writes: Sequence[StateWrite], appends: Sequence[Append]) -> Plan:
    return Plan(
        work.entry.id,
        event_id=work.event.id,
        seen_key=keys.seen(group, work.event.runid),
        writes=writes,
        appends=appends,
    )


def published(models: Iterable[type[Produced]]) -> frozenset[str]:
    """The event types that a service declares that it publishes."""
    return frozenset(model.event_type for model in models)
