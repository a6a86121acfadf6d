"""What galleries cost: the time until they are there, and the memory in which ten million rows are searched."""

import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.bench.match.speed import MILLI, Tell
from sandbox.bench.match.truth import brute_force, same
from services.biometric_match.gallery import Files, Gallery, GalleryKind
from services.biometric_match.matcher import CANDIDATES
from services.biometric_match.prints import captures
from services.biometric_match.search import Kernel, has_numba, top, usual_threads

MANY = 10_000_000
READY_ROUNDS = 5

_KIB_A_MIB = 1024
_KINDS: tuple[GalleryKind, ...] = ("iafis", "ident")


def measure_scale(files: Files, many: int | None, tell: Tell) -> dict[str, Any]:
    """Makes galleries, and searches a large one, in a process of its own that tells its peak of memory.

    Args:
        files: of the galleries that are timed.
        many: the rows of the large gallery; None for no such.
        tell: what is being done.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        tell(f"galleries of {files.rows:,} rows")
        told = alone.submit(_ready, files).result()
        if many is None:
            return {**told, "ten_million_mib": None, "ten_million": None}
        tell(f"a gallery of {many:,} rows")
        large = alone.submit(_large, replace(files, rows=many, overlap=0)).result()
    return {**told, "ten_million_mib": large["peak_mib"]["numpy"], "ten_million": large}


def _ready(files: Files) -> dict[str, Any]:
    """Milliseconds from the seed to a gallery: the best of some, of whichever gallery takes longer."""
    rounds: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    for _ in range(READY_ROUNDS):
        for kind in _KINDS:
            began = time.perf_counter()
            Gallery.generate(files, kind)
            rounds[kind].append(round((time.perf_counter() - began) * MILLI, 1))
    return {"ready_ms": max(min(each) for each in rounds.values()), "ready_rounds_ms": rounds}


def _large(files: Files) -> dict[str, Any]:
    began = time.perf_counter()
    gallery = Gallery.generate(files, "iafis")
    generated = time.perf_counter() - began
    # One stranger, and somebody who is on file.
    taken = captures(files.seed, np.array([2 * files.rows, files.rows - 1]), "bench")
    probes, present = np.ascontiguousarray(taken.codes.T), np.ascontiguousarray(taken.present.T)

    kernels: tuple[Kernel, ...] = ("numpy", "numba") if has_numba() else ("numpy",)
    expected = brute_force(gallery.codes, probes, present, CANDIDATES)
    differing, seconds, peaks = 0, {}, {}
    for kernel in kernels:
        top(gallery.codes[:, :100], probes, present, CANDIDATES, kernel=kernel)
        began = time.perf_counter()
        found = top(gallery.codes, probes, present, CANDIDATES, kernel=kernel)
        seconds[kernel] = time.perf_counter() - began
        peaks[kernel] = _peak_mib()
        differing += len(probes) - same(found, expected)
    return {
        "rows": files.rows,
        "generate_ms": round(generated * MILLI),
        "search_ms": {kernel: round(each * MILLI / len(probes), 1) for kernel, each in seconds.items()},
        "threads": usual_threads(files.rows),
        "differing": differing,
        "gallery_mib": round(gallery.codes.nbytes / _KIB_A_MIB**2),
        "peak_mib": peaks,
    }


def _peak_mib() -> int:
    """The most memory that this process has had."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _KIB_A_MIB
    # What getrusage tells would begin with the peak of the process that started this one.
    (line,) = (line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // _KIB_A_MIB
