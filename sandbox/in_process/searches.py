"""The searches of many bookings at once, as columns: who will be found, before anybody is answered.

The federal handler answers by what was found here, so nobody is searched twice; and whoever is found nowhere need not
be answered at all where nobody listens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from sandbox.population import People
from sandbox.sharing import HELD_BACK, SHARED, Reach
from services.biometric_match.events import RunOpened
from services.biometric_match.matcher import (
    FEWEST_FINGERS,
    Candidate,
    ExhaustiveMatcher,
    Found,
    GalleryKind,
    MateMatcher,
    Prints,
    Unsearchable,
    threshold,
)
from services.biometric_match.prints import TEN
from services.biometric_match.relay import relay_of
from services.biometric_match.run import Searches
from services.chassis.envelope import Event

Search = Literal["exhaustive", "mates"]
Rows = NDArray[np.int32]
Integers = NDArray[np.int64]

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
    """The best row of a gallery for each probe, whether or not it is a match, and its score."""

    rows: Integers
    scores: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """What the searches found for some bookings, one after the other."""

    best: Mapping[GalleryKind, Best]
    fingers: Integers
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
        self._everybody = ExhaustiveMatcher(self.run.seed, size.rows, size.overlap) if search == "exhaustive" else None
        thresholds = [threshold(fingers, size.rows, size.fpir) for fingers in range(FEWEST_FINGERS, TEN + 1)]
        self._thresholds = np.array([_OUT_OF_REACH] * FEWEST_FINGERS + thresholds)

    def search(self, booked: People) -> Searched:
        """Searches both galleries for everybody, however far their prints go."""
        taken = booked.prints()
        codes, present = np.ascontiguousarray(taken.codes.T), np.ascontiguousarray(taken.present.T)
        size = self.run.galleries
        if self._everybody is None:
            mates = MateMatcher(self.run.seed, size.rows, size.overlap, size.fpir, booked.person)
            best = {kind: Best(*mates.best(kind, codes, present)) for kind in KINDS}
        else:
            best = {kind: Best(*self._everybody.galleries[kind].best(codes, present)) for kind in KINDS}
        fingers = present.sum(axis=1)
        enough = self._thresholds[fingers]
        row = {kind: np.where(of.scores >= enough, of.rows, NO_ROW).astype(np.int32) for kind, of in best.items()}
        matched = np.where(row["ident"] == NO_ROW, NO_MATCH, MATCH)
        searched = np.where(fingers < FEWEST_FINGERS, ERROR, matched).astype(np.uint8)
        return Searched(best, fingers, row, searched)

    def recalled(self, searched: Searched, submitted: Integers, relayed: Integers) -> Searches:
        """What the federal handler has at hand to answer some of them: the run, and what was found.

        Args:
            searched: what was found of everybody.
            submitted: those whom the handler will be asked about, in that order.
            relayed: those of them whom it will search in IDENT.
        """
        found: Mapping[GalleryKind, list[Found]] = {
            "iafis": _found(searched, "iafis", submitted),
            "ident": _found(searched, "ident", relayed),
        }
        return Searches(self.run, _Recalled(found), self.relay)


_OUT_OF_REACH = 2**15
"""A score that no probe has: too few fingers match nobody."""


@dataclass(frozen=True, slots=True, eq=False)
class _Recalled:
    """A matcher that has searched already."""

    found: Mapping[GalleryKind, list[Found]]

    def search(self, kind: GalleryKind, probes: Sequence[Prints]) -> list[Found]:  # noqa: ARG002 - see `Matcher`
        return self.found[kind]


def _found(searched: Searched, kind: GalleryKind, chosen: Integers) -> list[Found]:
    best = searched.best[kind]
    columns = (best.rows[chosen].tolist(), best.scores[chosen].tolist(), searched.fingers[chosen].tolist())
    return [
        Unsearchable("too_few_fingers") if fingers < FEWEST_FINGERS else Candidate(row, score, fingers)
        for row, score, fingers in zip(*columns, strict=True)
    ]
