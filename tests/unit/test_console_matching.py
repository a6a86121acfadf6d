"""The page on matching: rates that were worked out, held against the matcher's own code; its words and drawings."""

import math

import numpy as np
import pytest

from console.matching.answers import BOOKINGS, MIXES, SCENARIO, kinds, one_search, setting
from console.matching.charts import gallery_chart, threshold_chart
from console.matching.choices import Choices, Matching
from console.matching.drawings import COLUMNS, PITCH, dots
from console.matching.measure import DECIBELS, Counted, measure
from console.matching.view import context
from sandbox.lab.matches import search
from sandbox.numerals import chance, expected, number
from sandbox.plots import interval
from sandbox.population import NOWHERE, people
from sandbox.published_rates import PUBLISHED_RATES
from sandbox.scenario import load_scenario, resolve
from services.biometric_match.gallery import Files
from services.biometric_match.mates import MateMatcher
from services.biometric_match.prints import PRESETS
from services.biometric_match.rates import (
    expected_best_stranger,
    false_positive_rate,
    miss_rates,
    scores_asked,
)
from services.biometric_match.scores import false_match_rates, threshold

FEWEST_COUNTED = 20


def z_scores(counts: list[int], rates: list[float], trials: int) -> list[float]:
    """How many standard errors counts are from what was worked out, where that is 20 cases or more."""
    return [
        (count - trials * rate) / math.sqrt(trials * rate * (1 - rate))
        for count, rate in zip(counts, rates, strict=True)
        if FEWEST_COUNTED <= trials * rate <= trials - FEWEST_COUNTED
    ]


@pytest.fixture(
    scope="module",
    params=[
        Matching(),
        Matching(fingers="2", model="ident-2004", poor=20),
        Matching(model="ident-2004", poor=50, missing=8),
    ],
    ids=["ten fingers", "two, some poor", "ten, many poor and missing"],
)
def simulated(request: pytest.FixtureRequest) -> tuple[Matching, Counted]:
    matching: Matching = request.param
    return matching, measure(matching, lambda _share: None, people=40_000, searches=1_000, rows=10_000)


def test_the_share_of_people_missed_is_what_the_matchers_own_code_counts(simulated: tuple[Matching, Counted]) -> None:
    matching, counted = simulated
    choices = Choices(**matching.model_dump())
    rates = [setting(choices, decibels=each).fnir for each in DECIBELS]
    scores = z_scores(list(counted.missed), rates, counted.people)
    assert scores
    assert max(map(abs, scores)) < 4


def test_the_share_of_strangers_returned_is_what_exhaustive_searches_count(
    simulated: tuple[Matching, Counted],
) -> None:
    matching, counted = simulated
    choices = Choices(**matching.model_dump())
    rates = [setting(choices, rows=counted.rows, decibels=each).fpir for each in DECIBELS]
    scores = z_scores(list(counted.found), rates, counted.searches)
    assert scores
    assert max(map(abs, scores)) < 4


def test_a_measurement_says_how_far_it_is() -> None:
    shares: list[float] = []
    measure(Matching(), shares.append, people=40_000, searches=500, rows=100)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_the_thresholds_are_those_of_the_matchers_own_search() -> None:
    matcher = MateMatcher(Files(2008, 10_000, 5_000), 1e-5, [1])
    assert list(scores_asked(10, 1e-5 / 10_000)) == matcher.thresholds.tolist()
    assert scores_asked(10, 1e-9)[10] == threshold(10, 10_000, 1e-5)


@pytest.mark.parametrize("fingers", [2, 10])
def test_with_no_finger_missing_fpir_is_the_exact_tail_raised_to_the_gallery(fingers: int) -> None:
    score = scores_asked(fingers, 1e-9)[-1]
    rate = float(false_match_rates(fingers)[score])
    assert false_positive_rate(fingers, 1_000_000, 1e-9) == pytest.approx(1 - (1 - rate) ** 1_000_000)


def test_where_every_stranger_matches_every_search_returns_somebody() -> None:
    assert false_positive_rate(10, 10_000, 1.0) == pytest.approx(1)


