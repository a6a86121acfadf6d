"""What the page shows, worked out for what is chosen. Needs numpy: the routes import it when they are first asked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from console.matching.choices import LEAST_DECIBELS, Choices, Matching, rate_of_decibels
from sandbox.expected import Kinds, Searched
from services.biometric_match.gallery import Files, Gallery
from services.biometric_match.matcher import FEWEST_FINGERS
from services.biometric_match.prints import (
    FINGERS,
    HAND,
    PRESETS,
    TEN,
    Preset,
    PrintModel,
    captures,
    first_impressions,
)
from services.biometric_match.rates import (
    expected_best_stranger,
    false_positive_rate,
    hand_fingers,
    miss_rates,
    scores_asked,
)
from services.biometric_match.scores import POINTS, false_match_rates, score_db

POORER = 25.0
"""By how many points of quality a poor capture is worse [P]: a hurried officer, dry or wet skin."""

SEED = 2008
SCENARIO = "us-2008-2011"
BOOKINGS = 100_000
OTHERS = 10_000
"""How many other people's records are searched for the picture of one person."""

_FIRST_PERSON = 2 * 10**9
_BANDAGED = (FINGERS.index("index"), FINGERS.index("middle"))


@dataclass(frozen=True, slots=True)
class Setting:
    """What a threshold means in a gallery of one size."""

    decibels: float
    score: int
    most: int
    false_match_rate: float
    fpir: float
    fnir: float


def setting(choices: Choices, *, rows: float | None = None, decibels: float | None = None) -> Setting:
    """The rates at what is chosen, or with another size of the gallery or another threshold."""
    asked_db = choices.db if decibels is None else decibels
    rate = rate_of_decibels(asked_db)
    score = scores_asked(choices.count, rate)[-1]
    rates = false_match_rates(choices.count)
    return Setting(
        decibels=asked_db,
        score=score,
        most=choices.count * POINTS,
        false_match_rate=float(rates[score]) if score < len(rates) else 0.0,
        fpir=false_positive_rate(choices.count, choices.rows if rows is None else rows, rate, choices.missing_share),
        fnir=missed_share(choices, asked_db),
    )


def missed_share(
    prints: Matching, decibels: float, fingers: int | None = None, poor_share: float | None = None
) -> float:
    """FNIR at a threshold; with other fingers, or another share of poor captures, than was chosen."""
    count = prints.count if fingers is None else fingers
    poor = prints.poor_share if poor_share is None else poor_share
    asked = scores_asked(count, rate_of_decibels(decibels))
    return sum(
        share * miss_rates(PRESETS[prints.model], count, poorer).rate(asked, prints.missing_share)
        for share, poorer in ((1 - poor, 0.0), (poor, POORER))
        if share > 0
    )


def missed_with(prints: Matching, decibels: float, present: int) -> tuple[float, float]:
    """The share missed in a usual and in a poor capture of which so many fingers are there."""
    asked = scores_asked(prints.count, rate_of_decibels(decibels))
    usual, poor = (
        miss_rates(PRESETS[prints.model], prints.count, poorer).given(present, asked[present])
        for poorer in (0.0, POORER)
    )
    return usual, poor


def poorer_model(name: Preset) -> PrintModel:
    """How good the prints of poor captures are."""
    return replace(PRESETS[name], mean=PRESETS[name].mean - POORER)


def decibels_for(choices: Choices, fpir: float, step: int, most: int) -> int:
    """The lowest threshold on the slider at which no more than this share of strangers' searches return somebody."""
    return next(
        (
            decibels
            for decibels in range(LEAST_DECIBELS, most, step)
            if false_positive_rate(choices.count, choices.rows, rate_of_decibels(decibels), choices.missing_share)
            <= fpir
        ),
        most,
    )


def typical_best_stranger(choices: Choices) -> int:
    """What the best of all others on file reaches in half of all searches."""
    return expected_best_stranger(choices.count, choices.rows)


