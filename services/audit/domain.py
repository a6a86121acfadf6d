"""What one disclosure is, what of it the public log shows, and what the comparison of log and streams found."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from services.chassis.envelope import Event

Profile = Literal["open", "official"]
"""How much an entry of the log shows. What anybody can read, anybody can count, exactly: `open` is for people who are
invented. `official` shows a quarter and a commitment, and auditors open the rest."""

_MONTHS_A_QUARTER = 3
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Row:
    """One disclosure: who told whom what, on what basis, for what purpose, when, and by which event."""

    event_id: str
    hop: int
    sender: str
    recipient: str
    categories: str
    basis: str
    purpose: str
    time: str
    runid: str
    tcn: str
    subject: str
    event_type: str

    @property
    def name(self) -> tuple[str, int]:
        """What tells the row apart from all others."""
        return self.event_id, self.hop

    @property
    def share_id(self) -> bytes:
        """The same as bytes."""
        return f"{self.event_id}/{self.hop}".encode()

    @property
    def record(self) -> bytes:
        """The row in the one form in which it is sealed and committed to: JSON with sorted keys."""
        # `asdict` copies every value deeply, which takes ten times as long as everything else about a record.
        return orjson.dumps({name: getattr(self, name) for name in self.__slots__}, option=orjson.OPT_SORT_KEYS)


def row_of(record: bytes) -> Row:
    """The row that a record holds."""
    return Row(**orjson.loads(record))


def rows_of(event: Event[Any]) -> Iterator[Row]:
    """The disclosures of an event, one row each, in the order of its hops."""
    time = event.time.astimezone(UTC).isoformat()
    for hop, disclosure in enumerate(event.data.disclosures):
        yield Row(
            event_id=event.id,
            hop=hop,
            sender=disclosure.sender,
            recipient=disclosure.recipient,
            categories=" ".join(sorted(disclosure.categories)),
            basis=disclosure.basis,
            purpose=disclosure.purpose,
            time=time,
            runid=event.runid,
            tcn=event.tcn or "",
            subject=event.subject,
            event_type=event.type,
        )


def entry_of(row: Row, commitment: bytes, profile: Profile) -> bytes:
    """What the log holds of a disclosure: nothing that names the person, plain or hashed.

    Args:
        row: the disclosure.
        commitment: binds the whole record; only whoever has the opening key can check it.
        profile: how much is shown besides.
    """
    if profile == "official":
        shown: dict[str, Any] = {"quarter": quarter_of(row.time)}
    else:
        shown = {
            "from": row.sender,
            "to": row.recipient,
            "what": row.categories.split(),
            "month": month_of(row.time),
            "type": row.event_type,
        }
    return _entry({"kind": "share", "commit": commitment.hex(), **shown})


def expunged_entry(at: datetime, profile: Profile) -> bytes:
    """What the log holds of an expunction: that one happened, and when, roughly."""
    time = at.astimezone(UTC).isoformat()
    shown = {"quarter": quarter_of(time)} if profile == "official" else {"month": month_of(time)}
    return _entry({"kind": "expunged", **shown})


def month_of(time: str) -> str:
    """The month of a time, e.g. `2010-02`."""
    return time[:7]


def quarter_of(time: str) -> str:
    """The quarter of a time, e.g. `2010-Q1`."""
    return f"{time[:4]}-Q{(int(time[5:7]) - 1) // _MONTHS_A_QUARTER + 1}"


def _entry(fields: dict[str, Any]) -> bytes:
    return orjson.dumps({"v": _VERSION, **fields}, option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True)
class Finding:
    """An event whose disclosures and entries do not fit, and in what way."""

    event_id: str
    event_type: str
    subject: str
    what: str


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What a comparison of the streams with the log found, in entries of the log unless said otherwise."""

    size: int
    """Entries of the log."""

    matched: int = 0
    """Entries that were compared with the disclosure that an event in a stream declares."""

    on_marks: int = 0
    """Entries of events that were trimmed from their streams since: only the marks say what they were."""

    expunged: int = 0
    """Entries of people whose records were expunged, and the entries that say so."""

    waiting: int = 0
    """Events in the streams that audit has not taken in yet."""

    missing: tuple[Finding, ...] = field(default_factory=tuple)
    """Events that disclose, and have no entry."""

    extra: tuple[Finding, ...] = field(default_factory=tuple)
    """Entries whose event is gone without having been trimmed or expunged, or that no event ever made."""

    different: tuple[Finding, ...] = field(default_factory=tuple)
    """Events whose entries are others than their disclosures make."""

    @property
    def reconciled(self) -> bool:
        """Whether every disclosure has exactly one entry, and every entry a disclosure."""
        return not (self.missing or self.extra or self.different)

    @property
    def lag(self) -> int:
        """Entries of the log that were not compared with anything yet."""
        return self.size - self.matched - self.on_marks - self.expunged
