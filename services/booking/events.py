"""The events as booking sees them: strict where it writes, tolerant where it reads."""

from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from services.booking.hold_clock import ClockRule
from services.booking.identifiers import ANumber, FreeText, Label, Oca, Ori, Sid
from services.chassis.envelope import CLOCK, Consumed, Disclosure, Produced

Lever = Literal["ask_status", "notify", "hold", "transfer", "access"]
Share = Annotated[float, Field(ge=0, le=1)]
Handled = Literal["cited", "kept", "submitted"]
"""What the agency did with somebody whom it arrested: cited, without prints; booked, and kept the prints; sent them."""

Stage = Literal[
    "detainer_on_file",
    "charged",
    "held_to_answer",
    "bond_posted",
    "disposed",
    "releasable",
    "hold_started",
    "hold_expired",
    "transferred",
    "released",
]

SUBMISSION: tuple[Disclosure, ...] = (
    Disclosure(
        sender="LEA",
        recipient="SIB",
        categories=("biometric", "biographic", "charge"),
        basis="state arrest-fingerprint law (CAR submission)",
        purpose="criminal identification",
    ),
    Disclosure(
        sender="SIB",
        recipient="FBI",
        categories=("biometric", "biographic", "charge"),
        basis="state arrest-fingerprint law (CAR submission)",
        purpose="criminal identification",
    ),
)
HAND_OVER: tuple[Disclosure, ...] = (
    Disclosure(
        sender="LEA",
        recipient="ICE",
        categories=("custody",),
        basis="8 CFR 287.7",
        purpose="transfer of custody",
    ),
)


FIRST_YEAR, LAST_YEAR = 1990, 2100
LONGEST_STAY = timedelta(days=3660)
"""Ten years; a run lasts until the last person with a detainer has been released."""


def _within_reach(moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year < LAST_YEAR:
        raise ValueError(f"the sandbox knows the years {FIRST_YEAR} to {LAST_YEAR - 1}")
    return moment


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())  # it reads the whole folder of the zones every time


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError(f"there is no time zone '{name}'; write it like America/New_York")
    return name


Moment = Annotated[AwareDatetime, AfterValidator(_within_reach)]
ZoneName = Annotated[str, AfterValidator(_known_zone)]


class Strict(BaseModel):
    """A part of a payload that booking writes or takes in: nothing undeclared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tolerant(BaseModel):
    """A part of a payload that booking reads."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class SubmittedCharge(Strict):
    """The gravest charge of an arrest as it is submitted (EBTS 2.047 and the NCIC code)."""

    ncic: str = Field(pattern=r"^[0-9]{4}$")
    literal: FreeText
    offense_class: Literal["infraction", "misdemeanor", "felony", "serious_felony"]


class Charge(SubmittedCharge):
    """The same charge as the agency knows it, with what only its own, finer code can tell (domain.md 2.6)."""

    minor_traffic: bool = False
    domestic_violence: bool = False


class Prints(Strict):
    """Ten synthetic 64-bit codes (hexadecimal, null for a missing finger) with their qualities, never images."""

    codes: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None, ...] = Field(min_length=10, max_length=10)
    qualities: tuple[Annotated[int, Field(ge=0, le=100)] | None, ...] = Field(min_length=10, max_length=10)

    @model_validator(mode="after")
    def _same_fingers(self) -> "Prints":
        for code, quality in zip(self.codes, self.qualities, strict=True):
            if (code is None) != (quality is None):
                raise ValueError("a finger has a code and a quality, or neither")
        return self


class LocalFacts(Strict):
    """What the agency knows and never submits."""

    group: Literal["A", "B"] | None = None
    stop_reason: FreeText | None = None
    local_offense_code: FreeText | None = None


class Papers(Strict):
    """What the person has shown to the agency."""

    lawful_status_proof: bool = False


class CustodyPlan(Strict):
    """When the criminal case will let go of the person, as the scenario has it; null for what does not happen."""

    charge_filed_at: Moment | None = None
    held_to_answer_at: Moment | None = None
    bond_posted_at: Moment | None = None
    disposed_at: Moment | None = None
    release_at: Moment


