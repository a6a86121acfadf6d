"""Records that are no stranger's to a person though they are not theirs: mixed-up cards, and relatives' fingers.

Only an experiment that knows who people are can ask for them (`mates.py`); a search finds them by their scores.
"""

import numpy as np
from numpy.typing import NDArray

from services.biometric_match.gallery import Files, GalleryKind
from services.biometric_match.prints import family
from services.chassis.draws import Integers

Rows = NDArray[np.int64]


def kin(files: Files, kind: GalleryKind, persons: Integers) -> tuple[Rows, Rows]:
    """The rows of a gallery, other than their own, that hold something of these people's fingers.

    Returns:
        Pairs, as two columns: the place of the person among `persons`, and a row.
    """
    pairs = [_on_other_cards(files, kind, persons), _of_relatives(files, kind, persons)]
    places = np.concatenate([places for places, _ in pairs])
    rows = np.concatenate([rows for _, rows in pairs])
    others = persons[places] != rows + files.roster(kind).first_person
    return places[others], rows[others]


def _on_other_cards(files: Files, kind: GalleryKind, persons: Integers) -> tuple[Rows, Rows]:
    if not files.contamination.share:
        return _nobody()
    everybody = np.arange(files.rows)
    rows = everybody[files.is_contaminated(kind, everybody)]
    return _joined(persons, files.donors(kind, rows), rows)


def _of_relatives(files: Files, kind: GalleryKind, persons: Integers) -> tuple[Rows, Rows]:
    if not files.model.related_share:
        return _nobody()
    rows = np.arange(files.rows)
    of_rows = family(files.seed, rows + files.roster(kind).first_person, files.model)
    of_persons = family(files.seed, persons, files.model)
    has_family = of_rows >= 0
    return _joined(of_persons, of_rows[has_family], rows[has_family])


def _joined(wanted: Integers, keys: Rows, rows: Rows) -> tuple[Rows, Rows]:
    """The place in `wanted` and the row, wherever the row's key is the one that is wanted."""
    order = np.argsort(keys, kind="stable")
    ends = np.searchsorted(keys[order], wanted, "right")
    counts = ends - np.searchsorted(keys[order], wanted, "left")
    places = np.repeat(np.arange(len(wanted)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return places, rows[order][np.repeat(ends - counts, counts) + within]


def _nobody() -> tuple[Rows, Rows]:
    return np.empty(0, np.int64), np.empty(0, np.int64)
