"""One row per disclosure, and the proof that the ledger holds exactly what the streams carried."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC

from services.chassis.envelope import Consumed, Event


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
    subject: str
    event_type: str

    @property
    def name(self) -> tuple[str, int]:
        """What tells the row apart from all others."""
        return self.event_id, self.hop


def rows_of(event: Event[Consumed]) -> Iterator[Row]:
    """The disclosures of an event, one row each, in the order of its hops."""
    for hop, disclosure in enumerate(event.data.disclosures):
        yield Row(
            event_id=event.id,
            hop=hop,
            sender=disclosure.sender,
            recipient=disclosure.recipient,
            categories=" ".join(sorted(disclosure.categories)),
            basis=disclosure.basis,
            purpose=disclosure.purpose,
            time=event.time.astimezone(UTC).isoformat(),
            runid=event.runid,
            subject=event.subject,
            event_type=event.type,
        )


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What a comparison of streams and ledger found."""

    disclosures: int
    missing: tuple[Row, ...] = field(default_factory=tuple)
    extra: tuple[Row, ...] = field(default_factory=tuple)
    different: tuple[tuple[Row, Row], ...] = field(default_factory=tuple)

    @property
    def reconciled(self) -> bool:
        """Whether every disclosure has exactly one row, and every row a disclosure."""
        return not (self.missing or self.extra or self.different)


def reconcile(streamed: Iterable[Row], ledger: Mapping[tuple[str, int], Row]) -> Reconciliation:
    """Compares what the streams carried with what the ledger holds.

    Args:
        streamed: the rows of every event in the streams; an event that stands there twice counts once.
        ledger: the rows of the ledger, by name.
    """
    carried: dict[tuple[str, int], Row] = {}
    different = [(row, first) for row in streamed if (first := carried.setdefault(row.name, row)) != row]
    missing = [row for name, row in carried.items() if name not in ledger]
    extra = [row for name, row in ledger.items() if name not in carried]
    different += [(row, ledger[name]) for name, row in carried.items() if name in ledger and ledger[name] != row]
    return Reconciliation(len(carried), tuple(missing), tuple(extra), tuple(different))
