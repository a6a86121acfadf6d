"""The page's two charts and the tables beneath them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from console.matching.answers import Setting, missed_share, setting
from console.matching.choices import (
    DECIBEL_STEP,
    LEAST_DECIBELS,
    LEAST_GALLERY,
    MOST_DECIBELS,
    MOST_GALLERY,
    Choices,
    rate_of_decibels,
)
from console.matching.measurements import Counted
from sandbox.numerals import chance, number
from sandbox.plots import Axis, Chart, Line, Measured, interval, log
from services.biometric_match.rates import false_positive_rate

FEWEST_COUNTED = 20
"""Below this many cases a measured share says little, and is not shown."""

GALLERIES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 200_000_000)
DECIBELS = range(LEAST_DECIBELS, MOST_DECIBELS + 1, DECIBEL_STEP)
_TABLE_STEP = 20
_BESIDE = 20
_POINTS = 44


def gallery_chart(choices: Choices, now: Setting) -> Chart:
    """FPIR as the gallery grows, at the chosen threshold and at ones that are 20 dB less and more."""
    span = MOST_GALLERY - LEAST_GALLERY
    sizes = [LEAST_GALLERY + span * place / _POINTS for place in range(_POINTS + 1)]
    thresholds = [
        (choices.db - _BESIDE, "second"),
        (choices.db, "first"),
        (choices.db + _BESIDE, "third"),
    ]
    return Chart(
        id="fpir",
        title="A stranger is searched: how often is somebody returned?",
        description=(
            f"False positive identification rate against the number of people on file, both on logarithmic axes. At"
            f" {number(choices.rows)} people and {choices.db} dB it is {chance(now.fpir)}; it grows in proportion to"
            " the gallery."
        ),
        x=Axis(
            "people on file",
            LEAST_GALLERY,
            MOST_GALLERY,
            [(4, "10,000"), (5, "100,000"), (6, "1 M"), (7, "10 M"), (8, "100 M")],
        ),
        y=Axis(
            "FPIR",
            -12,
            0,
            [
                (0, "always"),
                (-2, "1 in 100"),
                (-4, "1 in 10,000"),
                (-6, "1 in 1 M"),
                (-8, "1 in 100 M"),
                (-10, "1 in 10¹⁰"),
                (-12, "1 in 10¹²"),
            ],
        ),
        lines=[
            Line(
                "" if decibels == choices.db else f"{decibels} dB",
                [(size, log(_returned(choices, 10**size, decibels))) for size in sizes],
                style,
            )
            for decibels, style in thresholds
        ],
        here=[(log(choices.rows), log(now.fpir), f"{choices.db} dB: {chance(now.fpir)}")],
    )


def threshold_chart(choices: Choices, now: Setting, counted: Counted | None) -> Chart:
    """FNIR and FPIR as the threshold rises, with what was counted."""
    others = 2 if choices.count != 2 else 10  # noqa: PLR2004  the two numbers of fingers
    lines = [
        Line(
            f"missed, {choices.count} fingers",
            [(each, log(missed_share(choices, each))) for each in DECIBELS],
            "first",
            "start",
        ),
        Line(
            f"missed, {others} fingers",
            [(each, log(missed_share(choices, each, others))) for each in DECIBELS],
            "second",
            "start",
        ),
        Line(
            "strangers returned",
            [(each, log(_returned(choices, choices.rows, each))) for each in DECIBELS],
            "third",
            "start",
        ),
    ]
    measured: list[Measured] = []
    if counted is not None:
        measured = [*_measured(counted["decibels"], counted["missed"], counted["people"])]
    return Chart(
        id="fnir",
        title="Somebody on file is searched: how often are they missed?",
        description=(
            "False negative identification rate against the threshold in decibels, the rate on a logarithmic axis."
            f" At {choices.db} dB it is {chance(now.fnir)} with {choices.count} fingers. The rate of strangers who are"
            " returned falls as the threshold rises; the rate of people who are missed rises."
        ),
        x=Axis("threshold in dB", LEAST_DECIBELS, MOST_DECIBELS, [(each, str(each)) for each in range(30, 151, 20)]),
        y=Axis(
            "share",
            -6,
            0,
            [
                (0, "always"),
                (-1, "10 %"),
                (-2, "1 %"),
                (-3, "0.1 %"),
                (-4, "0.01 %"),
                (-5, "1 in 100,000"),
                (-6, "1 in 1 M"),
            ],
        ),
        lines=lines,
        measured=measured,
        here=[(choices.db, log(now.fnir), chance(now.fnir))],
    )


def _returned(choices: Choices, rows: float, decibels: float) -> float:
    return false_positive_rate(choices.count, rows, rate_of_decibels(decibels), choices.missing_share)


def _measured(decibels: Sequence[int], counts: Sequence[int], trials: int) -> Iterator[Measured]:
    for each, count in zip(decibels, counts, strict=True):
        if count >= FEWEST_COUNTED:
            low, high = interval(count, trials)
            yield Measured(each, log(count / trials), log(low), log(high))


@dataclass(frozen=True, slots=True)
class Compared:
    """A rate as worked out, and as counted with its interval."""

    worked_out: float
    count: int | None = None
    trials: int = 0
    low: float = 0.0
    high: float = 0.0

    @property
    def is_shown(self) -> bool:
        """Whether enough was counted."""
        return self.count is not None and self.count >= FEWEST_COUNTED


@dataclass(frozen=True, slots=True)
class ThresholdRow:
    """One threshold of the table."""

    decibels: int
    now: Setting
    missed: Compared
    found: Compared
    """In a gallery as small as the measured one."""


def gallery_rows(choices: Choices) -> list[tuple[int, Setting]]:
    """The table beneath the first chart."""
    return [(rows, setting(choices, rows=rows)) for rows in GALLERIES]


def threshold_rows(choices: Choices, counted: Counted | None, small: int) -> list[ThresholdRow]:
    """The table beneath the second chart; `small` is the size of the gallery that is measured."""
    return [_threshold_row(choices, counted, small, decibels) for decibels in DECIBELS if _is_listed(choices, decibels)]


def _is_listed(choices: Choices, decibels: int) -> bool:
    return (decibels - LEAST_DECIBELS) % _TABLE_STEP == 0 or decibels == choices.db or decibels in (40, 60)


def _threshold_row(choices: Choices, counted: Counted | None, small: int, decibels: int) -> ThresholdRow:
    now = setting(choices, decibels=decibels)
    in_small = _returned(choices, small, decibels)
    if counted is None:
        return ThresholdRow(decibels, now, Compared(now.fnir), Compared(in_small))
    place = list(counted["decibels"]).index(decibels)
    return ThresholdRow(
        decibels,
        now,
        _compared(now.fnir, counted["missed"][place], counted["people"]),
        _compared(in_small, counted["found"][place], counted["searches"]),
    )


def _compared(worked_out: float, count: int, trials: int) -> Compared:
    low, high = interval(count, trials)
    return Compared(worked_out, count, trials, low, high)
