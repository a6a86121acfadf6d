"""How fast this machine reads memory in one thread: a compiled loop that does nothing but add words up. Needs numba."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numba import njit

from services.chassis.draws import Words


@njit
def _column_after_column(codes: Any) -> Any:
    total = np.uint64(0)
    for finger in range(codes.shape[0]):
        column = codes[finger]
        for row in range(len(column)):
            total += column[row]
    return total


@njit
def _ten_abreast(codes: Any) -> Any:
    total = np.uint64(0)
    for row in range(codes.shape[1]):
        right = codes[0, row] + codes[1, row] + codes[2, row] + codes[3, row] + codes[4, row]
        left = codes[5, row] + codes[6, row] + codes[7, row] + codes[8, row] + codes[9, row]
        total += right + left
    return total


READS: Mapping[str, Callable[[Words], Any]] = {
    "stream_read": _column_after_column,
    "stream_read_ten_abreast": _ten_abreast,
}
"""Both add up all words of `codes`, `[finger, row]` of ten fingers: as they lie in memory, or row by row."""
