"""The ledger: every disclosure sealed in the vault and committed to in the log, exactly once.

Batches of several streams that arrive within a moment share one commit to the disk. The vault is written first: a
record without an entry is made anew when its event comes again, an entry without a record could never be opened.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Condition, Lock
from typing import Any, cast

from services.audit.domain import Profile, Row, entry_of, rows_of
from services.audit.log import Append, EventKey, Log, Mark, Position, Published, StoredLog, event_key
from services.audit.tlog.merkle import inclusion_proof
from services.audit.tlog.proofs import Proof
from services.audit.tlog.tiles import hash_reader
from services.audit.vault import Secret, Trace, Vault
from services.chassis.delivery import keys
from services.chassis.delivery.stages import Arrival
from services.chassis.envelope import Consumed, Event
from services.chassis.errors import InfrastructureError, InteropError

LINGER_SECONDS = 0.05
"""How long a batch waits for others to share its commit with."""

FULL_BATCH = 256
"""Events that are not kept waiting for more."""


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A disclosure as its subject may see it: the record, its entry in the log, and what opens the commitment."""

    row: Row
    index: int
    entry: bytes
    opening_key: bytes


@dataclass(frozen=True, slots=True)
class _Arrived:
    """An event, what its mark is found under, and where it stands."""

    key: EventKey
    position: Position
    event: Event[Consumed]


@dataclass(slots=True)
class _Ticket:
    """What one caller wants to have kept."""

    arrivals: Sequence[_Arrived]
    done: bool = False
    error: Exception | None = None


@dataclass(slots=True)
class _Batch:
    """What is to be written with one commit."""

    appends: dict[EventKey, Append] = field(default_factory=dict)
    events: dict[EventKey, Event[Consumed]] = field(default_factory=dict)
    traces: list[tuple[int, Trace]] = field(default_factory=list)
    shares: list[tuple[int, EventKey, int, bytes]] = field(default_factory=list)


class LedgerReader:
    """Reads the log and the vault together."""

    def __init__(self, log: StoredLog, vault: Vault) -> None:
        self.log = log
        self.vault = vault
        self.profile = cast(Profile, log.about()["profile"])

    def entries_of(self, event: Event[Any], secret: Secret) -> tuple[bytes, ...]:
        """The entries that an event makes, one for each of its disclosures."""
        return tuple(entry_of(row, secret.commitment(row), self.profile) for row in rows_of(event))

    def disclosures(self, subject: str, runid: str | None = None) -> list[Disclosed]:
        """What was disclosed about a subject (in a run), in the order of time; nothing when they were expunged."""
        secret = self.vault.secret(subject)
        found: list[Disclosed] = []
        for key, row in self.vault.rows_about(subject):
            mark = self.log.mark_of(key)
            if secret is None or mark is None or (runid is not None and row.runid != runid):
                continue
            index = mark.first + row.hop
            (entry,) = self.log.entries(index, 1)
            found.append(Disclosed(row, index, entry, secret.opening_key(row)))
        return found

    def rows(self) -> Iterator[Row]:
        """Every disclosure that can still be opened."""
        for subject in list(self.vault.subjects()):
            for key, row in self.vault.rows_about(subject):
                if self.log.mark_of(key) is not None:
                    yield row

    def prove(self, index: int, published: Published) -> Proof:
        """The proof that an entry stands in a published log.

        Raises:
            InteropError: `not-published`, when that checkpoint does not cover the entry.
        """
        if not 0 <= index < published.size:
            raise InteropError(
                "not-published", f"the published checkpoint covers entries 0 to {published.size - 1}, not {index}"
            )
        path = inclusion_proof(index, published.size, hash_reader(self.log.tile))
        return Proof(index, tuple(path), published.note)

    def close(self) -> None:
        """Closes both databases."""
        self.log.close()
        self.vault.close()


