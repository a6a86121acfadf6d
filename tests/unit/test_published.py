"""Published figures beside simulated ones: an interval from several seeds, and a verdict only where it can be told."""

from fractions import Fraction
from math import sqrt
from typing import Any

import pytest

from sandbox.published import (
    as_published,
    as_simulated,
    jackknife,
    published_rows,
    score,
    section,
    side_by_side,
    spread,
    window_in_words,
)
from sandbox.results import Results
from sandbox.scenario import Explanation, Figure, Scenario
from sandbox.tags import tag_in_words
from tests.unit.tables import BOSTON, SPRING, a_run

ALL = Fraction(1)
REMOVED = {"decided": "lodged", "transferred_on": SPRING, "outcome": "removed"}


def figure(**changes: Any) -> Figure:
    """The share of matches that were removed, as if it had been published."""
    chosen = {
        "figure": "removed",
        "metric": "removed_share_of_matches",
        "window": {"until": "2010-06-30"},
        "value": 0.25,
        "band": [0.15, 0.35],
        "label": "prediction",
        "source": "a newspaper",
        "tag": "C:GLOBE",
        **changes,
    }
    return Figure.model_validate(chosen)


def scenario(*figures: Figure, **changes: Any) -> Scenario:
    """Boston, held against these figures alone."""
    return BOSTON.model_copy(update={"published": figures, "explanations": {}, "fit": None, **changes})


def matched(matches: int, removed: int) -> Results:
    """A run of so many matches, some of them removed."""
    return a_run(0, *[REMOVED] * removed, *[{}] * (matches - removed))


def row_of(one: Figure, *runs: Results, share: Fraction = ALL, **instead: list[Results]) -> Any:
    """The row of one figure."""
    (row,) = published_rows(
        scenario(one), runs, share, {name.replace("_", "-"): rows for name, rows in instead.items()}
    )
    return row


def test_the_jackknife_of_a_mean_is_the_standard_error_of_the_textbook() -> None:
    numbers = [2.0, 4.0, 6.0, 8.0]

    def mean_without(left_out: int | None) -> float:
        kept = [number for index, number in enumerate(numbers) if index != left_out]
        return sum(kept) / len(kept)

    estimate = jackknife(mean_without, len(numbers))

    assert estimate.value == 5
    assert estimate.error == pytest.approx(sqrt(20 / 3) / 2)


def test_a_share_is_all_parts_in_all_wholes_and_no_mean_of_shares() -> None:
    row = row_of(figure(), matched(100, 50), matched(300, 30), matched(100, 20))

    assert row["simulated"] == pytest.approx(100 / 500)


def test_a_count_is_scaled_to_the_real_volume() -> None:
    removals = figure(metric="removals", value=100, band=[80, 120])

    row = row_of(removals, matched(50, 9), matched(50, 10), matched(50, 11), share=Fraction(1, 10))

    assert (row["simulated"], row["unit"]) == (100, "count")
    # The standard deviation of 90, 100 and 110 is 10; that of their mean, 10 by the root of 3.
    assert row["low"] == pytest.approx(100 - 20 / sqrt(3))
    assert row["high"] == pytest.approx(100 + 20 / sqrt(3))


@pytest.mark.parametrize(("removed", "within"), [((24, 25, 26), True), ((49, 50, 51), False), ((0, 25, 50), None)])
def test_a_figure_is_within_or_not_or_the_interval_is_too_wide_to_tell(
    removed: tuple[int, ...], within: bool | None
) -> None:
    assert row_of(figure(), *(matched(100, count) for count in removed))["within"] is within


def test_two_runs_say_how_much_but_not_how_surely() -> None:
    row = row_of(figure(), matched(100, 25), matched(100, 25))

    assert row["simulated"] == 0.25
    assert (row["low"], row["high"], row["within"], row["seeds"]) == (None, None, None, 2)


def test_without_anybody_to_take_a_share_of_there_is_no_share() -> None:
    nobody = row_of(figure(), matched(0, 0), matched(0, 0), matched(0, 0))
    nearly_nobody = row_of(figure(), matched(0, 0), matched(0, 0), matched(40, 10))

    assert (nobody["simulated"], nobody["within"]) == (None, None)
    assert (nearly_nobody["simulated"], nearly_nobody["within"]) == (0.25, None)


def test_that_nothing_happened_to_a_few_does_not_show_that_it_never_does() -> None:
    rare = figure(value=0.02, band=[0, 0.04])

    assert row_of(rare, *[matched(10, 0)] * 3)["within"] is None
    assert row_of(rare, *[matched(100, 0)] * 3)["within"] is True


def test_only_the_days_of_the_window_count() -> None:
    later = figure(window={"from": "2009-05-01", "until": "2010-06-30"})
    row = row_of(later, *[matched(100, 25)] * 3)

    assert row["simulated"] is None
    assert window_in_words(row) == "1 May 2009 to 30 Jun 2010"


