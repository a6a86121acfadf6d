"""The flow after the federal answers: events about people go from desk to desk until nobody has anything to say.

What crosses between desks is the event's JSON, and a desk is handed only what was disclosed to its party, as with the
streams. What a desk remembers stays as the handler returned it.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sandbox.in_process.routes import BOOKING, ERO, MATCHER, READERS, SUBMITTED, Desk, Route
from services.chassis.effects import Case, DueCase, Emit, Outcome
from services.chassis.envelope import CaseId, Event, Produced, encode, event_id

Disclosures = Counter[tuple[str, str, tuple[str, ...]]]
"""How often each party told each other what: (sender, recipient, categories) -> times."""

Remembered = dict[str, Case]
"""What each desk remembers about one booking, by group."""


@dataclass(frozen=True, slots=True)
class Said:
    """An event that was published: what its producer made, and what it is on the wire."""

    data: Produced
    body: bytes

    @property
    def source(self) -> str:
        """The party that the event comes from."""
        return self.data.party

    def is_disclosed_to(self, party: str) -> bool:
        """Whether `party` may be handed it, by the envelope's own rule: what is not need not be read for that."""
        return Event.is_disclosed_to(cast(Any, self), party)


@dataclass(slots=True)
class File:
    """What there is about one booking while anybody may still have something to do with it."""

    id: CaseId
    number: int
    cases: Remembered = field(default_factory=dict)
    events: list[bytes] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        """Whether some desk waits for a time."""
        return any(case.wake_at is not None for case in self.cases.values())


class Timers:
    """Which files a desk wants to look at when: the earliest first, and of one time by reference."""

    def __init__(self) -> None:
        self._wake_at: dict[str, datetime] = {}
        self._queue: list[tuple[datetime, str, str]] = []

    def __len__(self) -> int:
        return len(self._wake_at)

    def set(self, case_id: CaseId, wake_at: datetime | None) -> None:
        """The desk wants to look at a file then, or (None) no more."""
        if wake_at is None:
            self._wake_at.pop(case_id.tcn, None)
        elif self._wake_at.get(case_id.tcn) != wake_at:
            self._wake_at[case_id.tcn] = wake_at
            heapq.heappush(self._queue, (wake_at, case_id.subject, case_id.tcn))

    def due(self, before: datetime) -> list[str]:
        """The tcns of the files whose time comes before `before`. They stay due until they are set anew."""
        due: dict[tuple[datetime, str, str], None] = {}
        while self._queue and self._queue[0][0] < before:
            entry = heapq.heappop(self._queue)
            if self._wake_at.get(entry[2]) == entry[0]:
                due[entry] = None
        for entry in due:
            heapq.heappush(self._queue, entry)
        return [tcn for _, _, tcn in due]


class Flow:
    """The desks of one run, with the files that are open."""

    def __init__(self, prepared: Mapping[str, Any], hear: Callable[[bytes], None] | None = None) -> None:
        """
        Args:
            prepared: what each desk has at hand, by group (`routes.prepared`).
            hear: is handed every event at once.
        """
        self.files: dict[str, File] = {}
        self.disclosures: Disclosures = Counter()
        self.said: Counter[str] = Counter()
        self.timers = {desk.group: Timers() for desk in (BOOKING, ERO)}
        self._prepared = prepared
        self._hear = hear
        self._touched: dict[str, File] = {}

    @property
    def waits(self) -> bool:
        """Whether some desk waits for a time."""
        return any(self.timers.values())

    def open(self, file: File, outcome: Outcome[Any]) -> Said | None:
        """Somebody was booked. Tells what was submitted, if anything was; what is answered goes on with `answer`."""
        self.files[file.id.tcn] = file
        said = self._keep(file, BOOKING, outcome, None)
        return next((event for event in said if event.data.event_type == SUBMITTED.event_type), None)

    def answer(self, file: File, submission: Event[Any], outcome: Outcome[Any]) -> None:
        """The federal side answers a submission, and everything that follows at once happens."""
        self._settle(file, self._keep(file, MATCHER, outcome, submission.id))

    def take_over(self, file: File) -> None:
        """A file that another flow has brought as far as it goes without waiting."""
        self.files[file.id.tcn] = self._touched[file.id.tcn] = file
        for group, case in file.cases.items():
            self.timers[group].set(file.id, case.wake_at)

    def due(self, desk: Desk, before: datetime) -> list[File]:
        """The files that the desk wants to look at before `before`, in the order in which it does."""
        return [self.files[tcn] for tcn in self.timers[desk.group].due(before)]

    def wake(self, route: Route, body: bytes, due: Iterable[File]) -> None:
        """A control event: its desk looks at every file that is due by it, and all that follows happens."""
        group, event = route.desk.group, route.read(body)
        waiting = [DueCase(file.id, file.cases[group]) for file in due]
        for case_id, outcome in route.handler(event, waiting, self._prepared[group]):
            file = self._touched[case_id.tcn] = self.files[case_id.tcn]
            self._settle(file, self._keep(file, route.desk, outcome, event.id))

    def close_files(self) -> list[File]:
        """Forgets the files on which no desk waits any more, and tells them."""
        touched, self._touched = self._touched, {}
        finished = [file for file in touched.values() if not file.waits]
        for file in finished:
            del self.files[file.id.tcn]
        return finished

    def _settle(self, file: File, said: Iterable[Said]) -> None:
        under_way = deque(said)
        while under_way:
            event = under_way.popleft()
            for route in READERS.get(event.data.event_type, ()):
                if event.is_disclosed_to(route.desk.party):
                    under_way += self._hand(route, event, file)

    def _hand(self, route: Route, event: Said, file: File) -> list[Said]:
        group, read = route.desk.group, route.read(event.body)
        outcome = route.handler(read, file.cases.get(group), self._prepared[group])
        return self._keep(file, route.desk, outcome, read.id)

    def _keep(self, file: File, desk: Desk, outcome: Outcome[Any], cause: str | None) -> list[Said]:
        if outcome.case is not None:
            file.cases[desk.group] = outcome.case
            self.timers[desk.group].set(file.id, outcome.case.wake_at)
        return [self._say(file, emit, cause) for emit in outcome.emits]

    def _say(self, file: File, emit: Emit, cause: str | None) -> Said:
        said = Said(emit.data, encoded(file.id, emit, cause))
        file.events.append(said.body)
        self.said[emit.data.event_type] += 1
        for row in emit.data.disclosures:
            self.disclosures[row.sender, row.recipient, row.categories] += 1
        if self._hear is not None:
            self._hear(said.body)
        return said


def encoded(case_id: CaseId, emit: Emit, cause: str | None) -> bytes:
    """The event as the services put it on the wire."""
    kind = emit.data.event_type
    return encode(
        emit.data,
        identity=event_id(case_id.runid, kind, case_id.tcn, emit.ordinal),
        runid=case_id.runid,
        subject=case_id.subject,
        time=emit.time,
        tcn=case_id.tcn,
        cause=emit.cause or cause,
    )
