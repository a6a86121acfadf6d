"""The scoring of a gallery at the speed of the memory: kernels that numba compiles when they are first wanted.

They are the optional extra `fast`: numba and its compiler take 210 MB on the disk, half a second to import and a
second or two to compile. The answers are those of `search.scan_with_numpy`, bit for bit.
"""

from functools import cache
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from services.biometric_match.scores import POINTS
from services.biometric_match.search import Top, scan_with_numpy
from services.chassis.draws import Words

_ROWS_AT_ONCE = 2048
"""Ten columns of so many rows, and their scores, fit a processor's second cache: a batch reads memory once."""

_TWO = 2
_MOST = np.uint64(POINTS)


def scan_with_numba(codes: Words, probes: Words, present: NDArray[np.bool_], count: int) -> Top:
    """See `search.Scan`. Probes with other fingers than all ten, or the same two, are rare and left to numpy."""
    found = Top.nothing(len(probes), count)
    whole = present.all(axis=1)
    fingers = np.flatnonzero(present.any(axis=0))
    if whole.all():
        _search(_score_ten, codes, probes, fingers, found)
    elif len(fingers) == _TWO and present[:, fingers].all():
        _search(_score_two, codes, probes, fingers, found)
    else:
        for chosen, scan in ((whole, scan_with_numba), (~whole, scan_with_numpy)):
            if not chosen.any():
                continue
            part = scan(codes, probes[chosen], present[chosen], count)
            found.rows[chosen], found.scores[chosen] = part.rows, part.scores
    return found


def _counting(_: Any, word: Any) -> Any:  # noqa: ARG001 - numba looks at the name
    """How many bits of a word are 1: the processor's own instruction, or what LLVM makes of it for several words."""

    def code(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), code


_count_ones: Any = intrinsic(_counting)


@njit(nogil=True)
def _lost(on_file: Any, code: Any) -> Any:
    """The points of a finger that a row does not get."""
    return min(_count_ones(on_file ^ code), _MOST)


# The columns are written out, so that the compiler knows that each lies in one piece, and takes several rows at a time.


@njit(nogil=True)
def _score_two(columns: Any, start: Any, end: Any, codes: Any, lost: Any) -> None:
    first, second = columns[0][start:end], columns[1][start:end]
    code_0, code_1 = codes[0], codes[1]
    for row in range(len(first)):
        lost[row] = np.uint8(_lost(first[row], code_0) + _lost(second[row], code_1))


@njit(nogil=True)
def _score_ten(columns: Any, start: Any, end: Any, codes: Any, lost: Any) -> None:
    c0, c1, c2 = columns[0][start:end], columns[1][start:end], columns[2][start:end]
    c3, c4, c5 = columns[3][start:end], columns[4][start:end], columns[5][start:end]
    c6, c7, c8, c9 = columns[6][start:end], columns[7][start:end], columns[8][start:end], columns[9][start:end]
    p0, p1, p2, p3, p4 = codes[0], codes[1], codes[2], codes[3], codes[4]
    p5, p6, p7, p8, p9 = codes[5], codes[6], codes[7], codes[8], codes[9]
    for row in range(len(c0)):
        thumb_to_ring = _lost(c0[row], p0) + _lost(c1[row], p1) + _lost(c2[row], p2) + _lost(c3[row], p3)
        little_to_middle = _lost(c4[row], p4) + _lost(c5[row], p5) + _lost(c6[row], p6) + _lost(c7[row], p7)
        lost[row] = np.uint8(thumb_to_ring + little_to_middle + _lost(c8[row], p8) + _lost(c9[row], p9))


@njit(nogil=True)
def _keep(lost: Any, start: Any, points: Any, rows: Any, scores: Any) -> None:
    """Puts the rows of a block that score more than the last on the list into their places."""
    least = lost[0]
    for row in range(len(lost)):
        least = min(least, lost[row])
    last = len(rows) - 1
    if points - least <= scores[last]:
        return
    for row in range(len(lost)):
        score = points - np.int64(lost[row])
        if score <= scores[last]:
            continue
        place = last
        while place > 0 and score > scores[place - 1]:
            rows[place], scores[place] = rows[place - 1], scores[place - 1]
            place -= 1
        rows[place], scores[place] = start + row, score


def _search(score: Any, codes: Words, probes: Words, fingers: NDArray[np.int64], found: Top) -> None:
    columns = tuple(codes[finger] for finger in fingers)
    _kernel(score)(columns, np.ascontiguousarray(probes[:, fingers]), found.rows, found.scores)


@cache
def _kernel(score: Any) -> Any:
    """The search of a part of a gallery, by what scores a block of its rows."""

    @njit(nogil=True)
    def search(columns: Any, probes: Any, rows: Any, scores: Any) -> None:
        lost = np.empty(_ROWS_AT_ONCE, np.uint8)
        points = np.int64(len(columns) * POINTS)
        for start in range(0, len(columns[0]), _ROWS_AT_ONCE):
            end = min(start + _ROWS_AT_ONCE, len(columns[0]))
            for probe in range(len(probes)):
                score(columns, start, end, probes[probe], lost)
                _keep(lost[: end - start], start, points, rows[probe], scores[probe])

    return search
