"""The people of a scenario: a small seeded generator. Who a person really is stays here; on the wire go prints.

A booked person is a row of the federal galleries, or somebody whom neither knows. Every draw is a keyed hash of the
booking's reference, so any part of a population can be made alone, in any order, and comes out the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.scenario import ChargeShare, Milestone, Scenario, span
from services.biometric_match.matcher import Roster, captures
from services.chassis.chance import chance, pick

CHUNK = 512
"""How many people are printed at once: the prints are made by numpy, a chunk at a time."""

NOBODY = 10**9
"""People from this number on are in no gallery."""

UNKNOWN_BIRTHPLACE = "XX"
"""The scenarios say nothing about where people were born, so nothing is sent (NCIC code for unknown)."""

YOUNGEST, OLDEST = 18, 64
BIRDS = (
    "Avocet", "Bittern", "Bunting", "Curlew", "Dipper", "Dunlin", "Egret", "Fulmar", "Gannet", "Godwit", "Grebe",
    "Heron", "Jackdaw", "Kestrel", "Lapwing", "Linnet", "Merlin", "Nightjar", "Osprey", "Petrel", "Pipit", "Plover",
    "Redstart", "Ruff", "Shrike", "Siskin", "Teal", "Tern", "Turnstone", "Wagtail", "Whimbrel", "Wigeon", "Wren",
)  # fmt: skip
"""What people are called here: never names, faces or ethnic labels."""


@dataclass(frozen=True, slots=True)
class Draws:
    """The draws of one booking."""

    seed: int
    subject: str

    def of(self, purpose: str) -> float:
        """A number in [0, 1) for one purpose."""
        return chance(self.seed, f"population.{purpose}", self.subject)

    def between(self, purpose: str, bounds: Sequence[float]) -> float:
        """A number between two bounds."""
        low, high = bounds
        return low + self.of(purpose) * (high - low)


def bookings(
    scenario: Scenario, seed: int, count: int, first: int = 0, end: int | None = None
) -> Iterator[dict[str, Any]]:
    """The bookings `first` to `end` (all, unless said) of `count` that sample the whole period, in the order of time.

    Each is the body of `POST /bookings`.
    """
    stop = count if end is None else end
    for start in range(first, stop, CHUNK):
        chunk = [_Booking.draw(scenario, seed, number, count) for number in range(start, min(start + CHUNK, stop))]
        subjects = [booking.draws.subject for booking in chunk]
        prints = captures(seed, [booking.person for booking in chunk], subjects)
        for column, booking in enumerate(chunk):
            yield booking.body(scenario, prints.prints(column).hex_codes(), prints.prints(column).qualities)


@dataclass(frozen=True, slots=True)
class _Booking:
    number: int
    ori: str
    oca: str
    booked_at: datetime
    draws: Draws
    person: int

    @classmethod
    def draw(cls, scenario: Scenario, seed: int, number: int, count: int) -> "_Booking":
        oca = f"B-{number + 1:07d}"
        ori = pick(scenario.agency_weights, chance(seed, "population.agency", oca))
        draws = Draws(seed, f"{ori}/{oca}")
        start = datetime.combine(scenario.period.since, time(), ZoneInfo(scenario.time_zone)).astimezone(UTC)
        passed = timedelta(seconds=int(span(scenario).total_seconds() * (number + draws.of("time")) / count))
        return cls(number, ori, oca, start + passed, draws, _person(scenario, number, draws))

    def body(self, scenario: Scenario, codes: Sequence[str | None], qualities: Sequence[int | None]) -> dict[str, Any]:
        draws = self.draws
        charge = _charge(scenario, draws)
        bird = BIRDS[int(draws.of("label") * len(BIRDS))]
        age = int(draws.between("age", (YOUNGEST, OLDEST + 1)))
        return {
            "ori": self.ori,
            "oca": self.oca,
            "label": f"{bird}-{self.number + 1}",
            "booked_at": _wire(self.booked_at),
            "sex": "M" if draws.of("sex") < 1 / 2 else "F",
            "birth_year": self.booked_at.year - age,
            "place_of_birth": UNKNOWN_BIRTHPLACE,
            "charge": {
                "ncic": charge.ncic,
                "literal": charge.literal,
                "offense_class": charge.offense_class,
                "minor_traffic": charge.minor_traffic,
                "domestic_violence": charge.domestic_violence,
            },
            "prints": {"codes": list(codes), "qualities": list(qualities)},
            "local": {
                "group": pick(scenario.people.groups, draws.of("group")),
                "local_offense_code": charge.local_offense_code,
            },
            "papers": {"lawful_status_proof": draws.of("papers") < scenario.people.lawful_status_proof},
            "custody": _custody(scenario, draws, self.booked_at),
        }


def _person(scenario: Scenario, number: int, draws: Draws) -> int:
    """Which person was booked: known to IDENT, to IAFIS, to both or to neither."""
    people, galleries = scenario.people, scenario.galleries
    iafis = Roster("iafis", galleries.rows, galleries.overlap)
    ident = Roster("ident", galleries.rows, galleries.overlap)
    if draws.of("in_ident") < people.in_ident:
        # IDENT's first rows are the people whom IAFIS knows too.
        in_both = draws.of("in_iafis") < people.in_iafis_of_ident
        rows = (0, galleries.overlap) if in_both else (galleries.overlap, galleries.rows)
        return ident.person(int(draws.between("row", rows)))
    if draws.of("in_iafis") < people.in_iafis_of_others:
        return iafis.person(int(draws.between("row", (0, galleries.rows - galleries.overlap))))
    return NOBODY + number


def _charge(scenario: Scenario, draws: Draws) -> ChargeShare:
    weights = {str(index): charge.weight for index, charge in enumerate(scenario.charges)}
    return scenario.charges[int(pick(weights, draws.of("charge")))]


def _custody(scenario: Scenario, draws: Draws, booked_at: datetime) -> dict[str, str]:
    mix = scenario.custody
    weights = {str(index): share.weight for index, share in enumerate(mix.release)}
    release = mix.release[int(pick(weights, draws.of("release")))]
    release_at = _after(booked_at, draws.between("release.hours", release.hours))
    plan = {"release_at": _wire(release_at)}
    milestones = (
        ("charge_filed_at", mix.charge_filed),
        ("held_to_answer_at", mix.held_to_answer),
        ("bond_posted_at", mix.bond_posted),
    )
    for name, milestone in milestones:
        at = _reached(draws, name, milestone, booked_at)
        if at is not None and at <= release_at:
            plan[name] = _wire(at)
    return plan


def _reached(draws: Draws, name: str, milestone: Milestone, booked_at: datetime) -> datetime | None:
    if draws.of(name) >= milestone.share:
        return None
    return _after(booked_at, draws.between(f"{name}.hours", milestone.hours))


def _after(moment: datetime, hours: float) -> datetime:
    return moment + timedelta(seconds=int(hours * 3600))


def _wire(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