@pytest.mark.parametrize("fingers", ["2", "10"])
@pytest.mark.parametrize("model", ["afit-2012", "ident-2004"])
def test_more_people_on_file_make_more_false_matches_and_no_more_misses(fingers: str, model: str) -> None:
    choices = Choices.model_validate({"fingers": fingers, "model": model, "db": 90})
    settings = [setting(choices, rows=10.0**power) for power in (4, 5, 6, 7, 8)]
    fpirs = [each.fpir for each in settings]
    assert fpirs == sorted(set(fpirs))
    assert len({each.fnir for each in settings}) == 1


@pytest.mark.parametrize("fingers", ["2", "10"])
@pytest.mark.parametrize("poor", [0, 30])
def test_a_higher_threshold_misses_more_and_mistakes_fewer(fingers: str, poor: int) -> None:
    choices = Choices.model_validate({"fingers": fingers, "poor": poor})
    settings = [setting(choices, decibels=each) for each in DECIBELS]
    assert [each.fnir for each in settings] == sorted(each.fnir for each in settings)
    assert [each.fpir for each in settings] == sorted((each.fpir for each in settings), reverse=True)


def test_poor_prints_and_missing_fingers_are_missed_more() -> None:
    usual = setting(Choices(fingers="2")).fnir
    assert setting(Choices(fingers="2", poor=20)).fnir > usual
    assert setting(Choices(fingers="2", missing=4)).fnir > usual


def test_what_is_missed_with_every_finger_there_never_falls_below_the_gross_error() -> None:
    model = PRESETS["afit-2012"]
    assert miss_rates(model, 10).given(10, 12) >= model.gross_share * 0.999


def test_no_search_is_on_five_fingers() -> None:
    with pytest.raises(ValueError, match="2 or 10 fingers, not on 5"):
        miss_rates(PRESETS["afit-2012"], 5)


def test_the_best_of_more_strangers_comes_closer() -> None:
    bests = [expected_best_stranger(10, 10.0**power) for power in (4, 6, 8)]
    assert bests == sorted(set(bests))


@pytest.mark.parametrize(
    ("fact", "least", "most"),
    [(PUBLISHED_RATES[0], 0.036, 0.044), (PUBLISHED_RATES[1], 0.046, 0.054), (PUBLISHED_RATES[2], 0.004, 0.006)],
    ids=lambda value: getattr(value, "figure", None),
)
def test_the_model_of_2004_comes_near_what_nist_published(fact: object, least: float, most: float) -> None:
    assert least < fact.modelled() < most  # type: ignore[arg-type, operator]


def test_the_kinds_of_answer_add_up_to_all_bookings() -> None:
    for choices in (Choices(), Choices(fingers="2", db=60, stale=3)):
        found = kinds(choices, setting(choices))
        parts = (
            found.current,
            found.stale,
            found.missed,
            found.false_of_missed,
            found.false_of_strangers,
            found.rightly_none,
        )
        assert sum(parts) == pytest.approx(BOOKINGS)
        assert found.matched == pytest.approx(found.current + found.stale + found.false)


def test_stale_records_are_the_common_kind_at_the_projects_own_settings() -> None:
    choices = Choices()
    found = kinds(choices, setting(choices))
    assert found.stale > 10 * found.missed > 10 * found.false


def test_the_shares_of_the_third_part_are_the_scenarios() -> None:
    scenario = load_scenario(SCENARIO)
    behind, weights = scenario.people.stale_records, scenario.records.status_weights
    can_change = sum(weights.get(status, 0) for status in behind.becomes) / sum(weights.values())
    assert scenario.people.in_ident == MIXES.on_file_share
    assert behind.share == MIXES.behind_share
    assert can_change == pytest.approx(MIXES.can_change_share)
    assert round(100 * MIXES.stale_share, 1) == Choices().stale


def test_as_many_matches_are_stale_in_the_lab_as_the_page_says() -> None:
    scenario = load_scenario(SCENARIO)
    booked = people(scenario, 2008, 40_000)
    found = search(booked, resolve(scenario, seed=2008), only_on_file=True)
    own = (booked.ident_row != NOWHERE) & (found.ident_row == booked.ident_row)
    matched, stale = int(own.sum()), int((own & booked.stale).sum())
    assert abs(z_scores([stale], [MIXES.stale_share], matched)[0]) < 4


