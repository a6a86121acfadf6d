"""What the record behind a gallery row says: a pure function of the run's seed, the row and the run's mixes.

Records are not truth. Who a synthetic person really is only the sandbox knows; a stale record is the difference
between the two. Identifiers are in impossible ranges (`ZZ...`, `FIN000...`, `A000...`), so that none is anybody's.

Records are made as columns, for many rows at once, and come out of them one by one as the objects that events carry.
"""

from collections.abc import Set
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from string import ascii_uppercase, digits
from typing import Annotated, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.biometric_match.offenses import OFFENSES, OFFENSES_BY_CLASS, OffenseClass
from services.chassis.chance import chance
from services.chassis.draws import Integers, draws, picks

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
STATUSES: Final[tuple[Status, ...]] = get_args(Status)

Removable = Literal["yes", "no", "unknown"]
REMOVABILITIES: Final[tuple[Removable, ...]] = get_args(Removable)

CITIZENS: Final = frozenset[Status]({"naturalized_citizen", "derived_citizen"})
REMOVABLE: Final = frozenset[Status]({"visa_overstay", "entered_without_inspection", "prior_removal"})

Share = Annotated[float, Field(ge=0, le=1)]
Flags = NDArray[np.bool_]
Indices = NDArray[np.uint8]

MOST_CONVICTIONS = 5
_UCN_PREFIX = "ZZ"
_DAYS_A_YEAR = 365

_UCNS = 36**7
_FINS = 10**7
"""How many numbers of each kind there are."""


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


@dataclass(frozen=True, slots=True, eq=False)
class CriminalRecords:
    """What IAFIS holds behind many rows, as columns.

    The arrays `[conviction, row]` have `MOST_CONVICTIONS` lines, in no order of time; where a row has fewer, the
    rest is zero.
    """

    convictions: Indices
    """How many, `[row]`."""

    offenses: Indices
    """Each conviction's index into `OFFENSES`, `[conviction, row]`."""

    days_ago: NDArray[np.int32]
    """Days from each conviction to the day on which the run opens, 1 or more, `[conviction, row]`."""

    days_imprisoned: NDArray[np.int32]
    """Days from each conviction to the release, at most `days_ago`; -1 without imprisonment, `[conviction, row]`."""

    ucn: NDArray[np.int64]
    """The FBI's number as a number, `[row]`: unique up to a thousand million rows."""

    @property
    def aggravated_felony(self) -> Flags:
        """Whose record shows an aggravated felony, `[row]`."""
        aggravated = np.array([offense.aggravated_felony for offense in OFFENSES])
        on_file = np.arange(MOST_CONVICTIONS).reshape(-1, 1) < self.convictions
        somewhere: Flags = np.any(aggravated[self.offenses] & on_file, axis=0)
        return somewhere

    def record(self, column: int, as_of: date) -> CriminalRecord:
        """One record out of the columns, as on `as_of`, the day on which the run opens; oldest conviction first."""
        convictions = (self._conviction(line, column, as_of) for line in range(int(self.convictions[column])))
        return CriminalRecord(
            ucn=_ucn(int(self.ucn[column])),
            convictions=tuple(sorted(convictions, key=lambda conviction: conviction.convicted_on)),
        )

    def _conviction(self, line: int, column: int, as_of: date) -> Conviction:
        offense = OFFENSES[self.offenses[line, column]]
        convicted_on = as_of - timedelta(days=int(self.days_ago[line, column]))
        days_imprisoned = int(self.days_imprisoned[line, column])
        return Conviction(
            ncic=offense.ncic,
            offense_class=offense.offense_class,
            max_years=offense.max_years,
            convicted_on=convicted_on,
            released_on=None if days_imprisoned < 0 else convicted_on + timedelta(days=days_imprisoned),
            aggravated_felony=offense.aggravated_felony,
        )


