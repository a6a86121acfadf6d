"""The people of a scenario as columns, one entry a booking: who they truly are, and how their case will go.

A booked person is a row of the federal galleries, or somebody whom neither knows. Who that is stays here; on the wire
go prints. Every draw is a keyed hash of the booking's or the person's number, so any part of a population can be made
alone, in any order, and comes out the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from sandbox.scenario import Associations, CustodyMix, Milestone, PeopleMix, Scenario, TrueStatus, span
from services.biometric_match.gallery import Roster
from services.biometric_match.prints import Impressions, captures
from services.biometric_match.records import STATUSES, RecordMixes, immigration_records
from services.chassis.draws import draws, picks

Integers = NDArray[np.int64]
Codes = NDArray[np.uint8]
Flags = NDArray[np.bool_]

TRUE_STATUSES: Final[tuple[TrueStatus, ...]] = ("us_born", *STATUSES)
"""What `People.status` counts. The first is what no federal record says of anybody."""

NOBODY = 10**9
"""People from this number on are in no gallery."""

NOWHERE = -1
"""The row of a person whom a gallery does not know, and the time of what does not happen."""

YOUNGEST, OLDEST = 18, 64
_HOUR = 3600


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Columns of one entry a booking. Times are seconds since 1970, UTC; `NOWHERE` stands for never and nowhere."""

    scenario: Scenario
    seed: int
    numbers: Integers
    agency: Codes
    booked_at: Integers
    person: Integers
    ident_row: Integers
    iafis_row: Integers
    status: Codes
    """True statuses, as places in `TRUE_STATUSES`."""

    recorded_status: NDArray[np.int8]
    """What IDENT's record says, as places in `records.STATUSES`; `NOWHERE` where there is none."""

    group_b: Flags
    charge: Codes
    woman: Flags
    birth_year: NDArray[np.int16]
    birthplace: Codes
    """Places in `birthplaces(scenario)`."""

    lawful_status_proof: Flags
    custody: Mapping[str, Integers]
    """When what happens: `charge_filed_at`, `held_to_answer_at`, `bond_posted_at`, `disposed_at`, `release_at`."""

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def stale(self) -> Flags:
        """Whose record says something that is no longer true."""
        lags: Flags = (self.ident_row != NOWHERE) & (self.status != self.recorded_status + 1)
        return lags

    def subjects(self, chosen: Integers) -> list[str]:
        """The references `<ori>/<oca>` of some of the bookings."""
        return _subjects(self.scenario, self.agency[chosen], self.numbers[chosen])

    def prints(self, chosen: slice | Integers | Flags = slice(None)) -> Impressions:
        """The prints that the livescan takes of some of them: new captures of their fingers, with their qualities."""
        return captures(self.seed, self.person[chosen], self.numbers[chosen], self.scenario.galleries.model)


def people(scenario: Scenario, seed: int, count: int, first: int = 0, end: int | None = None) -> People:
    """The people of bookings `first` to `end` (all, unless said) of `count` that sample the whole period.

    They are in the order of time. A million take about a second.
    """
    numbers = np.arange(first, count if end is None else end, dtype=np.int64)
    mix = scenario.people
    agency = _agencies(scenario, seed, numbers)
    booked_at = _times(scenario, (numbers + _draw(seed, "time", numbers)) / count)
    ident_row, iafis_row, person = _rows(scenario, seed, numbers)
    recorded, status = _statuses(mix, scenario.records, seed, person, ident_row)
    charge = picks([charge.weight for charge in scenario.charges], _draw(seed, "charge", numbers))
    minor = np.array([charge.minor for charge in scenario.charges])[charge]
    abroad = picks(list(mix.birthplaces_abroad.values()), _draw(seed, "birthplace", person))
    age = YOUNGEST + (_draw(seed, "age", person) * (OLDEST + 1 - YOUNGEST)).astype(np.int16)
    return People(
        scenario=scenario,
        seed=seed,
        numbers=numbers,
        agency=agency,
        booked_at=booked_at,
        person=person,
        ident_row=ident_row,
        iafis_row=iafis_row,
        status=status,
        recorded_status=recorded,
        group_b=_in_group_b(mix, seed, person, minor, ident_row, iafis_row, status),
        charge=charge.astype(np.uint8),
        woman=_draw(seed, "sex", person) >= 1 / 2,
        birth_year=(scenario.period.since.year - age).astype(np.int16),
        birthplace=np.where(status == 0, 0, abroad + 1).astype(np.uint8),
        lawful_status_proof=_draw(seed, "papers", numbers) < mix.lawful_status_proof,
        custody=_custody(scenario.custody, seed, numbers, booked_at),
    )


def oca_of(number: int) -> str:
    """The agency's number of a booking, which counts from 1."""
    return f"B-{number + 1:07d}"


def number_of(oca: str) -> int:
    """Which booking of the scenario has this number."""
    return int(oca.removeprefix("B-")) - 1


def subjects_of(scenario: Scenario, seed: int, numbers: Integers) -> list[str]:
    """The references `<ori>/<oca>` of bookings by their numbers."""
    return _subjects(scenario, _agencies(scenario, seed, numbers), numbers)


def birthplaces(scenario: Scenario) -> tuple[str, ...]:
    """NCIC codes of the places of birth; the first is the United States."""
    return ("US", *scenario.people.birthplaces_abroad)


def rosters(scenario: Scenario) -> tuple[Roster, Roster]:
    """Who is on file in IAFIS, and who in IDENT."""
    galleries = scenario.galleries
    return Roster("iafis", galleries.rows, galleries.overlap), Roster("ident", galleries.rows, galleries.overlap)


