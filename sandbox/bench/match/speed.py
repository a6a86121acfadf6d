"""How fast a search is, beside other ways to do the same, in rounds that take turns."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from services.biometric_match.gallery import Files, Gallery, fingers_searched
from services.biometric_match.matcher import CANDIDATES
from services.biometric_match.prints import TEN, Bits, captures
from services.biometric_match.scores import POINTS
from services.biometric_match.search import Kernel, has_numba, top, usual_threads
from services.chassis.draws import Words

BATCH = 64
IN_A_LOOP = 5_000
"""Rows of the loop over rows: more would only take longer."""

MILLI = 1e3
_DIGITS_OF_RATIOS = 3
_DIGITS_OF_MS = 5

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to search a gallery, or a part of the work."""

    work: Callable[[], object]
    share: float = 1.0
    """Of a search by one probe that `work` is: 64 for a batch of 64, or for 64 probes one after the other."""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds a probe, by contender, round by round."""

    rounds: Mapping[str, tuple[float, ...]]

    def best(self, name: str) -> float:
        """The best round: what is left when others use the machine least."""
        return min(self.rounds[name])

    def ratio(self, slow: str, fast: str) -> float:
        """How many times as fast the second is."""
        return round(self.best(slow) / self.best(fast), _DIGITS_OF_RATIOS)

    def as_json(self) -> dict[str, Any]:
        """Best, median and every round."""
        return {
            name: {
                "best_ms": round(min(rounds), _DIGITS_OF_MS),
                "median_ms": round(median(rounds), _DIGITS_OF_MS),
                "rounds_ms": [round(each, _DIGITS_OF_MS) for each in rounds],
            }
            for name, rounds in self.rounds.items()
        }


def measure_speed(files: Files, rounds: int, tell: Tell) -> dict[str, Any]:
    """All ratios of one run, and the times that they come from."""
    tell(f"a gallery of {files.rows:,} rows")
    kernels: tuple[Kernel, ...] = ("numpy", "numba") if has_numba() else ("numpy",)
    gallery = Gallery.generate(files, "iafis")
    strangers = captures(files.seed, np.arange(BATCH) + 2 * files.rows, "bench")
    contenders = _contenders(gallery.codes, np.ascontiguousarray(strangers.codes.T), kernels)
    times = _take_turns(contenders, rounds, tell)

    fastest = kernels[-1]
    all_threads = usual_threads(files.rows * BATCH)
    return {
        "ratio_one_liner": times.ratio("one_liner", "numpy_1_thread"),
        "ratio_one_liner_columns": times.ratio("one_liner_columns", "numpy_1_thread"),
        "ratio_row_loop": times.ratio("row_loop", "numpy_1_thread"),
        **_of_stream_read(times, fastest),
        "ratio_batch64": _of_a_batch(times, fastest, "all_threads"),
        "ratios_batch64": {
            f"{kernel}_{threads}": _of_a_batch(times, kernel, threads)
            for kernel in kernels
            for threads in ("1_thread", "all_threads")
        },
        "ratio_two_fingers": times.ratio(f"{fastest}_1_thread", f"{fastest}_two_fingers_1_thread"),
        "ratio_numba": times.ratio("numpy_1_thread", "numba_1_thread") if has_numba() else None,
        "all_threads": all_threads,
        "times": times.as_json(),
    }


def _of_a_batch(times: Times, kernel: Kernel, threads: str) -> float:
    """How many times as fast a probe is in a batch of 64 as among 64 that are searched one after the other.

    Not as one alone: that takes so little time that, on a busy machine, it finds a quiet moment, and a batch does not.
    """
    return times.ratio(f"{kernel}_64_in_turn_{threads}", f"{kernel}_batch64_{threads}")


def _of_stream_read(times: Times, fastest: Kernel) -> dict[str, Any]:
    if fastest == "numpy":
        return {
            "fraction_of_stream_read": None,
            "fraction_of_fastest_read": None,
            "why_no_fraction": "numba is not installed: the extra 'fast'",
        }
    reads = [name for name in times.rounds if name.startswith("stream_read")]
    return {
        "fraction_of_stream_read": times.ratio("stream_read", "numba_1_thread"),
        "fraction_of_fastest_read": times.ratio(min(reads, key=times.best), "numba_1_thread"),
    }


def _contenders(codes: Words, probes: Words, kernels: tuple[Kernel, ...]) -> dict[str, Contender]:
    """Each kernel with one probe, with many in turn and with a batch, in one thread and in all; and what it is held
    against.
    """
    whole = np.ones(probes.shape, np.bool_)
    two = fingers_searched(whole, 2)
    ways: dict[str, Contender] = {}
    for kernel in kernels:
        for name, threads in (("1_thread", 1), ("all_threads", usual_threads(codes.shape[1] * BATCH))):
            search = partial(_search, codes, threads, kernel)
            ways[f"{kernel}_{name}"] = Contender(partial(search, probes[:1], whole[:1]))
            ways[f"{kernel}_64_in_turn_{name}"] = Contender(partial(_in_turn, search, probes, whole), BATCH)
            ways[f"{kernel}_batch64_{name}"] = Contender(partial(search, probes, whole), BATCH)
        alone = partial(_search, codes, 1, kernel, probes[:1], two[:1])
        ways[f"{kernel}_two_fingers_1_thread"] = Contender(alone)

    rows, probe = np.ascontiguousarray(codes.T), probes[0]
    few = rows[:IN_A_LOOP]
    ways["one_liner"] = Contender(partial(in_one_line, rows, probe))
    ways["one_liner_columns"] = Contender(partial(_in_one_line_by_columns, codes, probe.reshape(TEN, 1)))
    ways["row_loop"] = Contender(partial(_in_a_loop, few, probe), len(few) / len(rows))
    if "numba" in kernels:
        from sandbox.bench.match.stream import READS  # noqa: PLC0415  an optional extra

        ways |= {name: Contender(partial(read, codes)) for name, read in READS.items()}
    return ways


def _search(codes: Words, threads: int, kernel: Kernel, probes: Words, present: Bits) -> object:
    return top(codes, probes, present, CANDIDATES, threads=threads, kernel=kernel)


def _in_turn(search: Callable[[Words, Bits], object], probes: Words, present: Bits) -> None:
    for number in range(len(probes)):
        search(probes[number : number + 1], present[number : number + 1])


def in_one_line(rows: Words, probe: Words) -> Any:
    """The scores of all rows, `[row, finger]`, as everybody would write it first."""
    return (POINTS - np.minimum(np.bitwise_count(rows ^ probe), POINTS)).sum(axis=1)


def _in_one_line_by_columns(codes: Words, probe: Words) -> Any:
    return (POINTS - np.minimum(np.bitwise_count(codes ^ probe), POINTS)).sum(axis=0)


def _in_a_loop(rows: Words, probe: Words) -> Any:
    return [(POINTS - np.minimum(np.bitwise_count(row ^ probe), POINTS)).sum() for row in rows]


def _take_turns(contenders: Mapping[str, Contender], rounds: int, tell: Tell) -> Times:
    told: dict[str, list[float]] = {name: [] for name in contenders}
    for contender in contenders.values():
        # Once unmeasured: pages are touched, and what is compiled is compiled.
        contender.work()
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}")
        for name, contender in contenders.items():
            began = time.perf_counter()
            contender.work()
            told[name].append((time.perf_counter() - began) * MILLI / contender.share)
    return Times({name: tuple(each) for name, each in told.items()})
