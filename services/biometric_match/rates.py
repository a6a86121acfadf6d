"""How often a search errs, worked out and not simulated: strangers who are returned, people on file who are missed.

What strangers score is exact (`scores.false_match_rates`). What somebody scores against their own record depends on
the qualities of both captures, so it is integrated over them: subject and capture, which all ten fingers share, on a
grid, as are each finger's own part and each capture's. Given the shared parts, fingers are independent, and their
scores add up by a Fourier transform. The grid is fine enough that a simulation of 100,000 people does not tell.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from services.biometric_match.matcher import FEWEST_FINGERS
from services.biometric_match.prints import FINGERS, HAND, OWN_SHARE, POSITIONS, TEN, PrintModel, flip_rates
from services.biometric_match.scores import BITS, POINTS, false_match_rates, threshold

__all__ = [
    "MissRates",
    "expected_best_stranger",
    "false_positive_rate",
    "hand_fingers",
    "miss_rates",
    "scores_asked",
]

Floats = NDArray[np.float64]

_INDEX = FINGERS.index("index")
_BIN = 3
"""Points of quality that are taken together. Matrices stay so small that numpy needs no threads to multiply them."""

_SHARED_STEP = 2
"""Steps of the shared parts' grid, in bins."""

_SPREADS = 5.0
_BINS = np.arange(0, 101, _BIN)


def hand_fingers(fingers: int) -> tuple[int, ...]:
    """Which fingers of each hand a search on so many takes: all of them, or the index finger alone.

    Raises:
        ValueError: for any other number than 2 or 10.
    """
    if fingers == TEN:
        return tuple(range(HAND))
    if fingers == FEWEST_FINGERS:
        return (_INDEX,)
    raise ValueError(f"searches are on 2 or {TEN} fingers, not on {fingers}")


@lru_cache(maxsize=1024)
def scores_asked(fingers: int, false_match_rate: float) -> tuple[int, ...]:
    """The lowest score that is a match when 0, 1, ... `fingers` could be compared: each as sure as the others.

    Where no score is sure enough, it is one more than can be had.
    """
    return tuple(threshold(present, 1, false_match_rate) for present in range(fingers + 1))


def false_positive_rate(fingers: int, rows: float, false_match_rate: float, missing_share: float = 0.0) -> float:
    """FPIR: the share of searches for somebody who is not on file that return somebody. Exact.

    Args:
        fingers: how many are taken, 2 or 10.
        rows: how many people are on file.
        false_match_rate: the most that the chance of a match between two strangers may be.
        missing_share: of fingers, those that could not be taken.
    """
    asked = scores_asked(fingers, false_match_rate)
    shares = _present_shares(fingers, missing_share)
    rates = [_reached(present, asked[present]) for present in range(fingers + 1)]
    return float(
        sum(
            share * _somewhere(rows, rate)
            for share, rate in zip(shares[FEWEST_FINGERS:], rates[FEWEST_FINGERS:], strict=True)
        )
    )


def _somewhere(rows: float, rate: float) -> float:
    """The chance that one of so many rows does what each does with this chance."""
    return -math.expm1(rows * math.log1p(-rate)) if rate < 1 else 1.0


def expected_best_stranger(fingers: int, rows: float) -> int:
    """The score that the best of so many strangers reaches in half of all searches."""
    rates = false_match_rates(fingers)
    reached = -np.expm1(rows * np.log1p(-np.minimum(rates, 1 - 1e-15)))
    return int(np.flatnonzero(reached >= 1 / 2)[-1])


@dataclass(frozen=True, slots=True, eq=False)
class MissRates:
    """The chance that somebody's own record scores too little, by the number of fingers that could be compared."""

    fingers: int
    below: Floats
    """`[present, score]`: the chance of less than this score. One column more than scores: all are below it."""

    gross_share: float

    def given(self, present: int, score: int) -> float:
        """The share missed when so many fingers are there and this is the lowest score that matches."""
        return self.scored_below(present, score) if present >= FEWEST_FINGERS else 1.0

    def scored_below(self, present: int, score: int) -> float:
        """The chance that somebody's own record scores less when so many fingers are there, even if it is only one."""
        column = min(score, self.below.shape[1] - 1)
        swapped = 1 - _reached(present, score)
        return float(self.gross_share * swapped + (1 - self.gross_share) * self.below[present, column])

    def rate_at(self, score: int, missing_share: float) -> float:
        """The share missed at one score, however many fingers there are: a missing one scores nothing.

        So systems were tested that searched with whatever they got; the sandbox's asks for less where fingers are
        missing, and refuses fewer than two (`rate`).

        Args:
            score: the lowest that is a match.
            missing_share: of fingers, those that are missing from the probe.
        """
        shares = _present_shares(self.fingers, missing_share)
        return float(sum(share * self.scored_below(present, score) for present, share in enumerate(shares)))

    def rate(self, asked: Sequence[int], missing_share: float) -> float:
        """FNIR: the share of searches for somebody on file that do not return their record.

        Too few fingers to search count as missed.

        Args:
            asked: the lowest score that is a match, by the number of fingers (`scores_asked`).
            missing_share: of fingers, those that could not be taken.
        """
        shares = _present_shares(self.fingers, missing_share)
        return float(sum(share * self.given(present, asked[present]) for present, share in enumerate(shares)))


