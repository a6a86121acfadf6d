"""Published figures beside simulated ones: several runs give a number and its interval, and so a verdict, or none.

Agreement means something only where nothing was chosen for it, so every row carries its label, and the score counts
predictions alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import floor, log10, sqrt
from typing import Any, Literal, TypedDict

from sandbox.metrics import METRICS, Metric
from sandbox.results import Results
from sandbox.scenario import Figure, Scenario
from sandbox.tags import tag_in_words

Unit = Literal["count", "share", "change"]

FEWEST_RUNS = 3
"""With fewer, nobody can tell how far runs differ from each other."""

DIGITS = 6

LABELS: Mapping[str, str] = {
    "input": "a parameter is the figure, so agreement says nothing about the model",
    "fitted": "a parameter was chosen so that the simulation meets it",
    "identity": "it follows from other figures by arithmetic",
    "prediction": "nothing was chosen for it: only these test the model",
}
"""What agreement with a figure means."""

LEGEND = "An interval is two standard errors to either side: wider than the band, it is too few to tell."


class PublishedRow(TypedDict):
    """A published figure and the simulated one, as `--json` prints them."""

    figure: str
    metric: str
    words: str
    unit: Unit
    window: dict[str, str | None]
    published: float
    simulated: float | None
    low: float | None
    high: float | None
    band: tuple[float, float]
    within: bool | None
    label: str
    source: str
    tag: str
    note: str | None
    place: str | None
    instead: str | None
    under: str | None
    seeds: int


@dataclass(frozen=True, slots=True)
class Aligned:
    """A published number, and what each explanation makes of it: None where one does not read it in this way."""

    rows: Sequence[PublishedRow | None]

    @property
    def row(self) -> PublishedRow:
        """The first of the rows; what is published is the same in all of them."""
        return next(row for row in self.rows if row is not None)

    @property
    def sources(self) -> list[str]:
        """Who published it, and what is to be said of that, each with its tag."""
        told = (
            " ".join(filter(None, (f"{row['source']} {tag_in_words(row['tag'])}.", row["note"])))
            for row in self.rows
            if row is not None
        )
        return list(dict.fromkeys(told))


@dataclass(frozen=True, slots=True)
class Estimate:
    """What several runs say of a number. Each is None where they cannot say it."""

    value: float | None
    error: float | None


@dataclass(frozen=True, slots=True)
class _Counts:
    """What is counted of a metric in one run; the whole is 1 where the metric is a count."""

    part: int
    whole: float


def published_rows(
    scenario: Scenario, runs: Sequence[Results], share: Fraction, instead: Mapping[str, Sequence[Results]]
) -> list[PublishedRow]:
    """Every published figure of a scenario beside what the runs came to.

    Args:
        scenario: under the explanation that the runs were made with.
        runs: one for each seed, under the scenario's own policy.
        share: how many bookings stand for one real submission (`sample_share`): counts are scaled to the real volume.
        instead: the runs of the same seeds, in the same order, under each policy that a figure compares with the
            scenario's. A figure whose policy is not there stays without a simulated value.
    """
    return [_row(figure, runs, share, instead) for figure in scenario.figures]


def score(rows: Sequence[PublishedRow], scenario: Scenario) -> dict[str, Any]:
    """What the agreement is worth: how much was chosen, and how the figures fared for which nothing was."""
    labels = {label: [row for row in rows if row["label"] == label] for label in LABELS}
    verdicts = [row["within"] for row in labels["prediction"]]
    counted = {
        "fitted_parameters": len(scenario.fitted),
        "parameters_of": scenario.parameters_of,
        "independent": len(labels["input"]) + len(labels["fitted"]),
        "input": len(labels["input"]),
        "fitted": len(labels["fitted"]),
        "identity": len(labels["identity"]),
        "predictions": len(verdicts),
        "within": verdicts.count(True),
        "not_within": verdicts.count(False),
        "too_few": verdicts.count(None),
    }
    return {**counted, "sentence": _sentence(counted)}


def section(
    rows: Sequence[PublishedRow], scenario: Scenario, totals: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The rows and their score with the explanation that they were made under: an item of `explanations`.

    Args:
        rows: what `published_rows` told of the scenario.
        scenario: under one of its explanations; where it offers none, the names are None.
        totals: what the first of the runs came to, if reports are to show that for every explanation.
    """
    explanation = scenario.explanations.get(scenario.explanation or "")
    return {
        "explanation": scenario.explanation,
        "title": explanation.title if explanation else None,
        "says": explanation.says if explanation else None,
        "source": explanation.source if explanation else None,
        "tag": explanation.tag if explanation else None,
        "published": list(rows),
        "score": score(rows, scenario),
        "totals": totals,
    }


