"""Columns of chance: as even, as independent and as repeatable as `chance` is, for numbered cases."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from services.chassis import draws as columns
from services.chassis.chance import pick
from services.chassis.draws import draws, picks
from tests.unit.builders import fifty_times

SEED = 41
NUMBERS = np.arange(100_000)
FOUR_SIGMA = 4 / len(NUMBERS) ** 0.5


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(((one - 0.5) * (other - 0.5)).mean() * 12)


def test_a_draw_stays_what_it_was_so_that_runs_can_be_repeated() -> None:
    assert draws(SEED, "record.status", np.array([0, 41, 10**9])).tolist() == [
        0.36449986838714576,
        0.9866886860538774,
        0.7007421855974163,
    ]


@pytest.mark.parametrize("kind", [np.int64, np.uint64, np.int32, np.uint32])
def test_a_number_has_its_draw_in_any_order_shape_and_type(kind: type) -> None:
    whole = draws(SEED, "record.status", NUMBERS)
    some = np.array([[41, 7, 99_999], [0, 41, 500]], kind)

    assert np.array_equal(draws(SEED, "record.status", some), whole[some])


def test_numbers_below_nought_have_draws_of_their_own() -> None:
    around = draws(SEED, "record.status", np.arange(-3, 4))

    assert len(set(around.tolist())) == 7


@pytest.mark.parametrize("purpose", ["record.status", "record.class.0", "record.class.1"])
def test_draws_are_spread_evenly_over_the_numbers(purpose: str) -> None:
    """The Kolmogorov-Smirnov distance, at a bound that chance exceeds once in a thousand purposes."""
    ordered = np.sort(draws(SEED, purpose, NUMBERS))
    steps = len(ordered)
    above, below = np.arange(1, steps + 1) / steps - ordered, ordered - np.arange(steps) / steps

    assert max(above.max(), below.max()) < 1.95 / steps**0.5


def test_draws_for_two_purposes_have_nothing_to_do_with_each_other() -> None:
    one, other = (draws(SEED, purpose, NUMBERS) for purpose in ("record.class.0", "record.class.1"))

    assert abs(correlation(one, other)) < FOUR_SIGMA


def test_draws_of_two_runs_have_nothing_to_do_with_each_other() -> None:
    one, other = (draws(seed, "record.status", NUMBERS) for seed in (41, 42))

    assert abs(correlation(one, other)) < FOUR_SIGMA


def test_draws_of_one_number_and_the_next_have_nothing_to_do_with_each_other() -> None:
    row = draws(SEED, "record.status", NUMBERS)

    assert abs(correlation(row[:-1], row[1:])) < FOUR_SIGMA


def test_even_the_highest_word_is_a_draw_of_less_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "streams", lambda _, numbers: np.full(numbers.shape, 2**64 - 1, np.uint64))

    assert draws(SEED, "record.status", NUMBERS[:1])[0] < 1


def test_no_numbers_have_no_draws() -> None:
    assert draws(SEED, "record.status", np.array([], np.int64)).shape == (0,)


# Picking by weight

weights = st.lists(st.integers(0, 1000), min_size=1, max_size=8).filter(any)


@fifty_times
@given(weights=weights)
def test_columns_are_picked_as_single_cases_are(weights: list[int]) -> None:
    drawn = draws(SEED, "outcome", NUMBERS[:200])
    by_name = {str(index): float(weight) for index, weight in enumerate(weights)}

    assert picks(weights, drawn).tolist() == [int(pick(by_name, draw)) for draw in drawn.tolist()]


@fifty_times
@given(weights=weights)
def test_what_has_no_weight_is_never_picked_not_even_by_the_outermost_draws(weights: list[int]) -> None:
    outermost = np.array([0.0, 1 - 2.0**-53])

    assert all(weights[index] > 0 for index in picks(weights, outermost).tolist())


def test_each_index_is_picked_as_often_as_its_weight_says() -> None:
    counts = np.bincount(picks([6, 3, 1], draws(SEED, "outcome", NUMBERS)))

    assert counts / len(NUMBERS) == pytest.approx([0.6, 0.3, 0.1], abs=0.01)
