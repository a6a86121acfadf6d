"""Whether searches are exact, and whether they err as often as theory and NIST say."""

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sandbox.bench.match.speed import Tell, in_one_line
from services.biometric_match.gallery import Files, Gallery
from services.biometric_match.matcher import CANDIDATES, FEWEST_FINGERS
from services.biometric_match.prints import PRESET_2004, TEN, Bits, captures
from services.biometric_match.rates import miss_rates
from services.biometric_match.scores import POINTS, false_match_rates, threshold
from services.biometric_match.search import Kernel, Top, has_numba, merged, top
from services.chassis.draws import Words

SEARCHES = 1_000
SEARCHES_OF_ONE_GALLERY = 50
MOST_ROWS = 60_000

STRANGERS = 64
FINGERS_OF_TAILS = (1, 2, 4, 10)
LISTED = 1_000
FEWEST_EXPECTED = 20

_ROWS_AT_ONCE = 20_000


def brute_force(codes: Words, probes: Words, present: Bits, count: int) -> Top:
    """The best rows by a line of numpy and a sort: nothing in it is shared with the search but what it should find."""
    lists = [_by_brute_force(codes, probe, there, count) for probe, there in zip(probes, present, strict=True)]
    return Top(np.concatenate([each.rows for each in lists]), np.concatenate([each.scores for each in lists]))


def _by_brute_force(codes: Words, probe: Words, there: Bits, count: int) -> Top:
    parts = []
    for start in range(0, codes.shape[1], _ROWS_AT_ONCE):
        block = codes[there, start : start + _ROWS_AT_ONCE]
        scores = in_one_line(block.T, probe[there]).astype(np.int64)
        order = np.argsort(-scores, kind="stable")[:count]
        parts.append(Top((order + start).reshape(1, -1), scores[order].reshape(1, -1)))
    return merged(parts, count)


def same(one: Top, other: Top) -> int:
    """How many lists are the same in both."""
    is_same = (one.rows == other.rows).all(axis=1) & (one.scores == other.scores).all(axis=1)
    return int(is_same.sum())


def measure_identity(seed: int, searches: int, tell: Tell) -> dict[str, Any]:
    """Lists of random searches by every kernel in every number of threads, held against brute force."""
    kernels: tuple[Kernel, ...] = ("numpy", "numba") if has_numba() else ("numpy",)
    threads = range(1, (os.cpu_count() or 1) + 1)
    compared = differing = 0
    for number, (codes, probes, present) in enumerate(_random_searches(seed, searches)):
        tell(f"searches by brute force: {number * SEARCHES_OF_ONE_GALLERY:,} of {searches:,}")
        expected = brute_force(codes, probes, present, CANDIDATES)
        for kernel in kernels:
            for count in threads:
                found = top(codes, probes, present, CANDIDATES, threads=count, kernel=kernel)
                compared += len(probes)
                differing += len(probes) - same(found, expected)
    return {
        "searches": searches,
        "kernels": kernels,
        "threads": list(threads),
        "lists_compared": compared,
        "differing": differing,
    }


def _random_searches(seed: int, searches: int) -> Iterator[tuple[Words, Words, Bits]]:
    """Galleries of random sizes whose rows repeat, so that many score the same, and probes that lack fingers."""
    random = np.random.default_rng(seed)
    for start in range(0, searches, SEARCHES_OF_ONE_GALLERY):
        rows, probes = int(random.integers(1, MOST_ROWS)), min(SEARCHES_OF_ONE_GALLERY, searches - start)
        people = random.integers(0, 2**64, (TEN, int(random.integers(1, rows + 1))), dtype=np.uint64)
        codes = np.ascontiguousarray(people[:, random.integers(0, people.shape[1], rows)])
        flips = np.bitwise_and.reduce(random.integers(0, 2**64, (3, probes, TEN), dtype=np.uint64))
        seen = people[:, random.integers(0, people.shape[1], probes)].T ^ flips
        yield codes, np.ascontiguousarray(seen), random.random((probes, TEN)) < random.choice([0.2, 0.9, 1.0])


def measure_tails(files: Files, tell: Tell) -> list[dict[str, Any]]:
    """How many strangers reached each score, counted from lists of candidates, and how many should have.

    A list ends at its last candidate, so only scores that no list's last one reaches are counted; of these, all of
    which at least `FEWEST_EXPECTED` are expected.
    """
    gallery = Gallery.generate(files, "iafis")
    probes = np.ascontiguousarray(captures(files.seed, np.arange(STRANGERS) + 2 * files.rows, "bench").codes.T)
    told = []
    for fingers in FINGERS_OF_TAILS:
        tell(f"strangers' scores on {fingers} fingers")
        present = np.broadcast_to(np.arange(TEN) < fingers, probes.shape)
        scores = gallery.top(probes, present, min(LISTED, files.rows)).scores
        comparisons = files.rows * STRANGERS
        for score in range(int(scores[:, -1].max()) + 1, fingers * POINTS + 1):
            expected = comparisons * float(false_match_rates(fingers)[score])
            if expected < FEWEST_EXPECTED:
                break
            observed = int((scores >= score).sum())
            told.append(
                {
                    "fingers": fingers,
                    "score": score,
                    "observed": observed,
                    "expected": round(expected, 1),
                    "z": round((observed - expected) / math.sqrt(expected), 2),
                }
            )
    return told


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """What NIST published of IDENT's search on two flat index prints (NISTIR 7110, 2004; read)."""

    what: str
    rows: int
    fpir: float
    missed_percent: float
    within_points: float

    def as_json(self) -> dict[str, Any]:
        """Held against the model.

        Of two prints with one finger missing, the other is compared, against the same score; the services would ask
        for another capture. With no finger missing, the figure is the second one.
        """
        rates = miss_rates(PRESET_2004, FEWEST_FINGERS)
        asked = threshold(FEWEST_FINGERS, self.rows, self.fpir)
        percent = 100 * rates.rate_at(asked, PRESET_2004.missing_share)
        of_whole = 100 * rates.scored_below(FEWEST_FINGERS, asked)
        return {
            "what": self.what,
            "published_percent": self.missed_percent,
            "model_percent": round(percent, 2),
            "model_percent_no_finger_missing": round(of_whole, 2),
            "within_points": self.within_points,
            "met": abs(percent - self.missed_percent) <= self.within_points,
        }


PUBLISHED: Sequence[PublishedRow] = (
    PublishedRow("IDENT, 6 million on file, FPIR 0.31 %", 6_000_000, 0.0031, 4.0, 0.4),
    PublishedRow("IDENT, 6 million on file, FPIR 0.08 %", 6_000_000, 0.0008, 5.0, 0.4),
    PublishedRow("IDENT, one to one, false accepts 0.1 %", 1, 0.001, 0.5, 0.1),
)
