"""The proof that the log has exactly one entry for each disclosure, and no other: streams, marks and log compared.

What an event in a stream discloses is worked out anew and compared with its entries, byte for byte. What was trimmed
or expunged since rests on the marks that were written together with the entries, and the result says how much that is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError
from redis import Redis

from services.audit.domain import Finding, Reconciliation
from services.audit.events import WATCHED
from services.audit.ledger import LedgerReader
from services.audit.log import Mark, event_key
from services.audit.positions import FIRST, EntryId, ends, format_id, parse_id, settled
from services.audit.vault import Secret
from services.chassis.delivery import keys
from services.chassis.envelope import Consumed, Event

PAGE = 1_000
_LARGEST = 2**63 - 1
"""The largest number that a database compares with."""

_EVENT: TypeAdapter[Event[Consumed]] = TypeAdapter(Event[Consumed])


class Reconciler:
    """Compares the log with the streams, from the beginning or from where it has come to."""

    def __init__(self, redis: Redis, ledger: LedgerReader) -> None:
        self.redis = redis
        self.ledger = ledger
        self._scan = _Scan(ledger)
        self._cursors: dict[str, EntryId] = {}
        self._firsts: dict[str, EntryId] = {}
        self._rest = _Rest()

    def whole(self) -> Reconciliation:
        """Compares everything, and names whatever does not fit."""
        until = settled(self.redis, WATCHED)
        scan = _Scan(self.ledger)
        for stream, last in until.items():
            for entry_id, event in self._events(stream, FIRST):
                scan.compare(event, waiting=entry_id > last)
        size = self._size()
        return scan.result(size, self._rest_of(scan, until, size))

    def onward(self) -> Reconciliation:
        """Compares what has come since the last time. Whenever that does not add up, everything is compared."""
        firsts = self._first_entries()
        if firsts != self._firsts:
            self.restart()
            self._firsts = firsts
            self._rest = self._counted_rest(firsts)
        until = settled(self.redis, WATCHED)
        for stream, last in until.items():
            for entry_id, event in self._events(stream, self._cursors.get(stream, FIRST)):
                if entry_id > last:
                    break
                self._scan.compare(event, waiting=False)
                self._cursors[stream] = entry_id
        result = self._scan.result(self._size(), self._rest)
        through = ends(self.redis, WATCHED) == until
        if not result.reconciled or result.lag < 0 or (through and result.lag > 0):
            self.restart()
            return self.whole()
        return result

    def restart(self) -> None:
        """Begins anew the next time: something was trimmed or expunged."""
        self._scan = _Scan(self.ledger)
        self._cursors, self._firsts = {}, {}

    def _size(self) -> int:
        return self.ledger.log.head()[0].size

    def _first_entries(self) -> dict[str, EntryId]:
        return {keys.stream(event_type): self._first(keys.stream(event_type)) for event_type in WATCHED}

    def _counted_rest(self, firsts: dict[str, EntryId]) -> "_Rest":
        covered = self._covered()
        trimmed = 0
        for stream, first in firsts.items():
            ms, seq = covered.get(stream, FIRST)
            trimmed += self.ledger.log.count_before(stream, *min(first, (ms, min(seq + 1, _LARGEST))))
        return _Rest(on_marks=trimmed, expunged=self.ledger.log.count_expunged())

    def _rest_of(self, scan: "_Scan", until: dict[str, EntryId], size: int) -> "_Rest":
        """What became of the marks whose events are not in the streams any more."""
        rest = _Rest()
        # Read after the streams were: what was trimmed meanwhile has been trimmed, and is not gone.
        firsts, covered = self._first_entries(), self._covered()
        expected = 0
        for mark in self.ledger.log.marks():
            if mark.first >= size:
                break
            if mark.first != expected:
                rest.extra.append(_unmarked(expected, mark.first))
            expected = mark.first + mark.count
            stream, at = mark.position.stream, (mark.position.ms, mark.position.seq)
            if mark.first in scan.counted:
                continue
            if mark.expunged:
                rest.expunged += mark.count
            elif mark.first in scan.met or (at > until.get(stream, FIRST) and self._stands(stream, at)):
                continue
            elif at < firsts.get(stream, FIRST) and at <= covered.get(stream, FIRST):
                rest.on_marks += mark.count
            else:
                rest.extra.append(_gone(mark))
        if expected < size:
            rest.extra.append(_unmarked(expected, size))
        return rest

    def _stands(self, stream: str, at: EntryId) -> bool:
        """Whether there is an entry: of an event that is in the log, and not acknowledged yet."""
        return bool(self.redis.xrange(stream, min=format_id(at), max=format_id(at)))

    def _covered(self) -> dict[str, EntryId]:
        published = self.ledger.log.published()
        return {} if published is None else {name: parse_id(at) for name, at in published.covered.items()}

    def _first(self, stream: str) -> EntryId:
        """The first entry that is left in a stream; where none is, what comes after the last there was."""
        rows: Any = self.redis.xrange(stream, count=1)
        if rows:
            return parse_id(rows[0][0])
        ms, seq = ends(self.redis, [stream.partition(":")[2]])[stream]
        return ms, seq + 1

    def _events(self, stream: str, after: EntryId) -> Iterator[tuple[EntryId, Event[Consumed]]]:
        """The events of a stream after an entry; what cannot be read as one lies among audit's dead letters."""
        start = "-" if after == FIRST else f"({format_id(after)}"
        while True:
            page: Any = self.redis.xrange(stream, min=start, count=PAGE)
            for entry_id, fields in page:
                try:
                    yield parse_id(entry_id), _EVENT.validate_json(fields.get(b"event", b""))
                except ValidationError:
                    continue
            if len(page) < PAGE:
                return
            start = f"({page[-1][0].decode()}"


