"""The searches of many bookings at once, as columns: who will be found, before anybody is answered.

The federal handler answers by what was found here, so nobody is searched twice; and whoever is found nowhere need not
be answered at all where nobody listens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from sandbox.population import People
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
from services.biometric_match.prints import TEN, Bits
from services.biometric_match.relay import relay_of
from services.biometric_match.run import Searches
from services.biometric_match.scores import threshold
from services.chassis.draws import Words
from services.chassis.envelope import Event

Search = Literal["exhaustive", "mates"]
Rows = NDArray[np.int32]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

KINDS: tuple[GalleryKind, ...] = ("iafis", "ident")
NO_ROW = -1
"""Where a gallery knows nobody."""

SEARCHED = ("match", "no_match", "error")
"""What IDENT answers; the column `searched` holds places in this."""

MATCH, NO_MATCH, ERROR = range(3)
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

    def as_far_as(self, reach: Reach) -> "Searched":
        """What is found of it: nobody answers about prints that were not sent."""
        submitted, shared = reach >= HELD_BACK, reach == SHARED
        row: Mapping[GalleryKind, Rows] = {
            "iafis": np.where(submitted, self.row["iafis"], np.int32(NO_ROW)),
            "ident": np.where(shared, self.row["ident"], np.int32(NO_ROW)),
        }
        return replace(self, row=row, searched=np.where(shared, self.searched, np.uint8(NOT_ASKED)))


class Galleries:
    """The galleries of a run, and how they are searched."""

    def __init__(self, opened: bytes, search: Search) -> None:
        self.run = _OPENED.validate_json(opened).data
        self.relay = relay_of(self.run)
        size = self.run.galleries
        self.files = size.files(self.run.seed)
        self._everybody = ExhaustiveMatcher(self.files, size.ident_fingers) if search == "exhaustive" else None
        thresholds = [threshold(fingers, size.rows, size.fpir) for fingers in range(FEWEST_FINGERS, TEN + 1)]
        self._thresholds = np.array([_OUT_OF_REACH] * FEWEST_FINGERS + thresholds)

    def search(self, booked: People) -> Searched:
        """Searches both galleries for everybody, however far their prints go."""
        taken = booked.prints()
        codes, present = np.ascontiguousarray(taken.codes.T), np.ascontiguousarray(taken.present.T)
        best = {kind: self._best(kind, codes, present, booked.person) for kind in KINDS}
        row = {
            kind: np.where(of.scores >= self._thresholds[of.fingers], of.rows, NO_ROW).astype(np.int32)
            for kind, of in best.items()
        }
        matched = np.where(row["ident"] == NO_ROW, NO_MATCH, MATCH)
        searched = np.where(best["ident"].fingers < FEWEST_FINGERS, ERROR, matched).astype(np.uint8)
        return Searched(best, row, searched)

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

    def told(self, searched: Searched, submitted: Integers, relayed: Flags) -> Told:
        """What the federal handler is told of some of them.

        Args:
            searched: what was found of everybody.
            submitted: those whom the handler will be asked about, in that order.
            relayed: which of them are searched in IDENT.
        """
        in_ident = zip(_found(searched.best["ident"], submitted), relayed.tolist(), strict=True)
        return Told(
            _found(searched.best["iafis"], submitted), [found if goes_on else None for found, goes_on in in_ident]
        )


_OUT_OF_REACH = 2**15
"""A score that no probe has: too few fingers match nobody."""


def _found(best: Best, chosen: Integers) -> list[Found]:
    columns = (best.rows[chosen].tolist(), best.scores[chosen].tolist(), best.fingers[chosen].tolist())
    return [
        Unsearchable("too_few_fingers") if fingers < FEWEST_FINGERS else (Candidate(row, score, fingers),)
        for row, score, fingers in zip(*columns, strict=True)
    ]
