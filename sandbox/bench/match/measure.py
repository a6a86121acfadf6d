"""Measures all of it, and says which bars are met."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from sandbox.bench.goals import Goal
from sandbox.bench.match.scale import MANY, measure_scale
from sandbox.bench.match.speed import Tell, measure_speed
from sandbox.bench.match.truth import PUBLISHED, SEARCHES, measure_identity, measure_tails
from services.biometric_match.events import MOST_OVERLAP
from services.biometric_match.gallery import Files
from services.biometric_match.search import has_numba

SEED = 2008
IN_BOTH = 2
"""One row in so many is of somebody in both galleries, up to `MOST_OVERLAP`: as in a run that names neither."""

GOALS: Mapping[str, Goal] = {
    "ratio_one_liner": Goal("at_least", 4),
    "ratio_row_loop": Goal("at_least", 250),
    "fraction_of_stream_read": Goal("at_least", 0.85),
    "ratio_batch64": Goal("at_least", 1.5),
    "ten_million_mib": Goal("at_most", 953),
    "ready_ms": Goal("at_most", 200),
    "differing": Goal("at_most", 0),
    "worst_tail": Goal("at_most", 4),
    "published_rows_off": Goal("at_most", 0),
}
"""For a million rows. 1 GB are 953 MiB."""


def measure(rows: int, rounds: int, tell: Tell, many: int | None = MANY, searches: int = SEARCHES) -> dict[str, Any]:
    """Measures galleries of `rows` rows, and one of `many`."""
    files = Files(SEED, rows, min(rows // IN_BOTH, MOST_OVERLAP))
    # Processes that tell their peak of memory come before this one needs much.
    scale = measure_scale(files, many, tell)
    speed = measure_speed(files, rounds, tell)
    identity = measure_identity(SEED, searches, tell)
    tails = measure_tails(files, tell)
    published = [row.as_json() for row in PUBLISHED]
    in_large = scale["ten_million"]["differing"] if scale["ten_million"] else 0
    told = {
        "rows": rows,
        "rounds": rounds,
        **speed,
        **scale,
        "differing": identity["differing"] + in_large,
        "identity": identity,
        "worst_tail": max((abs(each["z"]) for each in tails), default=None),
        "tails": tails,
        "published_rows_off": sum(not row["met"] for row in published),
        "published": published,
        "machine": {
            "processors": os.cpu_count(),
            "processor": _processor(),
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "numba": version("numba") if has_numba() else None,
        },
    }
    return {**told, "goals": {name: goal.as_json(told[name]) for name, goal in GOALS.items()}}


def _processor() -> str:
    """What the system calls the processor, where it tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()
