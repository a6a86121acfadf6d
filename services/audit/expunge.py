"""Expunction: a subject's key is deleted, and with it every record of theirs; the log stays, and says that it happened.

The order makes a crash harmless: first the vault notes the act, then the log holds its entry and the marks say that
their events are expunged, then the entries leave the streams, and last the key goes. Whatever was begun is ended at
the next start. An entry that somebody has still to read leaves its stream when they have.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from services.audit.domain import Row, entry_of, expunged_entry
from services.audit.ledger import Ledger
from services.audit.log import Append, EventKey, Position, event_key
from services.audit.positions import parse_id
from services.audit.vault import Trace
from services.chassis.errors import InfrastructureError, InteropError

NOWHERE = "expunged"
"""Where the mark of an expunction says that it stood: it was no event of a stream."""


Forget = Callable[[str, str], int]
"""`forget(runid, tcn)`: takes a case's identifiers out of something that counts; tells how many rows still do."""


@dataclass(frozen=True, slots=True)
class Expunction:
    """What was done, and what could not be."""

    subject: str
    index: int
    """The entry of the log that says that an expunction happened."""

    disclosures: int
    """How many entries of the log can no longer be opened."""

    removed: int
    """How many entries left their streams."""

    owed: tuple[str, ...]
    """Entries that stay for now, because a service has still to read them."""

    counted: int
    """Rows of the transparency report that still count, and lead to nobody any more."""

    cases: tuple[tuple[str, str], ...]
    """The (run, tcn) of each booking that was expunged."""


class Expunger:
    """Expunges subjects."""

    def __init__(self, redis: Redis, ledger: Ledger, forget: Forget = lambda _, __: 0) -> None:
        self.redis = redis
        self.ledger = ledger
        self.forget = forget

    def expunge(self, subject: str) -> Expunction:
        """Makes a subject's records unreadable, for good.

        Raises:
            InteropError: `unknown-subject` (404), for somebody of whom nothing is known (any more).
            InfrastructureError: a database or Redis is out of reach; expunging once more goes on from there.
        """
        with self.ledger.writing:
            if self.ledger.vault.secret(subject) is None:
                self.ledger.vault.scrub()
                raise InteropError(
                    "unknown-subject",
                    f"nothing is known about '{subject}': no event was about them, or they were expunged",
                    status=404,
                )
            with _outages():
                return self._expunge(subject)

    def finish(self) -> list[Expunction]:
        """Ends what a crash has broken off."""
        with self.ledger.writing:
            self.ledger.vault.scrub()
        done = [self.expunge(subject) for subject in self.ledger.vault.being_expunged()]
        self.sweep()
        return done

    def sweep(self) -> int:
        """Removes the entries of people who were expunged that everybody has read since; tells how many."""
        with self.ledger.writing, _outages():
            owed = self.ledger.vault.owed()
            paid = {position for position in owed if not self._is_owed(position)}
            removed = sum(self._removed(position) for position in paid)
            if paid:
                self.ledger.vault.settle(paid)
        return removed

    def _expunge(self, subject: str) -> Expunction:
        vault, log = self.ledger.vault, self.ledger.log
        act = EventKey(vault.begin_expunging(subject, _act_key()))
        traces = vault.traces(subject)
        events = list({trace.key for trace in traces})
        self._log_what_is_sealed(subject, traces)
        begun = log.mark_of(act)
        marks = log.marks_of(events)
        left = [key for key, mark in marks.items() if not mark.expunged]
        if begun is None or left:
            # What was logged since an attempt that failed half-way has an act of its own.
            entry = expunged_entry(datetime.now(UTC), self.ledger.profile)
            key = act if begun is None else EventKey(_act_key())
            log.mark_expunged(left, Append(key, Position(NOWHERE, 0, 0), (entry,)))
        mark = log.mark_of(act)
        if mark is None:
            raise InteropError("log-altered", "the entry of an expunction is gone as soon as it was written")
        owed = [trace.position for trace in traces if self._is_owed(trace.position)]
        removed = sum(self._removed(trace.position) for trace in traces if trace.position not in owed)
        cases = sorted({(trace.runid, trace.tcn) for trace in traces})
        counted = sum(self.forget(runid, tcn) for runid, tcn in cases)
        vault.forget(subject, owed)
        return Expunction(
            subject=subject,
            index=mark.first,
            disclosures=sum(each.count for each in marks.values()),
            removed=removed,
            owed=tuple(f"{position.stream} {position.entry_id}" for position in owed),
            counted=counted,
            cases=tuple(cases),
        )

    def _log_what_is_sealed(self, subject: str, traces: Sequence[Trace]) -> None:
        """Makes the entries of events whose records were sealed right before a crash: afterwards nobody could."""
        secret = self.ledger.vault.secret(subject)
        places = {trace.key: trace.position for trace in traces}
        logged = self.ledger.log.marks_of(list(places))
        rows: dict[EventKey, list[Row]] = {}
        for key, row in self.ledger.vault.rows_about(subject):
            if key not in logged:
                rows.setdefault(key, []).append(row)
        if secret is None or not rows:
            return
        profile = self.ledger.profile
        self.ledger.log.append(
            [
                Append(key, places[key], tuple(entry_of(row, secret.commitment(row), profile) for row in some))
                for key, some in rows.items()
            ]
        )

    def _removed(self, position: Position) -> int:
        return int(self.redis.xdel(position.stream, position.entry_id))

    def _is_owed(self, position: Position) -> bool:
        """Whether a group has still to read, or to acknowledge, an entry."""
        try:
            groups: Any = self.redis.xinfo_groups(position.stream)
        except ResponseError:  # there is no such stream any more
            return False
        for group in groups:
            if parse_id(group["last-delivered-id"]) < (position.ms, position.seq):
                return True
            at = position.entry_id
            if self.redis.xpending_range(position.stream, group["name"], min=at, max=at, count=1):
                return True
        return False


def _act_key() -> bytes:
    return event_key(NOWHERE, datetime.now(UTC), str(uuid4()))


@contextmanager
def _outages() -> Iterator[None]:
    try:
        yield
    except RedisError as outage:
        raise InfrastructureError(f"Redis does not answer ({outage}); what was begun goes on when it does") from outage
