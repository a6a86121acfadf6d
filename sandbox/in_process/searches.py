"""The searches of many bookings at once, as columns: who will be found, before anybody is answered.

The federal handler answers by what was found here, so nobody is searched twice; and whoever is found nowhere need not
be answered at all where nobody listens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from sandbox.enrolling import KINDS, ByPerson, ByScores, Enrolling, Known, keeps, thresholds
from sandbox.population import NOWHERE, People, subjects_of
from sandbox.scenario import Scenario
from sandbox.sharing import HELD_BACK, SHARED, Reach
from services.biometric_match.events import RunOpened
from services.biometric_match.gallery import GalleryKind
from services.biometric_match.matcher import (
    FEWEST_FINGERS,
    Candidate,
    ExhaustiveMatcher,
    Found,
    Searched as Told,
    Unsearchable,
)
from services.biometric_match.mates import MateMatcher
from services.biometric_match.prints import Bits
from services.biometric_match.records import enrolled_fin, enrolled_ucn
from services.biometric_match.relay import relay_of
from services.biometric_match.run import Searches
from services.chassis.draws import Words
from services.chassis.envelope import Event

Search = Literal["exhaustive", "mates"]
Rows = NDArray[np.int32]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

NO_ROW = -1
"""Where a gallery knows nobody."""

SEARCHED = ("match", "no_match", "error", "known_encounter")
"""What IDENT answers; the column `searched` holds places in this."""

MATCH, NO_MATCH, ERROR, KNOWN_ENCOUNTER = range(4)
NOT_ASKED = len(SEARCHED)
"""Where the prints did not get as far as DHS."""

_OPENED: TypeAdapter[Event[RunOpened]] = TypeAdapter(Event[RunOpened])


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The best row of a gallery for each probe, whether or not it is a match, its score, and on how many fingers."""

    rows: Integers
    scores: Integers
    fingers: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """What the searches found for some bookings, one after the other."""

    best: Mapping[GalleryKind, Best]
    row: Mapping[GalleryKind, Rows]
    """The row that matched; `NO_ROW` for none."""

    searched: NDArray[np.uint8]
    reach: Reach
    """How far the prints go: nobody answers about prints that were not sent."""

    known: Mapping[GalleryKind, Known]
    """By whose enrolment they are known, where no row matched; nobody, until the days before are settled."""

    @property
    def unmatched(self) -> Mapping[GalleryKind, Flags]:
        """Who was searched in each gallery, and found in no row of it."""
        asked: Mapping[GalleryKind, Flags] = {"iafis": self.reach >= HELD_BACK, "ident": self.reach == SHARED}
        return {
            kind: asked[kind] & (self.best[kind].fingers >= FEWEST_FINGERS) & (self.row[kind] == NO_ROW)
            for kind in KINDS
        }

    def settled(self, known: Mapping[GalleryKind, Known]) -> "Searched":
        """The same, with who is known by enrolments of earlier days."""
        is_known = known["ident"].number != NOWHERE
        return replace(self, known=known, searched=np.where(is_known, np.uint8(KNOWN_ENCOUNTER), self.searched))

    def enrolled(self, run: RunOpened) -> Mapping[GalleryKind, Flags]:
        """Whose prints each gallery keeps."""
        new = {kind: self.unmatched[kind] & (self.known[kind].number == NOWHERE) for kind in KINDS}
        return {kind: new[kind] & keeps(run.galleries, kind) for kind in KINDS}

    def part(self, which: slice) -> "Searched":
        """Some of them."""
        return Searched(
            {kind: _part(best, which) for kind, best in self.best.items()},
            {kind: row[which] for kind, row in self.row.items()},
            self.searched[which],
            self.reach[which],
            {kind: _part(known, which) for kind, known in self.known.items()},
        )


Columns = TypeVar("Columns", Best, Known)


def _part(columns: Columns, which: slice) -> Columns:
    return replace(columns, **{column.name: getattr(columns, column.name)[which] for column in fields(columns)})


def joined(parts: Sequence[Searched]) -> Searched:
    """What was found for some bookings, and then for others."""

    def together(of: Sequence[Columns]) -> Columns:
        columns: dict[str, Any] = {
            column.name: np.concatenate([getattr(part, column.name) for part in of]) for column in fields(of[0])
        }
        return replace(of[0], **columns)

    return Searched(
        {kind: together([part.best[kind] for part in parts]) for kind in KINDS},
        {kind: np.concatenate([part.row[kind] for part in parts]) for kind in KINDS},
        np.concatenate([part.searched for part in parts]),
        np.concatenate([part.reach for part in parts]),
        {kind: together([part.known[kind] for part in parts]) for kind in KINDS},
    )


