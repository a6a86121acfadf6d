"""`interop bench in-process`: how the cost of a run without streams grows with the number of its bookings.

Each size runs in a process of its own, with its own workers, so that nothing is warm for the second that was cold for
the first, and each tells its own peak of memory. What is quoted is the ratio of the costs per booking.
"""

import multiprocessing
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.in_process import run_in_process
from sandbox.scenario import load_scenario, resolve, with_gallery_rows

SCENARIO = "us-2008-2011"
SEED = 2008
GALLERY_ROWS = 1_000_000
_KIB_A_MIB = 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """What one size cost. Memory is the peak of the parent and that of its largest worker, together."""

    bookings: int
    matched: int
    seconds: float
    parent_mib: int
    worker_mib: int

    @property
    def microseconds_a_booking(self) -> float:
        """Wall-clock time for each booking."""
        return self.seconds / self.bookings * 1e6


def measure(sizes: Sequence[int], workers: int, on_size: Callable[[str], None]) -> dict[str, Any]:
    """Runs each size once, in the order given, and compares each with the first."""
    context = multiprocessing.get_context("spawn")
    measured: list[Measured] = []
    for size in sizes:
        on_size(f"{size:,} bookings")
        with ProcessPoolExecutor(1, context) as alone:
            measured.append(alone.submit(_run, size, workers).result())
    first = measured[0]
    return {
        "scenario": SCENARIO,
        "workers": workers,
        "gallery_rows": GALLERY_ROWS,
        "sizes": [
            {
                **asdict(each),
                "microseconds_a_booking": round(each.microseconds_a_booking, 1),
                "cost_ratio": round(each.microseconds_a_booking / first.microseconds_a_booking, 3),
            }
            for each in measured
        ],
    }


def _run(bookings: int, workers: int) -> Measured:
    scenario = with_gallery_rows(load_scenario(SCENARIO), GALLERY_ROWS)
    settings = resolve(scenario, seed=SEED, bookings=bookings)
    matched = 0

    def count(_: int, __: list[dict[str, Any]]) -> None:
        nonlocal matched
        matched += 1

    began = time.perf_counter()
    run_in_process(scenario, settings, "bench", SEED, bookings, workers=workers, search="mates", on_case=count)
    seconds = time.perf_counter() - began
    return Measured(
        bookings=bookings,
        matched=matched,
        seconds=round(seconds, 2),
        parent_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _KIB_A_MIB,
        worker_mib=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // _KIB_A_MIB,
    )