class BookingRecorded(Produced):
    """A person was booked, or cited instead. Everything in it is local: nothing leaves the agency with this event."""

    event_type: ClassVar[str] = "booking.recorded.v1"
    party: ClassVar[str] = "LEA"

    ori: str
    oca: str
    label: str
    booked_at: AwareDatetime
    local: LocalFacts
    charge: Charge
    papers: Papers
    custody: CustodyPlan
    handled: Handled


class FingerprintsSubmitted(Produced):
    """The criminal ten-print submission (EBTS CAR, answer required), by way of the state bureau to the FBI."""

    event_type: ClassVar[str] = "fingerprints.submitted.v1"
    party: ClassVar[str] = "LEA"

    tot: Literal["CAR"] = "CAR"
    ori: str
    oca: str
    label: str
    sex: Literal["M", "F", "X"]
    birth_year: int
    place_of_birth: str
    arrested_on: date
    charge: SubmittedCharge
    prints: Prints
    a_number: str | None = None
    sid: str | None = None


class CustodyChanged(Produced):
    """The custody of a person with a detainer on file reached a stage.

    `facts` are what a policy asks about, as known to the agency at that moment, and are given at the stages at
    which the agency decides. `sequence` counts the stages of the case.
    """

    event_type: ClassVar[str] = "custody.changed.v1"
    party: ClassVar[str] = "LEA"

    ori: str
    stage: Stage
    sequence: int = Field(ge=0)
    facts: dict[str, str | int | bool] | None = None
    release_expected_at: AwareDatetime | None = None
    hold_hours: float | None = Field(default=None, ge=0)


class Agency(Strict):
    """A booking agency: which place's law binds it, which ICE office answers it, on which clock its hours run."""

    name: str
    place: str
    office: str
    time_zone: ZoneName
    facts: dict[str, str | int | bool] = Field(default_factory=dict)


class Document(Strict):
    """A file that the run is pinned to: its text and the hash of that text."""

    id: str
    text: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class DatedDocument(Document):
    """A file that the run is pinned to, and the day from which it is in force."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    since: date = Field(alias="from")


class Discretion(Strict):
    """How often the agency uses a lever that its policy permits (`may`)."""

    ask_status: Share
    notify: Share
    hold: Share
    transfer: Share
    access: Share


class Silence(Strict):
    """What the agency does where its policy says nothing."""

    ask_status: bool
    notify: bool
    hold: bool
    transfer: bool
    access: bool


class Pickup(Strict):
    """How often ICE comes, and within how many hours of a hold's beginning.

    `told_rate` has a share for each priority of the regime that it names, and `otherwise` for all others.
    """

    told_rate: dict[str, Share]
    untold_rate: Share
    within_hours: float = Field(gt=0, le=240)

    @field_validator("told_rate")
    @classmethod
    def _for_every_priority(cls, told_rate: dict[str, float]) -> dict[str, float]:
        if "otherwise" not in told_rate:
            raise ValueError("the share for all priorities that it does not name is missing: write 'otherwise'")
        return told_rate


class OutcomeShare(Strict):
    """One way in which a removal case ends: how often, and after how many days at the least and at the most."""

    weight: float = Field(ge=0)
    days: tuple[int, int]


class RunSettings(Strict):
    """Everything that a run is pinned to. Two runs with the same settings differ only in their ids."""

    scenario: str = Field(min_length=1, max_length=80)
    seed: int = Field(ge=0)
    opened_on: date
    time_zone: ZoneName
    agencies: dict[Ori, Agency] = Field(min_length=1)
    vocabulary: Document
    sharing: Document
    ice_priority: tuple[DatedDocument, ...] = Field(min_length=1)
    detainer: Document
    capacity_per_day: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)] | None]
    discretion: Discretion
    silence: Silence
    pickup: Pickup
    outcomes: dict[str, OutcomeShare]
    feedback: bool
    holidays: tuple[date, ...]
    records: dict[str, Any]
    galleries: dict[str, Any]

    @field_validator("outcomes")
    @classmethod
    def _some_outcome(cls, outcomes: dict[str, OutcomeShare]) -> dict[str, OutcomeShare]:
        if sum(share.weight for share in outcomes.values()) <= 0:
            raise ValueError("at least one outcome must weigh more than 0")
        return outcomes

    @model_validator(mode="after")
    def _a_regime_on_every_day(self) -> "RunSettings":
        first = self.ice_priority[0]
        if first.since > self.opened_on:
            raise ValueError(f"no regime is in force when the run opens on {self.opened_on}: {first.id} starts later")
        for regime, following in pairwise(self.ice_priority):
            if following.since <= regime.since:
                raise ValueError(f"regimes stand in the order of their days, but {following.id} follows {regime.id}")
        return self


class RunOpened(Produced, RunSettings):
    """A run was opened, with everything that it is pinned to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_type: ClassVar[str] = "run.opened.v1"
    party: ClassVar[str] = CLOCK