def enrolling_of(opened: bytes, search: Search) -> Enrolling:
    """The enrolments of a run, none yet."""
    run = _OPENED.validate_json(opened).data
    kind = ByScores if search == "exhaustive" else ByPerson
    return kind(run.galleries, run.seed, run.time_zone)


class Galleries:
    """The galleries of a run, and how they are searched."""

    def __init__(self, opened: bytes, search: Search) -> None:
        self.run = _OPENED.validate_json(opened).data
        self.relay = relay_of(self.run)
        size = self.run.galleries
        self.files = size.files(self.run.seed)
        self._everybody = ExhaustiveMatcher(self.files, size.ident_fingers) if search == "exhaustive" else None
        self._thresholds = thresholds(size)

    def search(self, booked: People, reach: Reach) -> Searched:
        """Searches both galleries for everybody. What is found of it goes only as far as their prints."""
        taken = booked.prints()
        codes, present = np.ascontiguousarray(taken.codes.T), np.ascontiguousarray(taken.present.T)
        best = {kind: self._best(kind, codes, present, booked.person) for kind in KINDS}
        row = {
            kind: np.where(of.scores >= self._thresholds[of.fingers], of.rows, NO_ROW).astype(np.int32)
            for kind, of in best.items()
        }
        matched = np.where(row["ident"] == NO_ROW, NO_MATCH, MATCH)
        searched = np.where(best["ident"].fingers < FEWEST_FINGERS, ERROR, matched)
        submitted, shared = reach >= HELD_BACK, reach == SHARED
        nobody = Known(np.full(len(reach), NOWHERE, np.int64), np.zeros(len(reach), np.int64))
        return Searched(
            best,
            {
                "iafis": np.where(submitted, row["iafis"], np.int32(NO_ROW)),
                "ident": np.where(shared, row["ident"], np.int32(NO_ROW)),
            },
            np.where(shared, searched, NOT_ASKED).astype(np.uint8),
            reach,
            dict.fromkeys(KINDS, nobody),
        )

    def _best(self, kind: GalleryKind, codes: Words, present: Bits, persons: Integers) -> Best:
        size = self.run.galleries
        if self._everybody is not None:
            best, compared = self._everybody.top(kind, codes, present, 1)
            return Best(best.rows[:, 0], best.scores[:, 0], compared.sum(axis=1))
        mates = MateMatcher(self.files, size.fpir, persons, size.ident_fingers)
        rows, scores, compared = mates.best(kind, codes, present)
        return Best(rows, scores, compared.sum(axis=1))

    @property
    def at_hand(self) -> Searches:
        """What the federal handler has at hand in the run."""
        return Searches(self.run, self.files, self.relay)

    def told(self, scenario: Scenario, searched: Searched, submitted: Integers) -> Told:
        """What the federal handler is told of some of them.

        Args:
            scenario: whose people they are.
            searched: what was found of everybody.
            submitted: those whom the handler will be asked about, in that order.
        """
        lists = {kind: self._found(scenario, kind, searched, submitted) for kind in KINDS}
        relayed = (searched.reach[submitted] == SHARED).tolist()
        in_ident = [found if goes_on else None for found, goes_on in zip(lists["ident"], relayed, strict=True)]
        return Told(lists["iafis"], in_ident)

    def _found(self, scenario: Scenario, kind: GalleryKind, searched: Searched, chosen: Integers) -> list[Found]:
        best, known = searched.best[kind], searched.known[kind]
        columns = (best.rows[chosen].tolist(), best.scores[chosen].tolist(), best.fingers[chosen].tolist())
        found: list[Found] = [
            Unsearchable("too_few_fingers") if fingers < FEWEST_FINGERS else (Candidate(row, score, fingers),)
            for row, score, fingers in zip(*columns, strict=True)
        ]
        again = np.flatnonzero(known.number[chosen] != NOWHERE)
        numbers = known.number[chosen[again]]
        name, rows, seed = _NAMES[kind], self.run.galleries.rows, self.run.seed
        for column, number, subject in zip(
            again.tolist(), numbers.tolist(), subjects_of(scenario, seed, numbers), strict=True
        ):
            place = chosen[column]
            called = name(seed, subject, rows)
            found[column] = (Candidate(rows + number, int(known.score[place]), int(best.fingers[place]), called),)
        return found


_NAMES = {"iafis": enrolled_ucn, "ident": enrolled_fin}
"""What a record of each gallery is called that a booking has put there."""
