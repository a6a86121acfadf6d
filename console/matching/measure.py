"""Counts errors with the matcher's own code: `python -m console.matching.measure --fingers 10 --model afit-2012`.

People on file are captured anew and scored against their own records; strangers are searched in a gallery, row by row.
Every line on stdout is JSON: first how much is done, as `share`, and at last what was counted, as `result`.
"""

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from console.matching.answers import poorer_model
from console.matching.choices import DECIBEL_STEP, LEAST_DECIBELS, MOST_DECIBELS, Matching, rate_of_decibels
from console.working import run
from services.biometric_match.gallery import Files, Gallery
from services.biometric_match.matcher import FEWEST_FINGERS
from services.biometric_match.mates import row_scores
from services.biometric_match.prints import HAND, PRESETS, TEN, Impressions, PrintModel, captures
from services.biometric_match.rates import hand_fingers, scores_asked

SEED = 7110
PEOPLE = 100_000
SEARCHES = 2_000
ROWS = 10_000
DECIBELS = tuple(range(LEAST_DECIBELS, MOST_DECIBELS + 1, DECIBEL_STEP))

_PEOPLE_AT_ONCE = 5_000
_SEARCHES_AT_ONCE = 100
_STRANGERS = 3 * 10**9

OnShare = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted at each threshold of `decibels`."""

    decibels: Sequence[int]
    people: int
    missed: Sequence[int]
    """Of the people, whose own record scored too little."""

    searches: int
    rows: int
    found: Sequence[int]
    """Of the searches for a stranger, those in which somebody's record scored enough."""


def measure(
    matching: Matching, on_share: OnShare, people: int = PEOPLE, searches: int = SEARCHES, rows: int = ROWS
) -> Counted:
    """Count what there is to count.

    Args:
        matching: the prints.
        on_share: told how much is done, from 0 to 1.
        people: on file, each captured once more and scored against their own record.
        searches: for strangers, each against every row of a gallery.
        rows: of that gallery.
    """
    model = PRESETS[matching.model]
    on_file = Files(SEED, people, overlap=0, model=model)
    asked = _asked(matching.count)
    missed = np.zeros(len(DECIBELS), np.int64)
    for start in range(0, people, _PEOPLE_AT_ONCE):
        numbers = np.arange(start, min(start + _PEOPLE_AT_ONCE, people))
        codes, present = _taken(matching, numbers, numbers < round(people * matching.poor_share))
        scores = row_scores(on_file, "iafis", numbers, codes, present)
        missed += _not_enough(scores, present, asked)
        on_share(0.5 * (numbers[-1] + 1) / people)

    gallery = Gallery.generate(Files(SEED, rows, overlap=0, model=model), "iafis")
    found = np.zeros(len(DECIBELS), np.int64)
    for start in range(0, searches, _SEARCHES_AT_ONCE):
        numbers = np.arange(start, min(start + _SEARCHES_AT_ONCE, searches))
        codes, present = _taken(matching, numbers + _STRANGERS, numbers < round(searches * matching.poor_share))
        best = gallery.top(codes, present, 1)
        found += len(numbers) - _not_enough(best.scores[:, 0], present, asked)
        on_share(0.5 + 0.5 * (numbers[-1] + 1) / searches)
    return Counted(DECIBELS, people, missed.tolist(), searches, rows, found.tolist())


def _asked(fingers: int) -> NDArray[np.int64]:
    """The lowest score that matches, `[threshold, fingers present]`; none does with too few."""
    asked = np.array([scores_asked(fingers, rate_of_decibels(decibels)) for decibels in DECIBELS])
    asked[:, :FEWEST_FINGERS] = np.iinfo(np.int64).max
    return asked


def _not_enough(scores: NDArray[np.int64], present: NDArray[np.bool_], asked: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many scores are too low, at each threshold."""
    counted: NDArray[np.int64] = (scores < asked[:, present.sum(axis=1)]).sum(axis=1)
    return counted


def _taken(
    matching: Matching, numbers: NDArray[np.int64], is_poor: NDArray[np.bool_]
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """The codes of new captures and which of them there are, `[person, finger]`."""
    parts = [
        _captured(matching, numbers[chosen], model)
        for chosen, model in ((~is_poor, PRESETS[matching.model]), (is_poor, poorer_model(matching.model)))
        if chosen.any()
    ]
    order = np.argsort(is_poor, kind="stable")
    codes, present = (
        np.concatenate([getattr(part, name) for part in parts], axis=1).T[np.argsort(order)]
        for name in ("codes", "present")
    )
    wanted = np.isin(np.arange(TEN) % HAND, hand_fingers(matching.count))
    return np.ascontiguousarray(codes), present & wanted


def _captured(matching: Matching, numbers: NDArray[np.int64], model: PrintModel) -> Impressions:
    return captures(
        SEED,
        numbers,
        "measured",
        replace(model, missing_share=matching.missing_share),
        on_file=PRESETS[matching.model],
    )


def main() -> None:
    """The entry point of `python -m console.matching.measure`."""
    parser = ArgumentParser(prog="python -m console.matching.measure", description="Count errors of the mock matcher.")
    parser.add_argument("--model", choices=list(PRESETS), default="afit-2012", help="how good prints are")
    parser.add_argument("--fingers", choices=["2", "10"], default="10", help="how many are taken")
    parser.add_argument("--poor", type=int, default=0, help="poor captures, in per cent")
    parser.add_argument("--missing", type=float, default=0.4, help="missing fingers, in per cent")
    matching = Matching.model_validate(vars(parser.parse_args()))
    run(lambda tell: asdict(measure(matching, lambda share: tell({"share": round(share, 3)}))))


if __name__ == "__main__":
    main()
