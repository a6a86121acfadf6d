"""The events as the detainer service sees them: strict where it writes, tolerant where it reads."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.chassis.envelope import Consumed, Disclosure, Produced

I_247: tuple[Disclosure, ...] = (
    Disclosure(
        sender="ICE",
        recipient="LEA",
        categories=("detainer", "biographic", "immigration_status"),
        basis="8 CFR 287.7(a)",
        purpose="request to hold and to be notified (I-247)",
    ),
)
NOTICE: tuple[Disclosure, ...] = (
    Disclosure(
        sender="LEA",
        recipient="ICE",
        categories=("release_date", "custody_location", "cooperation"),
        basis="8 CFR 287.7(a), as the local policy answers it",
        purpose="notice of release",
    ),
)
HOLD_BEGINS: tuple[Disclosure, ...] = (
    Disclosure(
        sender="LEA",
        recipient="ICE",
        categories=("release_date", "custody_location", "cooperation"),
        basis="8 CFR 287.7(d), because the agency begins to hold at ICE's request",
        purpose="assumption of custody",
    ),
)
CLAIM: tuple[Disclosure, ...] = (
    Disclosure(
        sender="ICE",
        recipient="LEA",
        categories=("claim",),
        basis="8 CFR 287.7(d)",
        purpose="assumption of custody",
    ),
)
FEEDBACK: tuple[Disclosure, ...] = (
    Disclosure(
        sender="ICE",
        recipient="LEA",
        categories=("outcome", "immigration_status"),
        basis="feedback lever of the scenario (in reality nothing is returned)",
        purpose="outcome feedback",
    ),
)


class Strict(BaseModel):
    """A part of a payload that this service writes: nothing undeclared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tolerant(BaseModel):
    """A part of a payload that this service reads."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Ground(Strict):
    """A clause that decided, with where it stands and which levers it decides (for a regime: the one question)."""

    clause: str
    text: str
    source: str
    levers: tuple[str, ...]


class SetAside(Strict):
    """A clause that applied and was displaced, and by which."""

    clause: str
    by: str


class Basis(Strict):
    """What a decision rests on: the policy file by id and hash, its clauses, and what had to be assumed."""

    policy: str
    sha256: str
    because: tuple[Ground, ...]
    set_aside: tuple[SetAside, ...]
    assumed: tuple[str, ...]


class Levels(Strict):
    """The same facts under both readings of the levels (domain.md, "Eight facts", 5)."""

    charge_or_conviction: Literal["level_1", "level_2", "level_3", "none"]
    conviction: Literal["level_1", "level_2", "level_3", "none"]


class Grounds(Strict):
    """What else was known: whether convicted, under an order, back after a removal."""

    convicted: bool
    final_order: bool
    prior_removal: bool


class DetainerDecided(Produced):
    """ICE decided whether to lodge a detainer (I-247), under its priority regime and within its capacity."""

    event_type: ClassVar[str] = "detainer.decided.v1"
    party: ClassVar[str] = "ICE"

    ori: str
    action: Literal["lodged", "no_action"]
    reason: Literal["priority", "no_priority", "no_capacity"]
    priority: str
    levels: Levels
    grounds: Grounds
    form: Literal["I-247"] | None
    basis: Basis


class CooperationDecided(Produced):
    """The agency decided what it does about the detainer, as of a stage of custody.

    `answers` are what the policy says of each lever; `exercised` is what the agency does with it. `told` says that
    ICE is told the release date and the place, and only then do these two carry a value.
    """

    event_type: ClassVar[str] = "cooperation.decided.v1"
    party: ClassVar[str] = "LEA"

    ori: str
    as_of: str
    sequence: int = Field(ge=0)
    answers: dict[str, Literal["must", "may", "must_not", "silent"]]
    exercised: dict[str, bool]
    max_hold_hours: float | None
    hold_clock: Literal["excluding_weekends_and_holidays", "straight"]
    told: bool
    release_expected_at: AwareDatetime | None
    custody_location: str | None
    basis: Basis


class CustodyClaimed(Produced):
    """ICE comes for the person, at the time that it plans; there is no such event when it does not come."""

    event_type: ClassVar[str] = "custody.claimed.v1"
    party: ClassVar[str] = "ICE"

    at: AwareDatetime
    told: bool


class OutcomeRecorded(Produced):
    """How the case ended. Historically not returned to the agency; the feedback lever changes that."""

    event_type: ClassVar[str] = "outcome.recorded.v1"
    party: ClassVar[str] = "ICE"

    outcome: str
    levels: Levels
    grounds: Grounds
    feedback: bool


class ChargeSeen(Tolerant):
    """The charge as LESC passed it on."""

    ncic: str
    offense_class: str


class ConvictionSeen(Tolerant):
    """A conviction as LESC passed it on."""

    ncic: str
    max_years: float
    convicted_on: date
    aggravated_felony: bool = False


class ImmigrationStatusReturned(Consumed):
    """The IAR, as ICE's field office reads it."""

    status: str
    removable: Literal["yes", "no", "unknown"]
    final_order: bool
    prior_removal: bool
    charge: ChargeSeen
    convictions: tuple[ConvictionSeen, ...]


class CustodyChanged(Consumed):
    """A stage of custody: for the agency with the facts it decides on, for ICE only the transfer."""

    ori: str
    stage: str
    sequence: int
    facts: dict[str, str | int | bool] | None = None
    release_expected_at: AwareDatetime | None = None


class CooperationSeen(Consumed):
    """What ICE is told of the agency's decision."""

    told: bool
    exercised: dict[str, bool]
    release_expected_at: AwareDatetime | None = None


class DayClosed(Consumed):
    """The day is closed."""

    day: date
    ends_at: AwareDatetime


class AgencySeen(Tolerant):
    """An agency: which office answers it, on which clock."""

    office: str
    time_zone: str


class DocumentSeen(Tolerant):
    """A policy text that the run is pinned to."""

    id: str
    text: str


class DatedDocumentSeen(DocumentSeen):
    """A policy text, and the day from which it is in force."""

    since: date = Field(alias="from")


class PickupSeen(Tolerant):
    """How often ICE comes, and within how many hours of a hold's beginning."""

    told_rate: dict[str, float]
    untold_rate: float
    within_hours: float


class OutcomeShareSeen(Tolerant):
    """One way in which a case ends."""

    weight: float
    days: tuple[int, int]


class RunOpened(Consumed):
    """What this service needs of a run."""

    seed: int
    opened_on: date
    time_zone: str
    agencies: dict[str, AgencySeen]
    vocabulary: DocumentSeen
    ice_priority: tuple[DatedDocumentSeen, ...]
    detainer: DocumentSeen
    capacity_per_day: dict[str, float | None]
    discretion: dict[str, float]
    silence: dict[str, bool]
    pickup: PickupSeen
    outcomes: dict[str, OutcomeShareSeen]
    feedback: bool
