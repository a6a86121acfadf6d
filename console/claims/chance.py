"""How well a share is known that was counted in so many people."""

from math import sqrt

Z = 1.96
"""Standard errors on either side of an interval that misses in one case of twenty."""


def interval(part: int, whole: int) -> tuple[float, float]:
    """Wilson's interval for a share, from 0 to 1: where it would lie for other people drawn in the same way.

    Args:
        part: of how many something is so.
        whole: in how many; more than none.
    """
    share = part / whole
    middle = share + Z * Z / (2 * whole)
    reach = Z * sqrt(share * (1 - share) / whole + Z * Z / (4 * whole * whole))
    scale = 1 + Z * Z / whole
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def percent(part: int, whole: int) -> str:
    """A share as the report writes it."""
    return f"{100 * part / whole:.0f} %"


def interval_in_words(part: int, whole: int) -> str:
    """The interval of a share in percent."""
    low, high = interval(part, whole)
    return f"{100 * low:.0f} to {100 * high:.0f} %"
