"""`interop bench match-shards` compares what answered the same, and its ratio follows from what it took."""

from pathlib import Path
from typing import Any

import pytest

from sandbox.bench import match_shards
from sandbox.bench.match_shards import Order, Round, measure
from services.chassis.errors import InteropError

TINY = Order(rows=1_000, submissions=12, rounds=1)


def test_it_tells_a_ratio_with_the_figures_that_it_comes_from(tmp_path: Path) -> None:
    told: dict[str, Any] = measure(TINY, lambda _: None, tmp_path)

    one, two = told["measured"]
    assert (one["shards"], two["shards"]) == (1, 2)
    assert told["searches"] == 24
    assert told["ratio_two_shards"] == pytest.approx(one["seconds"][0] / two["seconds"][0], abs=0.001)
    assert list((tmp_path / "bench").iterdir()) == [], "it left something behind"


def test_what_does_not_answer_the_same_is_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match_shards, "_round", lambda *given: Round(1.0, frozenset({f"{given[-1]} shards"})))

    with pytest.raises(InteropError, match="two shards did not answer as one does"):
        measure(TINY, lambda _: None, tmp_path)
