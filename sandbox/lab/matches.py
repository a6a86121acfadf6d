"""Who of a population is matched, and what the records behind the matches say."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sandbox.enrolling import ByPerson, Enrolling
from sandbox.population import NOWHERE, People
from sandbox.scenario import Scenario
from sandbox.sharing import HELD_BACK, SHARED, Reach, sharing_of
from services.biometric_match.domain import CRIMINAL_IDENTIFICATION_TAKES, STATUS_RESEARCH_TAKES, removabilities
from services.biometric_match.gallery import GalleryKind
from services.biometric_match.matcher import FEWEST_FINGERS
from services.biometric_match.mates import MateMatcher
from services.biometric_match.offenses import OFFENSES
from services.biometric_match.records import (
    MOST_CONVICTIONS,
    CriminalRecords,
    ImmigrationRecords,
    criminal_records,
    immigration_records,
)
from services.booking.events import RunSettings
from services.detainer.levels import (
    LEVELS,
    MORE_THAN_ONE_YEAR,
    THREE_LESSER_CRIMES,
    TWO_GRAVE_CRIMES,
    level_of_code,
)

Integers = NDArray[np.int64]
Codes = NDArray[np.uint8]
Flags = NDArray[np.bool_]

CHUNK = 65_536
"""Bookings searched at once: their prints fit in little memory."""

_STATUS_TAKES = int((CRIMINAL_IDENTIFICATION_TAKES + STATUS_RESEARCH_TAKES).total_seconds())


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """What both searches answer about every booking: the row, or `NOWHERE`; an error where nothing could be searched.

    `known_to_ident` and `known_to_iafis` are the numbers of the earlier bookings by whose enrolment somebody is known,
    or `NOWHERE`. `reach` is how far the prints went: nobody answers about prints that were not sent.
    """

    ident_row: Integers
    iafis_row: Integers
    known_to_ident: Integers
    known_to_iafis: Integers
    error: Flags
    iafis_error: Flags
    reach: Reach


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """One entry a match: what LESC tells ICE, as columns. Levels are places in `levels.LEVELS`, gravest first."""

    index: Integers
    """Which entry of the population."""

    status_at: Integers
    immigration: ImmigrationRecords
    criminal: CriminalRecords
    removable: Codes
    convicted: Flags
    aggravated_felony: Flags
    crimes_over_one_year: Integers
    crimes_up_to_one_year: Integers
    level_by_charge: Codes
    level_by_conviction: Codes


def search(people: People, settings: RunSettings, *, only_on_file: bool = False) -> Searches:
    """Search whatever is sent as `MateMatcher` does; with `only_on_file`, only those of whom IDENT has a record.

    Who is known by an enrolment is not searched here: `settled` says it, which needs everybody, and in order.
    """
    reach = sharing_of(people.scenario, settings).of(people)
    nowhere = np.full((4, len(people)), NOWHERE, np.int64)
    errors = np.zeros((2, len(people)), np.bool_)
    found = Searches(nowhere[0], nowhere[1], nowhere[2], nowhere[3], errors[0], errors[1], reach)
    chosen = np.flatnonzero((reach >= HELD_BACK) & ((people.ident_row != NOWHERE) | (not only_on_file)))
    galleries = people.scenario.galleries
    files = galleries.files(settings.seed)
    for start in range(0, len(chosen), CHUNK):
        part = chosen[start : start + CHUNK]
        prints = people.prints(part)
        codes, present = np.ascontiguousarray(prints.codes.T), np.ascontiguousarray(prints.present.T)
        matcher = MateMatcher(files, galleries.fpir, people.person[part], galleries.ident_fingers)
        kinds: tuple[tuple[GalleryKind, Integers, Flags, Flags], ...] = (
            ("iafis", found.iafis_row, found.iafis_error, reach[part] >= HELD_BACK),
            ("ident", found.ident_row, found.error, reach[part] == SHARED),
        )
        for kind, column, error, asked in kinds:
            rows, scores, compared = matcher.best(kind, codes, present)
            fingers = compared.sum(axis=1)
            enough = (fingers >= FEWEST_FINGERS) & (scores >= matcher.thresholds[fingers])
            column[part] = np.where(asked & enough, rows, NOWHERE)
            error[part] = fingers < FEWEST_FINGERS
    return found


def enrolling_of(scenario: Scenario, settings: RunSettings) -> Enrolling:
    """The enrolments of a run, none yet."""
    return ByPerson(scenario.galleries, settings.seed, settings.time_zone)


def settled(people: People, found: Searches, enrolling: Enrolling) -> Searches:
    """What searches answer with what bookings have enrolled. All bookings of a run are to be settled once, in order."""
    unmatched: dict[GalleryKind, Flags] = {
        "iafis": (found.reach >= HELD_BACK) & ~found.iafis_error & (found.iafis_row == NOWHERE),
        "ident": (found.reach == SHARED) & ~found.error & (found.ident_row == NOWHERE),
    }
    known = enrolling.settle(people, unmatched)
    return replace(found, known_to_ident=known["ident"].number, known_to_iafis=known["iafis"].number)


def matches(people: People, found: Searches, settings: RunSettings) -> Matches:
    """What the federal files say of everybody who was matched."""
    index = np.flatnonzero(found.ident_row != NOWHERE)
    mixes = people.scenario.records
    immigration = immigration_records(settings.seed, found.ident_row[index], mixes)
    iafis_row = found.iafis_row[index]
    identified = iafis_row != NOWHERE
    criminal = criminal_records(settings.seed, np.where(identified, iafis_row, 0), mixes)
    counts = np.where(identified, criminal.convictions, 0)

    lines = np.arange(MOST_CONVICTIONS).reshape(-1, 1) < counts
    grave = lines & _OVER_ONE_YEAR[criminal.offenses]
    aggravated = (lines & _AGGRAVATED[criminal.offenses]).any(axis=0)
    over, up_to = grave.sum(axis=0), counts.astype(np.int64) - grave.sum(axis=0)
    by_offense = np.where(lines, _LEVEL_OF_OFFENSE[criminal.offenses], len(LEVELS) - 1).min(axis=0)
    of_charge = np.array([LEVELS.index(level_of_code(charge.ncic)) for charge in people.scenario.charges])
    return Matches(
        index=index,
        status_at=people.booked_at[index] + _STATUS_TAKES,
        immigration=immigration,
        criminal=criminal,
        removable=removabilities(immigration, aggravated),
        convicted=counts > 0,
        aggravated_felony=aggravated,
        crimes_over_one_year=over,
        crimes_up_to_one_year=up_to,
        level_by_charge=np.minimum(by_offense, of_charge[people.charge[index]]).astype(np.uint8),
        level_by_conviction=_level_by_conviction(aggravated, over, up_to),
    )


def conviction_lines(matched: Matches) -> Flags:
    """Which lines of the rap sheets are convictions, `[line, match]`."""
    counts = matched.crimes_over_one_year + matched.crimes_up_to_one_year
    lines: Flags = np.arange(MOST_CONVICTIONS).reshape(-1, 1) < counts
    return lines


def _level_by_conviction(aggravated: Flags, over: Integers, up_to: Integers) -> Codes:
    """`levels.level_by_conviction` for columns."""
    level = np.select(
        [aggravated | (over >= TWO_GRAVE_CRIMES), (over > 0) | (up_to >= THREE_LESSER_CRIMES), up_to > 0],
        [LEVELS.index("level_1"), LEVELS.index("level_2"), LEVELS.index("level_3")],
        LEVELS.index("none"),
    )
    return level.astype(np.uint8)


_OVER_ONE_YEAR = np.array([offense.max_years > MORE_THAN_ONE_YEAR for offense in OFFENSES])
_AGGRAVATED = np.array([offense.aggravated_felony for offense in OFFENSES])
_LEVEL_OF_OFFENSE = np.array([LEVELS.index(level_of_code(offense.ncic)) for offense in OFFENSES])