def sections_of(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The published figures of a result, a section (`published.section`) for each explanation that competes."""
    explanations: list[Mapping[str, Any]] = result.get("explanations") or []
    if explanations:
        return explanations
    rows = result.get("published")
    return [{"explanation": None, "title": None, "published": rows, "score": result["score"]}] if rows else []


def totals_of(result: Mapping[str, Any]) -> list[tuple[str | None, Mapping[str, Any]]]:
    """What the run came to: once without a title, or under the title of each explanation, where each has its totals."""
    told = [(section["title"], section["totals"]) for section in result.get("explanations") or ()]
    return told if told and all(totals for _, totals in told) else [(None, result["totals"])]


def one_of_several(result: Mapping[str, Any]) -> str | None:
    """The sentence that says under which explanation a run was made whose totals are shown alone."""
    sections = result.get("explanations") or []
    chosen = [each["title"] for each in sections if each["explanation"] == result.get("explanation")]
    if not chosen or not sections[1:] or totals_of(result)[0][0] is not None:
        return None
    return (
        f"Run under '{chosen[0]}', one of {len(sections)} explanations that compete; none of them is preferred, and all"
        " are held against the published figures."
    )


def side_by_side(sections: Sequence[Mapping[str, Any]]) -> list[Aligned]:
    """The rows of sections that compete, number by number, in the order of the scenario's file."""
    by_section = [_keyed(section["published"]) for section in sections]
    order: list[Any] = []
    for rows in by_section:
        place = 0
        for key in rows:
            if key not in order:
                while place < len(order) and order[place] not in rows:
                    place += 1
                order.insert(place, key)
            place = order.index(key) + 1
    return [Aligned([rows.get(key) for rows in by_section]) for key in order]


def as_published(value: float, row: PublishedRow) -> str:
    """A number that was published, or the end of a band, as exact as it is written in the scenario."""
    return f"{value:,.10g}" if row["unit"] == "count" else f"{round(100 * value, DIGITS):g} %"


def as_simulated(value: float | None, row: PublishedRow) -> str:
    """A simulated number, as exact as the row's band is narrow."""
    if value is None:
        return "none"
    if row["unit"] == "count":
        return f"{value:,.0f}"
    width = 100 * (row["band"][1] - row["band"][0])
    digits = max(0, 1 - floor(log10(width))) if width else 1
    return f"{100 * value:.{digits}f} %"


def spread(low: str, high: str) -> str:
    """Two numbers as from one to the other."""
    return f"{low.removesuffix(' %')} to {high}" if high.endswith(" %") else f"{low} to {high}"


def window_in_words(row: PublishedRow) -> str:
    """The days that a figure covers."""
    since, until = row["window"]["from"], row["window"]["until"]
    last = _day(until or "")
    return f"{_day(since)} to {last}" if since else f"to {last}"


def verdict_in_words(row: PublishedRow) -> str:
    """What a row comes to."""
    return {True: "within", False: "not within", None: "too few to tell"}[row["within"]]


def jackknife(value_without: Callable[[int | None], float | None], runs: int) -> Estimate:
    """A number pooled over runs, and its standard error by leaving out one run at a time.

    Args:
        value_without: the number without the run of that index, or (None) of all runs; None where it has no value.
        runs: how many there are.
    """
    value = value_without(None) if runs else None
    if value is None or runs < FEWEST_RUNS:
        return Estimate(value, None)
    fewer = [value_without(left_out) for left_out in range(runs)]
    known = [each for each in fewer if each is not None]
    if len(known) < runs:
        return Estimate(value, None)
    mean = sum(known) / runs
    return Estimate(value, sqrt((runs - 1) / runs * sum((each - mean) ** 2 for each in known)))


def _row(
    figure: Figure, runs: Sequence[Results], share: Fraction, instead: Mapping[str, Sequence[Results]]
) -> PublishedRow:
    metric = METRICS[figure.metric]
    counts = [_counted(metric, figure, run) for run in runs]
    words = metric.words
    other = [] if figure.instead is None else [_counted(metric, figure, run) for run in instead.get(figure.instead, ())]
    unit: Unit = "count" if metric.of is None else "share"
    if figure.instead is None:
        estimate = _level(counts, 1.0 if metric.of else 1 / float(share))
    elif figure.measure == "level":
        words = f"{words}, with {figure.instead}"
        estimate = _level(other, 1.0 if metric.of else 1 / float(share)) if other else Estimate(None, None)
    else:
        unit = "change"
        words = f"{words}: change with {figure.instead} in place of the scenario's own"
        estimate = _change(counts, other)
    value, error = estimate.value, estimate.error
    return PublishedRow(
        figure=figure.figure,
        metric=figure.metric,
        words=words,
        unit=unit,
        window={
            "from": figure.window.since.isoformat() if figure.window.since else None,
            "until": figure.window.until.isoformat(),
        },
        published=figure.value,
        simulated=None if value is None else round(value, DIGITS),
        low=None if value is None or error is None else round(value - 2 * error, DIGITS),
        high=None if value is None or error is None else round(value + 2 * error, DIGITS),
        band=figure.band,
        within=_verdict(estimate, figure.band),
        label=figure.label,
        source=figure.source,
        tag=figure.tag,
        note=figure.note,
        place=figure.place,
        instead=figure.instead,
        under=figure.under,
        seeds=len(runs),
    )


def _counted(metric: Metric, figure: Figure, run: Results) -> _Counts:
    since, until = figure.window.since, figure.window.until
    whole = 1 if metric.of is None else metric.of.count(run, since, until)
    return _Counts(metric.part.count(run, since, until), whole)


def _level(counts: Sequence[_Counts], scale: float) -> Estimate:
    """A count (`scale` times the mean) or a share (the sum of the parts in the sum of the wholes)."""
    estimate = jackknife(lambda left_out: _pooled(counts, left_out, scale), len(counts))
    if estimate.error is None:
        return estimate
    # Runs that all came to nothing agree perfectly, and yet three in their sum would be no surprise (rule of three).
    least = scale * 1.5 / sum(count.whole for count in counts)
    return Estimate(estimate.value, max(estimate.error, least))


def _change(counts: Sequence[_Counts], other: Sequence[_Counts]) -> Estimate:
    """The relative change from one policy to another, on the same people: the same seed is left out of both."""
    if len(other) != len(counts):
        return Estimate(None, None)

    def changed(left_out: int | None) -> float | None:
        before, after = _pooled(counts, left_out), _pooled(other, left_out)
        return None if not before or after is None else after / before - 1

    return jackknife(changed, len(counts))


def _pooled(counts: Sequence[_Counts], left_out: int | None, scale: float = 1.0) -> float | None:
    kept = [count for index, count in enumerate(counts) if index != left_out]
    whole = sum(count.whole for count in kept)
    return scale * sum(count.part for count in kept) / whole if whole else None


def _verdict(estimate: Estimate, band: tuple[float, float]) -> bool | None:
    """Whether the simulated figure lies in the band; None where its interval is too wide to tell."""
    low, high = band
    if estimate.value is None or estimate.error is None or 2 * estimate.error > (high - low) / 2:
        return None
    return low <= estimate.value <= high


def _sentence(counted: Mapping[str, Any]) -> str:
    carried = f", carried over from {counted['parameters_of']}" if counted["parameters_of"] else ""
    return (
        f"{_of(counted['fitted_parameters'], 'fitted parameter')}{carried},"
        f" {_of(counted['independent'], 'independent figure')} ({counted['input']} input, {counted['fitted']} fitted)"
        f" and {counted['identity']} that follow by arithmetic,"
        f" {_of(counted['predictions'], 'prediction')}: {counted['within']} within, {counted['not_within']} not,"
        f" {counted['too_few']} too few to tell"
    )


def _day(written: str) -> str:
    day = date.fromisoformat(written)
    return f"{day.day} {day:%b %Y}"


def _keyed(rows: Sequence[PublishedRow]) -> dict[Any, PublishedRow]:
    """Rows by what they hold the simulation against, which explanations may share under different names."""
    keyed: dict[Any, PublishedRow] = {}
    for row in rows:
        window = (row["window"]["from"], row["window"]["until"])
        key = (row["metric"], window, row["published"], tuple(row["band"]), row["place"], row["instead"])
        nth = 0
        while (key, nth) in keyed:
            nth += 1
        keyed[key, nth] = row
    return keyed


def _of(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
