"""The benchmark of the log: every figure is there, and each ratio follows from the rounds that are told with it."""

from collections.abc import Iterator
from io import StringIO
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from sandbox.bench.audit import reading
from sandbox.bench.audit.appending import Rate
from sandbox.bench.audit.keeping import Pace, Produced, Tell
from sandbox.bench.audit.material import appends, batches
from sandbox.bench.audit.measure import GOALS, measure
from sandbox.bench.audit.table import print_table
from sandbox.bench.cli import bench_app
from sandbox.bench.goals import Goal
from services.chassis.envelope import Consumed
from tests.unit.builders import an_event, case_id, disclosed

ENTRIES = 3_000
ROUNDS = 2


def the_services(tell: Tell) -> Iterator[Produced]:
    """As quick as if nothing had to be started."""
    tell("the services")
    hops = (disclosed("LEA", "SIB"), disclosed("SIB", "FBI"))
    events = [an_event(Consumed(disclosures=hops), about=case_id(f"B-{number}")) for number in range(300)]
    for _ in range(ROUNDS):
        yield Produced([event.model_dump_json(by_alias=True) for event in events], seconds=0.5)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def told(root: Path) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "GO_PATH", root)  # to compile for Go takes longer than all the rest
        patch.setattr(reading, "SAMPLES", 50)
        return measure(ENTRIES, the_services, lambda _: None, root)


def test_every_goal_has_its_figure_and_says_whether_it_is_met(told: dict[str, Any]) -> None:
    assert told["goals"].keys() == GOALS.keys()
    for name, goal in told["goals"].items():
        assert goal["met"] == GOALS[name].as_json(told[name])["met"]


def test_the_log_has_as_many_entries_as_were_ordered_or_a_few_more(told: dict[str, Any]) -> None:
    assert ENTRIES <= told["entries"] < 2 * ENTRIES


def test_every_size_of_a_batch_was_measured_in_rounds(told: dict[str, Any]) -> None:
    assert [row["batch"] for row in told["appends"]] == [1, 16, 256, 1_024]
    for row in told["appends"]:
        assert len(row["rounds"]["log"]) == len(row["rounds"]["bare"]) > 0


def test_the_ratio_to_bare_sqlite_follows_from_the_rounds(told: dict[str, Any]) -> None:
    for row in told["appends"]:
        log, bare = (median(row["rounds"][way]) for way in ("log", "bare"))
        assert row["ratio"] == pytest.approx(log / bare, rel=0.01)
        assert (row["log_per_s"], row["bare_per_s"]) == (pytest.approx(log, abs=1), pytest.approx(bare, abs=1))
    assert told["ratio_bare_sqlite"] == told["appends"][2]["ratio"]


def test_the_ratio_to_the_services_follows_from_the_rounds(told: dict[str, Any]) -> None:
    keep = told["keep"]
    assert keep["rounds"]["pipeline"] == [600.0] * ROUNDS
    assert keep["ratio"] == pytest.approx(median(keep["rounds"]["keep"]) / 600, rel=0.01)
    assert told["keep_over_pipeline"] == keep["ratio"]


def test_what_an_entry_takes_is_counted_with_all_that_belongs_to_it(told: dict[str, Any]) -> None:
    stored = told["storage"]
    assert stored["payload_bytes_per_entry"] > 100
    assert told["storage_over_payload_bytes"] == pytest.approx(
        stored["file_bytes_per_entry"] - stored["payload_bytes_per_entry"], abs=0.01
    )
    assert sum(stored["tables_bytes_per_entry"].values()) <= stored["file_bytes_per_entry"]


def test_proofs_and_files_have_their_times(told: dict[str, Any]) -> None:
    for spread in (*told["inclusion_proof_us"].values(), told["consistency_proof_us"], told["verify_proof_us"]):
        assert 0 < spread["median"] <= spread["p99"]
    assert told["reopen_ms"] > 0
    assert told["export_files"] > 2 * ENTRIES / 256
    assert told["verify_seconds"] >= 0


def test_nothing_is_left_behind(told: dict[str, Any], root: Path) -> None:
    assert list((root / "bench").iterdir()) == []


def test_people_read_the_same_figures(told: dict[str, Any]) -> None:
    out = Console(file=StringIO(), width=200)

    print_table(out, told)

    text = out.file.getvalue()  # type: ignore[attr-defined]
    assert f"A log of {told['entries']:,} entries" in text
    assert f"{told['ratio_bare_sqlite']} of bare inserts" in text


# The parts


def test_a_batch_holds_whole_events_and_no_more_of_them_than_it_needs() -> None:
    for batch in islice(batches(appends(ENTRIES), 16), 50):
        counts = [len(append.entries) for append in batch]
        assert sum(counts[:-1]) < 16 <= sum(counts)


def test_the_same_run_under_another_name_makes_other_marks_and_other_entries() -> None:
    some = list(islice(appends(1), 1_000))

    assert len({append.key for append in some}) == len({append.position for append in some}) == 1_000
    assert len({entry for append in some for entry in append.entries}) == sum(len(each.entries) for each in some)


def test_medians_are_compared() -> None:
    assert Rate(256, log=[1, 30, 2], bare=[4, 5, 1]).ratio == 0.5
    assert Pace(keep=[10, 90, 30], pipeline=[10, 15, 20]).ratio == 2


@pytest.mark.parametrize(
    ("goal", "figure", "met"),
    [
        (Goal("at_least", 0.5), 0.5, True),
        (Goal("at_least", 0.5), 0.49, False),
        (Goal("at_most", 64), 64, True),
        (Goal("at_most", 64), 65, False),
    ],
)
def test_a_goal_is_met_at_its_bound(goal: Goal, figure: float, met: bool) -> None:
    assert goal.as_json(figure)["met"] is met


def test_a_mistaken_option_is_refused_in_a_sentence() -> None:
    done = CliRunner().invoke(bench_app, ["audit", "--entries", "1"])

    assert done.exit_code == 2
    assert "--entries" in done.stderr
