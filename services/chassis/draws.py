"""Chance for whole columns at once: what `chance` is for one case, for numbered cases and in numpy.

The case of a draw is a number (a row, a person, a booking), so a million draws need no hash object and no loop. They
are keyed hashes nevertheless: a draw depends on the seed, on what it is for and on its number, and on nothing else.
Only whole numbers and exactly rounded arithmetic are used, so that every machine makes the same bits.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Integers = NDArray[np.integer[Any]]

_GOLDEN = 0x9E3779B97F4A7C15
_64_BITS = 2**64 - 1

_UNUSED_BITS = np.uint64(11)
_SCALE = np.float64(2.0**-53)
"""53 bits are what a float holds: with more, the largest draws would round up to 1."""


def draws(seed: int, purpose: str, numbers: Integers) -> NDArray[np.float64]:
    """Numbers in [0, 1), uniform over cases and independent between purposes.

    Args:
        seed: the run's seed.
        purpose: what the draws decide, e.g. `"record.status"`; two purposes never share a draw.
        numbers: the cases, in any order and shape.

    Returns:
        One draw for each case, in the shape of `numbers`.

    >>> draws(7, "pickup", np.array([41, 42]))[1] == draws(7, "pickup", np.array([42]))[0]
    np.True_
    """
    return (streams(key(seed, f"draw\x1f{purpose}"), numbers) >> _UNUSED_BITS) * _SCALE


def picks(weights: Sequence[float], drawn: NDArray[np.float64]) -> NDArray[np.intp]:
    """The index on which each draw (in [0, 1)) falls when the weights are laid end to end; they need not sum to 1."""
    ends = np.cumsum(np.asarray(weights, np.float64))
    marks: NDArray[np.float64] = drawn * ends[-1]
    return np.searchsorted(ends, marks, side="right")


def key(seed: int, purpose: str) -> int:
    """The 64 bits that tell one purpose of one run from every other."""
    return int.from_bytes(blake2b(f"{seed}\x1f{purpose}".encode(), digest_size=8).digest(), "big")


def streams(keys: int | Words, numbers: Integers) -> Words:
    """The start of each number's stream of hash words under its key, in the shape of `numbers`.

    `keys` is one key for all of the numbers, or one for each.
    """
    return mixed(np.asarray(keys, np.uint64) + (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN))


def words(starts: Words, first: int, count: int) -> Words:
    """The words `first` to `first + count` of each stream, `[word, stream]`."""
    steps = [(first + index + 1) * _GOLDEN & _64_BITS for index in range(count)]
    return mixed(starts + np.array(steps, np.uint64).reshape(count, 1))


def mixed(fresh: Words) -> Words:
    """The finaliser of splitmix64, in place (Steele, Lea and Flood, 2014)."""
    fresh ^= fresh >> np.uint64(30)
    fresh *= np.uint64(0xBF58476D1CE4E5B9)
    fresh ^= fresh >> np.uint64(27)
    fresh *= np.uint64(0x94D049BB133111EB)
    fresh ^= fresh >> np.uint64(31)
    return fresh
