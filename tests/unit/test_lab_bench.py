"""The lab's benchmark: ratios within one run, over the whole catalogue."""

from sandbox.bench.lab import COMPARED, measure


def test_the_benchmark_tells_ratios_and_says_what_it_is_doing() -> None:
    steps: list[str] = []

    result = measure([1_000, 2_000], [1_000], steps.append)

    assert result["policies"] >= len(COMPARED)
    assert [each["rows"] for each in result["decided"]] == [1_000, 2_000]
    assert result["decided"][0]["cost_ratio"] == 1
    assert result["ratio_to_loop"] > 0
    assert result["compared"][0]["peak_mib"] > 0
    assert len(steps) == 2 * result["policies"] + 1
