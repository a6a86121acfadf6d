"""Chance is a keyed hash: the same whenever it is asked, even over all cases, and different for every purpose."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from services.chassis import chance as chances
from services.chassis.chance import chance, pick
from tests.unit.builders import fifty_times

PEOPLE = [f"ZZ0010000/B-{number}" for number in range(10_000)]


def draws(purpose: str = "pickup", seed: int = 41) -> list[float]:
    return [chance(seed, purpose, subject) for subject in PEOPLE]


def correlation(one: list[float], other: list[float]) -> float:
    return sum((x - 0.5) * (y - 0.5) for x, y in zip(one, other, strict=True)) * 12 / len(one)


FOUR_SIGMA = 4 / len(PEOPLE) ** 0.5


@pytest.mark.parametrize(
    ("purpose", "subject", "drawn"),
    [
        ("pickup", "ZZ0010000/B-41", 0.2846810518023384),
        ("outcome", "ZZ0010000/B-41", 0.5041446764222852),
        ("discretion.hold", "ZZ0010000/B-42", 0.49391207227208624),
    ],
)
def test_a_draw_stays_what_it_was_so_that_runs_can_be_repeated(purpose: str, subject: str, drawn: float) -> None:
    assert chance(41, purpose, subject) == drawn


@pytest.mark.parametrize("purpose", ["pickup", "outcome", "discretion.hold"])
def test_draws_are_spread_evenly_over_the_cases(purpose: str) -> None:
    """The Kolmogorov-Smirnov distance, at a bound that chance exceeds once in a thousand purposes."""
    ordered = sorted(draws(purpose))
    steps = len(ordered)
    distance = max(max((rank + 1) / steps - draw, draw - rank / steps) for rank, draw in enumerate(ordered))

    assert distance < 1.95 / steps**0.5


def test_draws_for_two_purposes_have_nothing_to_do_with_each_other() -> None:
    assert abs(correlation(draws("pickup"), draws("arrival"))) < FOUR_SIGMA


def test_draws_of_two_runs_have_nothing_to_do_with_each_other() -> None:
    assert abs(correlation(draws(seed=41), draws(seed=42))) < FOUR_SIGMA


def test_draws_of_one_case_and_the_next_have_nothing_to_do_with_each_other() -> None:
    row = draws()
    assert abs(correlation(row[:-1], row[1:])) < FOUR_SIGMA


words = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
keys = st.tuples(st.integers(0, 10**6), words, words)


@fifty_times
@given(one=keys, other=keys)
def test_a_draw_belongs_to_its_seed_purpose_and_case_and_to_no_other(
    one: tuple[int, str, str], other: tuple[int, str, str]
) -> None:
    assert (chance(*one) == chance(*other)) == (one == other)


def test_what_moves_from_the_purpose_to_the_case_changes_the_draw() -> None:
    assert chance(41, "pickup", "1/B-41") != chance(41, "pickup1", "/B-41")


@fifty_times
@given(key=keys)
def test_a_draw_is_at_least_nought_and_less_than_one(key: tuple[int, str, str]) -> None:
    assert 0 <= chance(*key) < 1


def test_even_the_highest_digest_is_a_draw_of_less_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Highest:
        def __init__(self, *_: object, digest_size: int) -> None:
            self.size = digest_size

        def digest(self) -> bytes:
            return b"\xff" * self.size

    monkeypatch.setattr(chances, "blake2b", Highest)

    assert chance(41, "pickup", "ZZ0010000/B-41") < 1


# Picking by weight

OUTCOMES = {"removed": 6.0, "returned": 3.0, "relief": 1.0}


@pytest.mark.parametrize(
    ("draw", "picked"),
    [(0.0, "removed"), (0.59, "removed"), (0.61, "returned"), (0.89, "returned"), (0.91, "relief"), (0.999, "relief")],
)
def test_weights_are_laid_end_to_end_and_need_no_sum_of_one(draw: float, picked: str) -> None:
    assert pick(OUTCOMES, draw) == picked


def test_each_key_is_picked_as_often_as_its_weight_says() -> None:
    picked = [pick(OUTCOMES, draw) for draw in draws("outcome")]

    for key, weight in OUTCOMES.items():
        assert picked.count(key) / len(picked) == pytest.approx(weight / 10, abs=0.02)


weights = st.dictionaries(st.sampled_from("abcdef"), st.floats(0.001, 1000), min_size=1)
fractions = st.floats(0, 1, exclude_max=True)


@fifty_times
@given(weights=weights, fraction=fractions)
def test_the_scale_of_the_weights_does_not_matter(weights: dict[str, float], fraction: float) -> None:
    assert pick({key: 4 * weight for key, weight in weights.items()}, fraction) == pick(weights, fraction)


@fifty_times
@given(weights=weights, low=fractions, high=fractions)
def test_a_higher_draw_never_falls_on_an_earlier_key(weights: dict[str, float], low: float, high: float) -> None:
    order = list(weights)
    assert order.index(pick(weights, min(low, high))) <= order.index(pick(weights, max(low, high)))


@fifty_times
@given(weights=weights, fraction=st.floats(0, 0.999_999))
def test_what_has_no_weight_is_never_picked(weights: dict[str, float], fraction: float) -> None:
    assert pick({"never": 0.0, **weights, "neither": 0.0}, fraction) in weights


def test_one_key_takes_all() -> None:
    assert {pick({"removed": 0.2}, draw) for draw in draws()[:100]} == {"removed"}


def test_seeds_next_to_each_other_give_runs_that_differ() -> None:
    firsts = [chance(seed, "pickup", "ZZ0010000/B-41") for seed in range(50)]
    assert all(one != other for one, other in pairwise(firsts))
