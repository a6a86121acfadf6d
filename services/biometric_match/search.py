"""The search: every row is scored, and the best are returned. There is no index, and nothing is estimated.

Every index that was tried misses the poor prints first, and those are what the lessons are about; and none of them
beats reading everything (matcher.md 2.3). With numba installed (the extra `fast`) galleries are read at the speed of
the memory; without it numpy does the same, and both give the same answers bit for bit.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from threading import Lock, Thread, local
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from services.biometric_match.scores import POINTS
from services.chassis.draws import Words

Bits = NDArray[np.bool_]
Ranks = NDArray[np.int64]
Lost = NDArray[np.uint8]
"""Points that rows fall short of all that can be had. Ten fingers can lose 220, so a byte holds them."""

Kernel = Literal["numpy", "numba"]
Scan = Callable[[Words, Words, Bits, int], "Top"]
"""`scan(codes, probes, present, count)`: the best rows of a part of a gallery, numbered from 0, in one thread."""

NO_ROW = -1
NO_SCORE = -1

MOST_THREADS = 8

_ROWS_AT_ONCE = 32_768
"""A block that the processor's caches hold, measured; the answers do not depend on it."""

_FEW_ROWS = 1024
"""Rows that begin a list: sorting a whole block would take longer than to score it."""

_COMPARISONS_FOR_A_THREAD = 200_000
"""Rows times probes below which another thread costs more than it brings."""

_COMPARISONS_FOR_NUMBA = 150_000_000
"""Rows times probes for which numba would have saved as much time as it takes to import and to compile, measured."""