def _agencies(scenario: Scenario, seed: int, numbers: Integers) -> Codes:
    weights = [scenario.agency_weights[ori] for ori in scenario.agencies]
    return picks(weights, _draw(seed, "agency", numbers)).astype(np.uint8)


def _subjects(scenario: Scenario, agencies: Codes, numbers: Integers) -> list[str]:
    oris = list(scenario.agencies)
    pairs = zip(agencies.tolist(), numbers.tolist(), strict=True)
    return [f"{oris[agency]}/{oca_of(number)}" for agency, number in pairs]


def _draw(seed: int, purpose: str, numbers: Integers) -> NDArray[np.float64]:
    return draws(seed, f"population.{purpose}", numbers)


def _times(scenario: Scenario, passed: NDArray[np.float64]) -> Integers:
    """When the bookings are that lie at these shares (0 to 1) of the real volume."""
    zone = ZoneInfo(scenario.time_zone)
    starts = _midnight(scenario.period.since, zone)
    days = [(_midnight(point.until + timedelta(days=1), zone), point.submissions) for point in scenario.volume]
    if not days:
        days = [(starts + int(span(scenario).total_seconds()), 1)]
    moments = [starts, *(moment for moment, _ in days)]
    submissions = [0, *(submitted for _, submitted in days)]
    return np.interp(passed * submissions[-1], submissions, moments).astype(np.int64)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).astimezone(UTC).timestamp())


def _rows(scenario: Scenario, seed: int, numbers: Integers) -> tuple[Integers, Integers, Integers]:
    """The rows that know the people in IDENT and in IAFIS, and the people's own numbers."""
    mix, galleries = scenario.people, scenario.galleries
    iafis, ident = rosters(scenario)
    in_ident = _draw(seed, "in_ident", numbers) < mix.in_ident
    share_in_iafis = np.where(in_ident, mix.in_iafis_of_ident, mix.in_iafis_of_others)
    in_iafis = _draw(seed, "in_iafis", numbers) < share_in_iafis
    row = _draw(seed, "row", numbers)

    # IDENT's first rows are the people whom IAFIS knows too; they are its last.
    shared = (row * galleries.overlap).astype(np.int64)
    alone = (row * (galleries.rows - galleries.overlap)).astype(np.int64)
    ident_row = np.where(in_ident, np.where(in_iafis, shared, galleries.overlap + alone), NOWHERE)
    person = np.select(
        [in_ident, in_iafis],
        [ident.first_person + ident_row, iafis.first_person + alone],
        NOBODY + numbers,
    )
    iafis_row = np.where(in_iafis, person - iafis.first_person, NOWHERE)
    return ident_row, iafis_row, person


def _statuses(
    mix: PeopleMix, mixes: RecordMixes, seed: int, person: Integers, ident_row: Integers
) -> tuple[NDArray[np.int8], Codes]:
    """What the records say, and what is true: a record that is stale lags behind."""
    known = ident_row != NOWHERE
    recorded = np.full(len(person), NOWHERE, np.int8)
    recorded[known] = immigration_records(seed, ident_row[known], mixes).status
    becomes = np.array([STATUSES.index(mix.stale_records.becomes.get(status, status)) for status in STATUSES])
    is_stale = _draw(seed, "stale", person) < mix.stale_records.share
    on_file = np.where(is_stale, becomes[recorded], recorded) + 1

    names = list(mix.status_of_others)
    weights = [mix.status_of_others[name] for name in names]
    others = np.array([TRUE_STATUSES.index(name) for name in names])[picks(weights, _draw(seed, "status", person))]
    return recorded, np.where(known, on_file, others).astype(np.uint8)


def _in_group_b(
    mix: PeopleMix,
    seed: int,
    person: Integers,
    minor: Flags,
    ident_row: Integers,
    iafis_row: Integers,
    status: Codes,
) -> Flags:
    tilt: Associations = mix.associations
    by_status = np.array([tilt.status.get(name, 1.0) for name in TRUE_STATUSES])
    odds = (
        (mix.groups["B"] / mix.groups["A"])
        * np.where(minor, tilt.minor_charge, 1.0)
        * np.where(ident_row != NOWHERE, tilt.in_ident, 1.0)
        * np.where(iafis_row != NOWHERE, tilt.in_iafis, 1.0)
        * by_status[status]
    )
    in_b: Flags = _draw(seed, "group", person) < odds / (1 + odds)
    return in_b


def _custody(mix: CustodyMix, seed: int, numbers: Integers, booked_at: Integers) -> dict[str, Integers]:
    spans = np.array([share.hours for share in mix.release])
    chosen = picks([share.weight for share in mix.release], _draw(seed, "release", numbers))
    low, high = spans[chosen, 0], spans[chosen, 1]
    hours = low + _draw(seed, "release.hours", numbers) * (high - low)
    release_at = booked_at + (hours * _HOUR).astype(np.int64)
    milestones = {
        name: _reached(milestone, seed, name, numbers, booked_at, release_at)
        for name, milestone in (
            ("charge_filed_at", mix.charge_filed),
            ("held_to_answer_at", mix.held_to_answer),
            ("bond_posted_at", mix.bond_posted),
            ("disposed_at", mix.disposed),
        )
    }
    return {**milestones, "release_at": release_at}


def _reached(
    milestone: Milestone, seed: int, name: str, numbers: Integers, booked_at: Integers, release_at: Integers
) -> Integers:
    low, high = milestone.hours
    hours = low + _draw(seed, f"{name}.hours", numbers) * (high - low)
    at = booked_at + (hours * _HOUR).astype(np.int64)
    happens = (_draw(seed, name, numbers) < milestone.share) & (at <= release_at)
    return np.where(happens, at, NOWHERE)
