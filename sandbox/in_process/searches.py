"""The searches of many bookings at once, as columns: who is found, before anybody is told.

The rules are the federal side's own (`domain.match`); its handler is then handed what was found here, so that nobody
is searched twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sandbox.population import People
from services.biometric_match.domain import match
from services.biometric_match.matcher import Found, GalleryKind, Matcher, Prints, Unsearchable
from services.biometric_match.run import Searches

Search = Literal["exhaustive", "mates"]
Rows = NDArray[np.int32]

KINDS: tuple[GalleryKind, ...] = ("iafis", "ident")
NO_ROW = -1
"""Where a gallery knows nobody."""

SEARCHED = ("match", "no_match", "error")
"""What IDENT answers; the column `searched` holds places in this."""

MATCH, NO_MATCH, ERROR = range(3)


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """What the searches found for some bookings, one after the other."""

    candidates: Mapping[GalleryKind, Sequence[Found]]
    row: Mapping[GalleryKind, Rows]
    searched: NDArray[np.uint8]

    def matcher_for(self, chosen: Sequence[int]) -> Matcher:
        """A matcher that answers for some of them, in this order, what was found."""
        return _Recalled({kind: [found[place] for place in chosen] for kind, found in self.candidates.items()})


@dataclass(frozen=True, slots=True, eq=False)
class _Recalled:
    candidates: Mapping[GalleryKind, list[Found]]

    def search(self, kind: GalleryKind, probes: Sequence[Prints]) -> list[Found]:  # noqa: ARG002 - see `Matcher`
        return self.candidates[kind]


def search(booked: People, searches: Searches) -> Searched:
    """Searches both galleries for everybody."""
    taken = booked.prints()
    probes = [taken.prints(column) for column in range(len(booked))]
    candidates: dict[GalleryKind, Sequence[Found]] = {kind: searches.matcher.search(kind, probes) for kind in KINDS}
    row = {kind: _rows(found, searches) for kind, found in candidates.items()}
    refused = np.array([isinstance(found, Unsearchable) for found in candidates["ident"]], np.bool_)
    searched = np.where(refused, ERROR, np.where(row["ident"] == NO_ROW, NO_MATCH, MATCH)).astype(np.uint8)
    return Searched(candidates, row, searched)


def _rows(candidates: Sequence[Found], searches: Searches) -> Rows:
    matches = (match(found, searches.run.galleries) for found in candidates)
    return np.array([NO_ROW if found is None else found.row for found in matches], np.int32)