@dataclass(frozen=True, slots=True, eq=False)
class ImmigrationRecords:
    """What DHS files say behind many rows of IDENT, as columns `[row]`. See `ImmigrationRecord`."""

    status: Indices
    """Index into `STATUSES`."""

    removable: Indices
    """Index into `REMOVABILITIES`: what follows from the status alone."""

    final_order: Flags
    prior_removal: Flags

    fin: NDArray[np.int64]
    """DHS's number of the person as a number: unique up to 10 million rows."""

    a_number: NDArray[np.int64]
    """The number of the A-file as a number, -1 without a file: unique up to 1 million rows."""

    def record(self, column: int) -> ImmigrationRecord:
        """One record out of the columns."""
        a_number = int(self.a_number[column])
        return ImmigrationRecord(
            fin=_fin(int(self.fin[column])),
            a_number=None if a_number < 0 else f"A000{a_number:06d}",
            status=STATUSES[self.status[column]],
            removable=REMOVABILITIES[self.removable[column]],
            final_order=bool(self.final_order[column]),
            prior_removal=bool(self.prior_removal[column]),
        )


def criminal_records(seed: int, rows: Integers, mixes: RecordMixes) -> CriminalRecords:
    """What IAFIS says of `rows`: a row says the same whatever the others are."""
    shape = (MOST_CONVICTIONS, len(rows))
    convictions = np.zeros(len(rows), np.uint8)
    offenses = np.zeros(shape, np.uint8)
    days_ago = np.zeros(shape, np.int32)
    days_imprisoned = np.zeros(shape, np.int32)

    # Each line is made for the rows only that have so many convictions; few have more than one.
    columns = np.flatnonzero(draws(seed, "record.no_conviction", rows) >= mixes.no_conviction_share)
    for line in range(MOST_CONVICTIONS):
        convictions[columns] += 1
        sentences = _convictions(seed, rows[columns], line, mixes)
        offenses[line, columns], days_ago[line, columns], days_imprisoned[line, columns] = sentences
        another = draws(seed, f"record.another.{line}", rows[columns]) < mixes.more_than_one_share
        columns = columns[another]

    return CriminalRecords(convictions, offenses, days_ago, days_imprisoned, criminal_numbers(seed, rows))


def criminal_numbers(seed: int, rows: Integers) -> NDArray[np.int64]:
    """The FBI's numbers of the people in `rows` of IAFIS, without the rest of their records (`CriminalRecords.ucn`)."""
    return _scattered(seed, "ucn", rows, _UCNS)


def number_of_ucn(ucn: str) -> int:
    """The number that an identifier on the wire stands for."""
    return int(ucn.removeprefix(_UCN_PREFIX), 36)


def immigration_records(seed: int, rows: Integers, mixes: RecordMixes) -> ImmigrationRecords:
    """What DHS says of `rows` of IDENT: a row says the same whatever the others are."""
    weights = [mixes.status_weights.get(status, 0.0) for status in STATUSES]
    status = picks(weights, draws(seed, "record.status", rows)).astype(np.uint8)
    removable = _removable(seed, rows, status, mixes)

    says_removable = removable == REMOVABILITIES.index("yes")
    has_order = draws(seed, "record.final_order", rows) < mixes.final_order_share_of_removable
    removed_before = draws(seed, "record.prior_removal", rows) < mixes.prior_removal_share_of_removable
    final_order = says_removable & has_order
    prior_removal = _is_one_of({"prior_removal"}, status) | (says_removable & removed_before)

    # Visitors have no A-file until removal proceedings open one [B].
    has_a_file = ~_is_one_of({"visa_holder", "visa_overstay"}, status) | final_order | prior_removal
    return ImmigrationRecords(
        status=status,
        removable=removable,
        final_order=final_order,
        prior_removal=prior_removal,
        fin=_scattered(seed, "fin", rows, _FINS),
        a_number=np.where(has_a_file, _scattered(seed, "a_number", rows, 10**6), -1),
    )