class Ledger(LedgerReader):
    """Keeps disclosures. Safe to use from several threads; the log sees to it that there is one process."""

    log: Log

    def __init__(self, log: Log, vault: Vault, linger: float = LINGER_SECONDS) -> None:
        super().__init__(log, vault)
        self.writing = Lock()
        """Held by whoever writes to the log or the vault."""
        self._linger = linger
        self._queue: list[_Ticket] = []
        self._queued = Condition()

    def keep(self, arrivals: Sequence[Arrival[Consumed]]) -> None:
        """Logs the disclosures of some events, durably, before it returns. What it has kept before changes nothing.

        Raises:
            InteropError: `conflicting-event`, for an event that is in the log with other disclosures.
            InfrastructureError: a database cannot be written just now.
        """
        ticket = _Ticket([_arrived(each) for each in arrivals])
        with self._queued:
            self._queue.append(ticket)
            self._queued.notify()
        with self.writing:
            if not ticket.done:
                self._write_queue()
        if ticket.error is not None:
            raise ticket.error

    def _write_queue(self) -> None:
        tickets = self._gathered()
        self._attempt(tickets)
        for ticket in tickets:
            ticket.done = True

    def _attempt(self, tickets: Sequence[_Ticket]) -> None:
        """Writes for all with one commit. Where somebody's event cannot be kept, nobody beside it fails with it."""
        try:
            self._write(tickets)
        except Exception as error:
            if len(tickets) > 1 and not _is_outage(error):
                for ticket in tickets:
                    self._attempt([ticket])
                return
            # Whatever it is: nobody who waited for this commit may think that theirs was kept.
            for ticket in tickets:
                ticket.error = InfrastructureError(str(error)) if _is_outage(error) else error

    def _gathered(self) -> list[_Ticket]:
        """The tickets in the queue, once they are many or have waited for a moment."""
        deadline = time.monotonic() + self._linger
        with self._queued:
            while sum(len(ticket.arrivals) for ticket in self._queue) < FULL_BATCH:
                left = deadline - time.monotonic()
                if left <= 0 or not self._queued.wait(left):
                    break
            tickets, self._queue = self._queue, []
        return tickets

    def _write(self, tickets: Sequence[_Ticket]) -> None:
        arrivals = [each for ticket in tickets for each in ticket.arrivals]
        marks = self.log.marks_of([each.key for each in arrivals])
        batch = _Batch()
        with self.vault.database.transaction():
            owed = self.vault.owed()
            secrets = self.vault.secrets(
                each.event.subject
                for each in arrivals
                if _is_about_somebody(each.event) and each.key not in marks and each.position not in owed
            )
            for ticket in tickets:
                ticket.error = None
                for each in ticket.arrivals:
                    if each.position in owed:
                        continue
                    mark = marks.get(each.key)
                    if not self._fits(each.key, each.event, mark, batch):
                        ticket.error = _conflict(each.event.id)
                    if mark is None and each.key not in batch.events:
                        self._add(each, secrets.get(each.event.subject), batch)
                    else:
                        self._add_place(each, mark, batch)
            self.vault.keep(batch.traces, batch.shares)
        if batch.appends:
            self.log.append(list(batch.appends.values()))

    def _fits(self, key: EventKey, event: Event[Consumed], mark: Mark | None, batch: _Batch) -> bool:
        """Whether an event says what was kept under its id, if anything was."""
        if key in batch.events:
            return list(rows_of(event)) == list(rows_of(batch.events[key]))
        if mark is None or mark.expunged:
            return True
        secret = self.vault.secret(event.subject)
        return secret is not None and self.entries_of(event, secret) == tuple(self.log.entries(mark.first, mark.count))

    def _add(self, arrived: _Arrived, secret: Secret | None, batch: _Batch) -> None:
        event = arrived.event
        batch.events[arrived.key] = event
        if secret is None:
            return
        batch.traces.append((secret.number, _trace(arrived)))
        sealed = [(row, secret.seal(row)) for row in rows_of(event)]
        if sealed:
            batch.shares += [(secret.number, arrived.key, row.hop, each.record) for row, each in sealed]
            entries = tuple(entry_of(row, each.commitment, self.profile) for row, each in sealed)
            batch.appends[arrived.key] = Append(arrived.key, arrived.position, entries)

    def _add_place(self, arrived: _Arrived, mark: Mark | None, batch: _Batch) -> None:
        """Notes that an event stands in one more place: an expunction removes it there too."""
        if mark is not None and mark.expunged:
            self.vault.owe([arrived.position])
        elif mark is None or mark.position != arrived.position:
            secret = self.vault.secret(arrived.event.subject)
            if secret is not None:
                batch.traces.append((secret.number, _trace(arrived)))


def _arrived(arrival: Arrival[Consumed]) -> _Arrived:
    event = arrival.event
    position = Position.of(keys.stream(event.type), arrival.entry_id)
    return _Arrived(event_key(event.runid, event.time, event.id), position, event)


def _trace(arrived: _Arrived) -> Trace:
    event = arrived.event
    return Trace(arrived.key, event.id, event.runid, event.tcn or "", arrived.position)


def _is_about_somebody(event: Event[Consumed]) -> bool:
    """Control events are about nobody and disclose nothing; there is nothing to keep of them."""
    return event.tcn is not None or bool(event.data.disclosures)


def _is_outage(error: Exception) -> bool:
    """Whether no event is to blame: a database is out of reach, or the log was written to behind audit's back."""
    return isinstance(error, InfrastructureError) or (isinstance(error, InteropError) and error.code == "log-altered")


def _conflict(event_id: str) -> InteropError:
    return InteropError("conflicting-event", f"event {event_id} is in the log with other disclosures than these")