@dataclass
class _Rest:
    on_marks: int = 0
    expunged: int = 0
    extra: list[Finding] = field(default_factory=list)


class _Scan:
    """Compares events one by one, and keeps count."""

    def __init__(self, ledger: LedgerReader) -> None:
        self.ledger = ledger
        self.matched = 0
        self.waiting = 0
        self.missing: list[Finding] = []
        self.different: list[Finding] = []
        self.met: set[int] = set()
        """The first entries of the events that were found in the streams."""
        self.counted: set[int] = set()
        """Those of them that are what their events disclose."""

    def compare(self, event: Event[Consumed], *, waiting: bool) -> None:
        """Compares one event with its entries."""
        if not event.data.disclosures:
            return
        if waiting:
            self.waiting += 1
            return
        # The key is read before the mark: an expunction in between has marked the event before the key goes.
        secret = self.ledger.vault.secret(event.subject)
        mark = self.ledger.log.mark_of(event_key(event.runid, event.time, event.id))
        if mark is None:
            self.missing.append(_finding(event, "has no entry in the log"))
            return
        self.met.add(mark.first)
        if mark.expunged:
            return
        if secret is None or not self._same(event, mark, secret):
            self.different.append(_finding(event, "discloses something else than its entries say"))
        elif mark.first not in self.counted:
            self.counted.add(mark.first)
            self.matched += mark.count

    def result(self, size: int, rest: _Rest) -> Reconciliation:
        return Reconciliation(
            size=size,
            matched=self.matched,
            on_marks=rest.on_marks,
            expunged=rest.expunged,
            waiting=self.waiting,
            missing=tuple(self.missing),
            extra=tuple(rest.extra),
            different=tuple(self.different),
        )

    def _same(self, event: Event[Consumed], mark: Mark, secret: Secret) -> bool:
        entries = tuple(self.ledger.log.entries(mark.first, mark.count))
        return self.ledger.entries_of(event, secret) == entries


def _finding(event: Event[Any], what: str) -> Finding:
    return Finding(event.id, event.type, event.subject, what)


def _gone(mark: Mark) -> Finding:
    stream = mark.position.stream.partition(":")[2]
    where = f"entry {mark.position.entry_id} is gone from its stream, and was neither trimmed nor expunged"
    return Finding(mark.event_id, stream, "", where)


def _unmarked(first: int, end: int) -> Finding:
    return Finding("", "", "", f"no event made the entries {first} to {end - 1} of the log")
