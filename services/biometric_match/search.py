"""The search: every row is scored, and the best are returned. There is no index, and nothing is estimated.

Every index that was tried misses the poor prints first, and those are what the lessons are about; and none of them
beats reading everything (matcher.md 2.3). With numba installed (the extra `fast`) large galleries are read at the speed
of the memory; without it numpy does the same, and both give the same answers bit for bit.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from services.biometric_match.scores import POINTS
from services.chassis.draws import Words

Bits = NDArray[np.bool_]
Ranks = NDArray[np.int64]

Kernel = Literal["numpy", "numba"]
Scan = Callable[[Words, Words, Bits, int], "Top"]
"""`scan(codes, probes, present, count)`: the best rows of a part of a gallery, numbered from 0, in one thread."""

NO_ROW = -1
NO_SCORE = -1

MOST_THREADS = 8

_ROWS_AT_ONCE = 32_768
"""A block that the processor's caches hold, measured; the answers do not depend on it."""

_COMPARISONS_FOR_A_THREAD = 200_000
"""Rows times probes below which another thread costs more than it brings."""

_COMPARISONS_FOR_NUMBA = 200_000
"""Rows times probes below which numpy is as fast, and numba need not be imported and compile its kernel."""


@dataclass(frozen=True, slots=True, eq=False)
class Top:
    """The best rows for each probe, best first, of equal scores the lowest row first; both `[probe, rank]`.

    Where there are fewer rows than ranks, the rest is `NO_ROW`, with `NO_SCORE`.
    """

    rows: Ranks
    scores: Ranks

    @classmethod
    def nothing(cls, probes: int, count: int) -> "Top":
        """What is found among no rows."""
        return cls(np.full((probes, count), NO_ROW, np.int64), np.full((probes, count), NO_SCORE, np.int64))


def top(
    codes: Words,
    probes: Words,
    present: Bits,
    count: int,
    *,
    first_row: int = 0,
    threads: int | None = None,
    kernel: Kernel | None = None,
) -> Top:
    """The best rows for each probe, of all rows.

    A row scores max(0, 22 - differing bits) for each finger that the probe has (`scores.py`). Neither threads nor the
    kernel make a difference to the answer.

    Args:
        codes: what is on file, `[finger, row]`.
        probes: `[probe, finger]`.
        present: which of the probes' codes there are, `[probe, finger]`; a missing finger scores nothing.
        count: how long each list is.
        first_row: the number of the first row.
        threads: how many search at once; as many as there are processors, if it is worth it, unless said.
        kernel: who scores; numba for large searches where it is installed, unless said.

    Raises:
        ModuleNotFoundError: numba is asked for and not installed.
    """
    rows, work = codes.shape[1], codes.shape[1] * len(probes)
    if not work:
        return Top.nothing(len(probes), count)
    scan = _SCANS[kernel or _usual_kernel(work)]()
    workers = max(1, min(threads or _usual_threads(work), rows))
    starts = [rows * worker // workers for worker in range(workers + 1)]

    def part(worker: int) -> Top:
        start, end = starts[worker], starts[worker + 1]
        found = scan(codes[:, start:end], probes, present, count)
        return Top(np.where(found.rows == NO_ROW, NO_ROW, found.rows + (first_row + start)), found.scores)

    if workers == 1:
        return part(0)
    with ThreadPoolExecutor(workers) as pool:
        return merged(list(pool.map(part, range(workers))), count)


def merged(parts: Sequence[Top], count: int) -> Top:
    """The best of several parts of one gallery: of threads, of shards, of what was enrolled later."""
    rows = np.concatenate([part.rows for part in parts], axis=1)
    scores = np.concatenate([part.scores for part in parts], axis=1)
    order = np.lexsort((rows, -scores), axis=1)[:, :count]
    found = Top(np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1))
    rest = Top.nothing(len(rows), max(0, count - rows.shape[1]))
    return Top(np.hstack([found.rows, rest.rows]), np.hstack([found.scores, rest.scores]))


