"""`interop bench match --curve`: what the running matcher counts, next to what is worked out, as a table and a picture.

Strangers are searched row by row in galleries that grow, and people on file are printed anew and scored against their
own records. Both are counted at several thresholds, with no finger missing, and held against the closed forms of
`services.biometric_match.rates`. Thresholds are low enough that something is counted: one in a million million can only
be worked out. Beside them stands the old filter by pattern class, which nothing else here uses.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sandbox.bench.match_curve_drawn import pictures, table
from sandbox.home import NOTICE
from sandbox.plots import interval
from sandbox.published_rates import beside_the_model
from services.biometric_match.binning import PatternModel, on_file, passes, read_again
from services.biometric_match.gallery import Files, Gallery
from services.biometric_match.matcher import FEWEST_FINGERS
from services.biometric_match.mates import row_scores
from services.biometric_match.prints import FINGERS, HAND, PRESET_2004, PRESETS, TEN, Bits, Preset, PrintModel, captures
from services.biometric_match.rates import miss_rates
from services.biometric_match.scores import POINTS, false_match_rates, score_db, threshold
from services.biometric_match.search import top

SEED: Final = 7110
ROWS: Final = 200_000
SEARCHES: Final = 600
PEOPLE: Final = 50_000

FINGER_COUNTS: Final = (1, 2, TEN)
WANTED_FPIRS: Final = (0.5, 0.05)
"""For each number of fingers the thresholds are the lowest at which the largest gallery has no more than this."""

DECIBELS: Final = (30, 50, 70, 90, 110, 130)
ERROR_SHARES: Final = (0.001, 0.008, 0.02)
"""At the second, ten fingers hide as many as IAFIS was published to miss: one way in which that can come about."""

OLD_MODEL, OLD_ROWS, OLD_FPIR = PRESET_2004, 50_000_000, 1e-3
"""The matcher behind the filter: as good as IDENT's of 2004, in a file as large as IAFIS in 2006 [C]."""

BINNED: Final = 2_000
"""Probes and records that the filter by pattern class is tried on, each with each."""

_SMALLEST = 10_000
_STRANGERS = 3 * 10**9
_AT_ONCE = 5_000
_INDEX = FINGERS.index("index")

