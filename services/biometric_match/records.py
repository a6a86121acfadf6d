"""What the record behind a gallery row says: a pure function of the run's seed, the row and the run's mixes.

Records are not truth. Who a synthetic person really is only the sandbox knows; a stale record is the difference
between the two. Identifiers are in impossible ranges (`ZZ...`, `FIN000...`, `A000...`), so that none is anybody's.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from string import ascii_uppercase, digits
from typing import Annotated, Final, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.biometric_match.offenses import OFFENSES_BY_CLASS, OffenseClass
from services.chassis.chance import chance, pick

Status = Literal[
    "naturalized_citizen",
    "derived_citizen",
    "lawful_permanent_resident",
    "visa_holder",
    "visa_overstay",
    "entered_without_inspection",
    "asylum_pending",
    "prior_removal",
]

Removable = Literal["yes", "no", "unknown"]

CITIZENS: Final = frozenset[Status]({"naturalized_citizen", "derived_citizen"})
REMOVABLE: Final = frozenset[Status]({"visa_overstay", "entered_without_inspection", "prior_removal"})

Key = TypeVar("Key", bound=str)
Share = Annotated[float, Field(ge=0, le=1)]

MOST_CONVICTIONS = 5
_DAYS_A_YEAR = 365


class RecordMixes(BaseModel):
    """How often records say what: a scenario's settings, carried by `run.opened`.

    The defaults take no side: kinds weigh the same and shares are round. None of them is a figure about any place.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    status_weights: dict[Status, Annotated[float, Field(ge=0)]] = Field(
        default={
            "naturalized_citizen": 1,
            "derived_citizen": 1,
            "lawful_permanent_resident": 1,
            "visa_holder": 1,
            "visa_overstay": 1,
            "entered_without_inspection": 1,
            "asylum_pending": 1,
            "prior_removal": 1,
        },
        description="Statuses on IDENT's rows, by weight. A status that is left out does not occur.",
    )
    unknown_share: Share = Field(
        default=0.02,
        description="Of records that are neither a citizen's nor of a prior removal: those that do not say "
        "whether the person is removable.",
    )
    final_order_share_of_removable: Share = Field(
        default=0.1, description="Of records that say removable: those with an outstanding order of removal."
    )
    prior_removal_share_of_removable: Share = Field(
        default=0.0,
        description="Of overstays and entries without inspection that are removable: those whose file also shows "
        "an earlier removal. The status `prior_removal` always does.",
    )
    no_conviction_share: Share = Field(
        default=0.5, description="Of IAFIS's rows: those with arrests but without a conviction."
    )
    conviction_weights: dict[OffenseClass, Annotated[float, Field(ge=0)]] = Field(
        default={"misdemeanor": 1, "listed_misdemeanor": 1, "felony": 1, "serious_felony": 1},
        description="Classes of the convictions, by weight.",
    )
    more_than_one_share: Share = Field(
        default=0.25,
        description="Of people with a conviction: those with a second; of those, with a third; up to five.",
    )
    years_back: Annotated[float, Field(gt=0, le=50)] = Field(
        default=15, description="How old a conviction can be, in years before the run opens; all ages are as likely."
    )
    imprisoned_share: Share = Field(
        default=0.5, description="Of convictions: those that brought imprisonment, and so a date of release."
    )

    @field_validator("status_weights", "conviction_weights")
    @classmethod
    def _something_weighs(cls, weights: dict[str, float]) -> dict[str, float]:
        if sum(weights.values()) <= 0:
            raise ValueError("at least one weight must be more than 0")
        return weights


class Conviction(BaseModel):
    """A conviction as a rap sheet lists it, and as events carry it. `max_years` is the maximum penalty."""

    model_config = ConfigDict(frozen=True)

    ncic: str
    offense_class: OffenseClass
    max_years: float
    convicted_on: date
    released_on: date | None
    """The end of imprisonment; None if there was none."""

    aggravated_felony: bool


class CriminalRecord(BaseModel):
    """What IAFIS holds behind one row."""

    model_config = ConfigDict(frozen=True)

    ucn: str
    convictions: tuple[Conviction, ...]


class ImmigrationRecord(BaseModel):
    """What DHS files say behind one row of IDENT.

    `removable` is what follows from the status; that a lawful permanent resident can be lawful and removable follows
    from convictions, which are another agency's record (`domain.removability`).
    """

    model_config = ConfigDict(frozen=True)

    fin: str
    a_number: str | None
    status: Status
    removable: Removable
    final_order: bool
    prior_removal: bool


