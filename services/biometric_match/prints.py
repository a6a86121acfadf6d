"""The print model: what a finger is, and what is left of it each time that it is taken.

A finger is one 64-bit word of fair, independent bits, its latent. Taking a print copies the latent and flips each bit
with a probability that falls as the quality of the capture rises. So every error rate of the search has a closed form
(scores.py), and no real fingerprint, template or image is anywhere in the model.

Everything is a hash of what it is about, never a generator's state: a person's fingers of (seed, person, finger), an
impression of (seed, person, encounter). So it does not matter in what order, in which process or how many are made.
Only whole numbers and exactly rounded arithmetic are used, so that every machine makes the same bits.

What is hashed is the first print that anybody ever took of the person, and the latent is that print with its errors
taken back. A fair word with some bits flipped at random is a fair word, so it is all one to the law of what comes out;
but a gallery of a million first records is then ten million hash words, and nobody's latent is made before somebody
takes that person's prints again.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from services.chassis.draws import Integers, Words, key, streams, words

Bits = NDArray[np.bool_]

FINGERS = ("thumb", "index", "middle", "ring", "little")
HAND = len(FINGERS)
TEN: Final = 10
"""A print set runs from the right thumb to the right little finger, then from the left thumb to the left little."""

POSITIONS = (3.0, 6.0, 4.0, -2.0, -10.0)
"""How much better or worse each of `FINGERS` prints than the mean of the hand, in points of quality."""

OWN_SHARE = 0.7
"""Of `PrintModel.finger_spread`: what is the finger's own at every capture, and, as much again, each capture's."""
_POSITION = np.array(POSITIONS * 2).reshape(TEN, 1)

# Where each draw stands in the stream of hash words of a person, and of an impression.
_FIRST_RECORD = 0
_SUBJECT = _FIRST_RECORD + TEN
_FINGER = _SUBJECT + 1
_CAPTURE = 0
_GROSS = _CAPTURE + 1
_RESIDUAL = _GROSS + 1
_MISSING = _RESIDUAL + TEN
_FLIPS = _MISSING + TEN

_FIRST_TAKEN = "first record"

_DIGITS = 16
"""Flip rates are binary fractions of 16 digits."""

RELATIVES_AMONG = 4096
"""Whoever has a relative on file has one among the first so many people, who themselves are alike to nobody.

They are IAFIS's first rows, and not in IDENT of the usual galleries. There only people with the same relative are
alike, in about the square of `PrintModel.alike_share`, and the more of them the larger the gallery."""

_MADE_AT_ONCE = 8192
"""Prints that the processor's caches hold while they are made, measured; the bits do not depend on it."""


@dataclass(frozen=True, slots=True)
class PrintModel:
    """How good prints are and how they go wrong. Qualities are on a scale like NFIQ 2: 0 (useless) to 100.

    Quality is `mean` + finger position + subject + capture + finger + residual, the last four normal. The shared
    parts make all ten fingers of a person, or of a hurried booking, poor together. A bit flips with probability
    `lowest_flip_rate` + (1/2 - `lowest_flip_rate`) exp(-quality / `quality_scale`).
    """

    mean: float
    subject_spread: float
    capture_spread: float
    finger_spread: float
    lowest_flip_rate: float
    quality_scale: float
    gross_share: float
    """Share of captures with the hands swapped: no threshold buys these back."""

    missing_share: float
    """Share of fingers that a capture could not take, because they are bandaged or gone; records on file are whole."""

    related_share: float = 0.0
    """Share of people who have a relative whose fingers are like theirs."""

    alike_share: float = 0.0
    """Of the bits of such a finger, the share that is copied from the relative's. Half of the others agree by chance.

    That relatives are more alike than strangers is published for the pattern type: identical twins share it in 0.74 of
    fingers, unrelated people in 0.32 (PMC3338710, as quoted in matcher.md 3.7). What share of bits that would be is not
    known: an assumption to vary.
    """


PRESET_2012 = PrintModel(
    mean=62,
    subject_spread=9,
    capture_spread=8,
    finger_spread=9,
    lowest_flip_rate=0.012,
    quality_scale=19,
    gross_share=0.0008,
    missing_share=0.004,
)
"""Held against error rates of about 2012 as remembered (NISTIR 8034: some 0.1 % of mates missed on ten fingers)
[B, unverified]. The model misses 0.08 %, nearly all of it gross error. No model of the system whose name it has."""

PRESET_2004 = PrintModel(
    mean=53,
    subject_spread=10.5,
    capture_spread=9,
    finger_spread=10,
    lowest_flip_rate=0.022,
    quality_scale=20.5,
    gross_share=0.001,
    missing_share=0.004,
)
"""Held against what NIST published of IDENT's search on two flat prints in 2004 (NISTIR 7110)."""

Preset = Literal["afit-2012", "ident-2004"]