OnStep = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share as it is worked out, and as it was counted, with the interval that holds the true one in 95 of 100."""

    worked_out: float
    count: int
    trials: int
    low: float
    high: float

    @classmethod
    def of(cls, worked_out: float, count: int, trials: int) -> "Rate":
        """A count held against what was worked out."""
        return cls(worked_out, count, trials, *interval(count, trials))

    @property
    def counted(self) -> float:
        """The share that was counted."""
        return self.count / self.trials

    @property
    def is_within(self) -> bool:
        """Whether what is worked out lies in the interval of what was counted."""
        return self.low <= self.worked_out <= self.high


def draw(
    on_step: OnStep = lambda _: None,
    out: Path | None = None,
    *,
    rows: int = ROWS,
    searches: int = SEARCHES,
    people: int = PEOPLE,
) -> dict[str, Any]:
    """Count, work out, and draw.

    Args:
        on_step: told what is done now.
        out: a folder for `fpir.svg`, `fnir.svg` and `curve.csv`, made if it is not there; nothing is written without.
        rows: the size of the largest gallery.
        searches: for strangers, on each number of fingers.
        people: on file, printed anew under each preset.

    Returns:
        What `--json` prints.
    """
    result: dict[str, Any] = {
        "seed": SEED,
        "rows": rows,
        "searches": searches,
        "people": people,
        "strangers": list(_strangers(rows, searches, on_step)),
        "mates": list(_mates(people, on_step)),
        "published": list(beside_the_model()),
        "binning": list(_binned(on_step)),
        "notice": NOTICE,
    }
    told = [*result["strangers"], *result["mates"]]
    result["rates"] = len(told)
    result["within"] = sum(row["within"] for row in told)
    if out is not None:
        on_step(f"drawing into {out}")
        out.mkdir(parents=True, exist_ok=True)
        for name, text in {**pictures(result), "curve.csv": table(result)}.items():
            (out / name).write_text(text, encoding="utf-8")
    return result


def sizes_up_to(rows: int) -> list[int]:
    """The galleries that are searched: 10,000, 20,000, 50,000 and so on, and the largest."""
    steps = (step * 10**power for power in range(4, 9) for step in (1, 2, 5))
    return [*(size for size in steps if _SMALLEST <= size < rows), rows]


def _strangers(rows: int, searches: int, on_step: OnStep) -> Iterator[dict[str, Any]]:
    """FPIR by the size of the gallery, for each number of fingers."""
    on_step(f"a gallery of {rows:,} rows")
    model = _whole("ident-2004")
    gallery = Gallery.generate(Files(SEED, rows, 0, model), "iafis").codes
    sizes = sizes_up_to(rows)
    numbers = _STRANGERS + np.arange(searches)
    probes = np.ascontiguousarray(captures(SEED, numbers, "curve", model).codes.T)
    for fingers in FINGER_COUNTS:
        on_step(f"{searches:,} strangers in up to {rows:,} rows, {_in_words(fingers)}")
        best = np.zeros(searches, np.int64)
        start = 0
        scores = {}
        for size in sizes:
            best = np.maximum(best, _best(gallery[:, start:size], probes, fingers))
            scores[size], start = best, size
        for score in dict.fromkeys(threshold(fingers, rows, wanted) for wanted in WANTED_FPIRS):
            for size in sizes:
                rate = Rate.of(_fpir(fingers, score, size), int((scores[size] >= score).sum()), searches)
                yield {**_threshold(fingers, score), "rows": size, **_told(rate)}


def _mates(people: int, on_step: OnStep) -> Iterator[dict[str, Any]]:
    """FNIR by threshold, for each preset and number of fingers."""
    for preset in PRESETS:
        model = _whole(preset)
        files = Files(SEED, people, 0, model)
        asked = {fingers: [threshold(fingers, 1, 10 ** (-db / 10)) for db in DECIBELS] for fingers in FINGER_COUNTS}
        missed = {fingers: np.zeros(len(DECIBELS), np.int64) for fingers in FINGER_COUNTS}
        for start in range(0, people, _AT_ONCE):
            on_step(f"{people:,} people on file, {preset}: {start:,} done")
            numbers = np.arange(start, min(start + _AT_ONCE, people))
            codes = np.ascontiguousarray(captures(SEED, numbers, "curve", model).codes.T)
            for fingers in FINGER_COUNTS:
                compared = np.tile(_taken(fingers), (len(numbers), 1))
                scores = row_scores(files, "iafis", numbers, codes, compared)
                missed[fingers] += (scores < np.array(asked[fingers]).reshape(-1, 1)).sum(axis=1)
        for fingers in FINGER_COUNTS:
            counts = missed[fingers].tolist()
            for decibels, score, count in zip(DECIBELS, asked[fingers], counts, strict=True):
                rate = Rate.of(_fnir(model, fingers, score), count, people)
                yield {"preset": preset, "asked_db": decibels, **_threshold(fingers, score), **_told(rate)}


def _binned(on_step: OnStep) -> Iterator[dict[str, Any]]:
    """How much of the file the old filter leaves to search, and whom it hides."""
    on_step("the old filter by pattern class")
    people = np.arange(BINNED)
    for error_share in ERROR_SHARES:
        model = PatternModel(error_share=error_share)
        filed = on_file(SEED, people, model)
        read = read_again(SEED, people, filed, model)
        for fingers in (2, TEN):
            taken = _taken(fingers)
            through = np.array([passes(read[:, who], taken, filed) for who in people])
            own = int(through.diagonal().sum())
            yield {
                "fingers": fingers,
                "error_share": error_share,
                "searched": {
                    "worked_out": model.penetration(fingers),
                    "counted": (int(through.sum()) - own) / (BINNED * (BINNED - 1)),
                },
                "hidden": {"worked_out": model.lost(fingers), "counted": 1 - own / BINNED},
                "found": (1 - model.lost(fingers)) * (1 - _missed_by_the_old(fingers)),
            }


def _missed_by_the_old(fingers: int) -> float:
    score = threshold(fingers, OLD_ROWS, OLD_FPIR)
    return _fnir(OLD_MODEL, fingers, score)


def _whole(preset: Preset) -> PrintModel:
    """The preset, but no finger is missing: so that a rate is of one number of fingers."""
    return replace(PRESETS[preset], missing_share=0.0)


def _taken(fingers: int) -> Bits:
    """Which fingers a search on so many compares: the right index, both, or all."""
    place = np.arange(TEN)
    wanted: dict[int, Bits] = {1: place == _INDEX, 2: place % HAND == _INDEX, TEN: place >= 0}
    return wanted[fingers]


def _best(codes: NDArray[np.uint64], probes: NDArray[np.uint64], fingers: int) -> NDArray[np.int64]:
    """The best score of each probe among these rows."""
    compared = np.tile(_taken(fingers), (len(probes), 1))
    best: NDArray[np.int64] = top(codes, probes, compared, 1).scores[:, 0]
    return best


def _fpir(fingers: int, score: int, rows: int) -> float:
    """1 - (1 - FMR)^rows, exact."""
    return float(-np.expm1(rows * np.log1p(-false_match_rates(fingers)[score])))


def _fnir(model: PrintModel, fingers: int, score: int) -> float:
    """The share of people whose own record scores less, when all of so many fingers are there."""
    return miss_rates(model, max(fingers, FEWEST_FINGERS)).scored_below(fingers, score)


def _threshold(fingers: int, score: int) -> dict[str, Any]:
    decibels = score_db(fingers, score) if score <= fingers * POINTS else None
    return {"fingers": fingers, "score": score, "db": decibels}


def _told(rate: Rate) -> dict[str, Any]:
    return {**asdict(rate), "counted": rate.counted, "within": rate.is_within}


def _in_words(fingers: int) -> str:
    return {1: "one finger", 2: "two fingers"}.get(fingers, f"{fingers} fingers")
