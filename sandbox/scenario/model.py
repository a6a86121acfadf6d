"""What a scenario file says: a place, a period, a volume, mixes, rates, and the figures that it is held against."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from sandbox.scenario.figures import Explanation, Figure, Fit, FittedParameter, parameter_hash
from sandbox.scenario.parts import Hours, Part, Share, Weight
from services.biometric_match.events import Galleries
from services.biometric_match.records import RecordMixes, Status
from services.booking.events import Agency, Discretion, OutcomeShare, Pickup, Silence

BY_DATE = "by-date"
"""In place of a regime: the one that was in force on each day."""

AS_IT_WAS = "us-sharing-2008"
"""The sharing policy of every scenario that names no other: everything that is submitted is relayed."""

TrueStatus = Literal["us_born"] | Status


class Period(Part):
    """The first and the last day on which people are booked."""

    since: date = Field(alias="from")
    until: date

    @model_validator(mode="after")
    def _forward(self) -> "Period":
        if self.until < self.since:
            raise ValueError(f"the period ends on {self.until}, before it begins")
        return self


class VolumePoint(Part):
    """How many submissions there had really been by the end of a day, from the first day of the period."""

    until: date
    submissions: Annotated[int, Field(gt=0)]
    source: str
    tag: str


class ChargeShare(Part):
    """A charge, by weight."""

    ncic: str = Field(pattern=r"^[0-9]{4}$")
    literal: str
    offense_class: Literal["infraction", "misdemeanor", "felony", "serious_felony"]
    weight: float = Field(gt=0)
    minor_traffic: bool = False
    domestic_violence: bool = False
    local_offense_code: str | None = None

    @property
    def minor(self) -> bool:
        """Whether the gravest that the arrest was for is a misdemeanour or less."""
        return self.offense_class in ("infraction", "misdemeanor")


class Milestone(Part):
    """Something that happens to a share of cases, so many hours after the booking."""

    share: Share
    hours: Hours


class ReleaseShare(Part):
    """A span of hours after which people are let go, by weight."""

    weight: float = Field(gt=0)
    hours: Hours


class CustodyMix(Part):
    """How criminal cases go."""

    charge_filed: Milestone
    held_to_answer: Milestone
    bond_posted: Milestone
    disposed: Milestone
    release: Annotated[tuple[ReleaseShare, ...], Field(min_length=1)]


class Associations(Part):
    """How much likelier a booked person is of group B, as a ratio of odds, among those of whom something holds.

    1 is neutral, and every default is 1: the groups then differ in nothing. Whatever a report says about groups is
    what was declared here.
    """

    minor_charge: float = Field(default=1, gt=0)
    in_ident: float = Field(default=1, gt=0)
    in_iafis: float = Field(default=1, gt=0)
    status: dict[TrueStatus, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)


class StaleRecords(Part):
    """Records whose status is no longer true: how often, and what the truth has become."""

    share: Share
    becomes: dict[Status, Status]


class PeopleMix(Part):
    """Who is booked, and how much of it the federal files know."""

    in_ident: Share
    in_iafis_of_ident: Share
    in_iafis_of_others: Share
    status_of_others: dict[TrueStatus, Weight]
    """True statuses, by weight, of the people of whom IDENT has no record."""

    stale_records: StaleRecords
    birthplaces_abroad: dict[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], Weight]
    groups: dict[Literal["A", "B"], Weight]
    associations: Associations = Associations()
    lawful_status_proof: Share


class Scenario(Part):
    """A scenario file, under one of its explanations where it has several."""

    scenario: str
    title: str
    place: str
    time_zone: str
    period: Period
    volume: tuple[VolumePoint, ...] = ()
    regime: str
    policy: str
    sharing: str = AS_IT_WAS
    """How far prints go, which was never a place's own choice."""

    agencies: dict[str, Agency]
    agency_weights: dict[str, float]
    capacity_per_day: dict[str, Annotated[float, Field(ge=0)] | None]
    people: PeopleMix
    charges: Annotated[tuple[ChargeShare, ...], Field(min_length=1)]
    custody: CustodyMix
    records: RecordMixes
    galleries: Galleries
    discretion: Discretion
    silence: Silence
    pickup: Pickup
    outcomes: dict[str, OutcomeShare]
    feedback: bool
    parameters_of: str | None = None
    """The scenario whose parameters are carried over to this place and period, fitted ones included."""

    fit: Fit | None = None
    explanations: dict[str, Explanation] = Field(default_factory=dict)
    parameter_hash: str | None = None
    published: tuple[Figure, ...] = ()
    explanation: str | None = None
    """Under which explanation this scenario was loaded."""

    @field_validator("volume")
    @classmethod
    def _rising(cls, volume: tuple[VolumePoint, ...]) -> tuple[VolumePoint, ...]:
        for before, after in pairwise(volume):
            if after.until <= before.until or after.submissions < before.submissions:
                raise ValueError(f"counts are cumulative, so {after.until} must not be below {before.until}")
        return volume

    @model_validator(mode="after")
    def _volume_covers_the_period(self) -> "Scenario":
        if self.volume and (self.volume[-1].until != self.period.until or self.volume[0].until < self.period.since):
            raise ValueError(f"the volume must run from {self.period.since} to {self.period.until}")
        return self

    @model_validator(mode="after")
    def _figures_make_sense(self) -> "Scenario":
        by_name = {figure.figure: figure for figure in self.published}
        if len(by_name) != len(self.published):
            raise ValueError("two published figures have the same name")
        for figure in self.published:
            if figure.under is not None and figure.under not in self.explanations:
                raise ValueError(f"figure '{figure.figure}' stands under '{figure.under}', which is no explanation")
        if self.parameters_of is None:
            for fitted in [fitted for fit in self.fits.values() for fitted in fit.values()]:
                named = by_name.get(fitted.figure)
                if named is None or named.label != "fitted":
                    raise ValueError(f"'{fitted.figure}' is no published figure with the label 'fitted'")
        return self

    @property
    def fits(self) -> Mapping[str, Fit]:
        """Every fit of the file, by explanation; under `""` where there is but one."""
        if self.explanations:
            return {name: explanation.fit for name, explanation in self.explanations.items()}
        return {"": self.fit} if self.fit else {}

    @property
    def fitted(self) -> Mapping[str, FittedParameter]:
        """The fitted parameters that this scenario was loaded with."""
        return self.fits.get(self.explanation or "", {})

    @property
    def hash_of_parameters(self) -> str:
        """The hash of all fitted values; see `parameter_hash`."""
        return parameter_hash(dict(self.fits))

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The published figures as they are meant under this scenario's explanation."""
        return tuple(figure for figure in self.published if figure.under in (None, self.explanation))

    @property
    def real_volume(self) -> int | None:
        """How many submissions there really were in the period; None where nothing real is modelled."""
        return self.volume[-1].submissions if self.volume else None


def span(scenario: Scenario) -> timedelta:
    """How long the period lasts."""
    return scenario.period.until - scenario.period.since + timedelta(days=1)