PRESETS: Final[Mapping[Preset, PrintModel]] = {"ident-2004": PRESET_2004, "afit-2012": PRESET_2012}
"""The models by name. Each gives published error rates again; neither is a model of any product."""


@dataclass(frozen=True, slots=True)
class Prints:
    """Ten fingers as taken once: a code and a quality for each, None for both where the finger is missing."""

    codes: tuple[int | None, ...]
    qualities: tuple[int | None, ...]

    def hex_codes(self) -> tuple[str | None, ...]:
        """The codes as they travel in an event: 16 hexadecimal digits each."""
        return tuple(None if code is None else f"{code:016x}" for code in self.codes)


@dataclass(frozen=True, slots=True, eq=False)
class Impressions:
    """Many print sets as columns, each array `[finger, impression]`. Where `present` is false, the rest is noise."""

    codes: Words
    qualities: NDArray[np.uint8]
    present: Bits

    def prints(self, column: int) -> Prints:
        """One print set out of the columns."""
        taken = self.present[:, column].tolist()
        codes = self.codes[:, column].tolist()
        qualities = self.qualities[:, column].tolist()
        return Prints(
            codes=tuple(code if there else None for code, there in zip(codes, taken, strict=True)),
            qualities=tuple(quality if there else None for quality, there in zip(qualities, taken, strict=True)),
        )


def first_records(seed: int, persons: Sequence[int] | Integers, model: PrintModel = PRESET_2012) -> Words:
    """The codes, `[finger, person]`, of the first prints that were ever taken of `persons`: ten hash words each.

    They are a whole set, with the hands the right way round.
    """
    people = np.asarray(persons, np.uint64)
    return _first_codes(seed, people, _person_streams(seed, people), model)


def first_impressions(seed: int, persons: Sequence[int] | Integers, model: PrintModel = PRESET_2012) -> Impressions:
    """The first records with their qualities, which a search does not need."""
    people = np.asarray(persons, np.uint64)
    codes = first_records(seed, people, model)
    qualities = _qualities(_person_streams(seed, people), streams(key(seed, _FIRST_TAKEN), people), model)
    return Impressions(codes, qualities, present=np.ones(codes.shape, np.bool_))


def second_records(seed: int, persons: Sequence[int] | Integers, model: PrintModel = PRESET_2012) -> Words:
    """The codes of another whole set, taken of the same fingers for another file."""
    people = np.asarray(persons, np.uint64)
    return _impress(seed, people, streams(key(seed, "second record"), people), model, model).codes


def latents(seed: int, persons: Sequence[int] | Integers, model: PrintModel = PRESET_2012) -> Words:
    """What the fingers of `persons` are, `[finger, person]`: the same in every encounter, known to nobody.

    `model` is how good first records are: a latent is that record with its errors taken back.
    """
    people = np.asarray(persons, np.uint64)
    return _latents(seed, people, _person_streams(seed, people), model)


def capture(seed: int, person: int, encounter: str, model: PrintModel = PRESET_2012) -> Prints:
    """The prints of any person, in a gallery or not, as taken at one encounter.

    Args:
        seed: the run's seed.
        person: the number in the universe of people (`gallery.Roster`); any number from 0 up.
        encounter: what tells this capture from the person's others, e.g. the booking's reference.
        model: how good the prints are.
    """
    return captures(seed, [person], [encounter], model).prints(0)


def captures(
    seed: int,
    persons: Sequence[int] | Integers,
    encounters: Sequence[str] | Integers | str,
    model: PrintModel = PRESET_2012,
    *,
    on_file: PrintModel | None = None,
) -> Impressions:
    """Like `capture` for many at once.

    Args:
        seed: the run's seed.
        persons: whose prints.
        encounters: one name for each person, or one name for all of them; or, where there are so many that names
            would take their time, an array of numbers, one for each. Names and numbers never share an impression.
        model: how good the prints are.
        on_file: how good the prints on file are, where that is something else: who a person is follows from it.

    Raises:
        ValueError: if there are several encounters but not one for each person.
    """
    people = np.asarray(persons, np.uint64)
    keys = _encounter_keys(seed, encounters)
    if not isinstance(encounters, str) and len(keys) != len(people):
        raise ValueError(f"{len(keys)} encounters for {len(people)} persons")

    impressions = streams(keys, people)
    taken = _impress(seed, people, impressions, model, on_file or model)

    gross = words(impressions, _GROSS, 1)[0] < _share_of_words(model.gross_share)
    swapped = np.roll(np.arange(TEN), HAND)
    taken.codes[:, gross] = taken.codes[:, gross][swapped]
    taken.qualities[:, gross] = taken.qualities[:, gross][swapped]

    present = words(impressions, _MISSING, TEN) >= _share_of_words(model.missing_share)
    return Impressions(taken.codes, taken.qualities, present)


