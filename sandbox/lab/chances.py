"""The services' chances for columns: bit by bit the same draws and spans of time as they make case by case."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

DAY, HOUR = 86_400, 3600
"""In seconds."""

_UNUSED_BITS = np.uint64(11)
_SCALE = np.float64(2.0**-53)
_MICROSECONDS = 1_000_000
_HALF = 0.5


def chances(seed: int, purpose: str, cases: Sequence[bytes]) -> Floats:
    """`chassis.chance.chance` for many cases.

    Args:
        seed: the run's seed.
        purpose: what the draws decide.
        cases: the bookings' references, encoded.
    """
    start = f"{seed}\x1f{purpose}\x1f".encode()
    digests = b"".join([blake2b(start + case, digest_size=8).digest() for case in cases])
    words = np.frombuffer(digests, ">u8").astype(np.uint64)
    return (words >> _UNUSED_BITS) * _SCALE


def picked(weights: Sequence[float], drawn: Floats) -> Integers:
    """`chassis.chance.pick` for many draws: places among the weights."""
    marks = drawn * sum(weights)
    chosen = np.full(len(drawn), len(weights) - 1, np.int64)
    is_open = np.ones(len(drawn), np.bool_)
    for place, weight in enumerate(weights):
        marks = marks - weight
        falls_here = is_open & (marks < 0)
        chosen[falls_here] = place
        is_open &= ~falls_here
    return chosen


def whole_seconds(lengths: Floats, unit: int) -> Integers:
    """`int(timedelta(days=length).total_seconds())` for many lengths of 0 or more, in a unit of so many seconds.

    A `timedelta` counts whole microseconds, and rounds halves to the even one, before the seconds are cut off.
    """
    fractions, whole = np.modf(lengths)
    left_over, microseconds = np.modf(fractions * float(unit * _MICROSECONDS))
    rounded = np.where(left_over == _HALF, microseconds % 2, np.rint(left_over))
    counted = (whole.astype(np.int64) * unit * _MICROSECONDS) + (microseconds + rounded).astype(np.int64)
    seconds: Integers = counted // _MICROSECONDS
    return seconds


def span_of(shares: Mapping[str, tuple[int, int]], chosen: Integers, drawn: Floats) -> Integers:
    """How many seconds the chosen outcomes take, which are given in days from the least to the most."""
    least = np.array([days[0] for days in shares.values()], np.float64)[chosen]
    most = np.array([days[1] for days in shares.values()], np.float64)[chosen]
    return whole_seconds(least + drawn * (most - least), DAY)
