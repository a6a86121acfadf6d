"""The search: every row is scored, and the best are returned. There is no index, and nothing is estimated.

Every index that was tried misses the poor prints first, and those are what the lessons are about.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.biometric_match.scores import POINTS
from services.chassis.draws import Words

Bits = NDArray[np.bool_]
Ranks = NDArray[np.int64]

NO_ROW = -1
NO_SCORE = -1

_ROWS_AT_ONCE = 32_768


@dataclass(frozen=True, slots=True, eq=False)
class Top:
    """The best rows for each probe, best first, of equal scores the lowest row first; both `[probe, rank]`.

    Where there are fewer rows than ranks, the rest is `NO_ROW`, with `NO_SCORE`.
    """

    rows: Ranks
    scores: Ranks


def top(
    codes: Words, probes: Words, present: Bits, count: int, *, first_row: int = 0, threads: int | None = None
) -> Top:
    """The best rows for each probe."""
    del threads
    parts = []
    for start in range(0, codes.shape[1], _ROWS_AT_ONCE):
        block = codes[:, start : start + _ROWS_AT_ONCE]
        scores = np.empty((len(probes), block.shape[1]), np.int64)
        most = np.full(block.shape[1], POINTS, np.uint8)
        for probe in range(len(probes)):
            lost = np.minimum(np.bitwise_count(block ^ probes[probe][:, None]), most)
            lost[~present[probe]] = POINTS
            scores[probe] = len(codes) * POINTS - np.add.reduce(lost, axis=0, dtype=np.int64)
        rows = np.broadcast_to(np.arange(block.shape[1]) + start + first_row, scores.shape)
        parts.append(_best(rows, scores, count))
    return merged(parts, count) if parts else _nothing(len(probes), count)


def merged(parts: Sequence[Top], count: int) -> Top:
    """The best of several parts of one gallery."""
    rows = np.concatenate([part.rows for part in parts], axis=1)
    return _best(rows, np.concatenate([part.scores for part in parts], axis=1), count)


def _best(rows: Ranks, scores: Ranks, count: int) -> Top:
    order = np.lexsort((rows, -scores), axis=1)[:, :count]
    found = Top(np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1))
    missing = count - found.rows.shape[1]
    if missing <= 0:
        return found
    nothing = _nothing(len(rows), missing)
    return Top(np.hstack([found.rows, nothing.rows]), np.hstack([found.scores, nothing.scores]))


def _nothing(probes: int, count: int) -> Top:
    return Top(np.full((probes, count), NO_ROW, np.int64), np.full((probes, count), NO_SCORE, np.int64))