def _encounter_keys(seed: int, encounters: Sequence[str] | Integers | str) -> Words:
    if isinstance(encounters, np.ndarray):
        return streams(key(seed, "numbered encounter"), encounters)
    names = [encounters] if isinstance(encounters, str) else encounters
    return np.array([key(seed, f"encounter\x1f{name}") for name in names], np.uint64)


def _impress(seed: int, people: Words, impressions: Words, model: PrintModel, on_file: PrintModel) -> Impressions:
    codes = np.empty((TEN, len(people)), np.uint64)
    qualities = np.empty(codes.shape, np.uint8)
    for start in range(0, len(people), _MADE_AT_ONCE):
        block = slice(start, start + _MADE_AT_ONCE)
        person_streams = _person_streams(seed, people[block])
        qualities[:, block] = _qualities(person_streams, impressions[block], model)
        flips = _flips(impressions[block], flip_rates(model)[qualities[:, block]])
        codes[:, block] = _latents(seed, people[block], person_streams, on_file) ^ flips
    return Impressions(codes, qualities, present=np.ones(codes.shape, np.bool_))


def _latents(seed: int, people: Words, person_streams: Words, model: PrintModel) -> Words:
    taken = streams(key(seed, _FIRST_TAKEN), people)
    errors = _flips(taken, flip_rates(model)[_qualities(person_streams, taken, model)])
    fingers: Words = _first_codes(seed, people, person_streams, model) ^ errors
    return fingers


def _first_codes(seed: int, people: Words, person_streams: Words, model: PrintModel) -> Words:
    codes = words(person_streams, _FIRST_RECORD, TEN)
    if model.related_share:
        relatives = family(seed, people, model)
        chosen = np.flatnonzero((relatives >= 0) & (people >= RELATIVES_AMONG))
        theirs = words(_person_streams(seed, relatives[chosen]), _FIRST_RECORD, TEN)
        share = np.full(theirs.shape, min(round(model.alike_share * 2**_DIGITS), 2**_DIGITS - 1), np.uint64)
        copied = _flips(streams(key(seed, "alike"), people[chosen]), share)
        codes[:, chosen] = (theirs & copied) | (codes[:, chosen] & ~copied)
    return codes


def family(seed: int, persons: Sequence[int] | Integers, model: PrintModel) -> NDArray[np.int64]:
    """The one of the first `RELATIVES_AMONG` people whom each person is or is related to; -1 for nobody."""
    people = np.asarray(persons, np.uint64)
    related = streams(key(seed, "has a relative"), people) < _share_of_words(model.related_share)
    relative = (streams(key(seed, "relative"), people) % np.uint64(RELATIVES_AMONG)).astype(np.int64)
    return np.where(people < RELATIVES_AMONG, people.astype(np.int64), np.where(related, relative, -1))


def _qualities(person_streams: Words, impressions: Words, model: PrintModel) -> NDArray[np.uint8]:
    quality = (
        model.mean
        + _POSITION
        + model.subject_spread * _normal(words(person_streams, _SUBJECT, 1))
        + model.capture_spread * _normal(words(impressions, _CAPTURE, 1))
        + OWN_SHARE * model.finger_spread * _normal(words(person_streams, _FINGER, TEN))
        + OWN_SHARE * model.finger_spread * _normal(words(impressions, _RESIDUAL, TEN))
    )
    return np.clip(np.rint(quality), 0, 100).astype(np.uint8)


def flip_rates(model: PrintModel) -> Words:
    """The flip rate of each quality from 0 to 100, in 65,536ths, as the flips are made."""
    low = model.lowest_flip_rate
    rates = [low + (0.5 - low) * math.exp(-quality / model.quality_scale) for quality in range(101)]
    return np.array([round(rate * 2**_DIGITS) for rate in rates], np.uint64)


def _flips(impressions: Words, rates: Words) -> Words:
    """Words whose bits are 1 with the given probabilities, in 65,536ths.

    From the lowest binary digit of the rate up: OR with a fair word makes the chance of a 1 (1 + p) / 2, AND makes
    it p / 2. So after 16 words the chance of a 1 is the rate, digit for digit.
    """
    flips = np.zeros(rates.shape, np.uint64)
    for digit in range(_DIGITS):
        fair = words(impressions, _FLIPS + digit * TEN, TEN)
        either = -((rates >> np.uint64(digit)) & np.uint64(1))
        flips = (fair & (flips | either)) | (flips & either)
    return flips


def _normal(fair: Words) -> NDArray[np.float64]:
    """Normal to within what the model needs: 64 fair coins have standard deviation 4. Exact on every machine."""
    return (np.bitwise_count(fair).astype(np.float64) - 32) / 4


def _share_of_words(share: float) -> np.uint64:
    return np.uint64(min(int(share * 2**64), 2**64 - 1))


def _person_streams(seed: int, persons: Sequence[int] | Integers) -> Words:
    return streams(key(seed, "person"), np.asarray(persons, np.uint64))