@dataclass(frozen=True, slots=True)
class Finger:
    """One finger of a capture beside the same finger of the person's own record."""

    hand: str
    name: str
    quality: int | None
    """None where it was not taken: bandaged, gone, or not asked for."""

    on_record: int
    different: int | None
    points: int
    others_points: int
    """What the same finger of the best other record scores."""

    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """One person, searched among `OTHERS` other people's records and their own."""

    label: str
    fingers: Sequence[Finger]
    present: int
    asked: int
    """The lowest score that counts as a match with so many fingers; one more than can be had where none does."""

    most: int
    own: int
    own_db: float
    best_other: int
    best_other_db: float

    @property
    def is_searchable(self) -> bool:
        """Whether there are fingers enough."""
        return self.present >= FEWEST_FINGERS

    @property
    def is_found(self) -> bool:
        """Whether the person's own record counts as a match."""
        return self.is_searchable and self.own >= self.asked

    @property
    def is_other_found(self) -> bool:
        """Whether somebody else's record does, and beats the person's own."""
        return self.is_searchable and self.best_other >= self.asked and self.best_other > self.own


def one_search(choices: Choices) -> Search:
    """Take the prints of one invented person, and search them with the matcher's own code."""
    model = PRESETS[choices.model]
    number = _FIRST_PERSON + choices.person
    how = poorer_model(choices.model) if choices.taking == "poor" else model
    taken = captures(SEED, [number], "booking", how, on_file=model)
    record = first_impressions(SEED, [number], model)
    why_not = ["" if there else "missing" for there in taken.present[:, 0]]
    for finger in _BANDAGED if choices.taking == "bandaged" else ():
        why_not[finger] = "bandaged"
    wanted = hand_fingers(choices.count)
    why_not = [why or ("" if place % HAND in wanted else "not taken") for place, why in enumerate(why_not)]

    codes = np.ascontiguousarray(taken.codes.T)
    there = np.array([[not why for why in why_not]])
    best = _others(choices.model).top(codes, there, 1)
    other_codes = _others(choices.model).codes[:, best.rows[0, 0]]
    best_other = int(best.scores[0, 0])
    present = int(there.sum())

    fingers = []
    for place in range(TEN):
        name = FINGERS[place % HAND]
        is_there = bool(there[0, place])
        different = int(np.bitwise_count(taken.codes[place, 0] ^ record.codes[place, 0]))
        others = int(np.bitwise_count(taken.codes[place, 0] ^ other_codes[place]))
        fingers.append(
            Finger(
                hand="right" if place < HAND else "left",
                name=name,
                quality=int(taken.qualities[place, 0]) if is_there else None,
                on_record=int(record.qualities[place, 0]),
                different=different if is_there else None,
                points=max(0, POINTS - different) if is_there else 0,
                others_points=max(0, POINTS - others) if is_there else 0,
                why_not=why_not[place],
            )
        )
    own = sum(finger.points for finger in fingers)
    asked = scores_asked(choices.count, choices.false_match_rate)[present]
    return Search(
        label=f"Heron-{choices.person}",
        fingers=fingers,
        present=present,
        asked=asked,
        most=choices.count * POINTS,
        own=own,
        own_db=score_db(present, own),
        best_other=best_other,
        best_other_db=score_db(present, best_other),
    )


def kinds(choices: Choices, now: Setting) -> Kinds:
    """What comes of `BOOKINGS` bookings of the scenario at these rates."""
    on_file = BOOKINGS * MIXES.on_file_share
    return Searched(on_file, BOOKINGS - on_file, choices.stale / 100).kinds(now.fpir, now.fnir)


@dataclass(frozen=True, slots=True)
class Mixes:
    """What of a scenario the third part needs."""

    on_file_share: float
    behind_share: float
    """Of records: those that lag behind, where their status can have changed."""

    can_change_share: float
    """Of records: those with a status that can."""

    @property
    def stale_share(self) -> float:
        """Of matches with the right record: those whose record is no longer true."""
        return self.behind_share * self.can_change_share


MIXES = Mixes(on_file_share=0.066, behind_share=0.02, can_change_share=0.82)
"""The mixes of `SCENARIO`. A test holds them against its file: reading that would take longer than all else here."""


@cache
def _others(model: Preset) -> Gallery:
    return Gallery.generate(Files(SEED, OTHERS, overlap=0, model=PRESETS[model]), "iafis")