@cache
def miss_rates(model: PrintModel, fingers: int, poorer: float = 0.0) -> MissRates:
    """What people score against their own records, for every score and number of fingers; 30 to 100 ms.

    Args:
        model: how good prints are. Its `missing_share` is not used: it is given when rates are asked for.
        fingers: how many are taken, 2 (both index fingers) or 10.
        poorer: by how many points of quality the probe's capture is worse than the model's mean; the record's is not.
    """
    offsets, weights = _shared_parts(model)
    size = 1 << (fingers * POINTS).bit_length()
    points = _points_by_quality(model)

    # The ways to have k of a hand's fingers, as polynomials in k whose coefficients are transforms of their scores.
    hand = [np.ones((len(offsets) ** 2, size // 2 + 1), np.complex128)]
    for finger in hand_fingers(fingers):
        transform = np.fft.rfft(_finger_scores(model, POSITIONS[finger], poorer, offsets, points), size)
        with_it = [each * transform for each in hand]
        hand = [_added(hand, with_it, count) for count in range(len(hand) + 1)]

    below = np.zeros((fingers + 1, fingers * POINTS + 2))
    for present in range(fingers + 1):
        both = sum(
            np.einsum("n,nf,nf->f", weights, hand[right], hand[present - right])
            for right in range(len(hand))
            if 0 <= present - right < len(hand)
        )
        chances = np.fft.irfft(both, size)[: fingers * POINTS + 1] / math.comb(fingers, present)
        below[present, 1:] = np.clip(np.cumsum(np.maximum(chances, 0)), 0, 1)
    below[:, -1] = 1
    below.flags.writeable = False
    return MissRates(fingers, below, model.gross_share)


def _added(
    without: Sequence[NDArray[np.complex128]], with_it: Sequence[NDArray[np.complex128]], count: int
) -> NDArray[np.complex128]:
    """The coefficient for `count` fingers, once another finger may be there or not."""
    if count == 0:
        return without[0]
    if count == len(without):
        return with_it[-1]
    return without[count] + with_it[count - 1]


def _shared_parts(model: PrintModel) -> tuple[NDArray[np.int64], Floats]:
    """The grid of what the fingers of a capture share, in bins, and the weight of each pair (record's, probe's)."""
    variance = model.subject_spread**2 + model.capture_spread**2
    reach = _SHARED_STEP * math.ceil(_SPREADS * math.sqrt(variance) / _BIN / _SHARED_STEP)
    offsets = np.arange(-reach, reach + 1, _SHARED_STEP)

    # The subject is the same in both, the captures are not; along the diagonals that makes two normal variables.
    record, probe = np.meshgrid(_BIN * offsets.astype(np.float64), _BIN * offsets.astype(np.float64), indexing="ij")
    together, apart = variance + model.subject_spread**2, model.capture_spread**2
    weights = np.exp(-((record + probe) ** 2) / (4 * together) - (record - probe) ** 2 / (4 * apart))
    return offsets, (weights / weights.sum()).ravel()


def _finger_scores(
    model: PrintModel, position: float, poorer: float, offsets: NDArray[np.int64], points: Floats
) -> Floats:
    """The chance of each of 23 scores of one finger, `[pair of shared parts, points]`."""
    spread = OWN_SHARE * model.finger_spread
    reach = math.ceil(_SPREADS * spread / _BIN)
    own = np.arange(-reach, reach + 1)
    likely = np.exp(-((_BIN * own / spread) ** 2) / 2)
    likely /= likely.sum()

    means = model.mean + position + _BIN * np.arange(offsets[0] - reach, offsets[-1] + reach + 1)
    of_record, of_probe = _bin_chances(means, spread), _bin_chances(means - poorer, spread)
    by_means = of_record @ points @ of_probe.T

    scores = np.zeros((POINTS + 1, len(offsets), len(offsets)))
    for start, weight in enumerate(likely):
        window = slice(start, start + offsets[-1] - offsets[0] + 1, _SHARED_STEP)
        scores += weight * by_means[:, window, window]
    return scores.reshape(POINTS + 1, -1).T


def _bin_chances(means: Floats, spread: float) -> Floats:
    """The chance of each bin of whole qualities, `[mean, bin]`; what is out of the scale counts as its end."""
    edges = _BINS[1:] - 0.5
    up_to = [
        [0.0, *((1 + math.erf((edge - mean) / spread / math.sqrt(2))) / 2 for edge in edges), 1.0] for mean in means
    ]
    return np.diff(np.array(up_to), axis=1)


def _points_by_quality(model: PrintModel) -> Floats:
    """The chance of each score of one finger, `[points, bin of the record's quality, bin of the probe's]`."""
    rates = flip_rates(model) / 2**16
    record, probe = rates.reshape(-1, 1), rates.reshape(1, -1)
    differs = record * (1 - probe) + probe * (1 - record)
    chances = np.zeros((POINTS + 1, len(rates), len(rates)))
    for points in range(1, POINTS + 1):
        bits = POINTS - points
        chances[points] = math.comb(BITS, bits) * differs**bits * (1 - differs) ** (BITS - bits)
    chances[0] = 1 - chances[1:].sum(axis=0)

    sizes = np.diff([*_BINS, len(rates)])
    in_bins = np.add.reduceat(np.add.reduceat(chances, _BINS, axis=1), _BINS, axis=2)
    averages: Floats = in_bins / np.outer(sizes, sizes)
    return averages


@lru_cache(maxsize=256)
def _present_shares(fingers: int, missing_share: float) -> tuple[float, ...]:
    """How often so many fingers, from 0 up, could be taken."""
    return tuple(
        math.comb(fingers, present) * (1 - missing_share) ** present * missing_share ** (fingers - present)
        for present in range(fingers + 1)
    )


def _reached(fingers: int, score: int) -> float:
    """The chance that strangers reach a score; none, where it cannot be had."""
    rates = false_match_rates(fingers)
    return float(rates[score]) if score < len(rates) else 0.0
