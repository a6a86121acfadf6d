"""The answers of a search without the search, for runs that are too large for one.

It is told who each probe really is, which no service knows; so it serves experiments within one process and never the
services.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.biometric_match.gallery import Files, GalleryKind, Searchable, columns, fingers_searched
from services.biometric_match.kin import kin
from services.biometric_match.matcher import Found, found
from services.biometric_match.prints import TEN, Bits, Prints
from services.biometric_match.scores import POINTS, false_match_rates, threshold
from services.biometric_match.search import Top
from services.chassis.draws import Integers, Words, draws, streams

Rows = NDArray[np.int64]


class MateMatcher:
    """Scores everybody against their own record, and draws false matches from how often they happen.

    A mate is scored as the search would score them, and so are the records that hold this person's fingers by a mix-up
    of cards, and those of relatives. Who is not found so, a stranger or somebody whose own print scored too little, is
    matched falsely as often as by the search: drawn from the closed form of `false_match_rates`, not found by
    comparing.

    Two simplifications: a false match scores the threshold, where three in ten would score more; and a mate who is
    found is never outdone by a false match.
    """

    def __init__(
        self, files: Files, fpir: float, persons: Sequence[int] | Integers, ident_fingers: Searchable = TEN
    ) -> None:
        """Say who the probes are.

        Args:
            files: what the galleries are made from.
            fpir: the share of searches for a stranger that may return somebody.
            persons: the person of each probe of every search, in the order of the probes.
            ident_fingers: on how many fingers IDENT is searched.
        """
        self.files = files
        self.persons = np.asarray(persons, np.int64)
        self.searchable: dict[GalleryKind, Searchable] = {"iafis": TEN, "ident": ident_fingers}
        self.thresholds = np.array([threshold(fingers, files.rows, fpir) for fingers in range(TEN + 1)])
        """The lowest score that is a match, by the number of fingers."""

        self._false_match_rates = np.array(
            [
                false_match_rates(fingers)[score] if score <= fingers * POINTS else 0.0
                for fingers, score in enumerate(self.thresholds)
            ]
        )

    def search(self, kind: GalleryKind, probes: Sequence[Prints]) -> list[Found]:
        """The one candidate for each probe.

        Raises:
            ValueError: if there are not as many probes as persons.
        """
        rows, scores, compared = self.best(kind, *columns(probes))
        return found(Top(rows.reshape(-1, 1), scores.reshape(-1, 1)), compared)

    def best(self, kind: GalleryKind, codes: Words, present: Bits) -> tuple[Rows, Rows, Bits]:
        """The row that a search would return for each probe, its score, and the fingers that were compared.

        Who came closest below the threshold is not known: the row is the mate's there, with the mate's score, or else
        row 0 with score 0. Probes with too few fingers are scored too.

        Raises:
            ValueError: if there are not as many probes as persons.
        """
        if len(codes) != len(self.persons):
            raise ValueError(f"{len(codes)} probes of {len(self.persons)} persons")
        compared = fingers_searched(present, self.searchable[kind])
        mates = self.persons - self.files.roster(kind).first_person
        on_file = (mates >= 0) & (mates < self.files.rows)

        rows = np.where(on_file, mates, 0)
        scores = np.zeros(len(codes), np.int64)
        scores[on_file] = row_scores(self.files, kind, mates[on_file], codes[on_file], compared[on_file])
        self._look_at_kin(kind, codes, compared, rows, scores)

        fingers = compared.sum(axis=1)
        strangers = self.files.rows - on_file
        chances = -np.expm1(strangers * np.log1p(-self._false_match_rates[fingers]))
        searches = self._numbers(codes, compared)
        enough = scores >= self.thresholds[fingers]
        mistaken = ~enough & (draws(self.files.seed, f"false_match.{kind}", searches) < chances)

        # Every row but the mate's is a stranger's, and one as likely as the other.
        among_strangers = (draws(self.files.seed, f"false_match.row.{kind}", searches) * strangers).astype(np.int64)
        rows[mistaken] = (among_strangers + (on_file & (among_strangers >= mates)))[mistaken]
        scores[mistaken] = self.thresholds[fingers][mistaken]
        return rows, scores, compared

    def _look_at_kin(self, kind: GalleryKind, codes: Words, compared: Bits, rows: Rows, scores: Rows) -> None:
        """Puts a record that is no stranger's in the mate's place where it scores more."""
        probes, akin = kin(self.files, kind, self.persons)
        found_scores = row_scores(self.files, kind, akin, codes[probes], compared[probes])
        # The best last, of equal scores the lowest row: what is written last stays.
        for place in np.lexsort((-akin, found_scores)).tolist():
            probe, row, score = probes[place], akin[place], found_scores[place]
            if (score, -row) > (scores[probe], -rows[probe]):
                rows[probe], scores[probe] = row, score

    def _numbers(self, codes: Words, compared: Bits) -> Words:
        """A number for each probe that follows from the person and the prints, by which chance is drawn."""
        numbers = self.persons.astype(np.uint64)
        for finger in range(TEN):
            numbers = streams(np.where(compared[:, finger], codes[:, finger], 0), numbers)
        return numbers


def row_scores(files: Files, kind: GalleryKind, rows: Integers, codes: Words, compared: Bits) -> Rows:
    """What probes score against one row each: as the search would score them.

    Args:
        files: what the galleries are made from.
        kind: the gallery.
        rows: the row for each probe.
        codes: `[probe, finger]`.
        compared: which of the codes are compared; a missing finger scores nothing.
    """
    different = np.bitwise_count(files.codes(kind, rows) ^ codes.T)
    points = np.where(compared.T, POINTS - np.minimum(different, np.uint8(POINTS)), 0)
    scores: Rows = np.add.reduce(points, axis=0, dtype=np.int64)
    return scores
