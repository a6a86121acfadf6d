"""The two federal files: who is on them, and what prints they hold. All of it follows from the seed; nothing is stored.

A gallery is ten columns of 64-bit codes, 80 bytes a row, made when it is wanted: that takes less time than to read as
much from a disk. Any row is the same in every gallery that has it, so a part can be made alone, and a larger gallery
begins with the smaller one.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from services.biometric_match.prints import (
    FINGERS,
    HAND,
    PRESET_2012,
    TEN,
    Bits,
    PrintModel,
    Prints,
    first_records,
    second_records,
)
from services.biometric_match.search import Top, top
from services.chassis.draws import Integers, Words, draws

GalleryKind = Literal["iafis", "ident"]

Searchable = Literal[2, 10]
"""On how many fingers a gallery is searched: both index fingers, as IDENT's first years, or all ten."""

_INDEX_FINGERS = np.arange(TEN) % HAND == FINGERS.index("index")

_MADE_AT_ONCE = 16_384
"""Rows that the processor's caches hold while they are made, measured; the bits do not depend on it."""

_MADE_BY_ONE = 65_536
"""Rows up to which one thread makes all of them."""


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


@dataclass(frozen=True, slots=True)
class Contamination:
    """Records on which some fingers are another card's, as when two arrests' cards are mixed up.

    In the model, scores alone make nearly no false match on ten fingers; in the field most come from such records [B]
    (matcher.md 3.7). How many there are is not published: an assumption to vary, and off unless a run asks for it.
    """

    share: float = 0.0
    """Of the rows of a gallery."""

    fingers: int = 5
    """How many of the ten are another person's: the last ones, so that five are the left hand."""


NO_CONTAMINATION = Contamination()


@dataclass(frozen=True, slots=True)
class Files:
    """All that the two galleries of a run are made from."""

    seed: int
    rows: int
    """Of each gallery."""

    overlap: int
    """People who are in both."""

    model: PrintModel = PRESET_2012
    """How good the prints on file are."""

    contamination: Contamination = NO_CONTAMINATION

    def roster(self, kind: GalleryKind) -> Roster:
        """Who is on file."""
        return Roster(kind, self.rows, self.overlap)

    def codes(self, kind: GalleryKind, rows: Integers) -> Words:
        """What some rows hold, `[finger, row]`."""
        persons = rows.astype(np.int64) + self.roster(kind).first_person
        codes = first_records(self.seed, persons, self.model)
        if kind == "ident":
            # The FBI took their prints first.
            shared = np.flatnonzero(rows < self.overlap)
            codes[:, shared] = second_records(self.seed, persons[shared], self.model)
        if self.contamination.share:
            mixed_up = np.flatnonzero(self.is_contaminated(kind, rows))
            others = first_records(self.seed, self.donors(kind, rows[mixed_up]), self.model)
            foreign = slice(TEN - self.contamination.fingers, TEN)
            codes[foreign, mixed_up] = others[foreign]
        return codes

    def is_contaminated(self, kind: GalleryKind, rows: Integers) -> Bits:
        """Which of these rows hold fingers of another card."""
        contaminated: Bits = draws(self.seed, f"contaminated.{kind}", rows) < self.contamination.share
        return contaminated

    def donors(self, kind: GalleryKind, rows: Integers) -> NDArray[np.int64]:
        """Whose fingers they are: those of anybody of whom one of the two files has a record."""
        everybody = 2 * self.rows - self.overlap
        return (draws(self.seed, f"contaminated.by.{kind}", rows) * everybody).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """The prints on file, or a part of them that begins with row `first_row`: `codes` is `[finger, row]`."""

    codes: Words
    first_row: int = 0

    @classmethod
    def generate(
        cls, files: Files, kind: GalleryKind, first_row: int = 0, end: int | None = None, threads: int = 2
    ) -> "Gallery":
        """Take the rows `first_row` to `end` (all, unless said)."""
        stop = files.rows if end is None else end
        codes = np.empty((TEN, stop - first_row), np.uint64)

        def make(start: int) -> None:
            rows = np.arange(start, min(start + _MADE_AT_ONCE, stop))
            codes[:, start - first_row : start - first_row + len(rows)] = files.codes(kind, rows)

        starts = range(first_row, stop, _MADE_AT_ONCE)
        if stop - first_row <= _MADE_BY_ONE:
            for start in starts:
                make(start)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(make, starts))
        codes.flags.writeable = False
        return cls(codes, first_row)

    @property
    def rows(self) -> int:
        """How many rows are here."""
        return len(self.codes[0])

    def top(self, probes: Words, present: Bits, count: int, *, threads: int | None = None) -> Top:
        """The best rows for each probe, of all that are here; see `search.top`."""
        return top(self.codes, probes, present, count, first_row=self.first_row, threads=threads)


def columns(probes: Sequence[Prints]) -> tuple[Words, Bits]:
    """The codes of probes and which of them there are, `[probe, finger]`."""
    codes = np.array([[code or 0 for code in probe.codes] for probe in probes], np.uint64).reshape(-1, TEN)
    present = np.array([[code is not None for code in probe.codes] for probe in probes], np.bool_).reshape(-1, TEN)
    return codes, present


def fingers_searched(present: Bits, searchable: Searchable) -> Bits:
    """Which of the fingers that a probe has are compared, `[probe, finger]`."""
    return present if searchable == TEN else present & _INDEX_FINGERS
