"""How often something happens to group B for each time that it happens to group A, stage by stage.

Whether the groups differ at all is declared in the scenario (`associations`), and by default they do not. Each ratio
is of rates against one benchmark, with the usual interval on the logarithm (Katz and others, 1978). That takes bookings
as independent: in a small gallery the same people are booked over and over, and the interval is then too narrow.
"""

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import Any

import polars as pl

from sandbox.lab.profiles import Counts, Profiles
from sandbox.scenario import Scenario

_95_PERCENT = 1.959964


def rate_ratios(scenario: Scenario, groups: Sequence[int], profiles: Profiles, counts: Counts) -> list[dict[str, Any]]:
    """The ratio at each stage, in the form that `--json` prints.

    Args:
        scenario: it declares how large the groups are among everybody who could be booked.
        groups: how many bookings there were of A and of B.
        profiles: the profiles of the matches.
        counts: what came of them under a policy.
    """
    of_group = [profiles.labels.select(pl.col("group") == group).to_series().to_numpy() for group in ("A", "B")]
    matched, lodged, removed = (
        [float(each[chosen].sum()) for chosen in of_group]
        for each in (profiles.matches, profiles.lodged, counts["removed"])
    )
    declared = [scenario.people.groups[group] for group in ("A", "B")]
    booked = [float(each) for each in groups]
    return [
        _ratio("arrest", "the declared size of the groups", booked, declared, counted=False),
        _ratio("match", "bookings", matched, booked),
        _ratio("detainer", "matches", lodged, matched),
        _ratio("removal", "matches", removed, matched),
        _ratio("removal", "bookings", removed, booked),
    ]


def _ratio(
    stage: str, benchmark: str, part: Sequence[float], whole: Sequence[float], *, counted: bool = True
) -> dict[str, Any]:
    """The ratio of B's rate to A's.

    Args:
        stage: what happens.
        benchmark: in words, to whom it can happen.
        part: to how many it happened, of A and of B.
        whole: of how many.
        counted: whether these were counted, too; a declared size has no error of its own.
    """
    (of_a, of_b), (all_a, all_b) = part, whole
    told: dict[str, Any] = {"stage": stage, "benchmark": benchmark, "a": [of_a, all_a], "b": [of_b, all_b]}
    if not (of_a and of_b and all_a and all_b):
        return {**told, "ratio": None, "low": None, "high": None}
    ratio = (of_b / all_b) / (of_a / all_a)
    variance = 1 / of_a + 1 / of_b - ((1 / all_a + 1 / all_b) if counted else 0)
    reach = _95_PERCENT * sqrt(max(variance, 0))
    low, high = exp(log(ratio) - reach), exp(log(ratio) + reach)
    return {**told, "ratio": round(ratio, 4), "low": round(low, 4), "high": round(high, 4)}
