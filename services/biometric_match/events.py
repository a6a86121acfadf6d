"""The events as this service reads and writes them: tolerant where it reads, strict where it writes.

It acts for three parties: the FBI searches IAFIS and relays, DHS searches IDENT, the LESC answers with a status. Each
table of disclosures says who hands what to whom with an event, on what basis and for what; the same table stands in
contracts/asyncapi.yaml. The hops and the names of the messages are those of domain.md 1.2.
"""

from dataclasses import replace
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.biometric_match.gallery import Contamination, Files, GalleryKind, Searchable
from services.biometric_match.matcher import UnsearchableReason
from services.biometric_match.prints import PRESETS, TEN, Preset, PrintModel, Prints
from services.biometric_match.records import Conviction, RecordMixes, Removable, Share, Status
from services.chassis.envelope import Consumed, Disclosure, Produced

Code = Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{16}$")]
Quality = Annotated[int, Field(ge=0, le=100, strict=True)]
NcicCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]
Ucn = Annotated[str, StringConstraints(pattern=r"^ZZ[0-9A-Z]{7}$")]
Fin = Annotated[str, StringConstraints(pattern=r"^FIN000[0-9]{7}$")]
ANumber = Annotated[str, StringConstraints(pattern=r"^A000[0-9]{6}$")]


class Charge(BaseModel):
    """What the person was booked on, as the agency told the FBI; the federal side only passes it on."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    ncic: NcicCode
    literal: str
    offense_class: Literal["infraction", "misdemeanor", "felony", "serious_felony"]


class SubmittedPrints(BaseModel):
    """Ten synthetic codes with their qualities, right thumb to left little; null for both where a finger is missing."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    codes: tuple[Code | None, ...] = Field(min_length=TEN, max_length=TEN)
    qualities: tuple[Quality | None, ...] = Field(min_length=TEN, max_length=TEN)

    @model_validator(mode="after")
    def _same_fingers(self) -> "SubmittedPrints":
        for code, quality in zip(self.codes, self.qualities, strict=True):
            if (code is None) != (quality is None):
                raise ValueError("a finger has a code and a quality, or neither")
        return self

    def decoded(self) -> Prints:
        """The prints as the matcher takes them."""
        return Prints(
            codes=tuple(None if code is None else int(code, 16) for code in self.codes),
            qualities=self.qualities,
        )


class FingerprintsSubmitted(Consumed):
    """A criminal tenprint submission (CAR) that has come through the state's bureau to the FBI.

    The biographic fields are not read here: the search is by fingerprint alone.
    """

    tot: Literal["CAR"]
    ori: str
    charge: Charge
    prints: SubmittedPrints


MOST_OVERLAP = 50_000
"""People in both galleries, unless a run asks for more: enough to book from, and quickly made."""


