"""The events as the transparency report reads them: of each only what it counts, and tolerant of everything else.

The ledger never looks at what was said. The report has to, so it is a consumer group of its own, with readers of its
own, and what it does not need it never holds: no label, no prints, no number of any file.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.chassis.envelope import Consumed


class Tolerant(BaseModel):
    """A part of a payload that the report reads."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class AgencySeen(Tolerant):
    """An agency: where it is, and on which clock its months begin."""

    name: str
    place: str
    time_zone: str


class DocumentSeen(Tolerant):
    """A policy file that the run is pinned to, by id and hash."""

    id: str
    sha256: str


class DatedDocumentSeen(DocumentSeen):
    """A policy file, and the day from which it is in force."""

    since: date = Field(alias="from")


class RunOpened(Consumed):
    """What the report says of a run before it counts anything."""

    scenario: str
    seed: int
    opened_on: date
    agencies: dict[str, AgencySeen]
    vocabulary: DocumentSeen
    sharing: DocumentSeen | None = None
    ice_priority: tuple[DatedDocumentSeen, ...]
    detainer: DocumentSeen
    outcomes: dict[str, Any]
    feedback: bool


class DayClosed(Consumed):
    """Through this day the run is complete."""

    day: date


class BookingRecorded(Consumed):
    """Somebody was booked. A run from before there were sharing policies submitted everybody's prints."""

    handled: str = "submitted"


class ImmigrationSearched(Consumed):
    """Whether DHS knew the prints."""

    result: str


class ChargeSeen(Tolerant):
    """The charge that went with the person's status."""

    ncic: str | None = None


class ImmigrationStatusReturned(Consumed):
    """What ICE is handed after a match. Whether a charge came with it is a finding of its own."""

    charge: ChargeSeen | None = None


class LevelsSeen(Tolerant):
    """The level of a person under both readings."""

    charge_or_conviction: str
    conviction: str


class GroundsSeen(Tolerant):
    """What else ICE knew of a person."""

    convicted: bool
    final_order: bool
    prior_removal: bool


class GroundSeen(Tolerant):
    """A clause that decided, with where it stands and which levers it decides."""

    clause: str
    text: str
    source: str
    levers: tuple[str, ...]


class BasisSeen(Tolerant):
    """The policy file that decided, and its clauses."""

    policy: str
    sha256: str
    because: tuple[GroundSeen, ...]


class DetainerDecided(Consumed):
    """ICE lodged a detainer, or did not."""

    action: str
    reason: str
    levels: LevelsSeen
    grounds: GroundsSeen
    basis: BasisSeen


class CustodyChanged(Consumed):
    """A stage of custody, and what the agency knew then."""

    stage: str
    facts: Mapping[str, str | int | bool] | None = None


class CooperationDecided(Consumed):
    """What the agency does about a detainer, and the clauses that say so."""

    sequence: int
    answers: Mapping[str, str]
    exercised: Mapping[str, bool]
    told: bool
    basis: BasisSeen


class OutcomeRecorded(Consumed):
    """How a case ended. Whether the agency was told stands in the disclosures."""

    outcome: str


GROUP = "audit.report"
"""The consumer group of the report: it can lag or fail without the ledger."""

READ: Mapping[str, type[Consumed]] = {
    "run.opened.v1": RunOpened,
    "day.closed.v1": DayClosed,
    "booking.recorded.v1": BookingRecorded,
    "fingerprints.submitted.v1": Consumed,
    "identification.returned.v1": Consumed,
    "immigration.searched.v1": ImmigrationSearched,
    "immigration.status.returned.v1": ImmigrationStatusReturned,
    "detainer.decided.v1": DetainerDecided,
    "custody.changed.v1": CustodyChanged,
    "cooperation.decided.v1": CooperationDecided,
    "custody.claimed.v1": Consumed,
    "outcome.recorded.v1": OutcomeRecorded,
}
"""What the group `audit.report` reads, and as what."""