log = logging.getLogger(__name__)


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
        kernel: who scores. Unless said, numpy, and numba once it has been worth its while.

    Raises:
        ValueError: if a list is to have no places.
        ModuleNotFoundError: numba is asked for and not installed.
    """
    if count < 1:
        raise ValueError(f"a list of candidates has at least one place, not {count}")
    rows, work = codes.shape[1], codes.shape[1] * len(probes)
    if not work:
        return Top.nothing(len(probes), count)
    scan = _SCANS[kernel]() if kernel else _COMPILED.after(work) or scan_with_numpy
    workers = min(threads or usual_threads(work), rows)
    starts = [rows * worker // workers for worker in range(workers + 1)]

    def part(worker: int) -> Top:
        start, end = starts[worker], starts[worker + 1]
        found = scan(codes[:, start:end], probes, present, count)
        return Top(np.where(found.rows == NO_ROW, NO_ROW, found.rows + (first_row + start)), found.scores)

    if workers == 1:
        return part(0)
    with ThreadPoolExecutor(workers - 1) as pool:
        others = [pool.submit(part, worker) for worker in range(1, workers)]
        return merged([part(0), *(other.result() for other in others)], count)


def merged(parts: Sequence[Top], count: int) -> Top:
    """The best of several parts of one gallery: of threads, of shards, of what was enrolled later.

    The parts may come in any order. Each must have its own best `count` rows, or all that it has.
    """
    rows = np.concatenate([part.rows for part in parts], axis=1)
    scores = np.concatenate([part.scores for part in parts], axis=1)
    order = np.lexsort((rows, -scores), axis=1)[:, :count]
    found = Top(np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1))
    rest = Top.nothing(len(rows), max(0, count - rows.shape[1]))
    return Top(np.hstack([found.rows, rest.rows]), np.hstack([found.scores, rest.scores]))


def usual_threads(work: int) -> int:
    """How many threads search, unless that is said, for so many rows times probes."""
    if work < _COMPARISONS_FOR_A_THREAD:
        return 1
    # A container may have fewer processors than the machine.
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(processors, MOST_THREADS)


# The base: numpy alone


def scan_with_numpy(codes: Words, probes: Words, present: Bits, count: int) -> Top:
    """See `Scan`. Blocks outside, probes inside: a block is read from memory once for the whole batch."""
    fingers, rows = codes.shape
    width = min(rows, _ROWS_AT_ONCE)
    room, counts = _kept_room(fingers, width)
    total = np.empty(width, np.uint8)
    # A whole row of the constant: with a single number, numpy's minimum is ten times as slow.
    most = np.full(width, POINTS, np.uint8)
    lists = [_Best(int(there.sum()) * POINTS, count) for there in present]

    for start in range(0, rows, width):
        block = codes[:, start : start + width]
        size = block.shape[1]
        for probe, there, best in zip(probes, present, lists, strict=True):
            different = _differences(block, probe, there, room[:, :size])
            points = np.bitwise_count(different, out=counts[: len(different), :size])
            np.minimum(points, most[:size], out=points)
            best.take(np.add.reduce(points, axis=0, dtype=np.uint8, out=total[:size]), start)
    return Top(np.stack([best.rows for best in lists]), np.stack([best.scores for best in lists]))


_KEPT = local()


def _kept_room(fingers: int, width: int) -> tuple[Words, Lost]:
    """Where this thread makes differences and counts them: fresh pages each time would cost a twentieth of a search."""
    size = fingers * width
    kept: tuple[Words, Lost] | None = getattr(_KEPT, "room", None)
    if kept is None or len(kept[0]) < size:
        kept = _KEPT.room = (np.empty(size, np.uint64), np.empty(size, np.uint8))
    room, counts = kept
    return room[:size].reshape(fingers, width), counts[:size].reshape(fingers, width)


def _differences(block: Words, probe: Words, there: Bits, room: Words) -> Words:
    """The bits that differ, `[finger, row]`, of the fingers that are there; only their columns are read."""
    if there.all():
        return np.bitwise_xor(block, probe.reshape(-1, 1), out=room)
    fingers = np.flatnonzero(there)
    for place, finger in enumerate(fingers):
        np.bitwise_xor(block[finger], probe[finger], out=room[place])
    return room[: len(fingers)]


class _Best:
    """The best rows so far, for one probe. Rows come in their order, so of equal scores the first ones stay."""

    def __init__(self, points: int, count: int) -> None:
        self._points = points
        self._count = count
        self._rows = np.empty(0, np.int64)
        self._lost: Lost = np.empty(0, np.uint8)

    def take(self, lost: Lost, start: int) -> None:
        """Looks at the points that rows lose, from row `start` on."""
        taken = 0
        while taken < len(lost) and len(self._rows) < self._count:
            few = np.arange(taken, min(taken + _FEW_ROWS, len(lost)))
            self._enter(few, lost, start)
            taken += len(few)
        if taken < len(lost):
            better = taken + np.flatnonzero(lost[taken:] < self._lost[-1])
            if len(better):
                self._enter(better, lost, start)

    def _enter(self, places: Ranks, lost: Lost, start: int) -> None:
        rows = np.concatenate([self._rows, places + start])
        points = np.concatenate([self._lost, lost[places]])
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


# The extra: numba


def has_numba() -> bool:
    """Whether the extra `fast` is installed."""
    return find_spec("numba") is not None


def _compile() -> Scan:
    from services.biometric_match.fast import scan_with_numba  # noqa: PLC0415  optional, and it compiles

    return scan_with_numba


class Compiled:
    """A kernel that takes longer to compile than most searches take without it.

    So it is compiled when the searches so far would have paid for that, and in a thread of its own: nobody waits for
    it. A process that searches little never imports it.
    """

    def __init__(self, compile_scan: Callable[[], Scan], is_there: Callable[[], bool], after: int) -> None:
        """Say how it is had.

        Args:
            compile_scan: imports and compiles it.
            is_there: whether it is installed.
            after: the rows times probes that are searched without it.
        """
        self._compile_scan = compile_scan
        self._is_there = is_there
        self._left = after
        self._lock = Lock()
        self._thread: Thread | None = None
        self._scan: Scan | None = None

    def after(self, work: int) -> Scan | None:
        """The kernel for a search of so many rows times probes; None while there is none."""
        if self._scan:
            return self._scan
        with self._lock:
            self._left -= work
            if self._left < 0 and self._thread is None and self._is_there():
                self._thread = Thread(target=self._try, name="compiles the search")
                self._thread.start()
        return None

    def wait(self) -> None:
        """Waits for the compiler, if it is at work."""
        if self._thread:
            self._thread.join()

    def _try(self) -> None:
        try:
            self._scan = self._compile_scan()
        except Exception:  # what a compiler raises where it cannot compile; numpy gives the same answers
            log.warning("numba is installed and cannot compile the search; numpy searches on", exc_info=True)


_COMPILED = Compiled(_compile, has_numba, _COMPARISONS_FOR_NUMBA)

_SCANS: Mapping[Kernel, Callable[[], Scan]] = {"numpy": lambda: scan_with_numpy, "numba": _compile}