def enrolled_ucn(seed: int, subject: str, rows: int) -> str:
    """The FBI's number of somebody whose prints came onto the file in the run: nobody's in the first `rows`.

    Args:
        seed: the run's seed.
        subject: the booking's reference, so that the number does not depend on who else was enrolled.
        rows: how many people were on file when the run opened.
    """
    return _ucn(_enrolled(seed, "ucn", subject, rows, _UCNS))


def enrolled_fin(seed: int, subject: str, rows: int) -> str:
    """DHS's number of somebody whose prints came onto the file in the run; see `enrolled_ucn`.

    There are ten million: with 1,000 people enrolled, two have the same number in one run of twenty. A gallery of ten
    million rows leaves none over.
    """
    return _fin(_enrolled(seed, "fin", subject, rows, _FINS))


def _enrolled(seed: int, purpose: str, subject: str, rows: int, size: int) -> int:
    """The number of a row beyond the gallery's own, drawn for the booking."""
    left = size - rows
    drawn = chance(seed, f"record.enrolled.{purpose}", subject)
    row = rows + int(drawn * left) if left else int(drawn * size)
    return (_start(seed, purpose, size) + row * _STEP) % size


def _removable(seed: int, rows: Integers, status: Indices, mixes: RecordMixes) -> Indices:
    yes, no, unknown = (np.uint8(REMOVABILITIES.index(answer)) for answer in ("yes", "no", "unknown"))
    implied = np.where(_is_one_of(REMOVABLE, status), yes, no)
    open_to_doubt = ~_is_one_of(CITIZENS | {"prior_removal"}, status)
    in_doubt = draws(seed, "record.removable_unknown", rows) < mixes.unknown_share
    return np.where(open_to_doubt & in_doubt, unknown, implied)


def _is_one_of(some: Set[Status], status: Indices) -> Flags:
    return np.array([each in some for each in STATUSES])[status]


def _convictions(
    seed: int, rows: Integers, line: int, mixes: RecordMixes
) -> tuple[Indices, NDArray[np.int32], NDArray[np.int32]]:
    """The `line`-th conviction of each row: its offence, how long ago it was and how long the imprisonment lasted."""

    def drawn(purpose: str) -> NDArray[np.float64]:
        return draws(seed, f"record.{purpose}.{line}", rows)

    # A class weighs what the mix says, and its offences share that alike.
    weights = [
        mixes.conviction_weights.get(offense.offense_class, 0.0) / len(OFFENSES_BY_CLASS[offense.offense_class])
        for offense in OFFENSES
    ]
    offenses = picks(weights, drawn("offense")).astype(np.uint8)

    # Between the day before the run opens and `years_back`; a booked person is at large, so any term has ended.
    days_ago = 1 + (drawn("recency") * mixes.years_back * _DAYS_A_YEAR).astype(np.int32)
    most_days = np.array([offense.max_years * _DAYS_A_YEAR for offense in OFFENSES])[offenses]
    served = np.minimum(1 + (drawn("served") * most_days).astype(np.int32), days_ago)
    imprisoned = drawn("imprisoned") < mixes.imprisoned_share
    return offenses, days_ago, np.where(imprisoned, served, np.int32(-1))


def _scattered(seed: int, purpose: str, rows: Integers, size: int) -> NDArray[np.int64]:
    """A number below `size` that no other row below `size` has, far from those of the neighbouring rows.

    The factor shares no divisor with 10 or with 36, so the map is one to one.
    """
    return (_start(seed, purpose, size) + rows.astype(np.int64) * _STEP) % size


_STEP = 6_180_339_887


@lru_cache
def _start(seed: int, purpose: str, size: int) -> int:
    return int(chance(seed, f"record.{purpose}", "start") * size)


def _ucn(number: int) -> str:
    return f"{_UCN_PREFIX}{_base_36(number)}"


def _fin(number: int) -> str:
    return f"FIN000{number:07d}"


def _base_36(number: int) -> str:
    alphabet = digits + ascii_uppercase
    text = ""
    for _ in range(7):
        number, digit = divmod(number, 36)
        text = alphabet[digit] + text
    return text
