"""Everything that the page's template shows, for what is chosen."""

from collections.abc import Mapping
from typing import Any

from console.matching import answers, charts, facts
from console.matching.choices import (
    DECIBEL_STEP,
    GALLERY_STEP,
    LEAST_DECIBELS,
    LEAST_GALLERY,
    MOST_DECIBELS,
    MOST_GALLERY,
    Choices,
)
from console.matching.drawings import dots
from console.matching.measure import PEOPLE, ROWS, SEARCHES
from console.matching.measurements import Counted, command_of
from console.sources import Source, published, simulated
from sandbox import numerals
from sandbox.published_rates import PUBLISHED_RATES
from services.biometric_match.prints import TEN
from services.biometric_match.scores import POINTS

WANTED_FPIRS = ((1e-3, "1 in 1,000"), (1e-5, "1 in 100,000"))

EXACT = Source(
    "project",
    "Worked out, not simulated, and exact for the sandbox's matcher: two different fingers differ in each of 64 bits"
    " with chance one half (services/biometric_match/scores.py).",
    tag="P",
)
INTEGRATED = Source(
    "project",
    "Worked out, not simulated: the model's chances, integrated numerically over the qualities of both captures"
    " (services/biometric_match/rates.py). Tests hold it against the matcher's own code.",
    tag="P",
)


def context(choices: Choices, counted: Counted | None) -> dict[str, Any]:
    """What the template needs, by name."""
    now = answers.setting(choices)
    kinds = answers.kinds(choices, now)
    return {
        "choices": choices,
        "now": now,
        "words": numerals,
        "sliders": {
            "gallery": (LEAST_GALLERY, MOST_GALLERY, GALLERY_STEP),
            "db": (LEAST_DECIBELS, MOST_DECIBELS, DECIBEL_STEP),
        },
        "gallery_chart": charts.gallery_chart(choices, now),
        "threshold_chart": charts.threshold_chart(choices, now, counted),
        "gallery_rows": charts.gallery_rows(choices),
        "threshold_rows": charts.threshold_rows(choices, counted, ROWS),
        "other_fingers": _other_fingers(choices),
        "wanted": [
            (told, answers.decibels_for(choices, fpir, DECIBEL_STEP, MOST_DECIBELS)) for fpir, told in WANTED_FPIRS
        ],
        "counted": counted,
        "measured": {"people": PEOPLE, "searches": SEARCHES, "rows": ROWS, "fewest": charts.FEWEST_COUNTED},
        "measuring": simulated(
            "Counted with the matcher's own code (services/biometric_match/matcher.py); the intervals hold the true"
            " share in 95 of 100 cases.",
            command_of(choices.matching),
        ),
        "search": answers.one_search(choices),
        "others": answers.OTHERS,
        "typical_other": answers.typical_best_stranger(choices),
        "points": POINTS,
        "present_rows": _present_rows(choices),
        "poorer": answers.POORER,
        "kinds": kinds,
        "bookings": answers.BOOKINGS,
        "mixes": answers.MIXES,
        "dots": dots(kinds.current, [("stale", kinds.stale), ("false", kinds.false), ("missed", kinds.missed)]),
        "kinds_source": Source(
            "project",
            "Worked out, not simulated: expected numbers, the scenario's shares of people on file and of stale records"
            " times the rates above. The lab draws such people one by one instead, for an FPIR of at most 1 in 100,000,"
            " so its counts differ by chance; it tells whose record was wrong among those held and removed:",
            tag="P",
            command=f"interop compare {answers.SCENARIO} --policy us-full-cooperation --bookings {answers.BOOKINGS}",
        ),
        "facts": facts,
        "published": [
            (rate, published(rate.source.words, rate.source.tag, rate.source.url), rate.modelled())
            for rate in PUBLISHED_RATES
        ],
        "exact": EXACT,
        "integrated": INTEGRATED,
        "link": lambda **changes: _link(choices, changes),
    }


def _other_fingers(choices: Choices) -> int:
    return 2 if choices.count == TEN else TEN


def _present_rows(choices: Choices) -> list[tuple[int, float, float]]:
    """How many are missed by how many fingers are there."""
    listed = [present for present in (10, 8, 6, 5, 4, 3, 2) if present <= choices.count]
    return [(present, *answers.missed_with(choices, choices.db, present)) for present in listed]


def _link(choices: Choices, changes: Mapping[str, Any]) -> str:
    """The page's address with something else chosen."""
    fields = {**choices.model_dump(), **changes}
    return "?" + "&".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in fields.items()
    )
