"""What searches are expected to come to, worked out and not simulated: how each kind of error grows with the gallery.

A gallery can grow in two ways. At a fixed threshold false matches grow in proportion to it, and as many people are
missed as before. At a fixed FPIR the threshold rises with it, and more are missed. Stale records do not care: the
search was right. FPIR is exact, FNIR is integrated over the qualities of prints (`services.biometric_match.rates`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from sandbox.numerals import number
from services.biometric_match.events import Galleries
from services.biometric_match.prints import PRESETS, Preset
from services.biometric_match.rates import false_positive_rate, miss_rates, scores_asked

TITLE: Final = "How each grows with the gallery and the threshold"

COLUMN_WORDS: Final = {
    "true_matches": "true",
    "stale_matches": "stale",
    "false_matches": "false",
    "missed_mates": "missed",
}

GALLERIES: Final = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
"""Sizes up to that of IDENT in 2010, 120 million [C]."""

USUAL_FPIR, LAX_FPIR = 1e-5, 1e-3
"""The scenarios' own, and one at which false matches rival stale records: a lesson, and not the default."""

SOURCE: Final = (
    "Worked out, not simulated: FPIR exactly, FNIR integrated over the qualities of prints"
    " (services/biometric_match/rates.py)."
)

KIN_IS_LEFT_OUT: Final = " Mixed-up records and relatives, which this run has, are left out of it."

Kept = Literal["threshold", "fpir"]
"""What stays as it is while the gallery grows."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """What comes of so many searches, expected numbers. The six add up to all of them."""

    current: float
    """Matched with their own record, which is true."""

    stale: float
    """Matched with their own record, which is no longer true."""

    missed: float
    """On file and not found, nor anybody else in their place."""

    false_of_missed: float
    """On file and not found, but somebody else in their place."""

    false_of_strangers: float
    """Not on file, and somebody is found all the same."""

    rightly_none: float
    """Not on file, and nobody is found."""

    @property
    def false(self) -> float:
        """All who are matched with somebody else's record."""
        return self.false_of_missed + self.false_of_strangers

    @property
    def matched(self) -> float:
        """All who are matched, rightly or not."""
        return self.current + self.stale + self.false


@dataclass(frozen=True, slots=True)
class Searched:
    """Who is searched: how many are on file, how many are not, and of how many records the status is not true."""

    on_file: float
    strangers: float
    stale_share: float
    """Of people on file: those whose record is no longer true."""

    def kinds(self, fpir: float, fnir: float) -> Kinds:
        """What comes of it at these error rates. That a stranger outdoes somebody's own record is left out."""
        found, not_found = self.on_file * (1 - fnir), self.on_file * fnir
        stale = found * self.stale_share
        return Kinds(
            current=found - stale,
            stale=stale,
            missed=not_found * (1 - fpir),
            false_of_missed=not_found * fpir,
            false_of_strangers=self.strangers * fpir,
            rightly_none=self.strangers * (1 - fpir),
        )


@dataclass(frozen=True, slots=True)
class Matcher:
    """How searches are done: the preset of the prints, the fingers that are taken, the gallery and the threshold."""

    preset: Preset
    fingers: int
    rows: int
    fpir: float
    has_kin: bool = False
    """Whether records hold other people's fingers, or fingers of relatives: the closed forms know strangers alone."""


def matcher_of(galleries: Galleries) -> Matcher:
    """How a run searches IDENT."""
    has_kin = galleries.contaminated_share > 0 or galleries.related_share * galleries.alike_share > 0
    return Matcher(galleries.preset, galleries.ident_fingers, galleries.rows, galleries.fpir, has_kin)


def growth(told: Mapping[str, int], matcher: Matcher) -> dict[str, Any]:
    """What a run's own searches would come to in larger galleries and at laxer thresholds, as `--json` prints it.

    Args:
        told: the counts of the run's gallery (`sandbox.accuracy.against_the_truth`).
        matcher: of the run.

    Returns:
        Who was searched, and under `settings` an item for each of: the run's own threshold, its own FPIR, and
        `LAX_FPIR`, or `USUAL_FPIR` where the run's own is as lax; with a row for each of `GALLERIES`.
    """
    own = told["true_matches"] + told["stale_matches"]
    searched = Searched(told["on_file"], told["strangers"], told["stale_matches"] / own if own else 0.0)
    other = LAX_FPIR if matcher.fpir < LAX_FPIR else USUAL_FPIR
    settings: list[tuple[Kept, float]] = [("threshold", matcher.fpir), ("fpir", matcher.fpir), ("fpir", other)]
    return {
        "matcher": asdict(matcher),
        "searched": asdict(searched),
        "settings": [
            {"kept": kept, "fpir": fpir, "rows": [_row(searched, matcher, kept, fpir, rows) for rows in GALLERIES]}
            for kept, fpir in settings
        ],
        "source": SOURCE,
    }


def title_of(setting: Mapping[str, Any], matcher: Mapping[str, Any]) -> str:
    """What stays while the gallery grows, in words."""
    if setting["kept"] == "threshold":
        return f"the threshold stays as for {matcher['rows']:,} people on file"
    return f"a stranger is returned in at most 1 in {number(1 / setting['fpir'])} searches (FPIR)"


def opening(told: Mapping[str, Any]) -> str:
    """The sentence above the table: whose searches these are."""
    searched, matcher = told["searched"], told["matcher"]
    return (
        f"Expected for this run's {searched['on_file']:,} searches for somebody on file in IDENT and"
        f" {searched['strangers']:,} for somebody who is not, on {matcher['fingers']} fingers with prints as in"
        f" {matcher['preset']}.{KIN_IS_LEFT_OUT if matcher['has_kin'] else ''}"
    )


LESSON: Final = (
    "A larger gallery costs false matches if the threshold stays, and missed mates if it rises: hardly any with ten"
    " fingers, many with two. Stale records stay whatever is done: no threshold makes a record true."
)
"""The sentence below the table."""


def rates_at(matcher: Matcher, rows: int, false_match_rate: float) -> tuple[float, float]:
    """FPIR and FNIR in a gallery of so many rows, where two strangers match at most that often."""
    model = PRESETS[matcher.preset]
    asked = scores_asked(matcher.fingers, false_match_rate)
    fpir = false_positive_rate(matcher.fingers, rows, false_match_rate, model.missing_share)
    return fpir, miss_rates(model, matcher.fingers).rate(asked, model.missing_share)


def _row(searched: Searched, matcher: Matcher, kept: Kept, fpir: float, rows: int) -> dict[str, Any]:
    false_match_rate = fpir / (matcher.rows if kept == "threshold" else rows)
    exact_fpir, fnir = rates_at(matcher, rows, false_match_rate)
    kinds = searched.kinds(exact_fpir, fnir)
    return {
        "rows": rows,
        "score": scores_asked(matcher.fingers, false_match_rate)[-1],
        "fpir": exact_fpir,
        "fnir": fnir,
        "true_matches": kinds.current,
        "stale_matches": kinds.stale,
        "false_matches": kinds.false,
        "missed_mates": kinds.missed,
    }


def shown(told: Mapping[str, Any]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """The table's blocks: the words of each, and its rows."""
    for setting in told["settings"]:
        yield title_of(setting, told["matcher"]), setting["rows"]