class DayEnded(Produced):
    """The day's hours are over and custody moves: one stage a case a round, until nothing of the day is left."""

    event_type: ClassVar[str] = "day.ended.v1"
    party: ClassVar[str] = CLOCK

    day: date
    round: int = Field(ge=0)
    ends_at: AwareDatetime


class DayClosed(Produced):
    """The day is closed: ICE works its lists, and what happens from here on happens in the next day."""

    event_type: ClassVar[str] = "day.closed.v1"
    party: ClassVar[str] = CLOCK

    day: date
    ends_at: AwareDatetime


class ConvictionSeen(Tolerant):
    """A conviction on the rap sheet that the FBI returned."""

    ncic: str
    offense_class: str
    convicted_on: date
    released_on: date | None = None
    aggravated_felony: bool = False


class IdentificationReturned(Consumed):
    """The FBI's answer (SRE), as the agency reads it."""

    srf: Literal["I", "N"]
    ucn: str | None = None
    convictions: tuple[ConvictionSeen, ...] = ()
    error: str | None = None


class ImmigrationStatusReturned(Consumed):
    """The second response, relayed by the state bureau."""

    status: str
    removable: str
    fin: str | None = None


class DetainerDecided(Consumed):
    """A detainer request (I-247) that was lodged with the agency."""

    action: Literal["lodged", "no_action"]
    form: str | None = None


class CooperationDecided(Consumed):
    """What the agency does about the detainer, as of a stage of custody."""

    as_of: Stage
    sequence: int
    exercised: dict[str, bool]
    max_hold_hours: float | None = None
    hold_clock: ClockRule = "excluding_weekends_and_holidays"
    told: bool = False


class CustodyClaimed(Consumed):
    """ICE comes for the person."""

    at: AwareDatetime


class OutcomeRecorded(Consumed):
    """What became of the person, where the agency is told."""

    outcome: str


class AgencySeen(Tolerant):
    """What custody needs of an agency."""

    time_zone: str
    facts: dict[str, str | int | bool] = Field(default_factory=dict)


class DocumentSeen(Tolerant):
    """A file that the run is pinned to."""

    id: str
    text: str


class RunOpenedSeen(Consumed):
    """What booking needs of its own run. One that was opened without a sharing policy submits everything."""

    agencies: dict[str, AgencySeen]
    time_zone: str
    opened_on: date
    holidays: tuple[date, ...]
    seed: int
    vocabulary: DocumentSeen
    sharing: DocumentSeen | None = None


class DayEndedSeen(Consumed):
    """The end of a day, as custody reads it."""

    ends_at: AwareDatetime


class BookingRequest(Strict):
    """A booking as the jail's system sends it: `POST /bookings`."""

    ori: Ori
    oca: Oca
    label: Label
    booked_at: Moment | None = None
    sex: Literal["M", "F", "X"]
    birth_year: int = Field(ge=1900, le=2030)
    place_of_birth: str = Field(pattern=r"^[A-Z]{2}$")
    charge: Charge
    prints: Prints
    local: LocalFacts = LocalFacts()
    papers: Papers = Papers()
    custody: CustodyPlan | None = None
    """When the criminal case lets go; without it, 36 hours after the booking."""
    a_number: ANumber | None = None
    sid: Sid | None = None

    @model_validator(mode="after")
    def _released_after_booked(self) -> "BookingRequest":
        if self.custody is None:
            return self
        if self.booked_at is None:
            raise ValueError("a booking that says when custody ends must say when it began (booked_at)")
        stay = self.custody.release_at - self.booked_at
        if not timedelta() <= stay <= LONGEST_STAY:
            raise ValueError(f"release_at must lie between the booking and {LONGEST_STAY.days} days later")
        return self
