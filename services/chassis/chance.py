"""All chance in the flow is a keyed hash, never a generator's state.

So a draw depends on what it is for and on nothing else: not on the order of events, on the number of workers
or on a crash in between. The case is named by its booking's reference (`<ori>/<oca>`), which two runs of one
scenario share, and not by its tcn, which derives from the run.
"""

from hashlib import blake2b

_UNUSED_BITS = 11
_SCALE = 2.0**-53
"""53 bits are what a float holds: with more, the largest draws would round up to 1."""


def chance(seed: int, purpose: str, case: str) -> float:
    """A number in [0, 1), uniform over cases and independent between purposes.

    Args:
        seed: the run's seed.
        purpose: what the draw decides, e.g. `"pickup"`; two purposes never share a draw.
        case: the booking's reference, `<ori>/<oca>`.

    >>> chance(7, "pickup", "ZZ0010000/B-1") == chance(7, "pickup", "ZZ0010000/B-1")
    True
    """
    digest = blake2b(f"{seed}\x1f{purpose}\x1f{case}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> _UNUSED_BITS) * _SCALE


def pick(weights: dict[str, float], draw: float) -> str:
    """The key on which `draw` (in [0, 1)) falls when the weights are laid end to end; they need not sum to 1."""
    mark = draw * sum(weights.values())
    for key, weight in weights.items():
        mark -= weight
        if mark < 0:
            return key
    return next(reversed(weights))