def scan_with_numpy(codes: Words, probes: Words, present: Bits, count: int) -> Top:
    """See `Scan`. Blocks outside, probes inside: a block is read from memory once for the whole batch."""
    fingers, rows = codes.shape
    width = min(rows, _ROWS_AT_ONCE)
    different = np.empty((fingers, width), np.uint64)
    lost = np.empty((fingers, width), np.uint8)
    total = np.empty(width, np.uint8)
    # A whole row of the constant: with a single number, numpy's minimum is ten times as slow.
    most = np.full(width, POINTS, np.uint8)
    lists = [_Best(int(there.sum()) * POINTS, count) for there in present]

    for start in range(0, rows, width):
        block = codes[:, start : start + width]
        size = block.shape[1]
        for probe, there, best in zip(probes, present, lists, strict=True):
            compared = _compare(block, probe, there, different[:, :size])
            points_lost = lost[: len(compared), :size]
            np.bitwise_count(compared, out=points_lost)
            np.minimum(points_lost, most[:size], out=points_lost)
            np.add.reduce(points_lost, axis=0, dtype=np.uint8, out=total[:size])
            best.take(total[:size], start)
    return Top(
        np.array([best.rows for best in lists], np.int64),
        np.array([best.scores for best in lists], np.int64),
    )


def _compare(block: Words, probe: Words, there: Bits, different: Words) -> Words:
    """The bits that differ, `[finger, row]`, of the fingers that are there; only their columns are read."""
    if there.all():
        return np.bitwise_xor(block, probe.reshape(-1, 1), out=different)
    fingers = np.flatnonzero(there)
    for place, finger in enumerate(fingers):
        np.bitwise_xor(block[finger], probe[finger], out=different[place])
    return different[: len(fingers)]


class _Best:
    """The best rows so far, for one probe. Rows come in their order, so of equal scores the first ones stay."""

    def __init__(self, points: int, count: int) -> None:
        self._points = points
        self._count = count
        self._rows = np.empty(0, np.int64)
        self._lost = np.empty(0, np.uint8)

    def take(self, lost: NDArray[np.uint8], start: int) -> None:
        """The points that a block of rows, from `start` on, falls short of all that can be had."""
        is_full = len(self._rows) == self._count
        better = np.flatnonzero(lost < self._lost[-1]) if is_full else np.arange(len(lost))
        if not len(better):
            return
        rows = np.concatenate([self._rows, better + start])
        points = np.concatenate([self._lost, lost[better]])
        order = np.argsort(points, kind="stable")[: self._count]
        self._rows, self._lost = rows[order], points[order]

    @property
    def rows(self) -> Ranks:
        """The list, filled up with `NO_ROW`."""
        return self._filled(self._rows, NO_ROW)

    @property
    def scores(self) -> Ranks:
        """Their scores, filled up with `NO_SCORE`."""
        return self._filled(self._points - self._lost.astype(np.int64), NO_SCORE)

    def _filled(self, column: Ranks, rest: int) -> Ranks:
        return np.concatenate([column, np.full(self._count - len(column), rest, np.int64)])


def _numpy() -> Scan:
    return scan_with_numpy


def _numba() -> Scan:
    from services.biometric_match.fast import scan_with_numba  # noqa: PLC0415  an optional extra, and slow to import

    return scan_with_numba


_SCANS: Mapping[Kernel, Callable[[], Scan]] = {"numpy": _numpy, "numba": _numba}


def _usual_kernel(work: int) -> Kernel:
    return "numba" if work >= _COMPARISONS_FOR_NUMBA and has_numba() else "numpy"


@cache
def has_numba() -> bool:
    """Whether the extra `fast` is installed."""
    return find_spec("numba") is not None


def _usual_threads(work: int) -> int:
    if work < _COMPARISONS_FOR_A_THREAD:
        return 1
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, MOST_THREADS)