def criminal_record(seed: int, row: int, mixes: RecordMixes, as_of: date) -> CriminalRecord:
    """What IAFIS says of `row` on `as_of`, the day on which the run opens; convictions come oldest first.

    The number is unique up to 78 thousand million rows.
    """
    case = f"iafis/{row}"
    convictions = sorted(
        (_conviction(seed, f"{case}/{index}", mixes, as_of) for index in range(_how_many(seed, case, mixes))),
        key=lambda conviction: conviction.convicted_on,
    )
    return CriminalRecord(ucn=f"ZZ{_base_36(_scattered(seed, 'ucn', row, 36**7))}", convictions=tuple(convictions))


def immigration_record(seed: int, row: int, mixes: RecordMixes) -> ImmigrationRecord:
    """What DHS says of `row` of IDENT. FINs are unique up to 10 million rows, A-numbers up to 1 million."""
    case = f"ident/{row}"
    status = _pick(mixes.status_weights, chance(seed, "record.status", case))
    removable = _removable(seed, case, status, mixes)

    final_order = removable == "yes" and chance(seed, "record.final_order", case) < mixes.final_order_share_of_removable
    removed_before = chance(seed, "record.prior_removal", case) < mixes.prior_removal_share_of_removable
    prior_removal = status == "prior_removal" or (removable == "yes" and removed_before)

    # Visitors have no A-file until removal proceedings open one [B].
    visitor = status in ("visa_holder", "visa_overstay")
    has_a_file = not visitor or final_order or prior_removal
    return ImmigrationRecord(
        fin=f"FIN000{_scattered(seed, 'fin', row, 10**7):07d}",
        a_number=f"A000{_scattered(seed, 'a_number', row, 10**6):06d}" if has_a_file else None,
        status=status,
        removable=removable,
        final_order=final_order,
        prior_removal=prior_removal,
    )


def _removable(seed: int, case: str, status: Status, mixes: RecordMixes) -> Removable:
    if status in CITIZENS:
        return "no"
    if status == "prior_removal":
        return "yes"
    if chance(seed, "record.removable_unknown", case) < mixes.unknown_share:
        return "unknown"
    return "yes" if status in REMOVABLE else "no"


def _how_many(seed: int, case: str, mixes: RecordMixes) -> int:
    if chance(seed, "record.no_conviction", case) < mixes.no_conviction_share:
        return 0
    count = 1
    while count < MOST_CONVICTIONS and chance(seed, "record.another", f"{case}/{count}") < mixes.more_than_one_share:
        count += 1
    return count


def _conviction(seed: int, case: str, mixes: RecordMixes, as_of: date) -> Conviction:
    kind = _pick(mixes.conviction_weights, chance(seed, "record.class", case))
    offenses = OFFENSES_BY_CLASS[kind]
    offense = offenses[int(chance(seed, "record.offense", case) * len(offenses))]

    # Between the day before the run opens and `years_back`; a booked person is at large, so any term has ended.
    days_ago = 1 + int(chance(seed, "record.recency", case) * mixes.years_back * _DAYS_A_YEAR)
    convicted_on = as_of - timedelta(days=days_ago)
    released_on = None
    if chance(seed, "record.imprisoned", case) < mixes.imprisoned_share:
        served = 1 + int(chance(seed, "record.served", case) * offense.max_years * _DAYS_A_YEAR)
        released_on = convicted_on + timedelta(days=min(served, days_ago))

    return Conviction(
        ncic=offense.ncic,
        offense_class=offense.offense_class,
        max_years=offense.max_years,
        convicted_on=convicted_on,
        released_on=released_on,
        aggravated_felony=offense.aggravated_felony,
    )


def _pick(weights: Mapping[Key, float], draw: float) -> Key:
    """`pick` that keeps the keys' type."""
    return cast(Key, pick({str(key): weight for key, weight in weights.items()}, draw))


def _scattered(seed: int, purpose: str, row: int, size: int) -> int:
    """A number below `size` that no other row below `size` has, far from those of the neighbouring rows.

    The factor shares no divisor with 10 or with 36, so the map is one to one.
    """
    start = int(chance(seed, f"record.{purpose}", "start") * size)
    return (start + row * 6_180_339_887) % size


def _base_36(number: int) -> str:
    alphabet = digits + ascii_uppercase
    text = ""
    for _ in range(7):
        number, digit = divmod(number, 36)
        text = alphabet[digit] + text
    return text
