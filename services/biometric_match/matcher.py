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
from services.chassis.draws import Integers, Words, draws, streams

__all__ = [
    "FEWEST_FINGERS",
    "PRESET_2012",
    "Candidate",
    "ExhaustiveMatcher",
    "Found",
    "Gallery",
    "GalleryKind",
    "Impressions",
    "Matcher",
    "MateMatcher",
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
    "mate_scores",
    "score_db",
    "threshold",
]

GalleryKind = Literal["iafis", "ident"]

UnsearchableReason = Literal["too_few_fingers"]

FEWEST_FINGERS = 2
"""A search on one finger would return strangers, or miss one mate in twenty; two are what IDENT began with."""

_ROWS_SEARCHED_AT_ONCE = 32_768
"""A block that the processor's caches hold, measured; the answers do not depend on it."""


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
        codes = enrolments(seed, kind, people, model).codes
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
        codes, present = _columns(probes)
        return _found(present, *self.galleries[kind].best(codes, present))


class MateMatcher:
    """The answers of an exhaustive search without the search, for runs that are too large for one.

    It is told who each probe really is, which no service knows; so it serves experiments within one process and never
    the services. A mate is scored as the search would score them. Who is not found so, a stranger or somebody whose
    own print scored too little, is matched falsely as often as by the search: drawn from the closed form of
    `false_match_rates`, not found by comparing.

    Two simplifications: a false match scores the threshold, where three in ten would score more; and a mate who is
    found is never outdone by a false match.
    """

    def __init__(
        self,
        seed: int,
        rows: int,
        overlap: int,
        fpir: float,
        persons: Sequence[int] | Integers,
        model: PrintModel = PRESET_2012,
    ) -> None:
        """Say who the probes are.

        Args:
            seed: the run's seed.
            rows: the size of each gallery.
            overlap: people in both.
            fpir: the share of searches for a stranger that may return somebody.
            persons: the person of each probe of every search, in the order of the probes.
            model: how good the prints on file are.
        """
        self.seed = seed
        self.rosters: dict[GalleryKind, Roster] = {
            "iafis": Roster("iafis", rows, overlap),
            "ident": Roster("ident", rows, overlap),
        }
        self.persons = np.asarray(persons, np.int64)
        self.model = model
        self.thresholds = np.array([threshold(fingers, rows, fpir) for fingers in range(TEN + 1)])
        """The lowest score that is a match, by the number of fingers."""

        self._false_match_rates = np.array(
            [
                false_match_rates(fingers)[score] if score <= fingers * POINTS else 0.0
                for fingers, score in enumerate(self.thresholds)
            ]
        )

    def search(self, kind: GalleryKind, probes: Sequence[Prints]) -> list[Found]:
        """See `Matcher.search`.

        Raises:
            ValueError: if there are not as many probes as persons.
        """
        codes, present = _columns(probes)
        return _found(present, *self.best(kind, codes, present))

    def best(self, kind: GalleryKind, codes: Words, present: Bits) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The row that a search would return for each probe, and its score; see `Gallery.best`.

        Who came closest below the threshold is not known: the row is the mate's there, with the mate's score, or else
        row 0 with score 0. As in `Gallery.best`, probes with too few fingers are scored too.

        Raises:
            ValueError: if there are not as many probes as persons.
        """
        if len(codes) != len(self.persons):
            raise ValueError(f"{len(codes)} probes of {len(self.persons)} persons")
        roster = self.rosters[kind]
        mates = self.persons - roster.first_person
        on_file = (mates >= 0) & (mates < roster.rows)

        rows = np.where(on_file, mates, 0)
        scores = np.zeros(len(codes), np.int64)
        scores[on_file] = mate_scores(
            self.seed, kind, self.persons[on_file], codes[on_file], present[on_file], self.model
        )

        fingers = present.sum(axis=1)
        strangers = roster.rows - on_file
        chances = -np.expm1(strangers * np.log1p(-self._false_match_rates[fingers]))
        searches = self._numbers(codes, present)
        found = scores >= self.thresholds[fingers]
        mistaken = ~found & (draws(self.seed, f"false_match.{kind}", searches) < chances)

        # Every row but the mate's is a stranger's, and one as likely as the other.
        among_strangers = (draws(self.seed, f"false_match.row.{kind}", searches) * strangers).astype(np.int64)
        rows[mistaken] = (among_strangers + (on_file & (among_strangers >= mates)))[mistaken]
        scores[mistaken] = self.thresholds[fingers][mistaken]
        return rows, scores

    def _numbers(self, codes: Words, present: Bits) -> Words:
        """A number for each probe that follows from the person and the prints, by which chance is drawn."""
        numbers = self.persons.astype(np.uint64)
        for finger in range(TEN):
            numbers = streams(np.where(present[:, finger], codes[:, finger], 0), numbers)
        return numbers


def mate_scores(
    seed: int,
    kind: GalleryKind,
    persons: Integers,
    codes: Words,
    present: Bits,
    model: PrintModel = PRESET_2012,
) -> NDArray[np.int64]:
    """What probes score against the prints on file of the same persons: as the search would score them.

    Args:
        seed: the run's seed.
        kind: the gallery that holds all of these persons.
        persons: who each probe is.
        codes: `[probe, finger]`.
        present: which of the codes there are; a missing finger scores nothing.
        model: how good the prints on file are.
    """
    different = np.bitwise_count(enrolments(seed, kind, persons, model).codes ^ codes.T)
    points = np.where(present.T, POINTS - np.minimum(different, np.uint8(POINTS)), 0)
    scores: NDArray[np.int64] = np.add.reduce(points, axis=0, dtype=np.int64)
    return scores


def _columns(probes: Sequence[Prints]) -> tuple[Words, Bits]:
    """The codes of the probes and which of them there are, `[probe, finger]`."""
    codes = np.array([[code or 0 for code in probe.codes] for probe in probes], np.uint64).reshape(-1, TEN)
    present = np.array([[code is not None for code in probe.codes] for probe in probes], np.bool_).reshape(-1, TEN)
    return codes, present


def _found(present: Bits, rows: NDArray[np.int64], scores: NDArray[np.int64]) -> list[Found]:
    """The answer to each probe from the best row and its score."""
    return [
        Candidate(row, score, fingers) if fingers >= FEWEST_FINGERS else Unsearchable("too_few_fingers")
        for row, score, fingers in zip(rows.tolist(), scores.tolist(), present.sum(axis=1).tolist(), strict=True)
    ]