def test_a_change_of_policy_is_measured_on_the_same_people() -> None:
    change = figure(metric="removals", value=-0.4, band=[-0.6, -0.2], instead="us-ca-trust-act-2014")
    before = [matched(100, count) for count in (10, 40, 90)]
    after = [matched(100, count) for count in (5, 20, 45)]

    row = row_of(change, *before, us_ca_trust_act_2014=after)

    # The runs differ ninefold, and the change is half in each of them.
    assert (row["simulated"], row["low"], row["high"]) == (-0.5, -0.5, -0.5)
    assert (row["within"], row["unit"]) == (True, "change")
    assert row["words"] == "removals: change with us-ca-trust-act-2014 in place of the scenario's own"


def test_a_figure_from_under_another_policy_can_be_a_level_instead_of_a_change() -> None:
    level = figure(metric="removed_share_of_matches", instead="us-ny-nyc-2013", measure="level")
    before, under_it = [matched(100, 90)] * 3, [matched(100, count) for count in (24, 25, 26)]

    row = row_of(level, *before, us_ny_nyc_2013=under_it)

    assert (row["simulated"], row["unit"]) == (0.25, "share")
    assert row["words"].endswith(", with us-ny-nyc-2013")
    assert row_of(level, *before)["simulated"] is None


def test_a_change_under_a_policy_that_was_not_run_has_no_simulated_value() -> None:
    change = figure(metric="removals", value=-0.4, band=[-0.6, -0.2], instead="us-ca-trust-act-2014")

    assert row_of(change, *[matched(100, 25)] * 3)["simulated"] is None


def test_the_score_counts_predictions_and_what_was_chosen() -> None:
    fitted = {"pickup.untold_rate": {"figure": "b", "between": [0, 1], "value": 0.5}}
    explanation = {"title": "t", "says": "s", "source": "s", "tag": "P", "fit": fitted}
    held = scenario(
        figure(figure="a", label="input"),
        figure(figure="b", label="fitted"),
        figure(figure="c", label="identity"),
        figure(figure="d"),
        figure(figure="e", value=0.6, band=[0.5, 0.7]),
        figure(figure="f", band=[0.249, 0.251]),
        explanations={"one": Explanation.model_validate(explanation)},
        explanation="one",
    )

    told = score(published_rows(held, [matched(100, count) for count in (24, 25, 26)], ALL, {}), held)

    assert told["sentence"] == (
        "1 fitted parameter, 2 independent figures (1 input, 1 fitted) and 1 that follow by arithmetic,"
        " 3 predictions: 1 within, 1 not, 1 too few to tell"
    )
    assert told["within"] == told["not_within"] == told["too_few"] == 1


def test_parameters_that_were_carried_over_say_from_where() -> None:
    carried = scenario(figure(), parameters_of="boston-2008-2010")

    assert score([], carried)["sentence"].startswith("0 fitted parameters, carried over from boston-2008-2010, 0 ")


def test_explanations_stand_side_by_side_also_where_they_read_a_figure_otherwise() -> None:
    runs = [matched(100, 25)] * 3
    shared, last = figure(figure="shared"), figure(figure="last", source="a newspaper, and another one")
    one, other = (
        section(published_rows(held, runs, ALL, {}), held, {})
        for held in (
            scenario(shared, figure(figure="all", metric="removals", value=25, band=[20, 30]), last),
            scenario(
                shared, figure(figure="with-a-level", metric="removals_with_a_level", value=25, band=[20, 30]), last
            ),
        )
    )

    rows = side_by_side([one, other])

    assert [each.row["figure"] for each in rows] == ["shared", "all", "with-a-level", "last"]
    assert [[row is not None for row in each.rows] for each in rows] == [
        [True, True],
        [True, False],
        [False, True],
        [True, True],
    ]


def test_one_number_under_two_names_is_one_row_with_both_sources() -> None:
    runs = [matched(100, 25)] * 3
    fitted, predicted = (
        scenario(figure(label="fitted")),
        scenario(figure(figure="again", source="the same", note="So.")),
    )

    (row,) = side_by_side([section(published_rows(held, runs, ALL, {}), held, {}) for held in (fitted, predicted)])

    assert [each and each["label"] for each in row.rows] == ["fitted", "prediction"]
    assert row.sources == ["a newspaper [C:GLOBE].", "the same [C:GLOBE]. So."]


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("B", "[B, unverified]"),
        ("[K]", "[K, unverified]"),
        ("C:BPD reports", "[C:BPD reports]"),
        ("S2; K", "[S2; K, unverified]"),
        ("2nd:CIS", "[2nd:CIS]"),
    ],
)
def test_what_was_written_down_from_memory_says_that_it_is_unverified(tag: str, words: str) -> None:
    assert tag_in_words(tag) == words


def test_numbers_are_as_exact_as_what_they_are_held_against() -> None:
    share = row_of(figure(value=0.0507, band=[0.045, 0.056]), *[matched(100, 25)] * 3)
    count = row_of(figure(metric="removals", value=94_218, band=[80_000, 110_000]), matched(100, 25))

    assert as_published(share["published"], share) == "5.07 %"
    assert spread(*(as_published(end, share) for end in share["band"])) == "4.5 to 5.6 %"
    assert as_simulated(0.0512345, share) == "5.1 %"
    assert (as_published(count["published"], count), as_simulated(93_999.7, count)) == ("94,218", "94,000")
    assert as_simulated(None, share) == "none"
