"""What a score is worth: exact tails of the score between strangers, and the threshold that follows from them.

Two prints of different fingers differ in Binomial(64, 1/2) bits, whatever their quality. A finger scores
max(0, 22 - differing bits); a search adds up the fingers that the probe has. So the chance that strangers reach a
score is a sum of products of binomial coefficients: no simulation, no fitted curve.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

BITS = 64
POINTS = 22
"""Bits that may differ before a finger scores nothing: the zero of the log-likelihood ratio at a flip rate of 0.2."""

AGREEING_BITS = 17
"""A finger with no more differing bits than this agrees: one stranger's finger in 9,000 does. It explains a score in
words ("8 of 10 fingers agree"), and decides nothing."""

MOST_DECIBELS = 200.0
"""Scores are shown no higher: the fingers of the model are independent, those of people are less so."""


@cache
def false_match_rates(fingers: int) -> NDArray[np.float64]:
    """The chance that two strangers reach each score, from 0 to 22 a finger, when `fingers` are compared."""
    ways = [math.comb(BITS, POINTS - points) for points in range(POINTS + 1)]
    ways[0] = 2**BITS - sum(ways[1:])
    one = np.array([count / 2**BITS for count in ways])

    together = np.ones(1)
    for _ in range(fingers):
        together = np.convolve(together, one)

    # Added up from the rarest score down, so that the small chances keep their digits.
    rates = np.cumsum(together[::-1])[::-1]
    rates.flags.writeable = False
    return rates


@cache
def threshold(fingers: int, rows: int, fpir: float = 1e-5) -> int:
    """The lowest score that counts as a match in a search of a gallery.

    Args:
        fingers: how many the probe has.
        rows: the size of the gallery.
        fpir: the share of searches for a stranger that may return somebody.

    Returns:
        The score from which FMR(score) x rows is at most `fpir`; one more than can be had, where no score is enough.
    """
    enough = np.flatnonzero(false_match_rates(fingers) <= fpir / rows)
    return int(enough[0]) if enough.size else fingers * POINTS + 1


def fingers_agreeing(taken: NDArray[np.uint64], on_file: NDArray[np.uint64]) -> int:
    """How many of the fingers of two prints agree: the view of an examiner who counts fingers, beside the score."""
    return int((np.bitwise_count(taken ^ on_file) <= AGREEING_BITS).sum())


def score_db(fingers: int, score: int) -> float:
    """A score in decibels, -10 log10 FMR, to one decimal: 90 dB is one false match in a thousand million."""
    rate = float(false_match_rates(fingers)[score])
    return round(min(MOST_DECIBELS, 10 * math.log10(1 / min(rate, 1.0))), 1)
