"""The matcher: prints in, a list of candidates out, best first. Whether the best is a match is not decided here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from services.biometric_match.gallery import Files, Gallery, GalleryKind, Searchable, columns, fingers_searched
from services.biometric_match.prints import TEN, Bits, Prints
from services.biometric_match.search import NO_ROW, Top

UnsearchableReason = Literal["too_few_fingers"]

FEWEST_FINGERS = 2
"""A search on one finger would return strangers, or miss one mate in twenty; two are what IDENT began with."""

CANDIDATES = 10
"""How long a list of candidates is at most."""

NOBODY: Mapping[int, str] = MappingProxyType({})
"""Where nobody was enrolled."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row of a gallery that comes near a probe, whether or not its score is good enough to be a match."""

    row: int
    score: int
    fingers: int
    """How many fingers were compared: a score means nothing without it."""

    enrolled_as: str | None = None
    """The number that the record got when a booking of this run put it on file; None for those that were there before.
    """


@dataclass(frozen=True, slots=True)
class Unsearchable:
    """A probe that cannot be searched, and why. A refusal is an answer, not an exception."""

    reason: UnsearchableReason


Found = tuple[Candidate, ...] | Unsearchable
"""What a gallery has for one probe: its candidates, best first, of equal scores the lowest row first."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What both galleries have for some submissions, in their order; None in IDENT for one that was not relayed."""

    iafis: Sequence[Found]
    ident: Sequence[Found | None]


class ExhaustiveMatcher:
    """Both galleries of one run, searched row by row."""

    def __init__(self, files: Files, ident_fingers: Searchable = TEN) -> None:
        """Make both galleries; see `gallery.Gallery` for what that costs."""
        self.galleries: dict[GalleryKind, Gallery] = {
            "iafis": Gallery.generate(files, "iafis"),
            "ident": Gallery.generate(files, "ident"),
        }
        self.searchable: dict[GalleryKind, Searchable] = {"iafis": TEN, "ident": ident_fingers}

    def search(self, kind: GalleryKind, probes: Sequence[Prints]) -> list[Found]:
        """The candidates for each probe, in the order of the probes."""
        codes, present = columns(probes)
        return found(*self.top(kind, codes, present, CANDIDATES))

    def top(self, kind: GalleryKind, codes: NDArray[np.uint64], present: Bits, count: int) -> tuple[Top, Bits]:
        """The best rows for each probe, and the fingers that were compared; see `search.top`."""
        compared = fingers_searched(present, self.searchable[kind])
        return self.galleries[kind].top(codes, compared, count), compared


def found(best: Top, compared: Bits, enrolled: Mapping[int, str] = NOBODY) -> list[Found]:
    """The answer to each probe, from the best rows and the fingers that were compared, `[probe, finger]`.

    `enrolled` holds the numbers of the records among those rows that bookings of this run have put on file, by row.
    """
    rows = zip(best.rows.tolist(), best.scores.tolist(), compared.sum(axis=1).tolist(), strict=True)
    return [_found(zip(found_rows, scores, strict=True), fingers, enrolled) for found_rows, scores, fingers in rows]


def _found(ranked: Iterable[tuple[int, int]], fingers: int, enrolled: Mapping[int, str]) -> Found:
    if fingers < FEWEST_FINGERS:
        return Unsearchable("too_few_fingers")
    return tuple(Candidate(row, score, fingers, enrolled.get(row)) for row, score in ranked if row != NO_ROW)
