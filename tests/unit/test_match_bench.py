"""The benchmark of the search: every figure is there, and each ratio follows from the rounds that are told with it."""

from io import StringIO
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from sandbox.bench.cli import bench_app
from sandbox.bench.goals import Goal, goal_line
from sandbox.bench.match import speed, truth
from sandbox.bench.match.measure import GOALS, measure
from sandbox.bench.match.table import print_table
from sandbox.bench.match.truth import PUBLISHED, brute_force, same
from services.biometric_match import search
from services.biometric_match.search import Top, has_numba, top
from services.chassis.errors import InteropError

ROUNDS = 2


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    steps: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "IN_A_LOOP", 50)
        patch.setattr(truth, "MOST_ROWS", 3_000)
        result = measure(2_000, ROUNDS, steps.append, many=3_000, searches=60)
    assert "a gallery of 3,000 rows" in steps
    return result


def best(told, name):
    return min(told["times"][name]["rounds_ms"])


def test_every_goal_has_its_figure_and_says_whether_it_is_met(told):
    assert told["goals"].keys() == GOALS.keys()
    for name, goal in told["goals"].items():
        assert goal == GOALS[name].as_json(told[name])


def test_all_contenders_took_the_same_number_of_turns(told):
    assert {len(times["rounds_ms"]) for times in told["times"].values()} == {ROUNDS}


@pytest.mark.parametrize(
    ("ratio", "slow", "fast"),
    [
        ("ratio_one_liner", "one_liner", "numpy_1_thread"),
        ("ratio_one_liner_columns", "one_liner_columns", "numpy_1_thread"),
        ("ratio_row_loop", "row_loop", "numpy_1_thread"),
    ],
)
def test_a_ratio_follows_from_the_best_rounds(told, ratio, slow, fast):
    assert told[ratio] == pytest.approx(best(told, slow) / best(told, fast), rel=0.02)


def test_batches_have_a_ratio_for_each_kernel_in_one_thread_and_in_all(told):
    kernels = ("numpy", "numba") if has_numba() else ("numpy",)

    assert set(told["ratios_batch64"]) == {f"{each}_{n}" for each in kernels for n in ("1_thread", "all_threads")}
    assert told["ratio_batch64"] == told["ratios_batch64"][f"{kernels[-1]}_all_threads"]


@pytest.mark.parametrize("threads", ["1_thread", "all_threads"])
def test_a_batch_is_held_against_as_many_probes_one_after_the_other(told, threads):
    in_turn, together = best(told, f"numpy_64_in_turn_{threads}"), best(told, f"numpy_batch64_{threads}")

    assert told["ratios_batch64"][f"numpy_{threads}"] == pytest.approx(in_turn / together, rel=0.02)


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
def test_numba_is_held_against_both_ways_to_read_the_memory(told):
    as_it_lies, abreast = best(told, "stream_read"), best(told, "stream_read_ten_abreast")
    numba = best(told, "numba_1_thread")

    assert told["fraction_of_stream_read"] == pytest.approx(as_it_lies / numba, rel=0.02, abs=0.001)
    assert told["fraction_of_fastest_read"] == pytest.approx(min(as_it_lies, abreast) / numba, rel=0.02, abs=0.001)


def test_without_numba_the_fraction_says_why_there_is_none(monkeypatch):
    monkeypatch.setattr(speed, "has_numba", lambda: False)

    alone = speed.measure_speed(speed.Files(7, 500, 0), 1, lambda _: None)

    assert alone["fraction_of_stream_read"] is None
    assert "numba is not installed" in alone["why_no_fraction"]


def test_no_list_differs_from_a_brute_force(told):
    assert told["identity"]["lists_compared"] >= 60
    assert told["differing"] == told["ten_million"]["differing"] == 0


def test_strangers_score_as_theory_says(told):
    assert {each["fingers"] for each in told["tails"]} == {1, 2, 4, 10}
    assert all(each["expected"] >= 20 for each in told["tails"])
    assert told["worst_tail"] < 4


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.what)
def test_the_model_misses_as_many_as_nist_published_of_ident(row):
    told = row.as_json()

    assert told["met"]
    assert told["model_percent"] == pytest.approx(row.missed_percent, abs=row.within_points)


def test_what_a_large_gallery_takes_is_told(told):
    large = told["ten_million"]
    assert large["rows"] == 3_000
    assert told["ten_million_mib"] == large["peak_mib"]["numpy"] > 10
    assert told["ready_ms"] > 0


def test_the_large_gallery_can_be_left_out(monkeypatch):
    monkeypatch.setattr("sandbox.bench.match.measure.measure", lambda *arguments: {"many": arguments[3]})

    done = CliRunner().invoke(bench_app, ["match", "--no-ten-million", "--json"])

    assert done.stdout == '{"many": null}\n'


def test_only_curves_are_written_to_a_folder(tmp_path):
    with pytest.raises(InteropError, match="add --curve"):
        CliRunner().invoke(bench_app, ["match", "--out", str(tmp_path)], catch_exceptions=False)


def test_people_read_the_same_figures(told):
    out = Console(file=StringIO(), width=200)

    print_table(out, told)

    text = out.file.getvalue()
    assert "ms a probe, 2,000 rows, 2 rounds" in text
    assert f"{told['ratio_row_loop']} x as fast as a loop over rows" in text


# The parts


def test_brute_force_and_the_search_agree_and_a_difference_would_be_seen():
    random = np.random.default_rng(7)
    codes = random.integers(0, 2**64, (10, 500), dtype=np.uint64)
    probes, present = codes[:, :3].T.copy(), random.random((3, 10)) < 0.8
    found = top(codes, probes, present, 4)

    assert same(found, brute_force(codes, probes, present, 4)) == 3
    assert same(Top(found.rows, found.scores + (np.arange(3) == 1).reshape(3, 1)), found) == 2


def test_the_reference_shares_nothing_with_the_search(monkeypatch):
    monkeypatch.setattr(search, "top", lambda *_, **__: pytest.fail("searched"))
    codes = np.arange(20, dtype=np.uint64).reshape(10, 2)

    assert brute_force(codes, codes[:, 1:].T, np.ones((1, 10), np.bool_), 1).rows.tolist() == [[1]]


def test_a_goal_without_a_figure_is_neither_met_nor_missed():
    goal = Goal("at_least", 0.85).as_json(None)

    assert goal["met"] is None
    assert (
        goal_line(None, "of the memory's speed", goal) == "not measured: - of the memory's speed (goal: at least 0.85)"
    )
