"""The reconciliation beside the service: what it tells, how old that is, and when it looks again."""

import asyncio
from pathlib import Path

import pytest

from services.audit import watch as module
from services.audit.domain import Finding, Reconciliation
from services.audit.reconcile import Reconciler
from services.audit.watch import Watch, last_result

WELL = Reconciliation(41, matched=41)
UNWELL = Reconciliation(41, matched=40, missing=(Finding("heron-41", "custody.changed.v1", "ZZ0010000/B-41", "gone"),))


class Comparisons(Reconciler):
    """Finds one result after the other."""

    def __init__(self, *results: Reconciliation) -> None:
        self.results = list(results)

    def onward(self) -> Reconciliation:
        return self.results.pop(0)

    def restart(self) -> None:
        pass


def test_before_the_first_comparison_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert Watch(Comparisons(), tmp_path).told() == {}
    assert last_result(tmp_path) == {}


def test_what_was_found_is_told_with_its_age_and_outlasts_the_service(tmp_path: Path) -> None:
    watch = Watch(Comparisons(WELL), tmp_path)

    asyncio.run(watch.look())

    told = watch.told()
    assert 0 <= told.pop("age_seconds") < 60
    assert (told["reconciled"], told["lag"], told["size"]) == (True, 0, 41)
    assert last_result(tmp_path) == told


def test_after_a_difference_it_looks_again_only_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch(Comparisons(UNWELL, WELL), tmp_path)
    asyncio.run(watch.look())
    asyncio.run(watch.look())
    assert (watch.told()["reconciled"], watch.told()["missing"]) == (False, 1)
    assert "the log and the streams differ" in caplog.text

    later = module.time.monotonic() + module.UNWELL_SECONDS
    monkeypatch.setattr(module.time, "monotonic", lambda: later)
    asyncio.run(watch.look())

    assert watch.told()["reconciled"]


def test_whoever_was_expunged_does_not_have_to_wait_for_the_next_look(tmp_path: Path) -> None:
    watch = Watch(Comparisons(UNWELL, WELL), tmp_path)
    asyncio.run(watch.look())

    watch.restart()
    asyncio.run(watch.look())

    assert watch.told()["reconciled"]
