"""`interop bench pipeline` prints ratios that mean something: what it measures ended with the same events each time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sandbox.bench.cli import bench_app

ROOT = Path(__file__).resolve().parents[2]
TINY = ("--bookings", "60", "--rounds", "1", "--latency-seconds", "1")
SERVICES = {"booking", "biometric_match", "detainer", "audit"}


def bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from sandbox.cli import main; main()", "bench", "pipeline", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "140"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("bench")
    done = bench(folder, *TINY, "--json")
    assert done.returncode == 0, done.stderr
    assert list((folder / ".interop" / "bench").iterdir()) == [], "it left something behind"
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_it_prints_one_object_with_rates_and_ratios(told: dict[str, Any]) -> None:
    for name in ("bookings_per_s", "events_per_s", "idiomatic_events_per_s", "redis_py_events_per_s"):
        assert told[name] > 0
    for name in ("ratio_to_idiomatic", "ratio_to_redis_py"):
        assert told[name] > 0
    assert told["through_intake"].keys() == {"bookings_per_s", "events_per_s"}
    assert told["idiomatic_stage"]["events_per_s"] > 0


def test_the_whole_saga_is_measured(told: dict[str, Any]) -> None:
    assert told["bookings"] == 60
    assert told["events"] > 8 * told["bookings"]


def test_every_variant_had_its_round(told: dict[str, Any]) -> None:
    assert told["rounds"].keys() == {"interop", "idiomatic", "redis_py"}
    assert all(len(rounds) == 1 and rounds[0] > 0 for rounds in told["rounds"].values())


def test_the_ratios_follow_from_the_rounds(told: dict[str, Any]) -> None:
    ((ours,), (idiomatic,), (redis_py,)) = (told["rounds"][name] for name in ("interop", "idiomatic", "redis_py"))
    assert told["ratio_to_idiomatic"] == pytest.approx(idiomatic / ours, rel=0.05)
    assert told["ratio_to_redis_py"] == pytest.approx(redis_py / ours, rel=0.05)


def test_the_latency_is_that_of_decisions(told: dict[str, Any]) -> None:
    latency = told["latency_ms"]
    assert 0 < latency["p50"] <= latency["p99"] <= latency["max"]
    assert 0 < latency["decided"] <= latency["bookings"] == 20


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processor times are read from /proc")
def test_it_says_where_the_time_goes(told: dict[str, Any]) -> None:
    for row in told["processor_ms_per_booking"].values():
        assert row.keys() == SERVICES | {"redis"}
    assert told["processor_ratio_to_idiomatic"] > 0


def test_a_mistaken_option_is_refused_in_a_sentence() -> None:
    done = CliRunner().invoke(bench_app, ["pipeline", "--bookings", "0"])
    assert done.exit_code == 2
    assert "--bookings" in done.stderr
