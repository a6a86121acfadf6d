"""Galleries of synthetic prints and the search of them: every identity is scored, and the best row is returned.

There is no index. Every index that was tried misses the poor prints first, and those are what the lessons are about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from services.biometric_match.prints import (
    PRESET_2012,
    TEN,
    Bits,
    Impressions,
    PrintModel,
    Prints,
    capture,
    captures,
    enrolments,
    latents,
)
from services.biometric_match.scores import POINTS, false_match_rates, score_db, threshold
from services.chassis.draws import Words

__all__ = [
    "PRESET_2012",
    "Candidate",
    "ExhaustiveMatcher",
    "Found",
    "Gallery",
    "GalleryKind",
    "Impressions",
    "Matcher",
    "PrintModel",
    "Prints",
    "Roster",
    "Unsearchable",
    "UnsearchableReason",
    "capture",
    "captures",
    "enrolments",
    "false_match_rates",
    "latents",
    "score_db",
    "threshold",
]

GalleryKind = Literal["iafis", "ident"]

UnsearchableReason = Literal["too_few_fingers"]

FEWEST_FINGERS = 2
"""A search on one finger would return strangers, or miss one mate in twenty; two are what IDENT began with."""

_ROWS_MADE_AT_ONCE = 4096
_ROWS_SEARCHED_AT_ONCE = 32_768
"""Blocks that the processor's caches hold, measured; the answers do not depend on them."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """The best row of a gallery for one probe, whether or not its score is good enough to be a match."""

    row: int
    score: int
    fingers: int
    """How many fingers were compared: a score means nothing without it."""


@dataclass(frozen=True, slots=True)
class Unsearchable:
    """A probe that cannot be searched, and why. A refusal is an answer, not an exception."""

    reason: UnsearchableReason


Found = Candidate | Unsearchable


class Matcher(Protocol):
    """Something that searches the two federal galleries of one run."""

    def search(self, kind: GalleryKind, probes: Sequence[Prints]) -> list[Found]:
        """The best candidate for each probe, in the order of the probes; of equal scores the lowest row."""
        ...


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is on file where, by number. The last `overlap` people of IAFIS are the first rows of IDENT.

    People are numbered: row r of IAFIS holds person r, row r of IDENT holds person rows - overlap + r. Numbers
    beyond both galleries are people of whom there are no prints on file.
    """

    kind: GalleryKind
    rows: int
    overlap: int

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= self.rows:
            raise ValueError(f"{self.overlap} people cannot be in two galleries of {self.rows} rows")

    @property
    def first_person(self) -> int:
        """The person in row 0."""
        return 0 if self.kind == "iafis" else self.rows - self.overlap

    def person(self, row: int) -> int:
        """The person whose prints are in `row`.

        Raises:
            IndexError: if the gallery has no such row.
        """
        if not 0 <= row < self.rows:
            raise IndexError(f"{self.kind} has {self.rows} rows, and no row {row}")
        return self.first_person + row

    def row_of(self, person: int) -> int | None:
        """The row that holds `person`, if any does."""
        row = person - self.first_person
        return row if 0 <= row < self.rows else None


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """The prints on file: ten columns of codes, `[finger, row]`, made from the seed and not from a file."""

    roster: Roster
    codes: Words

    @classmethod
    def generate(
        cls, seed: int, kind: GalleryKind, rows: int, overlap: int, model: PrintModel = PRESET_2012
    ) -> "Gallery":
        """Take the prints of everybody on the roster. Any row's bits are the same in every gallery that has it."""
        roster = Roster(kind, rows, overlap)
        people = np.arange(roster.first_person, roster.first_person + rows, dtype=np.uint64)
        codes = np.empty((TEN, rows), np.uint64)
        for start in range(0, rows, _ROWS_MADE_AT_ONCE):
            block = slice(start, start + _ROWS_MADE_AT_ONCE)
            codes[:, block] = enrolments(seed, kind, people[block], model).codes
        codes.flags.writeable = False
        return cls(roster, codes)

    def person(self, row: int) -> int:
        """See `Roster.person`."""
        return self.roster.person(row)

    def row_of(self, person: int) -> int | None:
        """See `Roster.row_of`."""
        return self.roster.row_of(person)

    def best(self, codes: Words, present: Bits) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The best row and its score for each probe, of all rows; of equal scores the lowest row.

        Args:
            codes: `[probe, finger]`.
            present: which of the codes there are; a missing finger scores nothing.
        """
        probes, rows = len(codes), self.roster.rows
        best_rows = np.zeros(probes, np.int64)
        fewest_points_lost = np.full(probes, TEN * POINTS + 1, np.int64)
        missing = ~present

        # Blocks outside, probes inside: a block is read from memory once for the whole batch.
        for start in range(0, rows, _ROWS_SEARCHED_AT_ONCE):
            block = self.codes[:, start : start + _ROWS_SEARCHED_AT_ONCE]
            different = np.empty(block.shape, np.uint64)
            lost = np.empty(block.shape, np.uint8)
            # A whole row of the constant: with a single number, numpy's minimum is ten times as slow.
            most = np.full(block.shape[1], POINTS, np.uint8)
            for probe in range(probes):
                np.bitwise_xor(block, codes[probe].reshape(TEN, 1), out=different)
                np.bitwise_count(different, out=lost)
                np.minimum(lost, most, out=lost)
                lost[missing[probe]] = POINTS

                total = np.add.reduce(lost, axis=0, dtype=np.uint8)
                row = int(total.argmin())
                if total[row] < fewest_points_lost[probe]:
                    best_rows[probe] = start + row
                    fewest_points_lost[probe] = total[row]
        return best_rows, TEN * POINTS - fewest_points_lost


class ExhaustiveMatcher:
    """Both galleries of one run, each searched row by row with numpy alone."""

    def __init__(self, seed: int, rows: int, overlap: int, model: PrintModel = PRESET_2012) -> None:
        """Make both galleries; for 10,000 rows in each it takes 20 ms and 1.6 MB."""
        self.galleries: dict[GalleryKind, Gallery] = {
            "iafis": Gallery.generate(seed, "iafis", rows, overlap, model),
            "ident": Gallery.generate(seed, "ident", rows, overlap, model),
        }

    def search(self, kind: GalleryKind, probes: Sequence[Prints]) -> list[Found]:
        """See `Matcher.search`."""
        codes = np.array([[code or 0 for code in probe.codes] for probe in probes], np.uint64).reshape(-1, TEN)
        present = np.array([[code is not None for code in probe.codes] for probe in probes], np.bool_).reshape(-1, TEN)
        fingers = present.sum(axis=1).tolist()

        searchable = np.flatnonzero(np.array(fingers, np.int64) >= FEWEST_FINGERS)
        rows, scores = self.galleries[kind].best(codes[searchable], present[searchable])

        found: list[Found] = [Unsearchable("too_few_fingers")] * len(probes)
        for probe, row, score in zip(searchable.tolist(), rows.tolist(), scores.tolist(), strict=True):
            found[probe] = Candidate(row, score, fingers[probe])
        return found