def test_one_search_scores_fingers_as_the_matcher_does_and_adds_them_up() -> None:
    search = one_search(Choices(person=41))
    assert search.label == "Heron-41"
    assert search.own == sum(finger.points for finger in search.fingers)
    assert all(finger.points == max(0, 22 - (finger.different or 0)) for finger in search.fingers if not finger.why_not)
    assert search.is_found
    assert not search.is_other_found
    assert search == one_search(Choices(person=41))


def test_a_bandaged_finger_is_not_compared() -> None:
    search = one_search(Choices(taking="bandaged"))
    assert [finger.name for finger in search.fingers if finger.why_not == "bandaged"] == ["index", "middle"]
    assert search.present <= 8
    assert search.asked <= one_search(Choices()).asked


def test_two_fingers_of_which_one_is_bandaged_cannot_be_searched() -> None:
    search = one_search(Choices(fingers="2", taking="bandaged"))
    assert not search.is_searchable
    assert not search.is_found


def test_a_poor_capture_scores_less_for_nearly_everybody() -> None:
    lower = [
        one_search(Choices(person=person, taking="poor")).own < one_search(Choices(person=person)).own
        for person in range(1, 21)
    ]
    assert np.mean(lower) > 0.9


def test_the_point_on_the_chart_moves_with_the_gallery() -> None:
    charts = [gallery_chart(choices, setting(choices)) for choices in (Choices(gallery=6), Choices(gallery=8))]
    (small, large) = ((chart.across(chart.here[0][0]), chart.down(chart.here[0][1])) for chart in charts)
    assert large[0] > small[0]
    assert large[1] < small[1]


def test_a_curve_stays_on_its_chart() -> None:
    choices = Choices(fingers="2", db=150)
    chart = threshold_chart(choices, setting(choices), None)
    for line in chart.lines:
        downs = [float(step.split()[-1]) for step in chart.path(line).replace("L", "M").split("M")[1:]]
        assert min(downs) >= 16
        assert max(downs) <= 288


def test_every_dot_is_drawn_once_and_stands_for_as_many() -> None:
    drawn = dots(6_489.2, [("stale", 106.4), ("false", 0.5), ("missed", 5.5)])
    bulk = sum(width * height for _, _, width, height in drawn.bulk) // PITCH**2
    assert drawn.each == 1
    assert bulk == 6_489
    assert len(drawn.marks) == 106 + 6
    places = {(x, y) for _, x, y in drawn.marks}
    assert len(places) == len(drawn.marks)
    assert drawn.height == math.ceil((6_489 + 112) / COLUMNS) * PITCH


def test_very_many_dots_stand_for_several_cases_each() -> None:
    assert dots(6_000, [("false", 93_400)]).each == 20


def test_chances_and_numbers_read_well() -> None:
    assert chance(0.5) == "50.0 %"
    assert chance(0.00083) == "0.083 %"
    assert chance(1 / 199_000) == "1 in 199,000"
    assert chance(1.0) == "practically always"
    assert chance(0.0) == "never"
    assert number(200_000_000) == "200 million"
    assert number(3.201e15) == "3,200 million million"
    assert expected(6_489.2) == "6,489"
    assert expected(0.4721) == "0.47"


def test_an_interval_holds_the_share_and_narrows_with_trials() -> None:
    low, high = interval(20, 1_000)
    assert low < 0.02 < high
    assert interval(200, 10_000)[1] - interval(200, 10_000)[0] < high - low


def test_the_page_shows_counted_shares_only_where_enough_was_counted() -> None:
    counted = {
        "decibels": list(DECIBELS),
        "people": 200_000,
        "missed": [173] * len(DECIBELS),
        "searches": 4_000,
        "rows": 10_000,
        "found": [19] * len(DECIBELS),
    }
    rows = context(Choices(), counted)["threshold_rows"]
    assert all(row.missed.is_shown for row in rows)
    assert not any(row.found.is_shown for row in rows)