def _half_of_the_rows(validated: dict[str, Any]) -> int:
    return min(int(validated["rows"]) // 2, MOST_OVERLAP)


class Galleries(BaseModel):
    """The two synthetic galleries of a run, how they are searched, and what can be wrong with them."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    rows: int = Field(default=10_000, ge=1, le=10_000_000, description="Rows in IAFIS, and in IDENT.")
    overlap: int = Field(
        default_factory=_half_of_the_rows,
        ge=0,
        description="People in both; half the rows, but no more than 50,000, if none is given.",
    )
    fpir: float = Field(default=1e-5, gt=0, lt=1, description="False-positive identification rate of one search.")
    preset: Preset = Field(default="afit-2012", description="How good prints are: the model of 2012, or that of 2004.")
    ident_fingers: Searchable = Field(
        default=10,
        description="On how many fingers IDENT is searched: ten, or both index fingers as in its first years.",
    )
    contaminated_share: Share = Field(
        default=0, description="Of the rows: those with some fingers of another card. An assumption; 0 is none."
    )
    contaminated_fingers: int = Field(
        default=5, ge=1, le=TEN, description="How many fingers of such a row are another person's."
    )
    related_share: Share = Field(
        default=0,
        description="Of people: those who have a relative with fingers like theirs among the first 4,096 of IAFIS."
        " An assumption.",
    )
    alike_share: Share = Field(default=0, description="Of the bits of such a finger: those copied from the relative's.")
    retain_no_match: bool = Field(
        default=True,
        description="Whether IDENT keeps the prints of arrests that matched nobody, as an encounter. Disputed: critics"
        " (MIRA, ACLU) say that it did; the official limits were not read.",
    )

    @model_validator(mode="after")
    def _overlap_fits(self) -> "Galleries":
        if self.overlap > self.rows:
            raise ValueError(f"{self.overlap} people cannot be in two galleries of {self.rows} rows")
        return self

    @property
    def model(self) -> PrintModel:
        """How good prints are, and whose are alike."""
        return replace(PRESETS[self.preset], related_share=self.related_share, alike_share=self.alike_share)

    def fingers(self, kind: GalleryKind) -> Searchable:
        """On how many fingers a gallery is searched."""
        return self.ident_fingers if kind == "ident" else TEN

    def files(self, seed: int) -> Files:
        """What both galleries are made from."""
        contamination = Contamination(self.contaminated_share, self.contaminated_fingers)
        return Files(seed, self.rows, self.overlap, self.model, contamination)


class AgencySeen(BaseModel):
    """What policies may ask about a booking agency."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    facts: dict[str, str | int | bool] = Field(default_factory=dict)


class DocumentSeen(BaseModel):
    """A file that the run is pinned to."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    text: str


class RunOpened(Consumed):
    """The settings of a run, as far as the relay, the searches and the records depend on them.

    A run that was opened without a sharing policy relays everything.
    """

    seed: int
    opened_on: date
    time_zone: str = "UTC"
    agencies: dict[str, AgencySeen] = Field(default_factory=dict)
    vocabulary: DocumentSeen | None = None
    sharing: DocumentSeen | None = None
    records: RecordMixes = RecordMixes()
    galleries: Galleries = Galleries()


IDENTIFICATION_DISCLOSURES = (
    Disclosure(
        sender="FBI",
        recipient="SIB",
        categories=("criminal_history",),
        basis="SRE, the answer to a criminal tenprint submission (Secure Communities SOP 2009, 2.1.3)",
        purpose="tell the submitting state whether IAFIS knows the prints, and the convictions on file",
    ),
    Disclosure(
        sender="SIB",
        recipient="LEA",
        categories=("criminal_history",),
        basis="SRE, passed on by the State Identification Bureau (Secure Communities SOP 2009, 2.1.3)",
        purpose="identify the person in custody",
    ),
)
"""Hops H5 [C:EBTS91, SOP09 2.1.3]. A search that failed is answered over the same hops."""

SEARCH_DISCLOSURES = (
    Disclosure(
        sender="FBI",
        recipient="DHS",
        categories=("biometric", "biographic", "charge"),
        basis="IDENT/IAFIS interoperability: the automatic relay of every submission (Secure Communities SOP 2009)",
        purpose="search IDENT for the person's prints",
    ),
    Disclosure(
        sender="DHS",
        recipient="FBI",
        categories=("match_result",),
        basis="Shared Services response: match, no match or error (Secure Communities LEA packet 2010)",
        purpose="say whether IDENT knows the prints",
    ),
)
"""Hops H6 and H7 [C:SOP09, FIERCE, LEA10]. No person and no agency decides on the relay; the LEA is not asked.

Where a proposal or counterfactual of the run says `submit` of a submission, neither takes place, and there is no event.
"""

STATUS_DISCLOSURES = (
    Disclosure(
        sender="FBI",
        recipient="LESC",
        categories=("match_result", "biographic", "charge", "criminal_history"),
        basis="IAQ, the Immigration Alien Query that a match in IDENT sets off",
        purpose="ask for the immigration status of the person who matched",
    ),
    Disclosure(
        sender="LESC",
        recipient="ICE",
        categories=("immigration_status", "match_result", "charge", "criminal_history"),
        basis="IAR, the Immigration Alien Response, to the field office",
        purpose="let the field office decide whether to act",
    ),
    Disclosure(
        sender="LESC",
        recipient="FBI",
        categories=("immigration_status",),
        basis="IAR, the Immigration Alien Response, to the FBI",
        purpose="answer the query",
    ),
    Disclosure(
        sender="FBI",
        recipient="SIB",
        categories=("immigration_status",),
        basis="second response, IDR and IAR combined (Secure Communities SOP 2009, 2.1.4)",
        purpose="tell the submitting state of the status on file",
    ),
    Disclosure(
        sender="SIB",
        recipient="LEA",
        categories=("immigration_status",),
        basis="second response, passed on by a bureau that can, to an agency that takes it (LEA packet 2010)",
        purpose="tell the agency of the status on file",
    ),
)
"""Hops H8, H10 and H11 [C:VISUALLY, MIRA-blog, ICE-LESC, SOP09 2.1.4]. That an agency could decline to receive the
second response is background knowledge [B]; declining would not have been opting out of the sharing."""


class IdentificationReturned(Produced):
    """The FBI's criminal-identification answer (SRE): whether IAFIS knows the prints, and the convictions on file.

    `srf` is EBTS 2.059: `I` identified, `N` not. A submission that could not be searched is answered with `N` and
    the reason in `error` (in reality by another transaction, ERRT).
    """

    event_type: ClassVar[str] = "identification.returned.v1"
    party: ClassVar[str] = "FBI"

    tot: Literal["SRE"] = "SRE"
    srf: Literal["I", "N"]
    ucn: Ucn | None
    convictions: tuple[Conviction, ...]
    error: UnsearchableReason | None


class ImmigrationSearched(Produced):
    """DHS's search of IDENT for the relayed prints: match, no match or error.

    A match says that IDENT knows the prints, not that the person may be removed: IDENT holds green-card holders,
    visitors, asylum applicants and naturalised citizens. A known encounter says that it knows them from an earlier
    arrest of this run alone: there is no file to look up, and nothing follows. `score_db` says how rare the score is
    between strangers, in decibels; 95 dB is one false match in three thousand million comparisons. Shown up to 200.
    """

    event_type: ClassVar[str] = "immigration.searched.v1"
    party: ClassVar[str] = "DHS"

    result: Literal["match", "no_match", "error", "known_encounter"]
    fin: Fin | None
    score_db: Annotated[float, Field(ge=0, le=200)] | None
    reason: UnsearchableReason | None


class ArrestEnrolled(Produced):
    """The FBI keeps the prints of an arrest that matched nobody, as a record of its own in IAFIS.

    The criminal master file keeps every arrest (RET, EBTS 2.005). Searches of later days find it. Nobody is told.
    """

    event_type: ClassVar[str] = "arrest.enrolled.v1"
    party: ClassVar[str] = "FBI"

    day: date
    ucn: Ucn
    prints: SubmittedPrints


class EncounterEnrolled(Produced):
    """DHS keeps the prints of an arrest that matched nobody, as an encounter in IDENT, which is no immigration file.

    Only where the run's `retain_no_match` says so, which is disputed. Searches of later days find it. Nobody is told.
    """

    event_type: ClassVar[str] = "encounter.enrolled.v1"
    party: ClassVar[str] = "DHS"

    day: date
    fin: Fin
    prints: SubmittedPrints


class EnrolmentSeen(Consumed):
    """An enrolment as the searches of later days need it."""

    day: date
    prints: SubmittedPrints

    @property
    def called(self) -> str:
        """The number that the record has."""
        raise NotImplementedError


class ArrestEnrolledSeen(EnrolmentSeen):
    """What IAFIS has taken in."""

    ucn: Ucn

    @property
    def called(self) -> str:
        """The FBI's number."""
        return self.ucn


class EncounterEnrolledSeen(EnrolmentSeen):
    """What IDENT has taken in."""

    fin: Fin

    @property
    def called(self) -> str:
        """DHS's number."""
        return self.fin


class ImmigrationStatusReturned(Produced):
    """The LESC's answer (IAR) to the query that a match sets off: the status on file, for ICE and for the LEA.

    It is what the records say, and they can be stale. `removable` takes the convictions into account: a lawful
    permanent resident can be lawful and removable. The charge is the one that the agency submitted.
    """

    event_type: ClassVar[str] = "immigration.status.returned.v1"
    party: ClassVar[str] = "LESC"

    fin: Fin
    a_number: ANumber | None
    status: Status
    removable: Removable
    final_order: bool
    prior_removal: bool
    booked_at: AwareDatetime
    charge: Charge
    convictions: tuple[Conviction, ...]
